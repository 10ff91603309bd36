package facade

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"sync"
	"time"

	"github.com/godbus/dbus/v5"

	"github.com/gobluez/bluez/bluezgen"
	"github.com/gobluez/bluez/gen/bus"
)

// A monitor is the source of one passive scan: an object of this process that BlueZ
// calls when it hears what the scan listens for. Each scan has its own, of which BlueZ
// takes any number. Its goroutine, run, registers it, again whenever BlueZ or the bus have
// lost it.
type monitor struct {
	bluezgen.UnimplementedAdvertisementMonitor1Server
	scan *scan
	root dbus.ObjectPath // with the ObjectManager
	wake chan struct{}   // holds a token when something may have changed

	ctx   context.Context // ends when the scan is closed
	leave context.CancelFunc

	mu     sync.Mutex
	life   context.CancelCauseFunc  // ends what BlueZ has of it, never nil
	active chan struct{}            // closed when BlueZ has activated it
	here   map[dbus.ObjectPath]bool // devices found and not lost: whether a signal has told of the last packet
	known  sightings                // of those
}

// listen begins a passive scan, which is to be closed.
func (c *Central) listen(s *scan) error {
	m := &monitor{
		scan: s, wake: make(chan struct{}, 1), life: func(error) {},
		here: make(map[dbus.ObjectPath]bool), known: make(sightings),
	}
	m.ctx, m.leave = context.WithCancel(c.ctx)
	c.mu.Lock()
	defer c.mu.Unlock()
	if err := c.errLocked(); err != nil {
		m.leave()
		return err
	}
	c.monitors++
	m.root = monitorsPath + dbus.ObjectPath(strconv.Itoa(c.monitors))
	s.monitor = m
	c.tasks.Go(m.run)
	return nil
}

// monitorsPath begins the paths of monitors. Below it is nothing else.
const monitorsPath dbus.ObjectPath = "/com/github/gobluez/facade/scan"

// run keeps the monitor registered until the scan is closed, or fails.
func (m *monitor) run() {
	s := m.scan
	defer close(s.left)
	defer m.leave()
	s.central.watchers.add(m)
	defer s.central.watchers.remove(m)
	var retry backoff
	for started := false; ; {
		err := m.live(func() {
			if !started {
				started = true
				s.started <- nil
			}
			retry.reset()
		})
		switch {
		case s.central.ctx.Err() != nil:
			err = context.Cause(s.central.ctx)
		case m.ctx.Err() != nil:
			return
		case started && !s.options.NoResume:
			s.central.logger.Info("passive scan", "adapter", base(s.adapter), "interrupted", true, "error", err)
			retry.wait(true, m.wake, m.ctx.Done())
			continue
		}
		if s.backlog.end(err); !started {
			s.started <- err
		}
		return
	}
}

// live registers the monitor and returns why it is not registered any more. activated is
// called when it is in force.
func (m *monitor) live(activated func()) error {
	a, s := m.scan.central.bus(), m.scan
	if err := a.err(); err != nil {
		return err
	}
	ctx, end := context.WithCancelCause(a.ctx)
	defer end(nil)
	defer context.AfterFunc(m.ctx, func() { end(context.Canceled) })()
	active := make(chan struct{})
	m.mu.Lock()
	m.life, m.active = end, active
	m.mu.Unlock()
	// Only now, so that what happens to the adapter from here on ends this.
	if _, err := s.central.resolveAdapter(base(s.adapter)); err != nil {
		return err
	}
	unregister, err := m.register(ctx, a)
	defer m.loseAll()
	defer unregister()
	if err != nil {
		return err
	}
	timeout := time.NewTimer(startTimeout)
	defer timeout.Stop()
	select {
	case <-active:
		activated()
		<-ctx.Done()
	case <-ctx.Done():
	case <-timeout.C:
		return fmt.Errorf("BlueZ does not activate the monitor: %w", context.DeadlineExceeded)
	}
	if _, err := s.central.resolveAdapter(base(s.adapter)); err != nil {
		return err // says best why
	}
	return context.Cause(ctx)
}

// errNoMonitors is a BlueZ that cannot scan passively.
var errNoMonitors = fmt.Errorf("passive scans need BlueZ 5.56 or later, run with --experimental, and Linux 5.10: %w", errors.ErrUnsupported)

// errReleased is the end of a monitor that BlueZ does not want, or not any more.
var errReleased = errors.New("BlueZ has released the monitor: it does not take its patterns, or goes away")

// register has BlueZ know the monitor. What it returns undoes that, also after an error.
func (m *monitor) register(ctx context.Context, a *attachment) (unregister func(), err error) {
	var undo []func()
	unregister = func() {
		for i := len(undo) - 1; i >= 0; i-- {
			undo[i]()
		}
	}
	following, err := a.mirror.Follow(ctx, m.scan.adapter, bluezgen.Device1Interface)
	if err != nil {
		return unregister, translate(err)
	}
	undo = append(undo, following.Close)
	objects, err := a.conn.ExportObjectManager(ctx, m.root)
	if err != nil {
		return unregister, translate(err)
	}
	undo = append(undo, func() { _ = objects.Close() })
	manager := bluezgen.NewAdvertisementMonitorManager1(a.conn, m.scan.adapter)
	err = manager.RegisterMonitor(ctx, m.root)
	if refused := new(bus.Error); err == nil || !errors.As(err, &refused) {
		// A call that was not waited for may yet succeed.
		undo = append(undo, func() { m.unregister(a, manager) })
	}
	if errors.Is(err, bus.ErrUnknownMethod) || errors.Is(err, bus.ErrUnknownInterface) {
		return unregister, because(errNoMonitors, err)
	} else if err != nil {
		return unregister, translateAdapter(err)
	}
	// BlueZ notices only monitors that come after the registration.
	skeleton := bluezgen.NewAdvertisementMonitor1Skeleton(m, m.scan.options.Passive.bluez())
	export, err := a.conn.Export(ctx, m.root+"/monitor", bus.ExportOptions{From: bluezgen.Service}, skeleton)
	if err != nil {
		return unregister, translate(err)
	}
	undo = append(undo, func() { _ = export.Close() })
	return unregister, nil
}

func (m *monitor) unregister(a *attachment, manager bluezgen.AdvertisementMonitorManager1) {
	if a.conn.Err() != nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), cleanupTimeout)
	defer cancel()
	if err := manager.UnregisterMonitor(ctx, m.root); err != nil {
		m.scan.central.logger.Debug("unregister monitor", "adapter", base(m.scan.adapter), "error", err)
	}
}

// Activate learns that BlueZ listens.
func (m *monitor) Activate(context.Context) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	select {
	case <-m.active:
	default:
		close(m.active)
	}
	return nil
}

// Release learns that BlueZ does not listen, or not any more.
func (m *monitor) Release(context.Context) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.life(errReleased)
	return nil
}

// DeviceFound learns that a device was heard: with each packet, or once if strength
// decides which devices are here. What the packet changed was signalled before, so that
// a packet that changed nothing is told by this alone.
func (m *monitor) DeviceFound(ctx context.Context, device dbus.ObjectPath) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if parent(device) != m.scan.adapter || ctx.Err() != nil {
		return nil
	}
	told := m.here[device]
	m.here[device] = false
	adv := m.known[device]
	if adv == nil {
		m.scan.central.bus().mirror.View(func(v bus.View) {
			if r, ok := v.Record(device, bluezgen.Device1Interface).(*bluezgen.Device1Update); ok {
				adv = newAdvertisement(device, &r.Device1Properties)
				m.known[device] = adv
			}
		})
	}
	if adv != nil && !told {
		adv.Time = time.Now()
		m.scan.hear(adv, nil)
	}
	return nil
}

// DeviceLost learns that a device is not here any more.
func (m *monitor) DeviceLost(_ context.Context, device dbus.ObjectPath) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.lose(device)
	return nil
}

// lose forgets a device. m.mu is held.
func (m *monitor) lose(device dbus.ObjectPath) {
	delete(m.here, device)
	delete(m.known, device)
	m.scan.forget(device)
}

func (m *monitor) loseAll() {
	m.mu.Lock()
	defer m.mu.Unlock()
	clear(m.here)
	clear(m.known)
	m.scan.forgetAll()
}

// event implements watcher.
func (m *monitor) event(e bus.Event) {
	switch {
	case e.Kind == bus.Restored:
		m.poke()
	case e.Interface == bluezgen.Adapter1Interface && e.Path == m.scan.adapter:
		m.adapterChanged(e)
	case e.Interface == bluezgen.Device1Interface && parent(e.Path) == m.scan.adapter:
		m.deviceChanged(e)
	}
}

// adapterChanged learns what happened to the adapter. Without power BlueZ keeps the
// monitor, but hears nothing.
func (m *monitor) adapterChanged(e bus.Event) {
	r, _ := e.Record.(*bluezgen.Adapter1Update)
	if e.Kind == bus.Removed || r != nil && !r.Powered {
		m.end(fmt.Errorf("%s: %w", base(e.Path), ErrAdapterOff))
	}
	m.poke()
}

func (m *monitor) deviceChanged(e bus.Event) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if _, here := m.here[e.Path]; !here {
		return
	}
	if e.Kind == bus.Removed {
		m.lose(e.Path)
	} else if adv := m.known.learn(e); adv != nil {
		m.here[e.Path] = true
		m.scan.hear(adv, nil)
	}
}

// count adds the monitor to the Central's counts.
func (m *monitor) count(s *Stats) {
	m.mu.Lock()
	defer m.mu.Unlock()
	s.Scans++
	s.Known += len(m.known)
	s.Waiting += m.scan.backlog.waits()
}

// attached implements watcher.
func (m *monitor) attached(*attachment) { m.poke() }

// detached implements watcher: what BlueZ had ends with the attachment.
func (m *monitor) detached() {}

// end ends what BlueZ has of the monitor.
func (m *monitor) end(cause error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.life(cause)
}

// poke makes run try again.
func (m *monitor) poke() {
	select {
	case m.wake <- struct{}{}:
	default:
	}
}
