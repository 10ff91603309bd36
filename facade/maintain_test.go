//go:build linux

package facade

import (
	"context"
	"errors"
	"testing"

	"github.com/gobluez/bluez/facade/bluetest"
	"github.com/gobluez/bluez/gen/bus"
)

// A maintained thing tells what happens to it.
type maintained struct {
	w    *world
	held chan Adapter // those that it was held on
	lost chan error   // why it was not any more
	over chan error   // the end of Maintain
}

// maintain maintains something until ctx ends.
func (w *world) maintain(ctx context.Context, c *Central, m Maintenance) *maintained {
	k := &maintained{w: w, held: make(chan Adapter, 10), lost: make(chan error, 10), over: make(chan error, 1)}
	m.Hold = func(ctx context.Context, conn *bus.Conn, adapter Adapter, held func()) error {
		if conn.Err() != nil {
			w.t.Error(conn.Err())
		}
		held()
		k.held <- adapter
		<-ctx.Done()
		k.lost <- context.Cause(ctx)
		return context.Cause(ctx)
	}
	go func() { k.over <- c.Maintain(ctx, m) }()
	return k
}

// next waits for something to come.
func next[T any](w *world, from <-chan T, what string) T {
	w.t.Helper()
	ready := make(chan struct{})
	var v T
	go func() { defer close(ready); v = <-from }()
	w.wait(ready, what)
	return v
}

func TestMaintainedIsHeldAgainAfter(t *testing.T) {
	for name, test := range map[string]struct {
		powered bool
		disturb func(*world)
	}{
		"bluetoothd": {false, func(w *world) { w.check(w.RestartBluetoothd(w.t.Context())) }},
		"the bus": {false, func(w *world) {
			w.StopBus()
			w.check(w.StartBus(w.t.Context()))
		}},
		"the adapter": {false, func(w *world) {
			w.adapter().Unplug()
			_, err := w.AddAdapter(bluetest.AdapterConfig{})
			w.check(err)
		}},
		"power": {true, func(w *world) {
			w.adapter().Power(false)
			w.adapter().Power(true)
		}},
	} {
		t.Run(name, func(t *testing.T) {
			w := startWorld(t)
			ctx, cancel := context.WithCancel(t.Context())
			k := w.maintain(ctx, w.open(Options{}), Maintenance{Powered: test.powered})
			next(w, k.held, "the beginning")
			test.disturb(w)
			if err := next(w, k.lost, "the loss"); !errors.Is(err, ErrUnavailable) {
				t.Errorf("lost by %v", err)
			}
			if a := next(w, k.held, "the return"); a.Name != "hci0" {
				t.Errorf("it is on %s", a)
			}
			cancel()
			if err := next(w, k.over, "the end"); !errors.Is(err, context.Canceled) {
				t.Error(err)
			}
		})
	}
}

func TestMaintainedWithoutPowerOutlivesPowerOff(t *testing.T) {
	w := startWorld(t)
	c := w.open(Options{})
	w.adapter().Power(false)
	w.settle(c)
	k := w.maintain(t.Context(), c, Maintenance{})
	next(w, k.held, "the beginning")
	w.adapter().Power(true)
	w.adapter().Power(false)
	w.settle(c)
	if len(k.lost) != 0 {
		t.Error(<-k.lost)
	}
	w.check(c.Close())
	if err := next(w, k.over, "the end"); !errors.Is(err, ErrClosed) {
		t.Error(err)
	}
	if len(k.lost) != 1 {
		t.Error("Close does not wait")
	}
}

func TestWhatCannotBeMaintainedIsAnError(t *testing.T) {
	w := startWorld(t)
	c := w.open(Options{})
	w.adapter().Power(false)
	w.settle(c)
	hold := func(err error) func(context.Context, *bus.Conn, Adapter, func()) error {
		return func(context.Context, *bus.Conn, Adapter, func()) error { return err }
	}
	own := errors.New("own")
	for name, test := range map[string]struct {
		m    Maintenance
		want error
	}{
		"off":     {Maintenance{Powered: true, Hold: hold(nil)}, ErrAdapterOff},
		"unknown": {Maintenance{Adapter: "hci9", Hold: hold(nil)}, ErrNoAdapter},
		"unable":  {Maintenance{Able: func(Adapter) bool { return false }, Hold: hold(nil)}, ErrNoAdapter},
		"own":     {Maintenance{Hold: hold(own)}, own},
		"BlueZ's": {Maintenance{Hold: hold(bus.ErrNameHasNoOwner)}, ErrNoBlueZ},
		"done":    {Maintenance{Hold: hold(nil)}, nil},
	} {
		if err := c.Maintain(t.Context(), test.m); !errors.Is(err, test.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
	w.check(c.Close())
	if err := c.Maintain(t.Context(), Maintenance{Hold: hold(nil)}); !errors.Is(err, ErrClosed) {
		t.Error(err)
	}
}

func TestHoldThatFailsIsTriedAgain(t *testing.T) {
	w := startWorld(t)
	c := w.open(Options{})
	calls := 0
	err := c.Maintain(t.Context(), Maintenance{Hold: func(_ context.Context, _ *bus.Conn, _ Adapter, held func()) error {
		if calls++; calls == 4 {
			return nil
		} else if calls == 1 {
			held()
		}
		return errors.New("failed")
	}})
	if err != nil || calls != 4 {
		t.Errorf("%d calls, %v", calls, err)
	}
}

func TestMaintainedStaysOnItsAdapter(t *testing.T) {
	w := startWorld(t, bluetest.AdapterConfig{}, bluetest.AdapterConfig{})
	c := w.open(Options{})
	w.adapter().Power(false)
	w.settle(c)
	ctx, cancel := context.WithCancel(t.Context())
	k := w.maintain(ctx, c, Maintenance{Powered: true})
	if a := next(w, k.held, "the beginning"); a.Name != "hci1" {
		t.Errorf("it is on %s", a)
	}
	w.Adapter("hci1").Power(false)
	next(w, k.lost, "the loss")
	w.adapter().Power(true)
	w.settle(c)
	w.Adapter("hci1").Power(true)
	if a := next(w, k.held, "the return"); a.Name != "hci1" {
		t.Errorf("it is on %s", a)
	}
	cancel()
	<-k.over
}

func TestDeviceAtAPath(t *testing.T) {
	w := startWorld(t)
	w.know(w.add(silent(number(1), "one")), bluetest.Advertisement{RSSI: -40})
	c := w.open(Options{})
	known, unknown := c.DeviceAt(devicePath(hci0, number(1))), c.DeviceAt(devicePath(hci0, number(2)))
	if known.Name != "one" || known.Connected || known.Address != number(1) || known.Adapter != "hci0" {
		t.Errorf("%+v", known)
	}
	if unknown.Address != number(2) || unknown.Adapter != "hci0" || unknown.Path() != devicePath(hci0, number(2)) {
		t.Errorf("%+v", unknown)
	}
	if d := c.DeviceAt("/nothing"); !d.Address.IsZero() || d.Path() != "/nothing" {
		t.Errorf("%+v", d)
	}
}

func TestSharedCentralIsTheDefaultOne(t *testing.T) {
	w := startWorld(t)
	t.Setenv("DBUS_SYSTEM_BUS_ADDRESS", w.Address())
	one, release, err := Share(t.Context())
	w.check(err)
	two, releaseTwo, err := Share(t.Context())
	w.check(err)
	if one != two || one.NewPath() == two.NewPath() {
		t.Error("not shared, or paths are not new")
	}
	releaseTwo()
	release()
	if one.err() != ErrClosed {
		t.Error("not closed with its last user")
	}
}
