//go:build linux

package peripheral

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"runtime"
	"strings"
	"testing"

	"github.com/gobluez/bluez/bluezgen"
	"github.com/gobluez/bluez/facade"
	"github.com/gobluez/bluez/gen/bus"
)

// asks are the options with which bluetoothd reads for the phone.
var asks = bluezgen.ReadOptions{Device: phone, Link: bluezgen.LinkTypeLE, MTU: bus.Some[uint16](23)}

// from are those for reading from an offset on.
func from(offset uint16) bluezgen.ReadOptions {
	o := asks
	o.Offset = bus.Some(offset)
	return o
}

func TestReadsAndWritesOfAKeptValue(t *testing.T) {
	d, central := startBluetoothd(t)
	char := valid(func(c *Characteristic) {
		c.Properties, c.Value = properties("read", "write"), []byte("level")
		c.Descriptors = []*Descriptor{{UUID: facade.UUID16(0x2901), Properties: properties("read", "write"), Value: []byte("note")}}
	})
	s := d.serve(central, one(char))
	ctx, c, desc := t.Context(), d.char(0, 0), bluezgen.GattDescriptor1{Object: d.object(pathOf(0, 0) + "/desc0000")}
	value, err := c.ReadValue(ctx, from(3))
	if err != nil || string(value) != "el" {
		t.Errorf("%q, %v", value, err)
	}
	d.must(c.WriteValue(ctx, []byte("fuller"), bluezgen.WriteOptions{Device: phone}))
	d.must(c.WriteValue(ctx, []byte("ness"), bluezgen.WriteOptions{Device: phone, Offset: bus.Some[uint16](4)}))
	if got := string(s.Value(char)); got != "fullness" {
		t.Errorf("value is %q", got)
	}
	d.must(desc.WriteValue(ctx, []byte("new"), bluezgen.DescriptorWriteOptions{Device: phone}))
	if value, err = desc.ReadValue(ctx, asks); err != nil || string(value) != "new" {
		t.Errorf("%q, %v", value, err)
	}
	for name, test := range map[string]struct{ err, want error }{
		"read behind the end":  {second(c.ReadValue(ctx, from(9))), bluezgen.ErrInvalidOffset},
		"write behind the end": {c.WriteValue(ctx, nil, bluezgen.WriteOptions{Device: phone, Offset: bus.Some[uint16](9)}), bluezgen.ErrInvalidOffset},
		"write too much":       {c.WriteValue(ctx, make([]byte, 510), bluezgen.WriteOptions{Device: phone, Offset: bus.Some[uint16](3)}), bluezgen.ErrInvalidValueLength},
	} {
		if !errors.Is(test.err, test.want) {
			t.Errorf("%s: %v", name, test.err)
		}
	}
	if err := s.SetValue(char, make([]byte, 513)); !errors.Is(err, facade.ATTInvalidValueLength) {
		t.Error(err)
	}
}

func second[T any](_ T, err error) error { return err }

func TestFunctionsLearnWhoAsks(t *testing.T) {
	d, central := startBluetoothd(t)
	calls := make(chan string, 10)
	note := func(r *Request, what string) {
		calls <- fmt.Sprintf("%s %s %s %s %d @%d %t", what, r.Device, r.Device.Name, r.Link, r.MTU, r.Offset, r.Descriptor != nil)
	}
	reads := func(_ context.Context, r *Request) ([]byte, error) { note(r, "read"); return []byte("abc"), nil }
	writes := func(_ context.Context, r *Request, value []byte) error { note(r, "write "+string(value)); return nil }
	asked := func(_ context.Context, r *Request) error { note(r, "authorize"); return nil }
	all := properties("read", "write")
	app, events := watched(one(&Characteristic{
		UUID: batteryLevel, Properties: all, Read: reads, Write: writes, Authorize: asked,
		Descriptors: []*Descriptor{{UUID: facade.UUID16(0x2901), Properties: all, Read: reads, Write: writes, Authorize: asked}},
	}))
	d.serve(central, app)
	d.connected(true)
	expect(t, events, Connected)
	ctx, c, desc := t.Context(), d.char(0, 0), bluezgen.GattDescriptor1{Object: d.object(pathOf(0, 0) + "/desc0000")}
	d.must(second(c.ReadValue(ctx, asks)))
	d.must(c.WriteValue(ctx, nil, bluezgen.WriteOptions{Device: phone, Link: bluezgen.LinkTypeBREDR, MTU: bus.Some[uint16](100), PrepareAuthorize: bus.Some(true)}))
	d.must(c.WriteValue(ctx, []byte("x"), bluezgen.WriteOptions{Device: phone, Offset: bus.Some[uint16](7)}))
	d.must(second(desc.ReadValue(ctx, asks)))
	d.must(desc.WriteValue(ctx, nil, bluezgen.DescriptorWriteOptions{Device: phone, PrepareAuthorize: bus.Some(true)}))
	d.must(desc.WriteValue(ctx, []byte("y"), bluezgen.DescriptorWriteOptions{Device: phone}))
	want := []string{
		"read C0:FF:EE:00:00:01 phone LE 23 @0 false",
		"authorize C0:FF:EE:00:00:01 phone BR/EDR 100 @0 false",
		"authorize C0:FF:EE:00:00:01 phone  100 @7 false",
		"write x C0:FF:EE:00:00:01 phone  100 @7 false",
		"read C0:FF:EE:00:00:01 phone LE 23 @0 true",
		"authorize C0:FF:EE:00:00:01 phone  23 @0 true",
		"authorize C0:FF:EE:00:00:01 phone  23 @0 true",
		"write y C0:FF:EE:00:00:01 phone  23 @0 true",
	}
	for _, want := range want {
		if got := receive(t, calls, want); got != want {
			t.Errorf("got  %s\nwant %s", got, want)
		}
	}
}

func TestErrorsOfFunctionsBecomeATTErrors(t *testing.T) {
	for name, test := range map[string]struct {
		err           error
		reads, writes *bus.Error
	}{
		"application":   {facade.ATTError(0x80), bluezgen.ErrFailed.With("0x80"), bluezgen.ErrFailed.With("0x80")},
		"last":          {fmt.Errorf("hot: %w", facade.ATTError(0x9f)), bluezgen.ErrFailed.With("0x9f"), bluezgen.ErrFailed.With("0x9f")},
		"no read":       {facade.ATTReadNotPermitted, bluezgen.ErrNotPermitted, bus.ErrFailed},
		"no write":      {facade.ATTWriteNotPermitted, bus.ErrFailed, bluezgen.ErrNotPermitted},
		"unsupported":   {facade.ATTRequestNotSupported, bluezgen.ErrNotSupported, bluezgen.ErrNotSupported},
		"unauthorized":  {facade.ATTInsufficientAuthorization, bluezgen.ErrNotAuthorized, bluezgen.ErrNotAuthorized},
		"offset":        {facade.ATTInvalidOffset, bluezgen.ErrInvalidOffset, bluezgen.ErrInvalidOffset},
		"length":        {facade.ATTInvalidValueLength, bluezgen.ErrInvalidValueLength, bluezgen.ErrInvalidValueLength},
		"busy":          {facade.ATTProcedureAlreadyInProgress, bluezgen.ErrInProgress, bluezgen.ErrInProgress},
		"configured":    {facade.ATTImproperlyConfigured, bluezgen.ErrImproperlyConfigured, bluezgen.ErrImproperlyConfigured},
		"inexpressible": {facade.ATTValueNotAllowed, bus.ErrFailed, bus.ErrFailed},
		"any":           {os.ErrNotExist, bus.ErrFailed, bus.ErrFailed},
	} {
		for want, got := range map[*bus.Error]error{test.reads: refusal(test.err, false), test.writes: refusal(test.err, true)} {
			if !errors.Is(got, want) {
				t.Errorf("%s: %v, want %v", name, got, want)
			}
		}
	}
}

func TestPanicFailsItsRequestOnly(t *testing.T) {
	d, central := startBluetoothd(t)
	calls := 0
	d.serve(central, one(&Characteristic{UUID: batteryLevel, Properties: properties("read"), Read: func(context.Context, *Request) ([]byte, error) {
		if calls++; calls == 1 {
			panic("ouch")
		}
		return []byte("fine"), nil
	}}))
	if _, err := d.char(0, 0).ReadValue(t.Context(), asks); !errors.Is(err, bus.ErrFailed) {
		t.Error(err)
	}
	if value, err := d.char(0, 0).ReadValue(t.Context(), asks); err != nil || string(value) != "fine" {
		t.Errorf("%q, %v", value, err)
	}
}

// The bus waits for what it serves before it closes, so a function must not hold it up.
func TestFunctionThatDoesNotReturnIsNotWaitedForWithTheBus(t *testing.T) {
	d, central := startBluetoothd(t)
	stuck, begun := make(chan struct{}), make(chan bool, 1)
	defer close(stuck)
	app, events := watched(one(&Characteristic{UUID: batteryLevel, Properties: properties("read"), Read: func(context.Context, *Request) ([]byte, error) {
		begun <- true
		<-stuck
		return nil, nil
	}}))
	d.serve(central, app)
	d.connected(true)
	expect(t, events, Connected)
	failed := make(chan error, 1)
	go func() { failed <- second(d.char(0, 0).ReadValue(t.Context(), asks)) }()
	receive(t, begun, "the read")
	d.connected(false)
	if err := receive(t, failed, "the end of the read"); !errors.Is(err, bus.ErrFailed) {
		t.Error(err)
	}
}

func TestFunctionThatEndsItsGoroutineFailsItsRequestOnly(t *testing.T) {
	d, central := startBluetoothd(t)
	calls := 0
	d.serve(central, one(&Characteristic{UUID: batteryLevel, Properties: properties("read"), Read: func(context.Context, *Request) ([]byte, error) {
		if calls++; calls == 1 {
			runtime.Goexit() // as t.FailNow does
		}
		return []byte("fine"), nil
	}}))
	if _, err := d.char(0, 0).ReadValue(patience(t), asks); !errors.Is(err, bus.ErrFailed) {
		t.Error(err)
	}
	if value, err := d.char(0, 0).ReadValue(t.Context(), asks); err != nil || string(value) != "fine" {
		t.Errorf("%q, %v", value, err)
	}
}

func TestLongReadIsOfOneValue(t *testing.T) {
	d, central := startBluetoothd(t)
	calls := 0
	d.serve(central, one(&Characteristic{UUID: batteryLevel, Properties: properties("read"), Read: func(context.Context, *Request) ([]byte, error) {
		calls++
		return bytes.Repeat([]byte{byte(calls)}, 50), nil
	}}))
	var value []byte
	for _, offset := range []uint16{0, 22, 44} { // 22 bytes fit
		part, err := d.char(0, 0).ReadValue(t.Context(), from(offset))
		d.must(err)
		value = append(value, part[:min(22, len(part))]...)
	}
	if !bytes.Equal(value, bytes.Repeat([]byte{1}, 50)) {
		t.Errorf("read %x", value)
	}
	if part, err := d.char(0, 0).ReadValue(t.Context(), from(44)); err != nil || !bytes.Equal(part, bytes.Repeat([]byte{2}, 6)) {
		t.Errorf("after the end %x, %v", part, err)
	}
}

func TestValueThatIsTooLongIsNotCut(t *testing.T) {
	d, central := startBluetoothd(t)
	d.serve(central, one(&Characteristic{UUID: batteryLevel, Properties: properties("read"), Read: func(context.Context, *Request) ([]byte, error) {
		return make([]byte, 513), nil
	}}))
	if _, err := d.char(0, 0).ReadValue(t.Context(), asks); !errors.Is(err, bluezgen.ErrInvalidValueLength) {
		t.Error(err)
	}
}

func TestFunctionsRunInOrderOneAtATime(t *testing.T) {
	d, central := startBluetoothd(t)
	const n = 100
	written, let := make(chan byte, n), make(chan struct{})
	d.serve(central, one(&Characteristic{
		UUID: batteryLevel, Properties: properties("write-without-response", "notify"),
		Write: func(_ context.Context, _ *Request, value []byte) error {
			written <- value[0]
			<-let
			return nil
		},
	}))
	c := d.char(0, 0)
	for i := range n {
		d.must(c.Object.Call(t.Context(), writeWithoutReply, encodeWrite(byte(i)), nil))
	}
	d.must(c.StartNotify(t.Context())) // waits for no function, but all writes have come by now
	if first := receive(t, written, "the first write"); first != 0 || len(written) != 0 {
		t.Errorf("%d is first, %d more at once", first, len(written))
	}
	close(let)
	for i := byte(1); i < n; i++ {
		if got := receive(t, written, "a write"); got != i {
			t.Fatalf("write %d comes before %d", got, i)
		}
	}
}

func TestReadEndsWithTheLinkButAWriteIsCarriedOut(t *testing.T) {
	d, central := startBluetoothd(t)
	begun, written := make(chan bool, 2), make(chan string, 2)
	app, events := watched(one(&Characteristic{
		UUID: batteryLevel, Properties: properties("read", "write-without-response"),
		Read: func(ctx context.Context, r *Request) ([]byte, error) {
			begun <- true
			<-ctx.Done()
			return nil, context.Cause(ctx)
		},
		Write: func(ctx context.Context, _ *Request, value []byte) error {
			written <- fmt.Sprint(string(value), ctx.Err())
			return nil
		},
	}))
	d.serve(central, app)
	d.connected(true)
	expect(t, events, Connected)
	failed := make(chan error, 1)
	go func() { failed <- second(d.char(0, 0).ReadValue(t.Context(), asks)) }()
	receive(t, begun, "the read")
	d.must(d.char(0, 0).Object.Call(t.Context(), writeWithoutReply, encodeWrite('w'), nil))
	d.must(d.char(0, 0).StopNotify(t.Context())) // the write has come, and waits for its turn
	d.connected(false)
	if err := receive(t, failed, "the end of the read"); err == nil || !strings.Contains(err.Error(), "disconnected") {
		t.Error(err)
	}
	if w := receive(t, written, "the write"); w != "w<nil>" {
		t.Error(w)
	}
}

func TestAcquiredWritesComeThroughTheSocket(t *testing.T) {
	d, central := startBluetoothd(t)
	written := make(chan string, 10)
	app := one(&Characteristic{UUID: batteryLevel, Properties: properties("write-without-response"), Acquire: true, Write: func(_ context.Context, r *Request, value []byte) error {
		written <- fmt.Sprintf("%s %d %q", r.Device, r.MTU, value)
		if len(value) == 3 {
			panic("that does no harm")
		}
		return errors.New("nobody learns of this")
	}})
	before := openFiles(t)
	s := d.serve(central, app)
	socket, mtu, err := d.char(0, 0).AcquireWrite(t.Context(), bluezgen.AcquireOptions{Device: phone, MTU: bus.Some[uint16](185)})
	d.must(err)
	if mtu != 185 {
		t.Errorf("MTU %d", mtu)
	}
	for _, value := range []string{"one", "", "two"} {
		_, err := socket.Write([]byte(value))
		d.must(err)
		if want := fmt.Sprintf("C0:FF:EE:00:00:01 185 %q", value); receive(t, written, value) != want {
			t.Errorf("want %s", want)
		}
	}
	_, err = socket.Write([]byte("last"))
	d.must(err)
	socket.Close()
	if got := receive(t, written, "last"); !strings.Contains(got, "last") {
		t.Error(got)
	}
	d.must(s.Close())
	if after := openFiles(t); after > before {
		t.Errorf("%d files, before %d", after, before)
	}
}

func TestWhatIsNotOfferedIsRefused(t *testing.T) {
	d, central := startBluetoothd(t)
	d.serve(central, one(valid(nil)))
	ctx, c := t.Context(), d.char(0, 0)
	_, _, acquireWrite := c.AcquireWrite(ctx, bluezgen.AcquireOptions{Device: phone})
	_, _, acquireNotify := c.AcquireNotify(ctx, bluezgen.AcquireOptions{Device: phone})
	for name, err := range map[string]error{"AcquireWrite": acquireWrite, "AcquireNotify": acquireNotify, "StartNotify": c.StartNotify(ctx)} {
		if !errors.Is(err, bluezgen.ErrNotSupported) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestUnauthorizedWritesDoNotArrive(t *testing.T) {
	d, central := startBluetoothd(t)
	char := valid(func(c *Characteristic) {
		c.Properties, c.Value = properties("write", "write-without-response"), []byte("kept")
		c.Authorize = func(context.Context, *Request) error { return facade.ATTInsufficientAuthorization }
	})
	s := d.serve(central, one(char))
	c := d.char(0, 0)
	for _, ask := range []bool{true, false} {
		err := c.WriteValue(t.Context(), []byte("lost"), bluezgen.WriteOptions{Device: phone, PrepareAuthorize: bus.Some(ask)})
		if !errors.Is(err, bluezgen.ErrNotAuthorized) {
			t.Errorf("asked %t: %v", ask, err)
		}
	}
	flags, err := c.Flags(t.Context())
	if err != nil || string(s.Value(char)) != "kept" || flags[len(flags)-1] != bluezgen.CharacteristicFlagAuthorize {
		t.Errorf("value %q, flags %v, %v", s.Value(char), flags, err)
	}
}
