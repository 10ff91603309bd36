package facade

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/gobluez/bluez/bluezgen"
	"github.com/gobluez/bluez/gen/bus"
)

// cccd is the descriptor with which subscriptions are made (Core Specification,
// Vol 3, Part G, 3.3.3.3).
var cccd = UUID16(0x2902)

// Read reads a characteristic's value from the device, however long it is. If the
// device refuses, the error is an ATTError. Subscriptions to the characteristic do not
// receive what is read; see StartNotify.
func (c *Client) Read(ctx context.Context, which Attribute) (value []byte, err error) {
	char, err := c.characteristic(which)
	if err == nil {
		err = c.operate(ctx, func(ctx context.Context) error {
			// With StartNotify, BlueZ makes what is read look like a notification.
			session := c.link.session(char.path)
			session.beginRead()
			value, err = bluezgen.NewGattCharacteristic1(c.link.bus.conn, char.path).ReadValue(ctx, bluezgen.ReadOptions{})
			session.endRead(value, err)
			return err
		})
	}
	return value, c.opError("read", which, err)
}

// Write writes a characteristic's value: with response if its properties allow that,
// without otherwise. See WriteWithResponse and WriteWithoutResponse.
func (c *Client) Write(ctx context.Context, which Attribute, value []byte) error {
	char, err := c.characteristic(which)
	if err == nil {
		kind := bluezgen.WriteTypeRequest
		if !char.Has(PropertyWrite) && char.Has(PropertyWriteWithoutResponse) {
			kind = bluezgen.WriteTypeCommand
		}
		err = c.write(ctx, char, value, kind)
	}
	return c.opError("write", which, err)
}

// WriteWithResponse writes a characteristic's value, 512 bytes at most, and returns
// once the device has accepted it. If it refuses, the error is an ATTError;
// ATTInvalidValueLength may mean that the value is too long.
func (c *Client) WriteWithResponse(ctx context.Context, which Attribute, value []byte) error {
	char, err := c.characteristic(which)
	if err == nil {
		err = c.write(ctx, char, value, bluezgen.WriteTypeRequest)
	}
	return c.opError("write", which, err)
}

// WriteWithoutResponse sends a characteristic's value, at most MTU-3 bytes; a longer one is
// ATTInvalidValueLength. That it returns nil means that bluetoothd has queued it; nobody
// learns whether it arrived.
func (c *Client) WriteWithoutResponse(ctx context.Context, which Attribute, value []byte) error {
	char, err := c.characteristic(which)
	if err == nil {
		err = c.write(ctx, char, value, bluezgen.WriteTypeCommand)
	}
	return c.opError("write without response", which, err)
}

func (c *Client) write(ctx context.Context, char *Characteristic, value []byte, kind bluezgen.WriteType) error {
	err := c.operate(ctx, func(ctx context.Context) error {
		return bluezgen.NewGattCharacteristic1(c.link.bus.conn, char.path).WriteValue(ctx, value, bluezgen.WriteOptions{Type: kind})
	})
	if !errors.Is(err, bluezgen.ErrFailed.With(failedToWrite)) {
		return err
	}
	most := longestValue
	if kind == bluezgen.WriteTypeCommand {
		if fits, mtuErr := c.MaxWriteWithoutResponse(ctx); mtuErr == nil {
			most = fits
		}
	}
	if len(value) <= most {
		return err
	}
	return fmt.Errorf("%w: %d bytes, of which %d at most can be written so (%w)", ATTInvalidValueLength, len(value), most, err)
}

// failedToWrite is all that BlueZ says of a value that is too long, among other things.
const failedToWrite = "Failed to initiate write"

// longestValue is the size that no value exceeds (Core Specification, Vol 3, Part F, 3.2.9).
const longestValue = 512

// ReadDescriptor reads a descriptor's value from the device.
func (c *Client) ReadDescriptor(ctx context.Context, which Attribute) (value []byte, err error) {
	d, err := c.descriptor(which)
	if err == nil {
		err = c.operate(ctx, func(ctx context.Context) error {
			value, err = bluezgen.NewGattDescriptor1(c.link.bus.conn, d.path).ReadValue(ctx, bluezgen.ReadOptions{})
			return err
		})
	}
	return value, c.opError("read descriptor", which, err)
}

// WriteDescriptor writes a descriptor's value. The Client Characteristic
// Configuration (0x2902) is BlueZ's own: writing it is refused with
// errors.ErrUnsupported, use Subscribe.
func (c *Client) WriteDescriptor(ctx context.Context, which Attribute, value []byte) error {
	d, err := c.descriptor(which)
	switch {
	case err != nil:
	case d.UUID == cccd:
		err = fmt.Errorf("BlueZ keeps the client characteristic configuration itself, use Subscribe: %w", errors.ErrUnsupported)
	default:
		err = c.operate(ctx, func(ctx context.Context) error {
			return bluezgen.NewGattDescriptor1(c.link.bus.conn, d.path).WriteValue(ctx, value, bluezgen.DescriptorWriteOptions{})
		})
	}
	return c.opError("write descriptor", which, err)
}

// operate does one operation on the device, as inTurn and insist say.
func (c *Client) operate(ctx context.Context, do func(context.Context) error) error {
	return c.inTurn(ctx, func(ctx context.Context) error { return insist(ctx, do) })
}

// inTurn does something on the device when its turn has come. It ends with ctx and
// with the connection.
func (c *Client) inTurn(ctx context.Context, do func(context.Context) error) error {
	if err := c.Err(); err != nil {
		return because(ErrNotConnected, err)
	}
	ctx, free := join(ctx, c.life)
	defer free()
	select {
	case c.link.turn <- struct{}{}:
		defer func() { <-c.link.turn }()
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	err := translateATT(do(ctx))
	if err != nil && mayBeTheEnd(err) {
		// When the link ends in the middle of a call, BlueZ replies before it tells
		// so.
		timer := time.NewTimer(endTimeout)
		defer timer.Stop()
		select {
		case <-ctx.Done():
		case <-timer.C:
		}
	}
	if err != nil && ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return err
}

// endTimeout bounds how long after the reply to a call that it has ended the end of a
// link may be signalled.
const endTimeout = 500 * time.Millisecond

// mayBeTheEnd reports whether an operation may have failed because the link has ended:
// not if the device has answered.
func mayBeTheEnd(err error) bool {
	var code ATTError
	switch {
	case errors.As(err, &code):
		return code == ATTUnlikely
	case errors.Is(err, bluezgen.ErrFailed), errors.Is(err, bus.ErrFailed), errors.Is(err, bus.ErrUnknownMethod),
		errors.Is(err, bus.ErrUnknownInterface), errors.Is(err, ErrNotConnected), errors.Is(err, ErrNotFound),
		errors.Is(err, ErrNoBlueZ), errors.Is(err, ErrNoBus):
		return true
	}
	return false
}

// insist calls do again while another program keeps BlueZ busy.
func insist(ctx context.Context, do func(context.Context) error) error {
	retry := backoff{first: 10 * time.Millisecond, limit: 200 * time.Millisecond}
	for attempt := 1; ; attempt++ {
		err := do(ctx)
		if !errors.Is(err, bluezgen.ErrInProgress) || attempt == busyAttempts {
			return err
		}
		retry.wait(true, nil, ctx.Done())
	}
}

// busyAttempts bounds insist, for there is no signal for when BlueZ is not busy any
// more: about 5 seconds.
const busyAttempts = 30

// opError says what was attempted on which attribute of which device.
func (c *Client) opError(op string, which Attribute, err error) error {
	if err == nil {
		return nil
	}
	return opError(op, c.device.Address.String()+" "+describe(which), err)
}

func (c *Client) characteristic(which Attribute) (*Characteristic, error) {
	return find(allCharacteristics(c.Services()), which)
}

func (c *Client) descriptor(which Attribute) (*Descriptor, error) {
	return find(allDescriptors(c.Services()), which)
}
