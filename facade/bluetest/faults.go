package bluetest

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"github.com/gobluez/bluez/bluezgen"
	"github.com/gobluez/bluez/gen/bus"
)

// StopBus ends the bus as a crash of dbus-daemon does: all connections break,
// bluetoothd's too, which ends it. Until StartBus, clients cannot connect. It does nothing
// if the bus does not run.
func (w *World) StopBus() {
	w.busMu.Lock()
	defer w.busMu.Unlock()
	if !w.busRuns {
		return
	}
	w.fault("StopBus")
	w.busRuns = false
	b := w.running() // before it finds out by itself
	w.bus.Stop()
	w.relay.CutAll()
	if b != nil {
		b.end()
	}
}

// StartBus starts the bus and bluetoothd again after StopBus, at the same address. It is
// an error if the bus runs, which goes on then, or if the world is closed ([ErrClosed]).
func (w *World) StartBus(ctx context.Context) error {
	if err := w.startBus(); err != nil {
		return fmt.Errorf("start the bus: %w", err)
	}
	return w.StartBluetoothd(ctx)
}

func (w *World) startBus() error {
	w.busMu.Lock()
	defer w.busMu.Unlock()
	switch {
	case w.ctx.Err() != nil:
		return ErrClosed
	case w.busRuns:
		return errors.New("it runs already")
	}
	if err := w.bus.Restart(); err != nil {
		return err
	}
	w.busRuns = true
	return nil
}

// RestartBus is StopBus and StartBus: an upgrade of dbus-daemon, or the restart of a
// container that it is shared with. Its errors are those of StartBus.
func (w *World) RestartBus(ctx context.Context) error {
	w.StopBus()
	return w.StartBus(ctx)
}

// CutConnections breaks the connection of each client to the bus, and of no one else,
// as a proxy between the two does when it restarts (ssh, xdg-dbus-proxy, a container's
// runtime). They can connect again at once.
func (w *World) CutConnections() {
	w.fault("CutConnections")
	w.relay.CutAll()
}

// CutMidFrame breaks the connection of each client in the middle of the next message
// that it gets: a proxy that is killed while it writes.
func (w *World) CutMidFrame() {
	w.fault("CutMidFrame")
	for _, c := range w.relay.Connections() {
		c.CutMidFrame()
	}
}

// Freeze stops the bus without ending it: nothing that is sent arrives, and nobody is
// told. A dbus-daemon that is stopped or starved of CPU is like that, and so is the
// network between the two ends of a forwarded bus. The function that it returns ends it;
// what was sent meanwhile arrives then. Of several that overlap each has to be ended.
func (w *World) Freeze() (resume func()) {
	w.fault("Freeze")
	w.do(func() {
		w.frozen++
		w.relay.Pause()
	})
	return sync.OnceFunc(func() {
		w.do(func() {
			if w.frozen--; w.frozen == 0 {
				w.relay.Resume()
			}
		})
	})
}

// Reset unplugs the adapter and plugs it in again at once, as the kernel does when it
// resets a USB device whose firmware hangs. What BlueZ has stored of its devices stays.
// It is an error if another adapter has taken its name or address, or if the world is
// closed ([ErrClosed]).
func (a *Adapter) Reset() error {
	a.world.fault("Reset", "adapter", a.name)
	a.Unplug()
	a.world.mu.Lock()
	defer a.world.mu.Unlock()
	return a.world.insert(a)
}

// RemoveDevice has BlueZ forget a device, as another program does by RemoveDevice
// (bluetoothctl remove): its connection ends, its bond is lost, its objects go, and calls
// of these that are in progress fail. Without the device it is an error that matches
// bluezgen.ErrDoesNotExist.
func (a *Adapter) RemoveDevice(ctx context.Context, address string) error {
	address, err := parseAddress(address)
	if err != nil {
		return fmt.Errorf("remove device: %w", err)
	}
	a.world.fault("RemoveDevice", "adapter", a.name, "device", address)
	conn, err := bus.Dial(ctx, a.world.bus.Address(), bus.Options{})
	if err != nil {
		return fmt.Errorf("remove device %s: %w", address, err)
	}
	defer conn.Close()
	adapter := bluezgen.NewAdapter1(conn, a.path())
	return adapter.RemoveDevice(ctx, devicePath(adapter.Path(), address))
}
