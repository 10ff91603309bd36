package facade

import (
	"context"
	"errors"

	"github.com/gobluez/bluez/bluezgen"
	"github.com/gobluez/bluez/gen/bus"
)

// CachedValue returns the last value of a characteristic that BlueZ has seen: read,
// written by notification or indication, whichever program asked for it. It asks BlueZ,
// not the device, so that it is quick, costs the device nothing, and works also when the
// connection has ended. Nobody knows how old the value is. It is empty if there is none.
func (c *Client) CachedValue(ctx context.Context, which Attribute) (value []byte, err error) {
	char, err := c.characteristic(which)
	if err == nil {
		value, err = bluezgen.NewGattCharacteristic1(c.link.bus.conn, char.path).Value(ctx)
		err = uncached(err)
	}
	return value, c.opError("get cached value", which, err)
}

// CachedDescriptorValue is CachedValue for a descriptor.
func (c *Client) CachedDescriptorValue(ctx context.Context, which Attribute) (value []byte, err error) {
	d, err := c.descriptor(which)
	if err == nil {
		value, err = bluezgen.NewGattDescriptor1(c.link.bus.conn, d.path).Value(ctx)
		err = uncached(err)
	}
	return value, c.opError("get cached value of descriptor", which, err)
}

// uncached is what the error of asking for a property means; that BlueZ has no value is
// none.
func uncached(err error) error {
	switch {
	case errors.Is(err, bus.ErrInvalidArgs), errors.Is(err, bus.ErrUnknownProperty):
		return nil
	case errors.Is(err, bus.ErrUnknownObject), errors.Is(err, bus.ErrUnknownMethod), errors.Is(err, bus.ErrUnknownInterface):
		return because(ErrNoAttribute, err) // the object went away
	}
	return translate(err)
}

// MaxWriteWithoutResponse returns how many bytes WriteWithoutResponse can send at once:
// MTU less 3, and 512 at most, which no value exceeds (Core Specification, Vol 3, Part F,
// 3.2.9). It asks BlueZ, like MTU.
func (c *Client) MaxWriteWithoutResponse(ctx context.Context) (int, error) {
	const header = 3
	mtu, err := c.MTU(ctx)
	if err != nil {
		return 0, err
	}
	return min(mtu-header, longestValue), nil
}
