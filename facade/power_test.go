//go:build linux

package facade

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/gobluez/bluez/bluezgen"
	"github.com/gobluez/bluez/facade/bluetest"
	"github.com/gobluez/bluez/gen/bus"
)

func TestSetPoweredReturnsWhenItIsDone(t *testing.T) {
	w := startWorld(t, bluetest.AdapterConfig{Name: "hci0"}, bluetest.AdapterConfig{Name: "hci1"})
	c := w.open(Options{})
	powered := func() (all string) {
		t.Helper()
		adapters, err := c.Adapters(t.Context())
		w.check(err)
		for _, a := range adapters {
			if a.Powered {
				all += a.Name
			}
		}
		return all
	}
	for _, step := range []struct {
		adapter string
		on      bool
		want    string
	}{
		{"hci0", true, "hci0hci1"},                      // nothing to do
		{"", false, "hci1"},                             // the default is the first that is on
		{"", false, ""},                                 // likewise
		{"", true, "hci0"},                              // and the first where none is
		{w.Adapter("hci1").Address(), true, "hci0hci1"}, // by address
		{"hci1", false, "hci0"},                         // by name
	} {
		err := c.SetPowered(t.Context(), step.adapter, step.on)
		if got := powered(); err != nil || got != step.want {
			t.Errorf("%q %t: %v, %q is powered, want %q", step.adapter, step.on, err, got, step.want)
		}
	}
	if err := c.SetPowered(t.Context(), "hci7", true); !errors.Is(err, ErrNoAdapter) {
		t.Errorf("no such adapter: %v", err)
	}
	w.CrashBluetoothd()
	if err := c.SetPowered(t.Context(), "hci0", false); !errors.Is(err, ErrNoBlueZ) || err.Error()[:14] != "power off hci0" {
		t.Errorf("without bluetoothd: %v", err)
	}
}

func TestSetPoweredInsistsWhileSomebodyElseDoesIt(t *testing.T) {
	w := startWorld(t)
	c := w.open(Options{})
	defer w.RefuseCalls("Set", 2, bluezgen.ErrBusy)()
	if err := c.SetPowered(t.Context(), "", false); err != nil || w.calls.Count("Set") != 3 {
		t.Errorf("%v after %d attempts", err, w.calls.Count("Set"))
	}
}

func TestSetPoweredSaysWhyItCannot(t *testing.T) {
	w := startWorld(t)
	w.adapter().Power(false)
	c := w.open(Options{})
	for _, test := range []struct{ reply, want *bus.Error }{
		{bluezgen.ErrBlocked.With("Blocked through rfkill"), bluezgen.ErrBlocked},
		{bus.ErrAccessDenied.With("not for you"), bus.ErrAccessDenied},
		{bluezgen.ErrFailed, bluezgen.ErrFailed},
	} {
		undo := w.RefuseCalls("Set", 0, test.reply)
		err := c.SetPowered(t.Context(), "", true)
		undo()
		if !errors.Is(err, test.want) || errors.Is(err, ErrAdapterOff) != (test.want == bluezgen.ErrBlocked) {
			t.Errorf("%v: %v", test.reply, err)
		}
	}
}

// BlueZ answers once the adapter has done it, which may be never.
func TestSetPoweredEndsWithTheAdapter(t *testing.T) {
	for name, test := range map[string]struct {
		end  func(*world) error
		want error
	}{
		"it is unplugged":      {func(w *world) error { w.adapter().Unplug(); return nil }, ErrNoAdapter},
		"it is reset":          {func(w *world) error { return w.adapter().Reset() }, ErrNoAdapter},
		"bluetoothd crashes":   {func(w *world) error { w.CrashBluetoothd(); return nil }, ErrNoBlueZ},
		"the bus ends":         {func(w *world) error { w.StopBus(); return nil }, ErrNoBus},
		"somebody gives it up": {func(*world) error { return nil }, context.Canceled},
	} {
		t.Run(name, func(t *testing.T) {
			w := startWorld(t, bluetest.Delays{PowerOn: time.Hour})
			c := w.open(Options{})
			ctx, cancel := context.WithTimeout(t.Context(), inTime)
			defer cancel()
			w.whenCalled("Set", 1, func() {
				w.settle(c) // BlueZ has begun
				if w.check(test.end(w)); test.want == context.Canceled {
					cancel()
				}
			})
			if err := c.SetPowered(ctx, "", false); !errors.Is(err, test.want) {
				t.Errorf("%v, want %v", err, test.want)
			}
		})
	}
}

func TestScansResumeWhenTheAdapterIsOnAgain(t *testing.T) {
	w := startWorld(t)
	p := w.add(silent(strap, "Strap"))
	c := w.open(Options{})
	_, heard := collect(t, c, ScanOptions{})
	w.check(c.SetPowered(t.Context(), "", false))
	w.check(c.SetPowered(t.Context(), "", true))
	w.await("StartDiscovery", 2)
	w.settle(c)
	w.packet(p, -60)
	expect(t, heard, "Strap -60")
}
