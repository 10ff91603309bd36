//go:build linux

package peripheral

import (
	"context"
	"errors"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gobluez/bluez/bluezgen"
	"github.com/gobluez/bluez/facade"
	"github.com/gobluez/bluez/gen/bus"
)

// acquire subscribes for the phone.
func (d *bluetoothd) acquire() *os.File {
	d.t.Helper()
	socket, _, err := d.char(0, 0).AcquireNotify(d.t.Context(), bluezgen.AcquireOptions{Device: phone, Link: bluezgen.LinkTypeLE, MTU: bus.Some[uint16](50)})
	d.must(err)
	d.t.Cleanup(func() { socket.Close() })
	return socket
}

// packet reads a packet from a socket.
func (d *bluetoothd) packet(socket *os.File) string {
	d.t.Helper()
	buffer := make([]byte, 600)
	n, err := socket.Read(buffer)
	d.must(err)
	return string(buffer[:n])
}

// changes are the values that a characteristic changes to.
func (d *bluetoothd) changes() <-chan string {
	d.t.Helper()
	values := make(chan string, 10)
	sub, err := d.char(0, 0).OnPropertiesChanged(d.t.Context(), func(u bluezgen.GattCharacteristic1Update) { values <- string(u.Value) })
	d.must(err)
	d.t.Cleanup(func() { sub.Close() })
	return values
}

func notifies(p ...facade.Property) *Characteristic {
	return &Characteristic{UUID: batteryLevel, Properties: p}
}

func TestNotificationGoesThroughTheSocketOfTheSubscriber(t *testing.T) {
	d, central := startBluetoothd(t)
	char := notifies("notify")
	app, events := watched(one(char))
	s := d.serve(central, app)
	d.connected(true)
	expect(t, events, Connected)
	socket := d.acquire()
	d.must(s.Notify(t.Context(), char, []byte("hello")))
	if got := d.packet(socket); got != "hello" || string(s.Value(char)) != "hello" {
		t.Errorf("%q, value %q", got, s.Value(char))
	}
	subscribers := s.Subscribers(char)
	if len(subscribers) != 1 || subscribers[0].Link() != LinkLE || subscribers[0].MTU() != 50 {
		t.Fatalf("subscribers %+v", subscribers)
	}
	d.must(subscribers[0].Notify(t.Context(), []byte("you")))
	if got := d.packet(socket); got != "you" {
		t.Errorf("%q", got)
	}
	socket.Close()
	for _, want := range []EventKind{Subscribed, Unsubscribed} {
		if e := receive(t, events, want.String()); e.Kind != want || e.Device.Address.String() != "C0:FF:EE:00:00:01" {
			t.Errorf("event %v, want %v", e, want)
		}
	}
	if err := subscribers[0].Notify(t.Context(), []byte{1}); !errors.Is(err, errUnsubscribed) {
		t.Error(err)
	}
	if len(s.Subscribers(char)) != 0 {
		t.Error("still subscribed")
	}
}

func TestSubscribedRunsWhileTheDeviceIsSubscribed(t *testing.T) {
	d, central := startBluetoothd(t)
	char, ended := notifies("notify"), make(chan error, 1)
	char.Subscribed = func(ctx context.Context, s *Subscriber) {
		if err := s.Notify(ctx, []byte("welcome")); err != nil {
			t.Error(err)
		}
		<-ctx.Done()
		ended <- context.Cause(ctx)
	}
	d.serve(central, one(char))
	socket := d.acquire()
	if got := d.packet(socket); got != "welcome" {
		t.Errorf("%q", got)
	}
	socket.Close()
	if err := receive(t, ended, "the end"); err != errUnsubscribed {
		t.Error(err)
	}
}

func TestPanicOfSubscribedEndsNothingElse(t *testing.T) {
	d, central := startBluetoothd(t)
	char := notifies("notify")
	char.Subscribed = func(context.Context, *Subscriber) { panic("ouch") }
	s := d.serve(central, one(char))
	socket := d.acquire()
	d.must(s.Notify(t.Context(), char, []byte("on")))
	if got := d.packet(socket); got != "on" {
		t.Errorf("%q", got)
	}
}

func TestWhatASubscriberCannotGetIsRefused(t *testing.T) {
	d, central := startBluetoothd(t)
	char := notifies("notify")
	app, events := watched(one(char))
	s := d.serve(central, app)
	d.connected(true)
	expect(t, events, Connected)
	d.acquire()
	subscriber := s.Subscribers(char)[0]
	if err := subscriber.Notify(t.Context(), make([]byte, 48)); !errors.Is(err, facade.ATTInvalidValueLength) || !strings.Contains(err.Error(), "48 bytes, more than 47") {
		t.Error(err)
	}
	if err := subscriber.Notify(t.Context(), nil); !errors.Is(err, errors.ErrUnsupported) {
		t.Error(err)
	}
	if err := s.Notify(t.Context(), char, make([]byte, 513)); !errors.Is(err, facade.ATTInvalidValueLength) {
		t.Error(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := subscriber.Notify(ctx, []byte{1}); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	// A request tells that the MTU is another by now.
	_, _ = d.char(0, 0).ReadValue(t.Context(), bluezgen.ReadOptions{Device: phone, MTU: bus.Some[uint16](100)})
	if err := subscriber.Notify(t.Context(), make([]byte, 97)); err != nil {
		t.Error(err)
	}
}

func TestEmptyValueIsToldByTheProperty(t *testing.T) {
	d, central := startBluetoothd(t)
	char := notifies("notify")
	s := d.serve(central, one(char))
	d.acquire()
	values := d.changes()
	d.must(s.Notify(t.Context(), char, nil))
	if v := receive(t, values, "the change"); v != "" {
		t.Errorf("%q", v)
	}
}

func TestIndicationWaitsForItsConfirmation(t *testing.T) {
	d, central := startBluetoothd(t)
	char := notifies("indicate")
	s := d.serve(central, one(char))
	socket := d.acquire()
	done := make(chan error, 2)
	go func() { done <- s.Notify(t.Context(), char, []byte("a")) }()
	if got := d.packet(socket); got != "a" {
		t.Errorf("%q", got)
	}
	if len(done) != 0 {
		t.Error("confirmed already")
	}
	_, err := socket.Write([]byte{1})
	d.must(err)
	if err := receive(t, done, "the confirmation"); err != nil {
		t.Error(err)
	}
	subscriber := s.Subscribers(char)[0]
	go func() { done <- subscriber.Notify(t.Context(), []byte("b")) }()
	d.packet(socket)
	socket.Close()
	if err := receive(t, done, "the end"); !errors.Is(err, facade.ErrClosed) {
		t.Error(err)
	}
}

func TestBlueZThatDoesNotAcquire(t *testing.T) {
	d, central := startBluetoothd(t)
	char := notifies("indicate")
	app, events := watched(one(char))
	s := d.serve(central, app)
	ctx, c, values := t.Context(), d.char(0, 0), d.changes()
	d.must(c.StartNotify(ctx))
	first := s.Subscribers(char)
	d.must(c.StartNotify(ctx)) // another device
	if e := receive(t, events, "the subscription"); e.Kind != Subscribed || !e.Device.Address.IsZero() {
		t.Error(e)
	}
	if all := s.Subscribers(char); len(all) != 1 || all[0] != first[0] || all[0].MTU() != 0 || !all[0].Device().Address.IsZero() {
		t.Errorf("%+v", all)
	}
	done := make(chan error, 1)
	go func() { done <- s.Notify(ctx, char, []byte("x")) }()
	if v := receive(t, values, "the change"); v != "x" {
		t.Errorf("%q", v)
	}
	if len(done) != 0 {
		t.Error("confirmed already")
	}
	d.must(c.Confirm(ctx))
	if err := receive(t, done, "the confirmation"); err != nil {
		t.Error(err)
	}
	d.must(c.StopNotify(ctx))
	expect(t, events, Unsubscribed)
}

func TestBondedDeviceIsSubscribedWhenItConnectsAgain(t *testing.T) {
	d, central := startBluetoothd(t)
	char := notifies("notify")
	app, events := watched(one(char))
	s := d.serve(central, app)
	d.must(d.device.Update(bluezgen.Device1Properties{Device1Set: bluezgen.Device1SetOf(bluezgen.Device1Bonded), Bonded: true}))
	d.connected(true)
	expect(t, events, Connected)
	socket := d.acquire()
	expect(t, events, Subscribed)
	socket.Close()
	d.connected(false)
	expect(t, events, Unsubscribed, Disconnected)
	d.connected(true)
	expect(t, events, Connected, Subscribed)
	values := d.changes()
	// BlueZ tells of the MTU with each request.
	_, _ = d.char(0, 0).ReadValue(t.Context(), bluezgen.ReadOptions{Device: phone, MTU: bus.Some[uint16](30)})
	if err := s.Notify(t.Context(), char, make([]byte, 28)); !errors.Is(err, facade.ATTInvalidValueLength) {
		t.Error(err)
	}
	d.must(s.Notify(t.Context(), char, []byte("again")))
	if v := receive(t, values, "the change"); v != "again" {
		t.Errorf("%q", v)
	}
	socket = d.acquire() // it has unsubscribed and subscribed anew
	expect(t, events, Unsubscribed, Subscribed)
	d.must(s.Notify(t.Context(), char, []byte("anew")))
	if got := d.packet(socket); got != "anew" {
		t.Errorf("%q", got)
	}
}

func TestBondedDeviceThatUnsubscribedIsNot(t *testing.T) {
	d, central := startBluetoothd(t)
	char := notifies("notify")
	app, events := watched(one(char))
	s := d.serve(central, app)
	d.must(d.device.Update(bluezgen.Device1Properties{Device1Set: bluezgen.Device1SetOf(bluezgen.Device1Bonded), Bonded: true}))
	d.connected(true)
	expect(t, events, Connected)
	socket := d.acquire()
	socket.Close()
	expect(t, events, Subscribed, Unsubscribed) // told a second later, for BlueZ might yet say that it disconnected
	d.connected(false)
	d.connected(true)
	expect(t, events, Disconnected, Connected)
	if all := s.Subscribers(char); len(all) != 0 {
		t.Errorf("%+v", all)
	}
}

func TestStopNotifyIsTheEndOfBondedDevicesToo(t *testing.T) {
	d, central := startBluetoothd(t)
	char := notifies("notify")
	app, events := watched(one(char))
	s := d.serve(central, app)
	d.must(d.device.Update(bluezgen.Device1Properties{Device1Set: bluezgen.Device1SetOf(bluezgen.Device1Bonded), Bonded: true}))
	d.connected(true)
	expect(t, events, Connected)
	d.acquire().Close()
	d.connected(false)
	expect(t, events, Subscribed, Unsubscribed, Disconnected)
	d.must(d.char(0, 0).StopNotify(t.Context())) // for BlueZ, nobody is subscribed
	d.connected(true)
	expect(t, events, Connected)
	d.must(d.char(0, 0).StartNotify(t.Context()))
	if all := s.Subscribers(char); len(all) != 1 || !all[0].Device().Address.IsZero() {
		t.Errorf("%+v", all)
	}
}

func TestSlowSubscriberHoldsUpNobodyElse(t *testing.T) {
	d, central := startBluetoothd(t)
	char := notifies("notify")
	s := d.serve(central, one(char))
	d.acquire() // is never read
	other, _, err := d.char(0, 0).AcquireNotify(t.Context(), bluezgen.AcquireOptions{Device: "/org/bluez/hci0/dev_C0_FF_EE_00_00_02"})
	d.must(err)
	defer other.Close()
	subscribers := s.Subscribers(char)
	slices.SortFunc(subscribers, func(a, b *Subscriber) int { return strings.Compare(a.Device().String(), b.Device().String()) })
	if got := subscribers[1].Device(); got.Address.String() != "C0:FF:EE:00:00:02" || got.Adapter != "hci0" {
		t.Errorf("unknown device is %+v", got)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	for err == nil { // until the socket is full
		err = subscribers[0].Notify(ctx, []byte("full"))
	}
	if !errors.Is(err, context.DeadlineExceeded) {
		t.Error(err)
	}
	notified := make(chan error, 1)
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	go func() { notified <- s.Notify(ctx, char, []byte("quick")) }()
	if got := d.packet(other); got != "quick" {
		t.Errorf("%q", got)
	}
	stop()
	if err := receive(t, notified, "the end"); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}

func TestBusThatPassesNoDescriptors(t *testing.T) {
	d, _ := startBluetoothd(t)
	abstract, _, _ := strings.Cut(strings.TrimPrefix(d.daemon.Address(), "unix:abstract="), ",")
	central, err := facade.Open(t.Context(), facade.Options{Bus: "unixexec:path=" + os.Args[0] + ",argv1=relay,argv2=%40" + abstract})
	d.must(err)
	defer central.Close()
	written := make(chan string, 1)
	char := &Characteristic{UUID: batteryLevel, Properties: properties("notify", "write-without-response"), Acquire: true, Write: func(_ context.Context, _ *Request, value []byte) error {
		written <- string(value)
		return nil
	}}
	s := d.serve(central, one(char))
	ctx, c := t.Context(), d.char(0, 0)
	props, err := c.GetAll(ctx)
	d.must(err)
	if props.Has(bluezgen.GattCharacteristic1NotifyAcquired) || props.Has(bluezgen.GattCharacteristic1WriteAcquired) {
		t.Error("BlueZ would acquire")
	}
	d.must(c.WriteValue(ctx, []byte("w"), bluezgen.WriteOptions{Device: phone}))
	if got := receive(t, written, "the write"); got != "w" {
		t.Error(got)
	}
	d.must(c.StartNotify(ctx))
	values := d.changes()
	d.must(s.Notify(ctx, char, []byte("n")))
	if v := receive(t, values, "the change"); v != "n" {
		t.Error(v)
	}
}

func TestDeviceThatHasGoneIsNobodysPeer(t *testing.T) {
	d, central := startBluetoothd(t)
	app, events := watched(one(valid(func(c *Characteristic) { c.Properties = properties("read", "write") })))
	d.serve(central, app)
	d.connected(true)
	expect(t, events, Connected)
	d.connected(false)
	expect(t, events, Disconnected)
	d.must(d.char(0, 0).WriteValue(t.Context(), []byte("late"), bluezgen.WriteOptions{Device: phone}))
	d.connected(true)
	e := receive(t, events, "connected")
	d.connected(false)
	expect(t, events, Disconnected)
	if e.Kind != Connected || len(events) != 0 {
		t.Errorf("event %v, and %d more", e, len(events))
	}
}

func TestSubscriberThatLeavesMeanwhileIsNoError(t *testing.T) {
	d, central := startBluetoothd(t)
	char := notifies("notify")
	s := d.serve(central, one(char))
	for range 50 {
		socket := d.acquire()
		d.must(s.Notify(t.Context(), char, []byte("unread")))
		go socket.Close()
		for len(s.Subscribers(char)) > 0 {
			if err := s.Notify(t.Context(), char, []byte("more")); err != nil {
				t.Fatal(err)
			}
		}
	}
}
