//go:build linux

package facade

import (
	"errors"
	"testing"

	"github.com/gobluez/bluez/facade/bluetest"
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
