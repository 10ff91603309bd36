//go:build linux

package facade

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/gobluez/bluez/facade/bluetest"
)

func TestConnectToADeviceThatWasNeverHeard(t *testing.T) {
	w := startWorld(t, bluetest.Experimental())
	p := w.add(newStrap())
	c := w.open(Options{})
	client, err := c.Connect(t.Context(), strap, ConnectOptions{AddressType: AddressRandom})
	if err != nil {
		t.Fatal(err)
	}
	if value, err := client.Read(t.Context(), measurement); err != nil || string(value) != "value" {
		t.Errorf("read %q, %v", value, err)
	}
	if n := w.calls.Count("StartDiscovery"); n != 0 {
		t.Errorf("%d scans", n)
	}
	w.check(client.Close())
	if p.Connected() {
		t.Error("Close has left the connection")
	}
	// Now it is known.
	again, err := c.Connect(t.Context(), strap, ConnectOptions{AddressType: AddressRandom})
	if err != nil {
		t.Fatal(err)
	}
	w.check(again.Close())
	if n := w.calls.Count("ConnectDevice"); n != 1 {
		t.Errorf("ConnectDevice was called %d times", n)
	}
}

func TestConnectScansWhereBlueZCannotDoWithout(t *testing.T) {
	w := startWorld(t)
	w.add(newStrap())
	c := w.open(Options{})
	client, err := c.Connect(t.Context(), strap, ConnectOptions{AddressType: AddressRandom})
	if err != nil {
		t.Fatal(err)
	}
	w.check(client.Close())
	if n, m := w.calls.Count("ConnectDevice"), w.calls.Count("StartDiscovery"); n != 1 || m != 1 {
		t.Errorf("%d times ConnectDevice, %d scans", n, m)
	}
}

func TestConnectToWhatDoesNotAnswerIsNotFound(t *testing.T) {
	w := startWorld(t, bluetest.Experimental(), bluetest.Delays{Connect: 50 * time.Millisecond})
	w.add(newStrap())
	c := w.open(Options{})
	for name, test := range map[string]struct {
		address Address
		kind    AddressType
	}{
		"nobody":         {number(7), AddressRandom},
		"the wrong kind": {strap, AddressPublic},
	} {
		_, err := c.Connect(t.Context(), test.address, ConnectOptions{AddressType: test.kind})
		if !errors.Is(err, ErrNotFound) {
			t.Errorf("%s: %v, want ErrNotFound", name, err)
		}
	}
	w.adapter().Power(false)
	w.settle(c)
	if _, err := c.Connect(t.Context(), number(8), ConnectOptions{AddressType: AddressRandom}); !errors.Is(err, ErrAdapterOff) {
		t.Errorf("without power: %v", err)
	}
}

func TestConnectThatIsNotWaitedForIsUndone(t *testing.T) {
	w := startWorld(t, bluetest.Experimental())
	d := newStrap()
	d.Advertisement.Silent = true
	p := w.add(d)
	c := w.open(Options{})
	ctx, cancel := context.WithCancel(t.Context())
	w.whenCalled("ConnectDevice", 1, cancel)
	if _, err := c.Connect(ctx, strap, ConnectOptions{AddressType: AddressRandom}); !errors.Is(err, context.Canceled) {
		t.Errorf("it ended with %v", err)
	}
	p.Advertise()
	w.await("Disconnect", 1)
}
