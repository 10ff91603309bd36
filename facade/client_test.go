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
	"github.com/gobluez/bluez/gen/bus"
)

// strap is the address of the device of most tests.
var strap = Address{0xC0, 0xFF, 0xEE, 0, 0, 1}

// startStrap starts a fake BlueZ that knows one device, and a Central.
func startStrap(t *testing.T) (*fakeBlueZ, *fakeDevice, *Central) {
	t.Helper()
	f := startFake(t)
	d := f.device(f.adapter("hci0", true), strap.String(), "Strap", UUID16(0x180d))
	return f, d, f.open(Options{})
}

func connect(t *testing.T, c *Central) *Client {
	t.Helper()
	client, err := c.Connect(t.Context(), strap, ConnectOptions{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { client.Close() })
	return client
}

// calls of the device of most tests.
const (
	connectCall    = "dev_C0_FF_EE_00_00_01.Connect"
	disconnectCall = "dev_C0_FF_EE_00_00_01.Disconnect"
)

func TestClientKnowsDeviceAndServices(t *testing.T) {
	_, d, c := startStrap(t)
	client := connect(t, c)
	if client.Name() != "Strap" || client.Address() != strap || client.Device().Adapter != "hci0" || client.Device().Path() != d.path {
		t.Errorf("client of %s %q, device %+v", client.Address(), client.Name(), client.Device())
	}
	if mtu, err := client.MTU(t.Context()); err != nil || mtu != 247 {
		t.Errorf("MTU %d, %v", mtu, err)
	}
	text, err := json.Marshal(client.Services())
	want := `[{"uuid":"0000180d-0000-1000-8000-00805f9b34fb","handle":1,"primary":true,"characteristics":[` +
		`{"uuid":"00002a37-0000-1000-8000-00805f9b34fb","handle":2,"properties":["notify","read"],"descriptors":[` +
		`{"uuid":"00002902-0000-1000-8000-00805f9b34fb","handle":4}]},` +
		`{"uuid":"00002a39-0000-1000-8000-00805f9b34fb","handle":5,"properties":["write","write-without-response"],"descriptors":[` +
		`{"uuid":"00002901-0000-1000-8000-00805f9b34fb","handle":7}]}]}]`
	if err != nil || string(text) != want {
		t.Errorf("%v\n got %s\nwant %s", err, text, want)
	}
	if client.Err() != nil {
		t.Error(client.Err())
	}
}

func TestAttributesAreFoundByUUIDHandleAndObject(t *testing.T) {
	_, _, c := startStrap(t)
	client := connect(t, c)
	service := client.Services()[0]
	char := service.Characteristics[1]
	descriptor := char.Descriptors[0]
	for _, which := range []Attribute{UUID16(0x2a39), Handle(5), char} {
		if got, err := client.Characteristic(which); got != char || err != nil {
			t.Errorf("Characteristic(%v) = %v, %v", which, got, err)
		}
		if got, err := service.Characteristic(which); got != char || err != nil {
			t.Errorf("Service.Characteristic(%v) = %v, %v", which, got, err)
		}
	}
	for _, which := range []Attribute{UUID16(0x2901), Handle(7), descriptor} {
		if got, err := client.Descriptor(which); got != descriptor || err != nil {
			t.Errorf("Descriptor(%v) = %v, %v", which, got, err)
		}
		if got, err := char.Descriptor(which); got != descriptor || err != nil {
			t.Errorf("Characteristic.Descriptor(%v) = %v, %v", which, got, err)
		}
	}
	for _, which := range []Attribute{UUID16(0x180d), Handle(1), service} {
		if got, err := client.Service(which); got != service || err != nil {
			t.Errorf("Service(%v) = %v, %v", which, got, err)
		}
	}
	for _, which := range []Attribute{UUID16(0x1234), Handle(3), service, descriptor, (*Characteristic)(nil)} {
		_, err := client.Characteristic(which)
		if !errors.Is(err, ErrNotFound) || !strings.Contains(err.Error(), strap.String()) {
			t.Errorf("Characteristic(%v): %v", which, err)
		}
	}
}

func TestReadAndWrite(t *testing.T) {
	f, d, c := startStrap(t)
	client := connect(t, c)
	ctx := t.Context()
	long := bytes.Repeat([]byte{7}, 300)
	d.measurement.set(func() { d.measurement.value = long })
	if got, err := client.Read(ctx, d.measurement.uuid()); err != nil || !bytes.Equal(got, long) {
		t.Errorf("read %v, %v", got, err)
	}
	for _, err := range []error{
		client.Write(ctx, UUID16(0x2a39), []byte{1}),
		client.WriteWithResponse(ctx, UUID16(0x2a39), []byte{2}),
		client.WriteWithoutResponse(ctx, UUID16(0x2a39), []byte{3}),
	} {
		if err != nil {
			t.Error(err)
		}
	}
	d.control.mu.Lock()
	defer d.control.mu.Unlock()
	if got := d.control.written; len(got) != 3 || got[0][0] != 1 || got[1][0] != 2 || got[2][0] != 3 {
		t.Errorf("written %v", got)
	}
	if n, m := f.count("char0005.WriteValue.request"), f.count("char0005.WriteValue.command"); n != 2 || m != 1 {
		t.Errorf("%d requests, %d commands", n, m)
	}
	if err := client.WriteDescriptor(ctx, Handle(7), []byte("text")); err != nil {
		t.Error(err)
	}
	if got, err := client.ReadDescriptor(ctx, UUID16(0x2901)); err != nil || string(got) != "text" {
		t.Errorf("descriptor %q, %v", got, err)
	}
	if err := client.WriteDescriptor(ctx, cccd, []byte{1, 0}); !errors.Is(err, errors.ErrUnsupported) || !strings.Contains(err.Error(), "Subscribe") {
		t.Errorf("writing the CCCD: %v", err)
	}
}

func TestRefusalsAreATTErrors(t *testing.T) {
	_, d, c := startStrap(t)
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
		d.measurement.set(func() { d.measurement.failures = []error{test.reply} })
		_, err := client.Read(t.Context(), Handle(2))
		if !errors.Is(err, test.want) || !errors.Is(err, test.reply) {
			t.Errorf("%v: %v", test.reply, err)
		}
		if _, isATT := test.want.(ATTError); errors.As(err, new(ATTError)) != isATT {
			t.Errorf("%v: %v", test.reply, err)
		}
	}
}

func TestOperationsTakeTurnsAndInsist(t *testing.T) {
	f, d, c := startStrap(t)
	client := connect(t, c)
	busy := make(chan struct{})
	d.measurement.set(func() {
		d.measurement.failures = []error{bluezgen.ErrInProgress, bluezgen.ErrInProgress}
		d.measurement.busy, d.measurement.exclusive = busy, true
	})
	var readers sync.WaitGroup
	for range 3 {
		readers.Go(func() {
			if _, err := client.Read(t.Context(), Handle(2)); err != nil {
				t.Error(err)
			}
		})
	}
	for done := range 3 {
		f.await("char0002.ReadValue", done+3)
		for range 20 { // time enough for the others, if they did not wait
			f.settle(c)
		}
		busy <- struct{}{}
	}
	readers.Wait()
	if n := f.count("char0002.ReadValue"); n != 5 {
		t.Errorf("%d calls for three reads of which two were refused", n)
	}
}

func TestEndOfTheLinkEndsTheClient(t *testing.T) {
	for _, test := range []struct {
		name string
		end  func(f *fakeBlueZ, d *fakeDevice)
	}{
		{"device disconnects", func(_ *fakeBlueZ, d *fakeDevice) { d.linkDown() }},
		{"device is removed", func(_ *fakeBlueZ, d *fakeDevice) { d.remove() }},
		{"bluetoothd ends", func(f *fakeBlueZ, _ *fakeDevice) { f.stop() }},
		{"bus ends", func(f *fakeBlueZ, _ *fakeDevice) { f.daemon.Stop() }},
	} {
		t.Run(test.name, func(t *testing.T) {
			f, d, c := startStrap(t)
			client := connect(t, c)
			d.measurement.set(func() { d.measurement.busy = make(chan struct{}) })
			read := make(chan error)
			go func() {
				_, err := client.Read(t.Context(), Handle(2))
				read <- err
			}()
			f.await("char0002.ReadValue", 1)
			test.end(f, d)
			f.wait(client.Disconnected(), "the end")
			if err := <-read; !errors.Is(err, ErrDisconnected) {
				t.Errorf("read: %v", err)
			}
			if !errors.Is(client.Err(), ErrDisconnected) || errors.Is(client.Err(), ErrClosed) {
				t.Errorf("client: %v", client.Err())
			}
			if _, err := client.Read(t.Context(), Handle(2)); !errors.Is(err, ErrNotConnected) {
				t.Errorf("read afterwards: %v", err)
			}
			if err := client.Disconnect(t.Context()); err != nil {
				t.Errorf("disconnect: %v", err)
			}
		})
	}
}

func TestDisconnectEndsTheLinkWhoeverMadeIt(t *testing.T) {
	f, d, c := startStrap(t)
	d.linkUp()
	f.settle(c)
	client := connect(t, c)
	if err := client.Disconnect(t.Context()); err != nil {
		t.Fatal(err)
	}
	if !errors.Is(client.Err(), ErrClosed) || d.Properties().Connected || f.count(connectCall) != 0 || f.count(disconnectCall) != 1 {
		t.Errorf("%v after %d Connect and %d Disconnect", client.Err(), f.count(connectCall), f.count(disconnectCall))
	}
}

func TestCloseEndsTheLinkThatItsCentralMade(t *testing.T) {
	f, d, c := startStrap(t)
	d.linkUp()
	f.settle(c)
	if err := connect(t, c).Close(); err != nil || !d.Properties().Connected {
		t.Errorf("a link that was there before was ended: %v", err)
	}
	d.linkDown()
	f.settle(c)
	first, second := connect(t, c), connect(t, c)
	if err := first.Close(); err != nil || second.Err() != nil || !d.Properties().Connected {
		t.Errorf("the link was ended while it is used: %v, %v", err, second.Err())
	}
	if err := second.Close(); err != nil || d.Properties().Connected || f.count(disconnectCall) != 1 {
		t.Errorf("the link was not ended with its last user: %v", err)
	}
	if !errors.Is(second.Err(), ErrClosed) || second.Close() != nil || len(c.links) != 0 {
		t.Errorf("closed client: %v, %d links", second.Err(), len(c.links))
	}
}

func TestCloseOfTheCentralEndsItsLinks(t *testing.T) {
	f, d, c := startStrap(t)
	client := connect(t, c)
	d2 := f.device(&fakeAdapter{path: "/org/bluez/hci0"}, "C0:FF:EE:00:00:02", "Slow")
	d2.set(func() {
		d2.onConnect = func(context.Context) error {
			<-d2.cancel
			return bluezgen.ErrFailed
		}
	})
	f.settle(c)
	connecting := make(chan error)
	go func() {
		_, err := c.Connect(t.Context(), Address{0xC0, 0xFF, 0xEE, 0, 0, 2}, ConnectOptions{})
		connecting <- err
	}()
	f.await("dev_C0_FF_EE_00_00_02.Connect", 1)
	if err := c.Close(); err != nil {
		t.Error(err)
	}
	if err := <-connecting; !errors.Is(err, ErrClosed) {
		t.Errorf("connect: %v", err)
	}
	if !errors.Is(client.Err(), ErrClosed) || d.Properties().Connected || f.count("dev_C0_FF_EE_00_00_02.Disconnect") != 1 {
		t.Errorf("client: %v", client.Err())
	}
}

func TestClientOfANamelessDeviceAndAnOldBlueZ(t *testing.T) {
	f, d, c := startStrap(t)
	d.update(bluezgen.Device1Properties{
		Device1Set: bluezgen.Device1SetOf(bluezgen.Device1Alias, bluezgen.Device1Name), Alias: "C0-FF-EE-00-00-01",
	})
	for _, char := range []*fakeCharacteristic{d.measurement, d.control} {
		if err := char.Invalidate(bluezgen.GattCharacteristic1MTU); err != nil {
			t.Fatal(err)
		}
	}
	go f.whenCalled("hci0.StartDiscovery", 1, func() { d.heard(-1) })
	adv, err := c.FindDevice(t.Context(), ScanOptions{})
	if err != nil {
		t.Fatal(err)
	}
	client, err := c.Connect(t.Context(), adv, ConnectOptions{})
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	if client.Name() != "" {
		t.Errorf("name %q", client.Name())
	}
	if mtu, err := client.MTU(t.Context()); err != nil || mtu != 23 {
		t.Errorf("MTU %d, %v", mtu, err)
	}
	d.update(bluezgen.Device1Properties{Device1Set: bluezgen.Device1SetOf(bluezgen.Device1Alias), Alias: "My strap"})
	f.settle(c)
	if client.Name() != "My strap" {
		t.Errorf("name %q", client.Name())
	}
	d.linkDown()
	f.wait(client.Disconnected(), "the end")
	if _, err := client.MTU(t.Context()); !errors.Is(err, ErrNotConnected) {
		t.Errorf("MTU afterwards: %v", err)
	}
}

func TestClientThatWaitsInVainForItsTurnStillEndsTheLink(t *testing.T) {
	f, d, c := startStrap(t)
	client := connect(t, c)
	client.link.change <- struct{}{} // another client connects, and takes long
	impatient, cancel := context.WithCancel(t.Context())
	cancel()
	if client.depart(impatient); f.count(disconnectCall) != 1 || d.Properties().Connected {
		t.Error("the link was left up")
	}
	<-client.link.change
}

func TestNoAttributeIsNotFound(t *testing.T) {
	_, _, c := startStrap(t)
	client := connect(t, c)
	ctx, service := t.Context(), client.Services()[0]
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

func TestDisconnectThatFailsLeavesTheClientConnected(t *testing.T) {
	f, d, c := startStrap(t)
	client := connect(t, c)
	d.set(func() { d.stuck = true })
	ctx, cancel := context.WithCancel(t.Context())
	go f.whenCalled(disconnectCall, 1, cancel)
	if err := client.Disconnect(ctx); !errors.Is(err, context.Canceled) || client.Err() != nil || client.leaving.Load() {
		t.Errorf("disconnect: %v; client: %v", err, client.Err())
	}
	d.linkDown()
	f.wait(client.Disconnected(), "the end")
	if !errors.Is(client.Err(), ErrDisconnected) {
		t.Errorf("client: %v", client.Err())
	}
}

func TestDisconnectLooksForTheEndThatIsNotSignalled(t *testing.T) {
	f, d, c := startStrap(t)
	d.set(func() { d.quiet = true })
	client := connect(t, c)
	d.set(func() { d.stuck = true })
	go f.whenCalled(disconnectCall, 1, func() { d.quietLink.Store(false) })
	if err := client.Disconnect(t.Context()); err != nil || !errors.Is(client.Err(), ErrClosed) {
		t.Errorf("disconnect: %v; client: %v", err, client.Err())
	}
}
