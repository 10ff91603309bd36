//go:build linux

package facade

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/godbus/dbus/v5"

	"github.com/gobluez/bluez/bluezgen"
	"github.com/gobluez/bluez/gen/bus"
	"github.com/gobluez/bluez/gen/bus/bustest"
)

// A fakeBlueZ is as much of org.bluez as these tests need: adapters that keep one
// discovery session for each caller, and devices with characteristics.
type fakeBlueZ struct {
	t      *testing.T
	daemon *bustest.Daemon
	conn   *bus.Conn

	mu      sync.Mutex
	calls   []string // "hci0.StartDiscovery", ...
	changed chan struct{}
}

// startFake starts a bus with a fake BlueZ on it, which has no adapter yet.
func startFake(t *testing.T) *fakeBlueZ {
	t.Helper()
	f := &fakeBlueZ{t: t, daemon: bustest.Start(t), changed: make(chan struct{})}
	t.Cleanup(f.stop)
	f.start()
	return f
}

func (f *fakeBlueZ) start() {
	f.t.Helper()
	conn, err := bus.Dial(f.t.Context(), f.daemon.Address(), bus.Options{})
	if err != nil {
		f.t.Fatal(err)
	}
	f.conn = conn
	if _, err := conn.ExportObjectManager(f.t.Context(), "/"); err != nil {
		f.t.Fatal(err)
	}
	if err := conn.RequestName(f.t.Context(), bluezgen.Service); err != nil {
		f.t.Fatal(err)
	}
}

// stop makes the service leave the bus, as a crash does.
func (f *fakeBlueZ) stop() { f.conn.Close() }

// open opens a Central on the bus, which closes with the test.
func (f *fakeBlueZ) open(o Options) *Central {
	f.t.Helper()
	o.Bus = f.daemon.Address()
	c, err := Open(f.t.Context(), o)
	if err != nil {
		f.t.Fatal(err)
	}
	f.t.Cleanup(func() {
		if err := c.Close(); err != nil {
			f.t.Errorf("close: %v", err)
		}
	})
	return c
}

// called notes a call.
func (f *fakeBlueZ) called(path dbus.ObjectPath, member string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.calls = append(f.calls, base(path)+"."+member)
	close(f.changed)
	f.changed = make(chan struct{})
}

// count returns how often there was a call.
func (f *fakeBlueZ) count(call string) int {
	n, _ := f.countAndChange(call)
	return n
}

func (f *fakeBlueZ) countAndChange(call string) (n int, changed chan struct{}) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, c := range f.calls {
		if c == call {
			n++
		}
	}
	return n, f.changed
}

// await waits until there were n calls.
func (f *fakeBlueZ) await(call string, n int) {
	f.t.Helper()
	for {
		have, changed := f.countAndChange(call)
		if have >= n {
			return
		}
		f.wait(changed, fmt.Sprintf("call %d of %s", n, call))
	}
}

// wait waits for something that is about to happen.
func (f *fakeBlueZ) wait(ready <-chan struct{}, what string) {
	f.t.Helper()
	select {
	case <-ready:
	case <-time.After(20 * time.Second):
		f.t.Fatalf("%s does not come; calls so far: %s", what, strings.Join(f.calls, " "))
	}
}

func (f *fakeBlueZ) export(path dbus.ObjectPath, s ...bus.Skeleton) *bus.Export {
	f.t.Helper()
	// Concurrent, because a Disconnect ends a Connect that is being served.
	x, err := f.conn.Export(f.t.Context(), path, bus.ExportOptions{Concurrent: true}, s...)
	if err != nil {
		f.t.Fatal(err)
	}
	return x
}

// A fakeAdapter is an adapter.
type fakeAdapter struct {
	bluezgen.UnimplementedAdapter1Server
	*bluezgen.Adapter1Skeleton
	f      *fakeBlueZ
	path   dbus.ObjectPath
	export *bus.Export

	mu       sync.Mutex
	filter   bluezgen.DiscoveryFilter
	sessions map[string]bool
	starting bool   // whether a StartDiscovery waits for onStart
	onStart  func() // what StartDiscovery waits for
	fail     error  // of StartDiscovery
}

func (f *fakeBlueZ) adapter(name string, powered bool) *fakeAdapter {
	f.t.Helper()
	a := &fakeAdapter{f: f, path: dbus.ObjectPath("/org/bluez/" + name), sessions: map[string]bool{}}
	a.Adapter1Skeleton = bluezgen.NewAdapter1Skeleton(a, bluezgen.Adapter1Properties{
		Adapter1Set: bluezgen.Adapter1SetOf(bluezgen.Adapter1Address, bluezgen.Adapter1AddressType, bluezgen.Adapter1Alias, bluezgen.Adapter1Powered,
			bluezgen.Adapter1Roles),
		Address: fmt.Sprintf("00:AA:01:00:00:%02X", name[len(name)-1]), AddressType: bluezgen.AddressTypePublic, Alias: "fake " + name,
		Powered: powered, Roles: []bluezgen.AdapterRole{bluezgen.AdapterRoleCentral},
	})
	a.export = f.export(a.path, a.Adapter1Skeleton)
	return a
}

func (a *fakeAdapter) power(on bool) {
	if !on {
		a.mu.Lock()
		clear(a.sessions)
		a.mu.Unlock()
	}
	a.update(bluezgen.Adapter1Properties{Adapter1Set: bluezgen.Adapter1SetOf(bluezgen.Adapter1Powered), Powered: on})
}

func (a *fakeAdapter) update(p bluezgen.Adapter1Properties) {
	if err := a.Update(p); err != nil {
		a.f.t.Error(err)
	}
}

func (a *fakeAdapter) SetDiscoveryFilter(_ context.Context, filter bluezgen.DiscoveryFilter) error {
	a.mu.Lock()
	a.filter = filter
	a.mu.Unlock()
	a.f.called(a.path, "SetDiscoveryFilter")
	return nil
}

func (a *fakeAdapter) inForce() bluezgen.DiscoveryFilter {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.filter
}

func (a *fakeAdapter) StartDiscovery(ctx context.Context) error {
	defer a.f.called(a.path, "StartDiscovery")
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.onStart != nil {
		a.starting = true
		a.mu.Unlock()
		a.onStart()
		a.mu.Lock()
		a.starting = false
	}
	switch {
	case a.fail != nil:
		return a.fail
	case !a.Properties().Powered:
		return bluezgen.ErrNotReady
	case a.sessions[bus.Sender(ctx)]:
		return bluezgen.ErrInProgress.With("Operation already in progress")
	}
	a.sessions[bus.Sender(ctx)] = true
	return nil
}

func (a *fakeAdapter) StopDiscovery(ctx context.Context) error {
	defer a.f.called(a.path, "StopDiscovery")
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.starting {
		return bluezgen.ErrInProgress
	}
	if !a.sessions[bus.Sender(ctx)] {
		return bluezgen.ErrFailed.With("No discovery started")
	}
	delete(a.sessions, bus.Sender(ctx))
	return nil
}

// discovering returns the number of sessions.
func (a *fakeAdapter) discovering() int {
	a.mu.Lock()
	defer a.mu.Unlock()
	return len(a.sessions)
}

// whenCalled does something once there were n calls.
func (f *fakeBlueZ) whenCalled(call string, n int, do func()) {
	for {
		have, changed := f.countAndChange(call)
		if have >= n {
			do()
			return
		}
		select {
		case <-changed:
		case <-f.t.Context().Done():
			return
		}
	}
}

// settle returns when a Central has seen everything that was signalled so far: a
// reply comes after the signals that were sent before it.
func (f *fakeBlueZ) settle(c *Central) {
	if err := c.mirror.Refresh(f.t.Context()); err != nil {
		f.t.Error(err)
	}
}
