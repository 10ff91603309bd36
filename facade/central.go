package facade

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"runtime"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/godbus/dbus/v5"

	"github.com/gobluez/bluez/bluezgen"
	"github.com/gobluez/bluez/gen/bus"
)

// Options configures a Central. The zero value works: the system bus, the default
// adapter, no log.
type Options struct {
	// Bus is the D-Bus address list to connect to. Empty means
	// DBUS_SYSTEM_BUS_ADDRESS, else the system bus at its well-known path.
	Bus string
	// AuthUID is the uid, in decimal, to authenticate with. Empty means
	// BLEAK_DBUS_AUTH_UID, else none: then the bus takes the uid of the socket,
	// which is right also in user namespaces.
	AuthUID string
	// Logger receives what a user of the library may want to know and no error
	// reports. Values, PINs and keys are never logged. Nil logs nothing.
	Logger *slog.Logger
	// Adapter is the default adapter: its name ("hci0") or its address. Empty
	// means the powered adapter with the lowest number that can be a central.
	Adapter string
	// Trace, when not nil, receives one line for each D-Bus frame, without its
	// values. BLUEZ_DEBUG=frames in the environment sets it to standard error.
	Trace io.Writer
}

// A Central is one connection to the bus and what it knows of BlueZ: all adapters,
// their devices, and everything scanned, connected or subscribed through it.
// Any goroutine may use it at any time.
//
// It outlives bluetoothd and the bus: while they are away operations fail with
// ErrNoBlueZ or ErrNoBus and connections are lost; when they are back, running scans
// resume. The bus is dialled again by the Central itself.
type Central struct {
	options Options
	logger  *slog.Logger
	counts  counters
	late    lateWakes
	paths   atomic.Uint64 // given away by NewPath

	ctx    context.Context // ends with Close
	cancel context.CancelCauseFunc
	closed sync.Once

	watchers watchers

	tasks    sync.WaitGroup // the goroutines of discoveries, and keep
	connects sync.WaitGroup // calls of Connect, Pair and SetAgent
	scanners sync.WaitGroup // that may call functions of the application, and calls of Maintain
	agency   *agency

	mu          sync.RWMutex
	attachment  *attachment                    // the last one, which may have ended
	discoveries map[dbus.ObjectPath]*discovery // by adapter
	links       map[dbus.ObjectPath]*link      // by device
	orphans     map[dbus.ObjectPath]bool       // devices whose connections were lost with the bus, but are ours
	monitors    int                            // passive scans that were ever begun
}

// cleanupTimeout bounds what is done to leave BlueZ tidy when the caller's own
// context has ended or is not to be waited for.
const cleanupTimeout = 5 * time.Second

// Open connects to the bus and reads what BlueZ knows. ctx bounds the opening
// only; Close ends the Central. It fails with ErrNoBus when there is no bus, with
// ErrBusRefused when the bus does not let this user in, and with
// errors.ErrUnsupported on other systems than Linux. That bluetoothd does not run is
// no error here, and what needs it fails with ErrNoBlueZ; so does Open if the bus
// tries to start bluetoothd and cannot.
func Open(ctx context.Context, o Options) (*Central, error) {
	c, err := open(ctx, o)
	return c, opError("open", "Bluetooth", err)
}

func open(ctx context.Context, o Options) (*Central, error) {
	if runtime.GOOS != "linux" {
		return nil, fmt.Errorf("BlueZ exists on Linux only: %w", errors.ErrUnsupported)
	}
	if o.Bus == "" {
		o.Bus = bus.SystemBusAddress()
	}
	if o.AuthUID == "" {
		o.AuthUID = os.Getenv("BLEAK_DBUS_AUTH_UID")
	}
	if _, err := strconv.ParseUint(o.AuthUID, 10, 32); o.AuthUID != "" && err != nil {
		return nil, fmt.Errorf("AuthUID or BLEAK_DBUS_AUTH_UID is %q, which is no uid in decimal", o.AuthUID)
	}
	if o.Trace == nil && os.Getenv("BLUEZ_DEBUG") == "frames" {
		o.Trace = os.Stderr
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	c := &Central{
		options: o, logger: o.Logger,
		discoveries: make(map[dbus.ObjectPath]*discovery), links: make(map[dbus.ObjectPath]*link),
	}
	c.agency = newAgency(c)
	c.ctx, c.cancel = context.WithCancelCause(context.Background())
	first, err := c.dial(ctx)
	if err != nil {
		c.cancel(err)
		return nil, err
	}
	c.attachment = first
	c.tasks.Go(func() { c.keep(first) })
	return c, nil
}

// Close ends every scan, subscription and connection made through the Central as
// their own Close does, then the connection to the bus. It blocks for a few
// seconds at most, and waits no longer for a Scanner's handler or an Agent's function to
// return; afterwards none is called again. A second Close returns nil.
func (c *Central) Close() error {
	var err error
	c.closed.Do(func() {
		c.mu.Lock() // so that nobody who saw it open adds anything after this
		c.cancel(ErrClosed)
		c.mu.Unlock()
		c.connects.Wait()
		c.mu.RLock()
		var clients []*Client
		for _, l := range c.links {
			clients = append(clients, l.clients...)
		}
		c.mu.RUnlock()
		var closing sync.WaitGroup
		for _, client := range clients {
			closing.Go(func() { _ = client.Close() })
		}
		closing.Wait()
		c.awaitScanners()
		c.tasks.Wait()
		err = opError("close", "Bluetooth", c.bus().close())
	})
	return err
}

// admit counts another call among those that Close waits for.
func (c *Central) admit() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if err := c.attachment.err(); err != nil {
		return err
	}
	c.connects.Add(1)
	return nil
}

// awaitScanners waits until the handlers of advertisements, the functions of agents and
// those that Maintain calls have returned, for cleanupTimeout at most.
func (c *Central) awaitScanners() {
	idle := make(chan struct{})
	go func() { // for as long as the last handler takes
		c.scanners.Wait()
		close(idle)
	}()
	timeout := time.NewTimer(cleanupTimeout)
	defer timeout.Stop()
	select {
	case <-idle:
	case <-timeout.C:
		c.logger.Warn("a handler of advertisements, an agent or what is maintained does not return")
	}
}

// err returns why the Central cannot be used, for now or any more, nil while it can.
func (c *Central) err() error {
	c.mu.RLock()
	defer c.mu.RUnlock()
	return c.errLocked()
}

// errLocked is err for who holds c.mu.
func (c *Central) errLocked() error {
	if err := context.Cause(c.ctx); err != nil {
		return err
	}
	return c.attachment.err()
}

// join returns a context that ends with either a or b, for the cause of either, and
// a function that frees it.
func join(a, b context.Context) (context.Context, func()) {
	ctx, cancel := context.WithCancelCause(a)
	stop := context.AfterFunc(b, func() { cancel(context.Cause(b)) })
	return ctx, func() {
		stop()
		cancel(nil)
	}
}

// event passes what happened to an object of BlueZ to those whom it concerns. It runs
// on the goroutine that reads the bus.
func (c *Central) event(e bus.Event) {
	c.watchers.each(func(w watcher) { w.event(e) })
	switch e.Kind {
	case bus.Lost, bus.Restored:
		c.mu.RLock()
		defer c.mu.RUnlock()
		for _, d := range c.discoveries {
			d.serviceChanged(e.Kind == bus.Lost)
		}
		c.agency.serviceChanged()
		return
	}
	switch e.Interface {
	case bluezgen.Adapter1Interface:
		if d, _ := c.concerned(e.Path, ""); d != nil {
			d.adapterChanged(e)
		}
	case bluezgen.Device1Interface:
		c.agency.deviceChanged(e)
		d, l := c.concerned(parent(e.Path), e.Path)
		if d != nil {
			d.deviceChanged(e)
		}
		if l != nil {
			l.deviceChanged(e)
		}
	case bluezgen.GattService1Interface:
		if _, l := c.concerned("", parent(e.Path)); l != nil {
			l.treeChanged(e)
		}
	case bluezgen.GattCharacteristic1Interface:
		if _, l := c.concerned("", parent(parent(e.Path))); l != nil {
			l.characteristicChanged(e)
		}
	case bluezgen.GattDescriptor1Interface:
		if _, l := c.concerned("", parent(parent(parent(e.Path)))); l != nil {
			l.treeChanged(e)
		}
	}
}

func (c *Central) concerned(adapter, device dbus.ObjectPath) (*discovery, *link) {
	c.mu.RLock()
	defer c.mu.RUnlock()
	return c.discoveries[adapter], c.links[device]
}
