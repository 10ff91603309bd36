//go:build linux

package facade

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gobluez/bluez/bluezgen"
	"github.com/gobluez/bluez/facade/bluetest"
	"github.com/gobluez/bluez/gen/bus"
)

// failures has attempts to connect to the strap fail: the first with the first error, and
// so on. The next ones succeed, until there are others.
type failures chan error

func newFailures() failures { return make(failures, 10) }

func (f failures) of(d *bluetest.Device) {
	d.Connection.Fail = func(int) error {
		select {
		case err := <-f:
			return err
		default:
			return nil
		}
	}
}

func (f failures) next(errs ...error) {
	for _, err := range errs {
		f <- err
	}
}

func TestConnectTriesAgainAfterAnAbort(t *testing.T) {
	t.Parallel() // it has to wait
	fail := newFailures()
	w, _, c := startStrap(t, fail.of)
	fail.next(bluetest.AbortByLocal(), bluetest.AbortByLocal())
	client := connect(t, c)
	if n := w.calls.Count("Connect"); n != 3 {
		t.Errorf("connected at attempt %d", n)
	}
	client.Close()
	fail.next(bluetest.AbortByLocal(), bluetest.AbortByLocal())
	if _, err := c.Connect(t.Context(), strap, ConnectOptions{Attempts: 2}); !errors.Is(err, bluezgen.ErrFailed.With(abortedByLocal)) {
		t.Errorf("connect: %v", err)
	}
	fail.next(bluetest.ConnectionTimeout())
	if _, err := c.Connect(t.Context(), strap, ConnectOptions{}); !errors.Is(err, bluezgen.ErrFailed) || w.calls.Count("Connect") != 6 {
		t.Errorf("connect: %v after %d attempts", err, w.calls.Count("Connect"))
	}
}

// A link may be lost while it is made in more ways than one, and BlueZ had other texts before 5.62.
func TestConnectTriesAgainAfterWhateverAbortedIt(t *testing.T) {
	t.Parallel() // it has to wait
	early := bluezgen.ErrFailed.With("br-connection-canceled")
	for _, test := range []struct {
		version bluetest.Version
		cause   error
		tries   int
	}{
		{bluetest.Version555, bluetest.AbortByLocal(), 2},
		{bluetest.Version555, bluetest.AbortByRemote(), 2},
		{bluetest.Version555, bluezgen.ErrFailed.With("Disconnected early"), 2},
		{bluetest.Version582, bluetest.AbortByRemote(), 2},
		{bluetest.Version582, bluetest.ConnectionUnknown(), 2},
		{bluetest.Version582, bluezgen.ErrFailed.With("le-connection-link-layer-protocol-error"), 2},
		{bluetest.Version582, early, 2},
		{bluetest.Version555, bluetest.ConnectionTimeout(), 1},
		{bluetest.Version582, bluetest.ConnectionRefused(), 1},
		{bluetest.Version582, bluetest.KeyMissing(), 1},
	} {
		fail := newFailures()
		w, _, c := startStrap(t, fail.of, test.version)
		fail.next(test.cause)
		client, err := c.Connect(t.Context(), strap, ConnectOptions{})
		if n := w.calls.Count("Connect"); n != test.tries || (err == nil) != (n == 2) {
			t.Errorf("%v in %s: %v after %d attempts", test.cause, test.version, err, n)
		}
		if err == nil {
			client.Close()
		}
	}
}

// inProgress is what the kernel refuses a connection with while an earlier one has not quite ended.
var inProgress = bluezgen.ErrFailed.With("Operation already in progress")

func TestConnectWaitsWhileBlueZIsBusyWithTheDevice(t *testing.T) {
	t.Parallel() // it has to wait
	busy := []error{
		bluezgen.ErrInProgress.With("In Progress"), inProgress, inProgress, bluetest.ConnectionBusy(), bluezgen.ErrInProgress.With("In Progress"),
	}
	for _, version := range []bluetest.Version{bluetest.Version555, bluetest.Version582} {
		fail := newFailures()
		w, _, c := startStrap(t, fail.of, version)
		fail.next(busy...)
		connect(t, c).Close()
		if connects, disconnects := w.calls.Count("Connect"), w.calls.Count("Disconnect"); connects != len(busy)+1 || disconnects != 1 {
			t.Errorf("%s: %d Connect, %d Disconnect", version, connects, disconnects)
		}
	}
}

func TestConnectTakesTheLinkThatAnotherProgramMakesMeanwhile(t *testing.T) {
	for _, reply := range []*bus.Error{
		bluezgen.ErrInProgress.With("In Progress"), inProgress, bluezgen.ErrAlreadyConnected.With("Already Connected"),
	} {
		w, p, c := startStrap(t, nil)
		program := w.program()
		defer w.RefuseCalls("Connect", 1, reply)()
		connected := make(chan struct{})
		w.whenCalled("Connect", 1, func() {
			defer close(connected)
			w.connectAs(program)
		})
		connect(t, c).Close()
		if n := w.calls.Count("Disconnect"); n != 0 || !p.Connected() {
			t.Errorf("%v: the connection of another program was ended", reply)
		}
		w.wait(connected, "the reply to the other program")
	}
}

func TestConnectIsCancelledInBlueZ(t *testing.T) {
	w, p, c := startStrap(t, nil)
	p.Vanish()
	ctx, cancel := context.WithCancel(t.Context())
	w.whenCalled("Connect", 1, cancel)
	if _, err := c.Connect(ctx, strap, ConnectOptions{}); !errors.Is(err, context.Canceled) {
		t.Errorf("connect: %v", err)
	}
	if n := w.calls.Count("Disconnect"); n != 1 {
		t.Errorf("BlueZ was told %d times to give up", n)
	}
	if c.Stats().Clients != 0 {
		t.Error("the attempt left a link behind")
	}
}

func TestConnectEndsWhileServicesAreResolved(t *testing.T) {
	gone := []error{ErrDisconnected, ErrNotFound, bluezgen.ErrFailed}
	for _, test := range []struct {
		name string
		end  func(w *world, p *bluetest.Peripheral, cancel func())
		want []error // any of these: the reply to Connect may be out, or not
	}{
		{"its context ends", func(_ *world, _ *bluetest.Peripheral, cancel func()) { cancel() }, []error{context.Canceled}},
		{"the device is removed", func(w *world, _ *bluetest.Peripheral, _ func()) {
			w.check(w.remove())
		}, gone},
		{"the link is lost", func(_ *world, p *bluetest.Peripheral, _ func()) { p.Disconnect() }, []error{ErrDisconnected, bluezgen.ErrFailed}},
		{"the adapter is switched off", func(w *world, _ *bluetest.Peripheral, _ func()) { w.adapter().Power(false) }, []error{ErrDisconnected, ErrAdapterOff, bluezgen.ErrFailed}},
		{"the adapter is unplugged", func(w *world, _ *bluetest.Peripheral, _ func()) { w.adapter().Unplug() }, gone},
		{"bluetoothd crashes", func(w *world, _ *bluetest.Peripheral, _ func()) { w.CrashBluetoothd() }, []error{ErrDisconnected, ErrNoBlueZ}},
		{"the bus ends", func(w *world, _ *bluetest.Peripheral, _ func()) { w.StopBus() }, []error{ErrNoBus}},
	} {
		t.Run(test.name, func(t *testing.T) {
			w, p, c := startStrap(t, func(d *bluetest.Device) { d.Connection.Resolve = bluetest.ResolveNever })
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			ended := make(chan struct{})
			defer onConnected(c, func() {
				go func() {
					defer close(ended)
					test.end(w, p, cancel)
				}()
			})()
			if _, err := c.Connect(ctx, strap, ConnectOptions{Attempts: 1}); !slices.ContainsFunc(test.want, func(want error) bool { return errors.Is(err, want) }) {
				t.Errorf("connect: %v", err)
			}
			w.wait(ended, "the end")
			if p.Connected() || c.Stats().Clients != 0 {
				t.Error("the attempt left a link behind")
			}
		})
	}
}

// onConnected does something when a Central first sees that the strap is connected.
func onConnected(c *Central, do func()) (cancel func()) {
	done := false
	return c.bus().mirror.Subscribe(func(e bus.Event) {
		if r, ok := e.Record.(*bluezgen.Device1Update); ok && r.Connected && !done {
			done = true
			do()
		}
	})
}

func TestConnectWantsADevice(t *testing.T) {
	w, _, c := startStrap(t, nil)
	w.connectAs(w.program()) // a stranger, that is there at once
	w.settle(c)
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
	t.Parallel() // it has to wait
	for name, resolve := range map[string]bluetest.Resolve{
		"connected is never signalled":                    bluetest.ResolveQuietly,
		"services resolved come before the services":      bluetest.ResolveEarly,
		"services resolved come before half the services": bluetest.ResolvePartly,
	} {
		t.Run(name, func(t *testing.T) {
			_, _, c := startStrap(t, func(d *bluetest.Device) {
				d.Connection.Resolve, d.Connection.Discovery = resolve, 150*time.Millisecond
			})
			client := connect(t, c)
			if _, err := client.Characteristic(control); err != nil || len(client.Services()) != 3 {
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
	w, p, c := startStrap(t, func(d *bluetest.Device) { d.Connection.Resolve = bluetest.ResolveNever })
	replaced := make(chan struct{})
	defer onConnected(c, func() {
		go func() {
			defer close(replaced)
			w.replace(p, newStrap())
		}()
	})()
	connect(t, c)
	if n := w.calls.Count("Connect"); n != 2 {
		t.Errorf("connected at attempt %d", n)
	}
	w.wait(replaced, "the other strap")
}

func TestConnectGivesUpWhenTheLinkAlwaysDropsTooEarly(t *testing.T) {
	t.Parallel() // it has to wait
	w, _, c := startStrap(t, func(d *bluetest.Device) {
		d.Connection.Resolve, d.Connection.Discovery = bluetest.ResolveAborted, 20*time.Millisecond
	})
	if _, err := c.Connect(t.Context(), strap, ConnectOptions{}); !errors.Is(err, ErrDisconnected) || w.calls.Count("Connect") != 3 {
		t.Errorf("connect: %v after %d attempts", err, w.calls.Count("Connect"))
	}
}

func TestConnectToADeviceThatIsGone(t *testing.T) {
	w, _, c := startStrap(t, nil)
	device := connect(t, c).Device()
	w.check(w.remove())
	w.settle(c)
	if _, err := c.Connect(t.Context(), device, ConnectOptions{}); !errors.Is(err, ErrNotFound) {
		t.Errorf("connect: %v", err)
	}
}

// BlueZ never answers a Connect whose device is removed, and tells of the removal alone.
func TestConnectWhoseDeviceIsRemovedMeanwhile(t *testing.T) {
	w, p, c := startStrap(t, nil)
	p.Vanish()
	w.whenCalled("Connect", 1, func() { w.check(w.remove()) })
	if _, err := c.Connect(t.Context(), strap, ConnectOptions{}); !errors.Is(err, ErrNotFound) {
		t.Errorf("connect: %v", err)
	}
	if c.Stats().Clients != 0 {
		t.Error("the attempt left a link behind")
	}
}

func TestConnectWhoseAbortRemovesTheDevice(t *testing.T) {
	w, _, c := startStrap(t, nil)
	defer w.RefuseCalls("Connect", 1, bluezgen.ErrFailed.With(abortedByLocal))()
	w.whenCalled("Connect", 1, func() { w.check(w.remove()) })
	_, err := c.Connect(t.Context(), strap, ConnectOptions{})
	if !errors.Is(err, ErrNotFound) || !errors.Is(err, bluezgen.ErrFailed) {
		t.Errorf("connect: %v", err)
	}
}

func TestConnectLooksForAnUnknownAddress(t *testing.T) {
	w := startWorld(t)
	w.add(newStrap())
	client := connect(t, w.open(Options{}))
	if client.Name() != "Strap" || w.discoveries() != 0 {
		t.Errorf("connected to %q, %d discoveries", client.Name(), w.discoveries())
	}
}

// A device that is connected is heard by no adapter, so that looking for it with the default one is in vain.
func TestConnectToAnAddressAttachesWhicheverAdapterHasIt(t *testing.T) {
	w := startWorld(t, bluetest.AdapterConfig{}, bluetest.AdapterConfig{})
	w.add(newStrap())
	other, err := w.open(Options{Adapter: "hci1"}).Connect(t.Context(), strap, ConnectOptions{})
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close()
	for _, test := range []struct {
		options Options
		adapter string
		want    error
	}{
		{Options{}, "", nil},
		{Options{}, "hci1", nil},
		{Options{}, "hci0", ErrNoDevice},
		{Options{Adapter: "hci0"}, "", ErrNoDevice},
	} {
		c := w.open(test.options)
		timeout := inTime
		if test.want != nil {
			timeout = 100 * time.Millisecond
		}
		client, err := c.Connect(t.Context(), strap, ConnectOptions{Adapter: test.adapter, Timeout: timeout})
		if !errors.Is(err, test.want) {
			t.Errorf("default %q, option %q: %v, want %v", test.options.Adapter, test.adapter, err, test.want)
		}
		if err == nil {
			if got := client.Device().Adapter; got != "hci1" {
				t.Errorf("attached by %s", got)
			}
			client.Close()
		}
	}
	if other.Err() != nil || w.calls.Count("Connect") != 1 {
		t.Errorf("the first client: %v; %d Connect", other.Err(), w.calls.Count("Connect"))
	}
}

func TestReconnectTenTimes(t *testing.T) {
	w, p, c := startStrap(t, nil)
	for range 10 {
		client := connect(t, c)
		if _, err := client.Read(t.Context(), measurement); err != nil {
			t.Error(err)
		}
		p.Disconnect()
		w.wait(client.Disconnected(), "the end")
		client.Close()
	}
	if rules := c.bus().conn.Stats().MatchRules; rules > 5 {
		t.Errorf("%d match rules are left", rules)
	}
}

func TestConnectReadsNotTheWholeTreeAgain(t *testing.T) {
	w, _, c := startStrap(t, nil)
	connect(t, c).Close()
	if n := w.calls.Count("GetManagedObjects"); n != 1 {
		t.Errorf("all objects were read %d times, not when the Central was opened alone", n)
	}
}

func TestConnectTriesAgainAfterTheLateEndOfAnAbortedLink(t *testing.T) {
	t.Parallel() // it has to wait
	w, p, c := startStrap(t, nil)
	defer w.RefuseCalls("Connect", 1, bluezgen.ErrFailed.With(abortedByLocal))()
	program := w.program()
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		w.whenCalled("Connect", 1, func() {
			w.connectAs(program)                          // the link that was aborted
			late := time.NewTimer(500 * time.Millisecond) // longer than Connect waits in between
			defer late.Stop()
			<-late.C
			p.Disconnect()
		})
	}()
	client, err := c.Connect(t.Context(), strap, ConnectOptions{Attempts: 2})
	if err != nil {
		t.Fatal(err)
	}
	w.wait(ended, "the end of the first link")
	if client.Err() != nil {
		t.Errorf("the client is of the link that was aborted: %v", client.Err())
	}
	client.Close()
}
