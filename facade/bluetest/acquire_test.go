//go:build linux

package bluetest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime"
	"slices"
	"testing"
	"time"

	"github.com/gobluez/bluez/bluezgen"
)

// acquireNotify acquires notifications and checks what BlueZ says with that.
func (b *bench) acquireNotify(uuid string) *os.File {
	b.t.Helper()
	file, mtu, err := b.characteristic(uuid).AcquireNotify(b.t.Context(), bluezgen.AcquireOptions{})
	if err != nil {
		b.t.Fatal(err)
	}
	b.t.Cleanup(func() { file.Close() })
	if mtu != 517 {
		b.t.Errorf("MTU %d", mtu)
	}
	return file
}

// packet reads a packet of at most 1000 bytes.
func packet(t *testing.T, file *os.File) (string, error) {
	t.Helper()
	if err := file.SetReadDeadline(time.Now().Add(20 * time.Second)); err != nil {
		t.Fatal(err)
	}
	buffer := make([]byte, 1000)
	n, err := file.Read(buffer)
	return string(buffer[:n]), err
}

func TestAcquireNotify(t *testing.T) {
	b := newBench(t, notifier())
	b.connect()
	b.forget()
	ctx, c := t.Context(), b.characteristic("aa01")
	file := b.acquireNotify("aa01")
	for _, value := range []string{"one", "two", string(pattern(512))} {
		if err := b.device.Notify(ctx, "aa01", []byte(value)); err != nil {
			t.Fatal(err)
		}
		if got, err := packet(t, file); err != nil || got != value {
			t.Errorf("%q, %v, want %q", got, err, value)
		}
	}
	if err := c.StartNotify(ctx); !errorIs(err, bluezgen.ErrNotPermitted.With("Notify acquired")) {
		t.Errorf("StartNotify of what is acquired: %v", err)
	}
	if _, _, err := b.characteristic("aa01", dial(t, b.world)).AcquireNotify(ctx, bluezgen.AcquireOptions{}); !errorIs(err, bluezgen.ErrNotPermitted.With("Notify acquired")) {
		t.Errorf("acquire it again: %v", err)
	}
	file.Close()
	b.await("char000b NotifyAcquired=false", 1)
	b.awaitUnsubscribed("aa01")
	if got := b.lines(); !slices.Equal(got, []string{"char000b NotifyAcquired=true", "char000b NotifyAcquired=false"}) {
		t.Errorf("%q; Value does not change", got)
	}
	if err := c.StartNotify(ctx); err != nil {
		t.Fatal(err)
	}
	if _, _, err := c.AcquireNotify(ctx, bluezgen.AcquireOptions{}); !errorIs(err, bluezgen.ErrInProgress.With("In Progress")) {
		t.Errorf("acquire while there is a session: %v", err)
	}
}

// An empty notification is an empty packet, which one read cannot tell from the end.
func TestEmptyNotificationIsAnEmptyPacket(t *testing.T) {
	b := newBench(t, notifier())
	b.connect()
	file := b.acquireNotify("aa01")
	for _, value := range []string{"", "full"} {
		if err := b.device.Notify(t.Context(), "aa01", []byte(value)); err != nil {
			t.Fatal(err)
		}
	}
	if got, err := packet(t, file); got != "" || !errors.Is(err, io.EOF) {
		t.Errorf("%q, %v", got, err)
	}
	if got, err := packet(t, file); got != "full" || err != nil {
		t.Errorf("%q, %v", got, err)
	}
}

// The socket is hung up by StopNotify of anybody, at the end of the link, and with the
// object.
func TestAcquiredSocketIsHungUp(t *testing.T) {
	for name, end := range map[string]func(b *bench) error{
		"StopNotify of another": func(b *bench) error {
			return b.characteristic("aa01", dial(b.t, b.world)).StopNotify(b.t.Context())
		},
		"the device disconnects": func(b *bench) error { b.device.Disconnect(); return nil },
		"Disconnect":             func(b *bench) error { return b.proxy.Disconnect(b.t.Context()) },
		"the service goes":       func(b *bench) error { return b.device.SetServices(nil) },
		"RemoveDevice": func(b *bench) error {
			return bluezgen.NewAdapter1(b.conn, "/org/bluez/hci0").RemoveDevice(b.t.Context(), b.proxy.Path())
		},
		"bluetoothd crashes": func(b *bench) error { b.world.CrashBluetoothd(); return nil },
	} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t, notifier())
			b.connect()
			if err := b.device.AwaitSubscribed(t.Context(), "2a05"); err != nil {
				t.Fatal(err)
			}
			file := b.acquireNotify("aa01")
			if err := end(b); err != nil {
				t.Fatal(err)
			}
			if got, err := packet(t, file); !errors.Is(err, io.EOF) {
				t.Errorf("%q, %v", got, err)
			}
		})
	}
}

// BlueZ writes to the socket without waiting, and what finds no room is lost.
func TestSlowReaderLosesNotifications(t *testing.T) {
	b := newBench(t, notifier())
	b.connect()
	file := b.acquireNotify("aa01")
	sent := 0
	for dropped := 0; dropped < 10; sent++ {
		if err := b.device.Notify(t.Context(), "aa01", fmt.Append(nil, sent)); err != nil {
			t.Fatal(err)
		}
		var err error
		if dropped, err = b.device.Dropped("aa01"); err != nil {
			t.Fatal(err)
		}
	}
	for n := range sent - 10 {
		if got, err := packet(t, file); err != nil || got != fmt.Sprint(n) {
			t.Fatalf("packet %d: %q, %v", n, got, err)
		}
	}
	if err := b.device.Notify(t.Context(), "aa01", []byte("last")); err != nil {
		t.Fatal(err)
	}
	if got, err := packet(t, file); err != nil || got != "last" {
		t.Errorf("after the gap: %q, %v", got, err)
	}
}

// The socket is made when the device has responded; what comes before that is lost.
func TestAcquireNotifyLosesWhatComesBeforeTheResponse(t *testing.T) {
	d := notifier()
	d.Services[0].Characteristics[0].Descriptors = []Descriptor{{UUID: "2902", Write: func(ctx context.Context, p *Peripheral, value []byte) error {
		if value[0] == 0 {
			return nil
		}
		return p.Notify(ctx, "aa01", []byte("hasty"))
	}}}
	b := newBench(t, d)
	b.connect()
	file := b.acquireNotify("aa01")
	if err := b.device.Notify(t.Context(), "aa01", []byte("next")); err != nil {
		t.Fatal(err)
	}
	if got, err := packet(t, file); err != nil || got != "next" {
		t.Errorf("%q, %v", got, err)
	}
	if n, err := b.device.Dropped("aa01"); err != nil || n != 1 {
		t.Errorf("dropped %d, %v", n, err)
	}
}

func TestAcquireNotifyOfIndications(t *testing.T) {
	for version, works := range map[Version]bool{"5.79": false, "5.80": true} {
		b := newBench(t, notifier(), version)
		b.connect()
		file, _, err := b.characteristic("aa02").AcquireNotify(t.Context(), bluezgen.AcquireOptions{})
		if !works {
			if !errorIs(err, bluezgen.ErrNotSupported.With("Operation is not supported")) {
				t.Errorf("%s: %v", version, err)
			}
			continue
		}
		if err != nil {
			t.Errorf("%s: %v", version, err)
			continue
		}
		defer file.Close()
		if err := b.device.Notify(t.Context(), "aa02", []byte("sure")); err != nil {
			t.Error(err)
		}
		if got, err := packet(t, file); err != nil || got != "sure" {
			t.Errorf("%q, %v", got, err)
		}
	}
}

// A socket that is asked for while the services are being resolved is made after that,
// or not at all if the link ends before.
func TestAcquireWaitsForTheServices(t *testing.T) {
	d := notifier()
	d.Services[0].Characteristics[0].Flags = flags(fNotify, fCommand)
	b := newBench(t, d)
	b.connect()
	b.disconnect()
	b.world.do(func() { b.device.declared.Connection.Resolve = ResolveNever })
	if err := b.proxy.Connect(t.Context()); err != nil {
		t.Fatal(err)
	}
	ctx, c := t.Context(), b.characteristic("aa01") // the object is there from before
	results := make(chan error, 2)
	go func() {
		_, _, err := c.AcquireNotify(ctx, bluezgen.AcquireOptions{})
		results <- err
	}()
	go func() {
		_, _, err := c.AcquireWrite(ctx, bluezgen.AcquireOptions{})
		results <- err
	}()
	for waiting := false; !waiting; runtime.Gosched() {
		b.world.do(func() {
			waiting = len(b.world.adapters[0].object().devices[b.proxy.Path()].gatt.whenReady) == 2
		})
		if len(results) > 0 {
			t.Fatalf("a socket before the services: %v", <-results)
		}
	}
	b.device.Disconnect()
	for range 2 {
		if err := <-results; !errorIs(err, bluezgen.ErrFailed.With("Not connected")) {
			t.Errorf("acquire: %v", err)
		}
	}
}

func TestAcquireWrite(t *testing.T) {
	b := newBench(t, Device{Connection: Connection{MTU: 100}, Services: []Service{{UUID: "aa00", Characteristics: []Characteristic{
		{UUID: "aa01", Flags: flags(fWrite, fCommand, fRead)},
		{UUID: "aa02", Flags: flags(fWrite)},
	}}}})
	b.connect()
	b.forget()
	ctx, c := t.Context(), b.characteristic("aa01")
	file, mtu, err := c.AcquireWrite(ctx, bluezgen.AcquireOptions{})
	if err != nil || mtu != 100 {
		t.Fatal(mtu, err)
	}
	defer file.Close()
	for _, value := range []string{"one", string(pattern(97)), string(pattern(98)), string(pattern(1000)), "two"} {
		if _, err := file.Write([]byte(value)); err != nil {
			t.Fatal(err)
		}
	}
	written, err := b.device.AwaitWritten(ctx, "aa01", 3)
	if err != nil || len(written) != 3 || string(written[0]) != "one" || len(written[1]) != 97 || string(written[2]) != "two" {
		t.Errorf("%q, %v; what does not fit into a packet is lost", written, err)
	}
	acquired := bluezgen.ErrNotPermitted.With("Write acquired")
	if err := c.WriteValue(ctx, []byte("no"), bluezgen.WriteOptions{}); !errorIs(err, acquired) {
		t.Errorf("WriteValue: %v", err)
	}
	if _, _, err := c.AcquireWrite(ctx, bluezgen.AcquireOptions{}); !errorIs(err, acquired) {
		t.Errorf("acquire it again: %v", err)
	}
	if _, _, err := b.characteristic("aa02").AcquireWrite(ctx, bluezgen.AcquireOptions{}); !errorIs(err, bluezgen.ErrNotSupported) {
		t.Errorf("acquire what has no write without response: %v", err)
	}
	file.Close()
	b.await("char000b WriteAcquired=false", 1)
	if got := b.lines(); !slices.Equal(got, []string{"char000b WriteAcquired=true", "char000b WriteAcquired=false"}) {
		t.Errorf("%q", got)
	}
	if err := c.WriteValue(ctx, []byte("yes"), bluezgen.WriteOptions{}); err != nil {
		t.Errorf("WriteValue after that: %v", err)
	}

	file, _, err = c.AcquireWrite(ctx, bluezgen.AcquireOptions{})
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	b.device.Disconnect()
	if _, err := packet(t, file); !errors.Is(err, io.EOF) {
		t.Errorf("read at the end of the link: %v", err)
	}
	b.await("char000b WriteAcquired=false", 2)
}

// A reader that is stalled loses what comes meanwhile, and nothing else; signals are not
// lost.
func TestStalledReaderLosesNotifications(t *testing.T) {
	b := newBench(t, notifier())
	b.connect()
	file := b.acquireNotify("aa01")
	notify := func(value string) {
		t.Helper()
		if err := b.device.Notify(t.Context(), "aa01", []byte(value)); err != nil {
			t.Fatal(err)
		}
	}
	first, err := b.device.StallReader("aa01")
	if err != nil {
		t.Fatal(err)
	}
	second, err := b.device.StallReader("aa01")
	if err != nil {
		t.Fatal(err)
	}
	notify("lost")
	first()
	first() // does nothing
	notify("lost too")
	second()
	notify("heard")
	if got, err := packet(t, file); err != nil || got != "heard" {
		t.Errorf("%q, %v", got, err)
	}
	if n, err := b.device.Dropped("aa01"); err != nil || n != 2 {
		t.Errorf("dropped %d, %v", n, err)
	}
	file.Close()
	b.awaitUnsubscribed("aa01")
	if err := b.characteristic("aa01").StartNotify(t.Context()); err != nil {
		t.Fatal(err)
	}
	resume, err := b.device.StallReader("aa01")
	if err != nil {
		t.Fatal(err)
	}
	defer resume()
	notify("signalled")
	b.await("char000b Value=signalled", 1)
}
