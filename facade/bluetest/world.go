package bluetest

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"

	"github.com/gobluez/bluez/gen/bus/bustest"
)

// A World is a bus with a bluetoothd on it, its adapters, and the devices around them.
// Its methods may be called from any goroutine.
type World struct {
	config  *config
	bus     *bustest.Daemon
	relay   *bustest.Relay // between the clients and the bus
	traffic traffic        // through the relay
	tasks   sync.WaitGroup
	ctx     context.Context // ends with the world
	cancel  context.CancelFunc

	// mu guards all state of the world: this and what it refers to. Signals are sent
	// with it held, so that they come in the order of what happened. It is not held
	// while anything waits or while a user's function runs, nor taken on a connection's
	// reader goroutine.
	mu          sync.Mutex
	bluetoothd  *bluetoothd // nil while there is none
	adapters    []*Adapter  // those plugged in, in order of their names
	peripherals []*Peripheral
	air         air
}

// Start starts a world that ends with the test. It fails the test if it cannot, for
// instance because dbus-daemon is not installed or a declaration is wrong.
func Start(tb TB, options ...Option) *World {
	tb.Helper()
	w, err := New(tb.Context(), options...)
	if err != nil {
		tb.Fatalf("start a simulated BlueZ: %v", err)
	}
	tb.Cleanup(func() {
		if err := w.Close(); err != nil {
			tb.Errorf("end the simulated BlueZ: %v", err)
		}
	})
	return w
}

// New starts a world outside of a test. It returns when bluetoothd is on the bus with
// its adapters, and blocks for that no longer than ctx lasts. Close ends the world.
func New(ctx context.Context, options ...Option) (*World, error) {
	c, err := newConfig(options)
	if err != nil {
		return nil, err
	}
	w := &World{config: c}
	w.ctx, w.cancel = context.WithCancel(context.WithoutCancel(ctx))
	if err := w.start(ctx); err != nil {
		return nil, errors.Join(err, w.Close())
	}
	return w, nil
}

func (w *World) start(ctx context.Context) (err error) {
	if w.bus, err = bustest.Launch(); err != nil {
		return err
	}
	if w.relay, err = bustest.NewRelay(w.bus.Address()); err != nil {
		return err
	}
	for _, a := range w.config.adapters {
		if _, err := w.plug(a); err != nil {
			return err
		}
	}
	for _, d := range w.config.devices {
		if _, err := w.Add(d); err != nil {
			return err
		}
	}
	return w.StartBluetoothd(ctx)
}

// Address returns the D-Bus address of the world, such as "unix:abstract=...". It stays
// the same whatever happens to the bus. Give it to facade.Options.Bus, or to any other
// program in the environment variable DBUS_SYSTEM_BUS_ADDRESS.
func (w *World) Address() string { return w.relay.Address() }

// Close ends the world: bluetoothd and the bus are gone when it returns, and so is all
// that devices do. Only a World from New needs it; closing again does nothing.
func (w *World) Close() error {
	w.cancel()
	w.CrashBluetoothd()
	var errs []error
	if w.relay != nil {
		errs = append(errs, w.relay.Close())
	}
	w.tasks.Wait()
	if w.bus != nil {
		errs = append(errs, w.bus.Close())
	}
	return errors.Join(errs...)
}

// Add brings a device into the world. It begins to advertise, if it does that at all.
// Declarations with mistakes, and addresses that another device has, are errors.
func (w *World) Add(d Device) (*Peripheral, error) {
	p, err := w.newPeripheral(d)
	if err != nil {
		return nil, err
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.peripheral(p.address) != nil {
		return nil, fmt.Errorf("device %s: there are two of this address", p.address)
	}
	w.peripherals = append(w.peripherals, p)
	p.start()
	return p, nil
}

// Peripheral returns the device that has an address, now or as it was declared, in any
// case, or nil.
func (w *World) Peripheral(address string) *Peripheral {
	address, err := parseAddress(address)
	if err != nil {
		return nil
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.peripheral(address)
}

// Peripherals returns all devices, in the order in which they were added.
func (w *World) Peripherals() []*Peripheral {
	w.mu.Lock()
	defer w.mu.Unlock()
	return append([]*Peripheral{}, w.peripherals...)
}

// peripheral returns the device of an address. The world is locked.
func (w *World) peripheral(address string) *Peripheral {
	for _, p := range w.peripherals {
		if p.address == address || p.identity == address {
			return p
		}
	}
	for _, p := range w.peripherals {
		if strings.EqualFold(p.declared.Address, address) {
			return p // its address has changed meanwhile
		}
	}
	return nil
}

// do calls f with the world locked.
func (w *World) do(f func()) {
	w.mu.Lock()
	defer w.mu.Unlock()
	f()
}
