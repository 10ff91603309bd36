//go:build linux

package facade

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"strings"
	"sync"
	"testing"

	"github.com/gobluez/bluez/bluezgen"
	"github.com/gobluez/bluez/facade/bluetest"
	"github.com/gobluez/bluez/gen/bus"
)

func TestClientKnowsDeviceAndServices(t *testing.T) {
	_, _, c := startStrap(t, nil)
	client := connect(t, c)
	if client.Name() != "Strap" || client.Address() != strap || client.Device().Adapter != "hci0" || client.Device().Path() != strapPath {
		t.Errorf("client of %s %q, device %+v", client.Address(), client.Name(), client.Device())
	}
	if got := client.String(); got != "C0:FF:EE:00:00:01 Strap" {
		t.Errorf("client as text: %q", got)
	}
	if mtu, err := client.MTU(t.Context()); err != nil || mtu != 247 {
		t.Errorf("MTU %d, %v", mtu, err)
	}
	text, err := json.Marshal(client.Services()[2]) // after Generic Access and Generic Attribute
	want := `{"uuid":"0000180d-0000-1000-8000-00805f9b34fb","handle":16,"primary":true,"characteristics":[` +
		`{"uuid":"00002a37-0000-1000-8000-00805f9b34fb","handle":17,"properties":["read","notify"],"descriptors":[` +
		`{"uuid":"00002902-0000-1000-8000-00805f9b34fb","handle":19}]},` +
		`{"uuid":"00002a39-0000-1000-8000-00805f9b34fb","handle":20,"properties":["write-without-response","write"],"descriptors":[` +
		`{"uuid":"00002901-0000-1000-8000-00805f9b34fb","handle":22}]},` +
		`{"uuid":"00002a3f-0000-1000-8000-00805f9b34fb","handle":23,"properties":["write-without-response"]}]}`
	if err != nil || string(text) != want {
		t.Errorf("%v\n got %s\nwant %s", err, text, want)
	}
	if client.Err() != nil {
		t.Error(client.Err())
	}
}

func TestAttributesAreFoundByUUIDHandleAndObject(t *testing.T) {
	_, _, c := startStrap(t, nil)
	client := connect(t, c)
	service := client.Services()[2]
	char := service.Characteristics[1]
	descriptor := char.Descriptors[0]
	for _, which := range []Attribute{UUID16(0x2a39), control, char} {
		if got, err := client.Characteristic(which); got != char || err != nil {
			t.Errorf("Characteristic(%v) = %v, %v", which, got, err)
		}
		if got, err := service.Characteristic(which); got != char || err != nil {
			t.Errorf("Service.Characteristic(%v) = %v, %v", which, got, err)
		}
	}
	for _, which := range []Attribute{UUID16(0x2901), controlLabel, descriptor} {
		if got, err := client.Descriptor(which); got != descriptor || err != nil {
			t.Errorf("Descriptor(%v) = %v, %v", which, got, err)
		}
		if got, err := char.Descriptor(which); got != descriptor || err != nil {
			t.Errorf("Characteristic.Descriptor(%v) = %v, %v", which, got, err)
		}
	}
	for _, which := range []Attribute{UUID16(0x180d), Handle(0x10), service} {
		if got, err := client.Service(which); got != service || err != nil {
			t.Errorf("Service(%v) = %v, %v", which, got, err)
		}
	}
	for _, which := range []Attribute{UUID16(0x1234), Handle(0x12), service, descriptor, (*Characteristic)(nil)} {
		_, err := client.Characteristic(which)
		if !errors.Is(err, ErrNotFound) || !strings.Contains(err.Error(), strap.String()) {
			t.Errorf("Characteristic(%v): %v", which, err)
		}
	}
}

func TestNoAttributeIsNotFound(t *testing.T) {
	_, _, c := startStrap(t, nil)
	client := connect(t, c)
	ctx, service := t.Context(), client.Services()[2]
	for op, call := range map[string]func() error{
		"Read":                   func() error { _, err := client.Read(ctx, nil); return err },
		"Write":                  func() error { return client.Write(ctx, nil, nil) },
		"WriteDescriptor":        func() error { return client.WriteDescriptor(ctx, nil, nil) },
		"Subscribe":              func() error { _, err := client.Subscribe(ctx, nil, SubscribeOptions{}); return err },
		"Service":                func() error { _, err := client.Service(nil); return err },
		"Service.Characteristic": func() error { _, err := service.Characteristic(nil); return err },
		"Characteristic.Descriptor": func() error {
			_, err := service.Characteristics[0].Descriptor(nil)
			return err
		},
	} {
		if err := call(); !errors.Is(err, ErrNotFound) || !errors.As(err, new(*Error)) {
			t.Errorf("%s: %v", op, err)
		}
	}
}

func TestReadAndWrite(t *testing.T) {
	_, p, c := startStrap(t, nil)
	client := connect(t, c)
	ctx := t.Context()
	long := bytes.Repeat([]byte{7}, 300) // more than one packet
	if err := p.SetValue("2a37", long); err != nil {
		t.Fatal(err)
	}
	if got, err := client.Read(ctx, measurement); err != nil || !bytes.Equal(got, long) {
		t.Errorf("read %v, %v", got, err)
	}
	for _, err := range []error{
		client.Write(ctx, control, []byte{1}),
		client.WriteWithResponse(ctx, control, long),
		client.WriteWithoutResponse(ctx, control, []byte{3}),
	} {
		if err != nil {
			t.Error(err)
		}
	}
	got, err := p.AwaitWritten(ctx, "2a39", 3)
	if err != nil || len(got) != 3 || !bytes.Equal(got[0], []byte{1}) || !bytes.Equal(got[1], long) || !bytes.Equal(got[2], []byte{3}) {
		t.Errorf("written %v, %v", got, err)
	}
	if err := client.WriteDescriptor(ctx, controlLabel, []byte("text")); err != nil {
		t.Error(err)
	}
	if got, err := client.ReadDescriptor(ctx, UUID16(0x2901)); err != nil || string(got) != "text" {
		t.Errorf("descriptor %q, %v", got, err)
	}
	if err := client.WriteDescriptor(ctx, Handle(0x13), []byte{1, 0}); !errors.Is(err, errors.ErrUnsupported) || !strings.Contains(err.Error(), "Subscribe") {
		t.Errorf("writing the CCCD: %v", err)
	}
}

func TestOnlyAWriteWithResponseLearnsWhatTheDeviceSays(t *testing.T) {
	_, _, c := startStrap(t, func(d *bluetest.Device) {
		for _, handle := range []Handle{control, command} {
			characteristicOf(d, handle).Write = func(context.Context, *bluetest.Peripheral, []byte) error { return bluetest.ATTError(0x80) }
		}
	})
	client := connect(t, c)
	write := map[string]func(context.Context, Attribute, []byte) error{
		"Write": client.Write, "WriteWithResponse": client.WriteWithResponse, "WriteWithoutResponse": client.WriteWithoutResponse,
	}
	for _, test := range []struct {
		method string
		which  Attribute
		want   error
	}{
		{"WriteWithResponse", control, ATTError(0x80)},
		{"WriteWithoutResponse", control, nil},
		{"Write", control, ATTError(0x80)}, // with response, where that is possible
		{"Write", command, nil},
	} {
		if err := write[test.method](t.Context(), test.which, []byte{1}); !errors.Is(err, test.want) {
			t.Errorf("%s(%v): %v, want %v", test.method, test.which, err, test.want)
		}
	}
}

func TestRefusalsAreATTErrors(t *testing.T) {
	t.Parallel() // it has to wait
	w, _, c := startStrap(t, nil)
	client := connect(t, c)
	for _, test := range []struct {
		reply *bus.Error
		want  error
	}{
		{bluezgen.ErrNotPermitted.With("Read not permitted"), ATTReadNotPermitted},
		{bluezgen.ErrNotPermitted.With("Write not permitted"), ATTWriteNotPermitted},
		{bluezgen.ErrNotPermitted.With("Not paired"), ErrNotPaired},
		{bluezgen.ErrNotPermitted.With("Write acquired"), bluezgen.ErrNotPermitted},
		{bluezgen.ErrNotSupported, ATTRequestNotSupported},
		{bluezgen.ErrNotAuthorized, ATTInsufficientAuthorization},
		{bluezgen.ErrInvalidArguments.With("Invalid offset"), ATTInvalidOffset},
		{bluezgen.ErrInvalidArguments.With("Invalid Length"), ATTInvalidValueLength},
		{bluezgen.ErrImproperlyConfigured, ATTImproperlyConfigured},
		{bluezgen.ErrFailed.With("Operation failed with ATT error: 0x80"), ATTError(0x80)},
		{bluezgen.ErrFailed.With("Operation failed with ATT error: 0x0e"), ATTUnlikely},
		{bluezgen.ErrFailed.With("Not connected"), bluezgen.ErrFailed},
		{bluezgen.ErrNotConnected, ErrNotConnected},
	} {
		undo := w.RefuseCalls("ReadValue", 1, test.reply)
		_, err := client.Read(t.Context(), measurement)
		undo()
		if !errors.Is(err, test.want) || !errors.Is(err, test.reply) {
			t.Errorf("%v: %v", test.reply, err)
		}
		if _, isATT := test.want.(ATTError); errors.As(err, new(ATTError)) != isATT {
			t.Errorf("%v: %v", test.reply, err)
		}
	}
}

// What the device itself refuses reaches the caller as the code that it has answered.
func TestWhatTheDeviceAnswersIsTheErrorOfTheRead(t *testing.T) {
	t.Parallel() // it has to wait
	codes := make(chan bluetest.ATTError, 1)
	_, _, c := startStrap(t, func(d *bluetest.Device) {
		characteristicOf(d, measurement).Read = func(context.Context, *bluetest.Peripheral) ([]byte, error) { return nil, <-codes }
	})
	client := connect(t, c)
	for _, code := range []ATTError{ATTReadNotPermitted, ATTInsufficientAuthorization, ATTUnlikely, ATTError(0x80), ATTOutOfRange} {
		codes <- bluetest.ATTError(code)
		if _, err := client.Read(t.Context(), measurement); !errors.Is(err, code) {
			t.Errorf("code %v: %v", code, err)
		}
	}
}

func TestOperationsTakeTurnsAndInsist(t *testing.T) {
	busy := make(chan struct{})
	w, _, c := startStrap(t, readBlocks(busy))
	client := connect(t, c)
	defer w.RefuseCalls("ReadValue", 2, bluezgen.ErrInProgress.With("In Progress"))()
	var readers sync.WaitGroup
	for range 3 {
		readers.Go(func() {
			if _, err := client.Read(t.Context(), measurement); err != nil {
				t.Error(err)
			}
		})
	}
	for done := range 3 {
		w.await("ReadValue", done+3)
		for range 20 { // time enough for the others, if they did not wait
			w.settle(c)
		}
		if n := w.calls.Count("ReadValue"); n != done+3 {
			t.Errorf("%d calls while the first %d were served", n, done+3)
		}
		busy <- struct{}{}
	}
	readers.Wait()
	if n := w.calls.Count("ReadValue"); n != 5 {
		t.Errorf("%d calls for three reads of which two were refused", n)
	}
}

// readBlocks has reads of the strap's measurement wait for a token.
func readBlocks(busy <-chan struct{}) func(*bluetest.Device) {
	return func(d *bluetest.Device) {
		characteristicOf(d, measurement).Read = func(ctx context.Context, _ *bluetest.Peripheral) ([]byte, error) {
			select {
			case <-busy:
				return []byte("read"), nil
			case <-ctx.Done():
				return nil, ctx.Err()
			}
		}
	}
}

func TestEndOfTheLinkEndsTheClient(t *testing.T) {
	t.Parallel() // it has to wait
	for _, test := range []struct {
		name string
		end  func(w *world, p *bluetest.Peripheral)
	}{
		{"device disconnects", func(_ *world, p *bluetest.Peripheral) { p.Disconnect() }},
		{"device vanishes", func(_ *world, p *bluetest.Peripheral) { p.Vanish() }},
		{"device is removed", func(w *world, _ *bluetest.Peripheral) {
			w.check(w.remove())
		}},
		{"adapter is switched off", func(w *world, _ *bluetest.Peripheral) { w.adapter().Power(false) }},
		{"adapter is unplugged", func(w *world, _ *bluetest.Peripheral) { w.adapter().Unplug() }},
		{"adapter is reset", func(w *world, _ *bluetest.Peripheral) { w.check(w.adapter().Reset()) }},
		{"bluetoothd stops", func(w *world, _ *bluetest.Peripheral) { w.StopBluetoothd() }},
		{"bluetoothd crashes", func(w *world, _ *bluetest.Peripheral) { w.CrashBluetoothd() }},
		{"bluetoothd restarts", func(w *world, _ *bluetest.Peripheral) { w.check(w.RestartBluetoothd(w.t.Context())) }},
		{"bus ends", func(w *world, _ *bluetest.Peripheral) { w.StopBus() }},
		{"bus restarts", func(w *world, _ *bluetest.Peripheral) { w.check(w.RestartBus(w.t.Context())) }},
	} {
		t.Run(test.name, func(t *testing.T) {
			w, p, c := startStrap(t, readBlocks(nil))
			client := connect(t, c)
			read := make(chan error)
			go func() {
				_, err := client.Read(t.Context(), measurement)
				read <- err
			}()
			w.await("ReadValue", 1)
			test.end(w, p)
			w.wait(client.Disconnected(), "the end")
			if err := <-read; !errors.Is(err, ErrDisconnected) {
				t.Errorf("read: %v", err)
			}
			if !errors.Is(client.Err(), ErrDisconnected) || errors.Is(client.Err(), ErrClosed) {
				t.Errorf("client: %v", client.Err())
			}
			if _, err := client.Read(t.Context(), measurement); !errors.Is(err, ErrNotConnected) {
				t.Errorf("read afterwards: %v", err)
			}
			if err := client.Disconnect(t.Context()); err != nil {
				t.Errorf("disconnect: %v", err)
			}
		})
	}
}

func TestClientOfANamelessDeviceAndAnOldBlueZ(t *testing.T) {
	w := startWorld(t, bluetest.Version555) // without the property MTU
	nameless := newStrap()
	nameless.Name = ""
	p := w.add(nameless)
	c := w.open(Options{})
	adv, err := c.FindDevice(t.Context(), ScanOptions{})
	if err != nil {
		t.Fatal(err)
	}
	client, err := c.Connect(t.Context(), adv, ConnectOptions{})
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	if client.Name() != "" || client.String() != "C0:FF:EE:00:00:01" {
		t.Errorf("name %q", client.Name())
	}
	if mtu, err := client.MTU(t.Context()); err != nil || mtu != 23 {
		t.Errorf("MTU %d, %v", mtu, err)
	}
	if err := bluezgen.NewDevice1(w.program(), strapPath).SetAlias(t.Context(), "My strap"); err != nil {
		t.Fatal(err)
	}
	w.settle(c)
	if client.Name() != "My strap" {
		t.Errorf("name %q", client.Name())
	}
	p.Disconnect()
	w.wait(client.Disconnected(), "the end")
	if _, err := client.MTU(t.Context()); !errors.Is(err, ErrNotConnected) {
		t.Errorf("MTU afterwards: %v", err)
	}
}
