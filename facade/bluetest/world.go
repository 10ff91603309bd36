package bluetest

import (
	"context"
	"errors"
	"fmt"
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
	ctx     context.Context // ends with the world, by ErrClosed
	cancel  context.CancelCauseFunc

	// busMu is held while the bus is started or stopped. It is taken before mu.
	busMu   sync.Mutex
	busRuns bool

	// mu guards all state of the world: this and what it refers to. Signals are sent
	// with it held, so that they come in the order of what happened. It is not held
	// while anything waits or while a user's function runs, nor taken on a connection's
	// reader goroutine.
	mu          sync.Mutex
	closed      bool        // nothing starts any more
	frozen      int         // how many calls of Freeze are in force
	bluetoothd  *bluetoothd // nil while there is none
	adapters    []*Adapter  // those plugged in, in order of their names
	peripherals []*Peripheral
	directory   directory // of the peripherals
	air         air
}

// ErrClosed is matched by the errors of what cannot be started, or awaited, in a World
// that was closed.
var ErrClosed = errors.New("the simulated BlueZ was closed")

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
	w.ctx, w.cancel = context.WithCancelCause(context.WithoutCancel(ctx))
	if err := w.start(ctx); err != nil {
		return nil, errors.Join(err, w.Close())
	}
	return w, nil
}

func (w *World) start(ctx context.Context) (err error) {
	if w.bus, err = bustest.Launch(); err != nil {
		return err
	}
	w.busRuns = true
	if w.relay, err = bustest.NewRelay(w.bus.Address()); err != nil {
		return err
	}
	for _, a := range w.config.adapters {
		if _, err := w.plug(a); err != nil {
			return err
		}
	}
	for _, d := range w.config.devices {
		if err := ctx.Err(); err != nil {
			return err
		}
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
// that devices do. It waits for their functions. Nothing can be started in the world any
// more. The error also names methods whose replies or calls were to be disturbed, but
// which neither BlueZ has nor anybody called: those were misspelt. Only a World from New
// needs it; closing again does nothing.
func (w *World) Close() error {
	w.do(func() { w.closed = true })
	w.cancel(ErrClosed)
	if b := w.running(); b != nil {
		b.end()
	}
	var errs []error
	if w.relay != nil {
		errs = append(errs, w.relay.Close())
	}
	w.tasks.Wait()
	w.busMu.Lock()
	defer w.busMu.Unlock()
	w.busRuns = false
	if w.bus != nil {
		errs = append(errs, w.bus.Close())
	}
	return errors.Join(append(errs, w.traffic.mistakes())...)
}

// Add brings a device into the world. It begins to advertise, if it does that at all.
// Declarations with mistakes, and addresses that another device or the only adapter has,
// are errors.
func (w *World) Add(d Device) (*Peripheral, error) {
	p, err := w.newPeripheral(d)
	if err != nil {
		return nil, err
	}
	if err := w.add(p); err != nil {
		p.cancel(err)
		return nil, fmt.Errorf("device %s: %w", p.declaredAddress, err)
	}
	return p, nil
}

func (w *World) add(p *Peripheral) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.closed {
		return ErrClosed
	}
	for _, address := range p.ownAddresses() {
		if w.peripheral(address) != nil {
			return fmt.Errorf("there are two devices of the address %s", address)
		}
		// With a second adapter the first may be in the air too, played by a device.
		if len(w.adapters) == 1 && w.adapters[0].address == address {
			return fmt.Errorf("the adapter %s has the address %s, and cannot hear itself", w.adapters[0].name, address)
		}
	}
	w.peripherals = append(w.peripherals, p)
	w.directory.add(p)
	p.start()
	return nil
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

// peripheral returns the device of an address: that on the air, its identity, or what
// was declared. The world is locked.
func (w *World) peripheral(address string) *Peripheral { return w.directory.find(address) }

// do calls f with the world locked.
func (w *World) do(f func()) {
	w.mu.Lock()
	defer w.mu.Unlock()
	f()
}
