package bluetest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/godbus/dbus/v5"

	"github.com/gobluez/bluez/bluezgen"
	"github.com/gobluez/bluez/gen/bus"
)

func TestReadAndWrite(t *testing.T) {
	b := newBench(t, Device{
		Connection: Connection{MTU: 50},
		Services: []Service{{UUID: "aa00", Characteristics: []Characteristic{{
			UUID: "aa01", Flags: flags(fRead, fWrite, fCommand), Value: []byte("hello"),
			Descriptors: []Descriptor{{UUID: "aad1", Value: []byte("note"), Flags: []bluezgen.DescriptorFlag{bluezgen.DescriptorFlagRead, bluezgen.DescriptorFlagWrite}}},
		}}}},
	})
	b.connect()
	ctx, c, d := t.Context(), b.characteristic("aa01"), b.descriptor("aad1")
	read := func(offset uint16, want []byte) {
		t.Helper()
		if got, err := c.ReadValue(ctx, bluezgen.ReadOptions{Offset: bus.Some(offset)}); err != nil || !bytes.Equal(got, want) {
			t.Errorf("read from %d: %q, %v, want %q", offset, got, err, want)
		}
		if got, err := d.ReadValue(ctx, bluezgen.ReadOptions{Offset: bus.Some(offset)}); err != nil || len(got) > 512 {
			t.Errorf("read of the descriptor from %d: %q, %v", offset, got, err)
		}
	}
	read(0, []byte("hello"))
	read(2, []byte("llo"))
	if value, err := c.Value(ctx); err != nil || string(value) != "hello" {
		t.Errorf("Value %q, %v after two reads", value, err)
	}
	for _, length := range []int{0, 1, 47, 48, 300, 512} {
		want := pattern(length)
		if err := c.WriteValue(ctx, want, bluezgen.WriteOptions{}); err != nil {
			t.Errorf("write %d bytes: %v", length, err)
		}
		if err := d.WriteValue(ctx, want, bluezgen.DescriptorWriteOptions{}); err != nil {
			t.Errorf("write %d bytes to the descriptor: %v", length, err)
		}
		read(0, want)
	}
	if err := c.WriteValue(ctx, []byte("abc"), bluezgen.WriteOptions{Offset: bus.Some(uint16(10))}); err != nil {
		t.Errorf("write at an offset: %v", err)
	}
	read(0, append(pattern(10), "abc"...))

	if err := c.WriteValue(ctx, []byte("quick"), bluezgen.WriteOptions{Type: bluezgen.WriteTypeCommand}); err != nil {
		t.Errorf("command: %v", err)
	}
	read(0, []byte("quick")) // the device hears both in this order
	written, err := b.device.Written("aa01")
	if err != nil || len(written) != 8 || string(written[7]) != "quick" || len(written[4]) != 300 {
		t.Errorf("written: %q, %v", written, err)
	}
	if got, err := b.device.AwaitWritten(ctx, "aad1", 6); err != nil || len(got) != 6 {
		t.Errorf("written to the descriptor: %q, %v", got, err)
	}
}

// Calls whose answers do not depend on anything else, and what BlueZ says.
func TestRefusals(t *testing.T) {
	refuse := func(code ATTError) Characteristic {
		return Characteristic{
			UUID: fmt.Sprintf("bb%02x", byte(code)), Flags: flags(fRead, fWrite),
			Read:  func(context.Context, *Peripheral) ([]byte, error) { return nil, fmt.Errorf("wrapped: %w", code) },
			Write: func(context.Context, *Peripheral, []byte) error { return code },
		}
	}
	b := newBench(t, Device{
		Connection: Connection{MTU: 23},
		Services: []Service{{UUID: "aa00", Characteristics: []Characteristic{
			{UUID: "aa01", Flags: flags(fRead), Value: []byte("hello"), Descriptors: []Descriptor{{UUID: "aad1", Value: []byte("note")}}},
			{UUID: "aa02", Flags: flags(fWrite)},
			{UUID: "aa03", Flags: flags(fCommand)},
			{UUID: "aa04", Flags: flags(fNotify)},
			{UUID: "aa05", Flags: flags(fRead, fWrite, bluezgen.CharacteristicFlagAuthorize)},
			{UUID: "aa06", Flags: flags(bluezgen.CharacteristicFlagEncryptRead, bluezgen.CharacteristicFlagEncryptAuthenticatedWrite)},
			{UUID: "aa07", Flags: flags(fRead), Read: func(context.Context, *Peripheral) ([]byte, error) { return nil, errors.New("defect") }},
			refuse(0x01), refuse(0x06), refuse(0x08), refuse(0x0c), refuse(0x0d), refuse(0x11), refuse(0x80), refuse(0xfd),
		}}},
	})
	b.connect()
	ctx := t.Context()
	read := func(uuid string, offset uint16) error {
		_, err := b.characteristic(uuid).ReadValue(ctx, bluezgen.ReadOptions{Offset: bus.Some(offset)})
		return err
	}
	write := func(uuid string, value []byte, o bluezgen.WriteOptions) error {
		return b.characteristic(uuid).WriteValue(ctx, value, o)
	}
	at := func(offset uint16, kind bluezgen.WriteType) bluezgen.WriteOptions {
		return bluezgen.WriteOptions{Offset: bus.Some(offset), Type: kind}
	}
	_, readDescriptor := b.descriptor("aad1").ReadValue(ctx, bluezgen.ReadOptions{Offset: bus.Some(uint16(5))})
	failed := func(code byte) *bus.Error {
		return bluezgen.ErrFailed.With(fmt.Sprintf("Operation failed with ATT error: 0x%02x", code))
	}
	none := bluezgen.WriteOptions{}
	for _, test := range []struct {
		what string
		err  error
		want *bus.Error
	}{
		{"read what cannot be read", read("aa02", 0), bluezgen.ErrNotPermitted.With("Read not permitted")},
		{"read behind the end", read("aa01", 6), bluezgen.ErrInvalidArguments.With("Invalid offset")},
		{"read a descriptor behind the end", readDescriptor, bluezgen.ErrInvalidArguments.With("Invalid offset")},
		{"write without any flag for it", write("aa01", []byte{1}, none), bluezgen.ErrNotSupported.With("Operation is not supported")},
		{"request where no write is allowed", write("aa01", []byte{1}, at(0, bluezgen.WriteTypeRequest)), bluezgen.ErrNotPermitted.With("Write not permitted")},
		{"command at an offset", write("aa03", []byte{1}, at(1, bluezgen.WriteTypeCommand)), bluezgen.ErrNotSupported.With("Operation is not supported")},
		{"command that is too long", write("aa03", make([]byte, 21), none), bluezgen.ErrFailed.With("Failed to initiate write")},
		{"unknown type", write("aa02", []byte{1}, at(0, "shy")), bluezgen.ErrNotSupported.With("Operation is not supported")},
		{"nothing at an offset", write("aa02", nil, at(1, "")), bluezgen.ErrFailed.With("Failed to initiate write")},
		{"nothing, reliably", write("aa02", nil, at(0, bluezgen.WriteTypeReliable)), bluezgen.ErrFailed.With("Failed to initiate write")},
		{"write behind the end", write("aa02", []byte{1}, at(1, "")), bluezgen.ErrInvalidArguments.With("Invalid offset")},
		{"write too much", write("aa02", make([]byte, 513), none), bluezgen.ErrInvalidArguments.With("Invalid Length")},
		{"read what needs authorization", read("aa05", 0), bluezgen.ErrNotAuthorized.With("Operation Not Authorized")},
		{"write what needs authorization", write("aa05", nil, none), bluezgen.ErrNotAuthorized.With("Operation Not Authorized")},
		{"write a descriptor that is read-only", b.descriptor("aad1").WriteValue(ctx, nil, bluezgen.DescriptorWriteOptions{}), bluezgen.ErrNotPermitted.With("Write not permitted")},
		{"write the client characteristic configuration", b.descriptor("2902").WriteValue(ctx, []byte{1, 0}, bluezgen.DescriptorWriteOptions{}),
			bluezgen.ErrNotPermitted.With("Write not permitted")},
		{"any other error of the device's function", read("aa07", 0), failed(0x0e)},
		{"0x01", read("bb01", 0), failed(0x01)},
		{"0x06", read("bb06", 0), bluezgen.ErrNotSupported.With("Operation is not supported")},
		{"0x08", write("bb08", nil, none), bluezgen.ErrNotAuthorized.With("Operation Not Authorized")},
		{"0x0c", read("bb0c", 0), bluezgen.ErrNotPermitted.With("Not paired")},
		{"0x0d", write("bb0d", nil, none), bluezgen.ErrInvalidArguments.With("Invalid Length")},
		{"0x11", read("bb11", 0), failed(0x11)},
		{"0x80", write("bb80", nil, none), failed(0x80)},
		{"0xfd", write("bbfd", nil, none), failed(0xfd)},
		{"stop what was not started", b.characteristic("aa04").StopNotify(ctx), bluezgen.ErrFailed.With("No notify session started")},
		{"start what does not notify", b.characteristic("aa01").StartNotify(ctx), bluezgen.ErrNotSupported.With("Operation is not supported")},
	} {
		if !errorIs(test.err, test.want) {
			t.Errorf("%s: %v, want %v", test.what, test.err, test.want)
		}
	}
	for uuid, kind := range map[string]bluezgen.WriteType{"aa02": bluezgen.WriteTypeCommand, "aa03": bluezgen.WriteTypeRequest} {
		if err := errors.Join(write(uuid, []byte{1}, none), write(uuid, []byte{1}, at(0, kind))); err != nil {
			t.Errorf("write, also by a kind that is not among the flags: %v", err)
		}
	}
	if err := write("aa01", []byte{1}, at(0, bluezgen.WriteTypeCommand)); err != nil {
		t.Errorf("a command that the device ignores: %v", err)
	}
	if written, err := b.device.Written("aa01"); err != nil || len(written) != 0 {
		t.Errorf("written to what cannot be written: %q, %v", written, err)
	}
}

// What the members are is what bluetoothd prints of them, and options of foreign types
// are refused, which generated clients cannot send.
func TestAttributesAreAsBlueZHasThem(t *testing.T) {
	b := newBench(t, Device{Services: []Service{{UUID: "aa00", Characteristics: []Characteristic{
		{UUID: "aa01", Flags: flags(fRead, fWrite), Descriptors: []Descriptor{{UUID: "aad1"}}},
	}}}})
	b.connect()
	c, d := b.characteristic("aa01"), b.descriptor("aad1")
	xml, err := c.Introspect(t.Context())
	if err != nil || strings.Contains(xml, "Confirm") || !strings.Contains(xml, `"MTU"`) {
		t.Errorf("characteristic: %v\n%s", err, xml)
	}
	xml, err = d.Introspect(t.Context())
	if err != nil || strings.Contains(xml, "Flags") || !strings.Contains(xml, `"Handle"`) {
		t.Errorf("descriptor: %v\n%s", err, xml)
	}
	foreign := map[string]dbus.Variant{"offset": dbus.MakeVariant("start")}
	for name, call := range map[string]*dbus.Call{
		"read":             b.conn.DBus().Object(bluezgen.Service, c.Path()).Call(bluezgen.GattCharacteristic1Interface+".ReadValue", 0, foreign),
		"write":            b.conn.DBus().Object(bluezgen.Service, c.Path()).Call(bluezgen.GattCharacteristic1Interface+".WriteValue", 0, []byte{1}, foreign),
		"type":             b.conn.DBus().Object(bluezgen.Service, c.Path()).Call(bluezgen.GattCharacteristic1Interface+".WriteValue", 0, []byte{1}, map[string]dbus.Variant{"type": dbus.MakeVariant(true)}),
		"read descriptor":  b.conn.DBus().Object(bluezgen.Service, d.Path()).Call(bluezgen.GattDescriptor1Interface+".ReadValue", 0, foreign),
		"write descriptor": b.conn.DBus().Object(bluezgen.Service, d.Path()).Call(bluezgen.GattDescriptor1Interface+".WriteValue", 0, []byte{1}, foreign),
	} {
		var refused dbus.Error
		if !errors.As(call.Err, &refused) || refused.Name != bluezgen.ErrInvalidArguments.Name || refused.Error() != "Invalid arguments in method call" {
			t.Errorf("%s: %v", name, call.Err)
		}
	}
}

func TestNothingWorksWithoutALink(t *testing.T) {
	b := newBench(t, Device{Services: []Service{{UUID: "aa00", Characteristics: []Characteristic{
		{UUID: "aa01", Flags: flags(fRead, fWrite, fCommand, fNotify), Descriptors: []Descriptor{{UUID: "aad1"}}},
	}}}})
	b.connect()
	b.disconnect()
	ctx, c, d := t.Context(), b.characteristic("aa01"), b.descriptor("aad1")
	_, read := c.ReadValue(ctx, bluezgen.ReadOptions{})
	_, readDescriptor := d.ReadValue(ctx, bluezgen.ReadOptions{})
	_, _, acquireWrite := c.AcquireWrite(ctx, bluezgen.AcquireOptions{})
	_, _, acquireNotify := c.AcquireNotify(ctx, bluezgen.AcquireOptions{})
	for what, err := range map[string]error{
		"read": read, "read descriptor": readDescriptor, "acquire write": acquireWrite, "acquire notify": acquireNotify,
		"write":            c.WriteValue(ctx, nil, bluezgen.WriteOptions{}),
		"write descriptor": d.WriteValue(ctx, nil, bluezgen.DescriptorWriteOptions{}),
	} {
		if !errorIs(err, bluezgen.ErrFailed.With("Not connected")) {
			t.Errorf("%s: %v", what, err)
		}
	}
	if err := b.device.Notify(ctx, "aa01", nil); !errors.Is(err, ErrNotSubscribed) {
		t.Errorf("notify: %v", err)
	}
}

func TestReadsOfOneOffsetAreMerged(t *testing.T) {
	g := newGate()
	var reads atomic.Int32
	b := newBench(t, Device{Services: []Service{{UUID: "aa00", Characteristics: []Characteristic{{
		UUID: "aa01", Flags: flags(fRead),
		Read: func(ctx context.Context, p *Peripheral) ([]byte, error) {
			reads.Add(1)
			return g.read(ctx, p)
		},
	}}}}})
	b.connect()
	b.forget()
	c := b.characteristic("aa01")
	results := make(chan string, 3)
	for range 3 {
		go func() {
			value, err := c.ReadValue(t.Context(), bluezgen.ReadOptions{Offset: bus.Some(uint16(1))})
			results <- fmt.Sprintf("%s %v", value, err)
		}()
	}
	<-g.begun
	if _, err := c.ReadValue(t.Context(), bluezgen.ReadOptions{}); !errorIs(err, bluezgen.ErrInProgress.With("In Progress")) {
		t.Errorf("read from another offset meanwhile: %v", err)
	}
	b.waitForReaders("aa01", 3)
	close(g.open)
	for range 3 {
		if got := <-results; got != "ated <nil>" {
			t.Errorf("read: %s", got)
		}
	}
	if n := reads.Load(); n != 1 {
		t.Errorf("the device was asked %d times", n)
	}
	b.await("char000b Value=\x00ated", 1)
}

// waitForReaders waits until so many calls of ReadValue share one read.
func (b *bench) waitForReaders(uuid string, n int) {
	b.t.Helper()
	for b.t.Context().Err() == nil {
		b.world.mu.Lock()
		for c := range b.world.adapters[0].object().devices[b.proxy.Path()].gatt.characteristics() {
			if c.characteristic.uuid == longUUID(uuid) && c.value.reading != nil && len(c.value.reading.readers) == n {
				b.world.mu.Unlock()
				return
			}
		}
		b.world.mu.Unlock()
		runtime.Gosched()
	}
}

func TestSecondWriteIsInProgress(t *testing.T) {
	g := newGate()
	b := newBench(t, Device{Services: []Service{{UUID: "aa00", Characteristics: []Characteristic{{
		UUID: "aa01", Flags: flags(fRead, fWrite), Write: g.write,
		Descriptors: []Descriptor{{UUID: "aad1", Flags: []bluezgen.DescriptorFlag{bluezgen.DescriptorFlagWrite}, Write: g.write}},
	}}}}})
	b.connect()
	c, d := b.characteristic("aa01"), b.descriptor("aad1")
	results := make(chan error, 2)
	go func() { results <- c.WriteValue(t.Context(), []byte{1}, bluezgen.WriteOptions{}) }()
	<-g.begun
	if err := c.WriteValue(t.Context(), []byte{2}, bluezgen.WriteOptions{}); !errorIs(err, bluezgen.ErrInProgress) {
		t.Errorf("second write: %v", err)
	}
	// Other attributes wait for their turn, for the device answers one request at a time.
	other := make(chan error, 1)
	go func() {
		other <- d.WriteValue(t.Context(), []byte{3}, bluezgen.DescriptorWriteOptions{})
	}()
	close(g.open)
	if err := <-other; err != nil {
		t.Errorf("write of a descriptor: %v", err)
	}
	if err := <-results; err != nil {
		t.Errorf("first write: %v", err)
	}
	if err := c.WriteValue(t.Context(), []byte{4}, bluezgen.WriteOptions{}); err != nil {
		t.Errorf("write after that: %v", err)
	}
}

// What waits for the device when the link is lost gets the code of an unlikely error.
func TestCallsFailWithTheLink(t *testing.T) {
	g := newGate()
	b := newBench(t, Device{Services: []Service{{UUID: "aa00", Characteristics: []Characteristic{
		{UUID: "aa01", Flags: flags(fRead, fWrite, fNotify), Read: g.read},
		{UUID: "aa02", Flags: flags(fRead, fWrite, fNotify)},
		{UUID: "aa03", Flags: flags(fNotify)},
	}}}})
	b.connect()
	ctx, one, two := t.Context(), b.characteristic("aa01"), b.characteristic("aa02")
	results := make(chan error, 4)
	go func() {
		_, err := one.ReadValue(ctx, bluezgen.ReadOptions{})
		results <- err
	}()
	<-g.begun
	go func() { results <- two.WriteValue(ctx, []byte{1}, bluezgen.WriteOptions{}) }()
	go func() { results <- one.StartNotify(ctx) }()
	go func() {
		_, _, err := b.characteristic("aa03").AcquireNotify(ctx, bluezgen.AcquireOptions{})
		results <- err
	}()
	b.waitForRequests(4)
	b.device.Disconnect()
	for range 4 {
		if err := <-results; !errorIs(err, bluezgen.ErrFailed.With("Operation failed with ATT error: 0x0e")) {
			t.Errorf("call that was under way: %v", err)
		}
	}
	b.await("...Connected=false", 1)
	if err := one.StopNotify(ctx); !errorIs(err, bluezgen.ErrFailed) {
		t.Errorf("stop a session that could not be started: %v", err)
	}
}

// waitForRequests waits until so many requests wait for the device.
func (b *bench) waitForRequests(n int) {
	b.t.Helper()
	for b.t.Context().Err() == nil {
		b.world.mu.Lock()
		waiting := len(b.world.adapters[0].object().devices[b.proxy.Path()].gatt.queue.waiting)
		b.world.mu.Unlock()
		if waiting >= n {
			return
		}
		runtime.Gosched()
	}
}

func TestRemovedDeviceFailsItsCalls(t *testing.T) {
	g := newGate()
	b := newBench(t, Device{Services: []Service{{UUID: "aa00", Characteristics: []Characteristic{{UUID: "aa01", Flags: flags(fRead), Read: g.read}}}}})
	b.connect()
	c := b.characteristic("aa01")
	result := make(chan error, 1)
	go func() {
		_, err := c.ReadValue(t.Context(), bluezgen.ReadOptions{})
		result <- err
	}()
	<-g.begun
	if err := bluezgen.NewAdapter1(b.conn, "/org/bluez/hci0").RemoveDevice(t.Context(), b.proxy.Path()); err != nil {
		t.Fatal(err)
	}
	if err := <-result; !errorIs(err, bluezgen.ErrFailed) {
		t.Errorf("read: %v", err)
	}
	if _, err := c.ReadValue(t.Context(), bluezgen.ReadOptions{}); !errors.Is(err, bus.ErrUnknownObject) {
		t.Errorf("read of what is gone: %v", err)
	}
	for _, line := range []string{"-char000b", "-service000a", "-service0001", "-device"} {
		b.await(line, 1)
	}
}

// A device that does not answer in time loses the link.
func TestUnansweredRequestEndsTheLink(t *testing.T) {
	g := newGate()
	b := newBench(t, Device{Services: []Service{{UUID: "aa00", Characteristics: []Characteristic{{UUID: "aa01", Flags: flags(fRead), Read: g.read}}}}},
		Delays{Attribute: 50 * time.Millisecond})
	b.connect()
	if _, err := b.characteristic("aa01").ReadValue(t.Context(), bluezgen.ReadOptions{}); !errorIs(err, bluezgen.ErrFailed.With("Operation failed with ATT error: 0x0e")) {
		t.Errorf("read: %v", err)
	}
	b.await("...Connected=false", 1)
}

// A request that is sent while the device is out of range is answered when it is back.
func TestRequestWaitsForTheDevice(t *testing.T) {
	b := newBench(t, Device{Services: []Service{{UUID: "aa00", Characteristics: []Characteristic{{UUID: "aa01", Flags: flags(fRead), Value: []byte("here")}}}}})
	b.connect()
	b.device.Vanish()
	result := make(chan error, 1)
	go func() {
		_, err := b.characteristic("aa01").ReadValue(t.Context(), bluezgen.ReadOptions{})
		result <- err
	}()
	b.waitForRequests(1)
	b.device.Appear()
	b.world.do(b.device.attributes.stir)
	if err := <-result; err != nil {
		t.Errorf("read: %v", err)
	}
}

func TestReliableWrite(t *testing.T) {
	b := newBench(t, Device{Services: []Service{{UUID: "aa00", Characteristics: []Characteristic{
		{UUID: "aa01", Flags: flags(bluezgen.CharacteristicFlagReliableWrite, fRead)},
	}}}})
	b.connect()
	c := b.characteristic("aa01")
	if err := c.WriteValue(t.Context(), []byte("sure"), bluezgen.WriteOptions{}); err != nil {
		t.Fatal(err)
	}
	if value, err := c.ReadValue(t.Context(), bluezgen.ReadOptions{}); err != nil || string(value) != "sure" {
		t.Errorf("%q, %v", value, err)
	}
	if extended, err := b.descriptor("2900").Value(t.Context()); err != nil || !bytes.Equal(extended, []byte{1, 0}) {
		t.Errorf("extended properties: % x, %v", extended, err)
	}
}
