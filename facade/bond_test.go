//go:build linux

package facade

import (
	"errors"
	"testing"

	"github.com/gobluez/bluez/bluezgen"
	"github.com/gobluez/bluez/facade/bluetest"
	"github.com/gobluez/bluez/gen/bus"
)

func TestForget(t *testing.T) {
	_, _, central, client := pairable(t, bluetest.Pairing{})
	if err := client.Pair(t.Context(), PairOptions{}); err != nil {
		t.Fatal(err)
	}
	if err := central.Forget(t.Context(), client.Device()); err != nil {
		t.Error(err)
	}
	<-client.Disconnected()
	if err := client.Err(); !errors.Is(err, ErrDisconnected) {
		t.Errorf("the client: %v", err)
	}
	for name, target := range map[string]Target{"device": client.Device(), "address": strap, "nothing": nil, "zero": Address{}} {
		if err := central.Forget(t.Context(), target); !errors.Is(err, ErrNotFound) {
			t.Errorf("%s: %v", name, err)
		}
	}
	again := connect(t, central)
	if again.Paired() {
		t.Error("still paired")
	}
}

func TestTrustedAndBlocked(t *testing.T) {
	w, _, central, client := pairable(t, bluetest.Pairing{})
	device := bluezgen.NewDevice1(w.program(), strapPath)
	state := func(want string) {
		t.Helper()
		p, err := device.GetAll(t.Context())
		w.check(err)
		got := ""
		if p.Trusted {
			got += "T"
		}
		if p.Blocked {
			got += "B"
		}
		if got != want {
			t.Errorf("state %q, want %q", got, want)
		}
	}
	w.check(central.SetTrusted(t.Context(), strap, true))
	state("T")
	w.check(central.SetBlocked(t.Context(), client.Device(), true))
	state("TB")
	<-client.Disconnected()
	w.check(central.SetBlocked(t.Context(), strap, false))
	w.check(central.SetTrusted(t.Context(), strap, false))
	state("")
}

func TestBondsNeedBlueZ(t *testing.T) {
	w, _, central := startStrap(t, nil)
	adapter := bluezgen.NewAdapter1(w.program(), hci0)
	w.check(adapter.SetPowered(t.Context(), false))
	if err := central.Forget(t.Context(), strap); !errors.Is(err, ErrAdapterOff) {
		t.Errorf("off: %v", err)
	}
	w.StopBluetoothd()
	w.settleEvents(central, false)
	if err := central.Forget(t.Context(), strap); !errors.Is(err, ErrNoBlueZ) {
		t.Errorf("without bluetoothd: %v", err)
	}
	central.Close()
	if err := central.SetTrusted(t.Context(), strap, true); !errors.Is(err, ErrClosed) {
		t.Errorf("closed: %v", err)
	}
}

// settleEvents waits until a Central has seen that bluetoothd is there, or is not.
func (w *world) settleEvents(c *Central, there bool) {
	w.t.Helper()
	seen := make(chan struct{}, 1)
	defer c.bus().mirror.Subscribe(func(e bus.Event) {
		select {
		case seen <- struct{}{}:
		default:
		}
	})()
	for c.bus().mirror.Present() != there {
		w.wait(seen, "bluetoothd")
	}
}

func TestBondsOnTheDefaultCentral(t *testing.T) {
	w, _, _, client := pairable(t, bluetest.Pairing{})
	t.Setenv("DBUS_SYSTEM_BUS_ADDRESS", w.Address())
	w.check(SetTrusted(t.Context(), strap, true))
	w.check(SetBlocked(t.Context(), strap, false))
	w.check(Forget(t.Context(), client.Device()))
	<-client.Disconnected()
	if err := Forget(t.Context(), strap); !errors.Is(err, ErrNotFound) {
		t.Errorf("error %v", err)
	}
}
