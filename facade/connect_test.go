//go:build linux

package facade

import (
	"bytes"
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/gobluez/bluez/bluezgen"
)

func TestConnectTriesAgainAfterAnAbort(t *testing.T) {
	f, d, c := startStrap(t)
	aborted := bluezgen.ErrFailed.With(abortedByLocal)
	var failures []error
	fail := func(errs ...error) { d.set(func() { failures = errs }) }
	d.set(func() {
		d.onConnect = func(context.Context) (err error) {
			d.set(func() {
				if len(failures) > 0 {
					err, failures = failures[0], failures[1:]
				}
			})
			return err
		}
	})
	fail(aborted, aborted)
	client := connect(t, c)
	if n := f.count(connectCall); n != 3 {
		t.Errorf("connected at attempt %d", n)
	}
	client.Close()
	fail(aborted, aborted, aborted)
	if _, err := c.Connect(t.Context(), strap, ConnectOptions{Attempts: 2}); !errors.Is(err, aborted) {
		t.Errorf("connect: %v", err)
	}
	fail(bluezgen.ErrFailed.With("le-connection-timeout"))
	if _, err := c.Connect(t.Context(), strap, ConnectOptions{}); !errors.Is(err, bluezgen.ErrFailed) || f.count(connectCall) != 6 {
		t.Errorf("connect: %v after %d attempts", err, f.count(connectCall))
	}
}

func TestConnectWaitsWhileBlueZIsBusyWithTheDevice(t *testing.T) {
	f, d, c := startStrap(t)
	busy := []error{
		bluezgen.ErrInProgress.With("In Progress"), bluezgen.ErrFailed.With(stillInProgress), bluezgen.ErrFailed.With(stillInProgress),
		bluezgen.ErrInProgress.With("In Progress"),
	}
	d.set(func() {
		d.onConnect = func(context.Context) error {
			if n := f.count(connectCall); n <= len(busy) {
				return busy[n-1]
			}
			return nil
		}
	})
	connect(t, c).Close()
	if f.count(connectCall) != len(busy)+1 || f.count(disconnectCall) != 1 {
		t.Errorf("%d Connect, %d Disconnect", f.count(connectCall), f.count(disconnectCall))
	}
	for _, reply := range []error{bluezgen.ErrInProgress, bluezgen.ErrFailed.With(stillInProgress), bluezgen.ErrAlreadyConnected} {
		d.set(func() {
			d.onConnect = func(context.Context) error {
				d.linkUp() // another program has
				return reply
			}
		})
		connect(t, c).Close()
		if n := f.count(disconnectCall); n != 1 || !d.Properties().Connected {
			t.Errorf("%v: the connection of another program was ended", reply)
		}
		d.linkDown()
		f.settle(c)
	}
}

func TestConnectIsCancelledInBlueZ(t *testing.T) {
	f, d, c := startStrap(t)
	d.set(func() {
		d.onConnect = func(context.Context) error {
			<-d.cancel
			return bluezgen.ErrFailed.With("br-connection-canceled")
		}
	})
	ctx, cancel := context.WithCancel(t.Context())
	go f.whenCalled(connectCall, 1, cancel)
	if _, err := c.Connect(ctx, strap, ConnectOptions{}); !errors.Is(err, context.Canceled) {
		t.Errorf("connect: %v", err)
	}
	if n := f.count(disconnectCall); n != 1 {
		t.Errorf("BlueZ was told %d times to give up", n)
	}
	if len(c.links) != 0 {
		t.Error("the attempt left a link behind")
	}
}

func TestConnectEndsWhileServicesAreResolved(t *testing.T) {
	for _, test := range []struct {
		name string
		end  func(d *fakeDevice, cancel func())
		want error
	}{
		{"its context ends", func(_ *fakeDevice, cancel func()) { cancel() }, context.Canceled},
		{"the device is removed", func(d *fakeDevice, _ func()) { d.remove() }, ErrDisconnected},
		{"the link is lost", func(d *fakeDevice, _ func()) { d.linkDown() }, ErrDisconnected},
	} {
		t.Run(test.name, func(t *testing.T) {
			f, d, c := startStrap(t)
			d.set(func() { d.resolving = true })
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			go f.whenCalled("dev_C0_FF_EE_00_00_01.resolving", 1, func() {
				f.settle(c)
				test.end(d, cancel)
			})
			if _, err := c.Connect(ctx, strap, ConnectOptions{Attempts: 1}); !errors.Is(err, test.want) {
				t.Errorf("connect: %v", err)
			}
			if d.Properties().Connected && test.want == context.Canceled || len(c.links) != 0 {
				t.Error("the attempt left a link behind")
			}
		})
	}
}

func TestConnectWantsADevice(t *testing.T) {
	f, d, c := startStrap(t)
	d.linkUp() // a stranger, that is there at once
	f.settle(c)
	for _, target := range []Target{nil, Address{}, Device{}, Advertisement{}} {
		client, err := c.Connect(t.Context(), target, ConnectOptions{})
		if err == nil {
			t.Errorf("%#v: connected to %s", target, client.Address())
			client.Close()
			continue
		}
		if !errors.Is(err, ErrNotFound) || !errors.As(err, new(*Error)) || !strings.Contains(err.Error(), "no device given") {
			t.Errorf("%#v: %v", target, err)
		}
	}
}

func TestConnectSurvivesTheRacesOfBlueZ(t *testing.T) {
	for _, test := range []struct {
		name         string
		quiet, early bool
	}{
		{"connected is never signalled", true, false},
		{"services resolved come before the services", false, true},
		{"both", true, true},
	} {
		t.Run(test.name, func(t *testing.T) {
			_, d, c := startStrap(t)
			d.set(func() { d.quiet, d.early = test.quiet, test.early })
			client := connect(t, c)
			if _, err := client.Characteristic(d.control.uuid()); err != nil || len(client.Services()) != 1 {
				t.Errorf("%v; services %v", err, client.Services())
			}
			if p, _, _ := client.link.properties(); !p.Connected {
				t.Error("the mirror does not know the connection")
			}
			if err := client.Err(); err != nil {
				t.Error(err)
			}
		})
	}
}

func TestConnectTriesAgainWhenTheLinkDropsTooEarly(t *testing.T) {
	f, d, c := startStrap(t)
	d.set(func() {
		d.onConnect = func(context.Context) error {
			if f.count(connectCall) > 1 {
				return nil
			}
			connected := bluezgen.Device1SetOf(bluezgen.Device1Connected)
			d.update(bluezgen.Device1Properties{Device1Set: connected, Connected: true})
			d.update(bluezgen.Device1Properties{Device1Set: connected})
			return bluezgen.ErrAlreadyConnected
		}
	})
	connect(t, c)
	if n := f.count(connectCall); n != 2 {
		t.Errorf("connected at attempt %d", n)
	}
}

func TestConnectToADeviceThatIsGone(t *testing.T) {
	f, d, c := startStrap(t)
	device := connect(t, c).Device()
	d.remove()
	f.settle(c)
	if _, err := c.Connect(t.Context(), device, ConnectOptions{}); !errors.Is(err, ErrNotFound) {
		t.Errorf("connect: %v", err)
	}
}

func TestConnectLooksForAnUnknownAddress(t *testing.T) {
	f := startFake(t)
	a := f.adapter("hci0", true)
	c := f.open(Options{})
	go f.whenCalled("hci0.StartDiscovery", 1, func() { f.device(a, strap.String(), "Strap") })
	client := connect(t, c)
	if client.Name() != "Strap" || a.discovering() != 0 {
		t.Errorf("connected to %q, %d discoveries", client.Name(), a.discovering())
	}
}

func TestReconnectTenTimes(t *testing.T) {
	f, d, c := startStrap(t)
	for range 10 {
		client := connect(t, c)
		if _, err := client.Read(t.Context(), d.measurement.uuid()); err != nil {
			t.Error(err)
		}
		d.linkDown()
		f.wait(client.Disconnected(), "the end")
		client.Close()
	}
	if rules := c.conn.Stats().MatchRules; rules > 5 {
		t.Errorf("%d match rules are left", rules)
	}
}

func TestConnectReadsNotTheWholeTreeAgain(t *testing.T) {
	f := startFake(t)
	f.device(f.adapter("hci0", true), strap.String(), "Strap", UUID16(0x180d))
	var trace bytes.Buffer
	c := f.open(Options{Trace: &trace})
	connect(t, c).Close()
	c.Close()
	if n := strings.Count(trace.String(), "ManagedObjects"); n != 1 {
		t.Errorf("all objects were read %d times, not when the Central was opened alone", n)
	}
}

func TestConnectTriesAgainAfterTheLateEndOfAnAbortedLink(t *testing.T) {
	f, d, c := startStrap(t)
	connected := bluezgen.Device1SetOf(bluezgen.Device1Connected)
	d.set(func() {
		d.onConnect = func(context.Context) error {
			if f.count(connectCall) > 1 {
				return nil
			}
			d.update(bluezgen.Device1Properties{Device1Set: connected, Connected: true})
			return bluezgen.ErrFailed.With(abortedByLocal)
		}
	})
	go f.whenCalled(connectCall, 1, func() {
		late := time.NewTimer(500 * time.Millisecond) // longer than Connect waits in between
		defer late.Stop()
		<-late.C
		d.update(bluezgen.Device1Properties{Device1Set: connected})
	})
	client, err := c.Connect(t.Context(), strap, ConnectOptions{Attempts: 2})
	if err != nil {
		t.Fatal(err)
	}
	client.Close()
}

func TestConnectWhoseAbortRemovesTheDevice(t *testing.T) {
	_, d, c := startStrap(t)
	d.set(func() {
		d.onConnect = func(context.Context) error {
			d.remove()
			return bluezgen.ErrFailed.With(abortedByLocal)
		}
	})
	_, err := c.Connect(t.Context(), strap, ConnectOptions{})
	if !errors.Is(err, ErrNotFound) || !errors.Is(err, bluezgen.ErrFailed) {
		t.Errorf("connect: %v", err)
	}
}
