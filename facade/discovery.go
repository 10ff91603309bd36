package facade

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/godbus/dbus/v5"

	"github.com/gobluez/bluez/bluezgen"
	"github.com/gobluez/bluez/gen/bus"
)

// A discovery is what all scans on one adapter share: BlueZ allows one discovery
// session for each connection and adapter, so that a second StartDiscovery would be
// refused. Its goroutine, run, keeps BlueZ's side as the scans want it; what is
// heard is passed on by the goroutine that reads the bus.
type discovery struct {
	central *Central
	path    dbus.ObjectPath // of the adapter
	wake    chan struct{}   // holds a token when the agenda may have changed

	// Owned by run.
	bus         *attachment // to which what follows belongs
	following   *bus.Following
	active      bool // whether BlueZ discovers for us, with the filter inForce
	begun       bool // whether BlueZ may discover for us, now or later, and must be told to stop
	inForce     filter
	endings     uint64 // the value of ended for which active holds
	interrupted bool   // whether it was logged that BlueZ cannot discover

	mu      sync.Mutex
	scans   map[*scan]bool // whether it has started
	leaving []*scan
	ended   uint64             // how often BlueZ may have ended the discovery by itself
	crashed bool               // whether the service has gone while it discovered
	abandon context.CancelFunc // makes run give up what no scan wants any more
	known   sightings
}

// poke makes run look at the agenda again.
func (d *discovery) poke() {
	select {
	case d.wake <- struct{}{}:
	default:
	}
}

// run brings BlueZ's discovery to what the scans want, again whenever something
// changes, until no scan is left.
func (d *discovery) run() {
	var retry backoff
	for {
		plan := d.agenda()
		var err error
		if plan.scans == 0 || d.central.ctx.Err() != nil {
			d.stop()
		} else {
			err = d.pursue(plan)
		}
		if d.settle(plan, err); plan.scans == 0 {
			if d.central.retire(d) {
				return
			}
			continue
		}
		if err == nil {
			retry.reset()
		}
		retry.wait(err != nil, d.wake, d.central.ctx.Done())
	}
}

// A plan is the agenda of a discovery at one moment.
type plan struct {
	scans   int
	want    filter
	pending []*scan // to be told when want is in force
	leaving []*scan // to be told when BlueZ was
	ended   uint64
}

func (d *discovery) agenda() plan {
	d.mu.Lock()
	defer d.mu.Unlock()
	if err := context.Cause(d.central.ctx); err != nil {
		for s, started := range d.scans {
			s.backlog.end(err)
			if !started {
				s.started <- err
			}
			d.leaving = append(d.leaving, s)
		}
		clear(d.scans)
	}
	p := plan{scans: len(d.scans), leaving: d.leaving, ended: d.ended}
	d.leaving = nil
	first := true
	for s, started := range d.scans {
		if first {
			p.want, first = s.want, false
		} else {
			p.want = p.want.union(s.want)
		}
		if !started {
			p.pending = append(p.pending, s)
		}
	}
	if d.crashed {
		// Release 5.87 crashes at the first advertisement that its filter for
		// services lets pass, again after each restart. Every scan filters for
		// itself anyhow.
		p.want.services = nil
	}
	return p
}

// pursue brings BlueZ from what it does to what is planned.
func (d *discovery) pursue(p plan) error {
	if a := d.central.bus(); a != d.bus {
		d.reset() // what was begun has ended with the bus
		d.bus = a
	}
	if d.endings != p.ended {
		d.active, d.endings = false, p.ended
	}
	if err := d.bus.err(); err != nil {
		return err // until the Central is attached again
	}
	if d.active && d.inForce.equal(p.want) {
		return nil
	}
	if _, err := d.central.resolveAdapter(base(d.path)); err != nil {
		return err // until an event says otherwise
	}
	ctx, cancel := d.whileWanted()
	defer cancel()
	adapter := bluezgen.NewAdapter1(d.bus.conn, d.path)
	if d.following == nil {
		// Before StartDiscovery, so that nothing that it finds is missed.
		following, err := d.bus.mirror.Follow(ctx, d.path, bluezgen.Device1Interface)
		if err != nil {
			return translate(err)
		}
		d.following = following
	}
	if err := adapter.SetDiscoveryFilter(ctx, p.want.bluez()); err != nil {
		if p.want.autoConnect && errors.Is(err, bluezgen.ErrInvalidArguments) {
			return because(errNoAutoConnect, err)
		}
		return translateAdapter(err)
	}
	if !d.active {
		err := d.start(ctx, adapter)
		refused := new(bus.Error)
		d.begun = !errors.As(err, &refused) // a call that was not waited for may yet succeed
		if err != nil {
			return translateAdapter(err)
		}
	}
	d.active, d.inForce = true, p.want
	return nil
}

// errNoAutoConnect is a BlueZ that does not know the option.
var errNoAutoConnect = fmt.Errorf("AutoConnect needs BlueZ 5.83 or later: %w", errors.ErrUnsupported)

// startTimeout bounds what BlueZ takes to set a filter and start a discovery.
const startTimeout = 20 * time.Second

// whileWanted returns a context that ends after startTimeout, or when no scan is left.
func (d *discovery) whileWanted() (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithTimeout(d.bus.ctx, startTimeout)
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.abandon = cancel; len(d.scans) == 0 {
		cancel()
	}
	return ctx, cancel
}

// start starts BlueZ's discovery. A session that an earlier one left behind on this
// connection, or the end of another program's, makes BlueZ say InProgress.
func (d *discovery) start(ctx context.Context, adapter bluezgen.Adapter1) error {
	var retry backoff
	for attempt := 1; ; attempt++ {
		err := adapter.StartDiscovery(ctx)
		if !errors.Is(err, bluezgen.ErrInProgress) || attempt == startAttempts {
			return err
		}
		_ = adapter.StopDiscovery(ctx)
		retry.wait(true, nil, ctx.Done())
	}
}

// startAttempts bounds how often a discovery is started while BlueZ is busy.
const startAttempts = 6

// stop ends BlueZ's discovery, if there is one.
func (d *discovery) stop() {
	if d.following == nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(d.central.ctx), cleanupTimeout)
	defer cancel()
	if d.begun && d.bus.conn.Err() == nil {
		// BlueZ is busy for as long as it has not answered StartDiscovery.
		if err := insist(ctx, bluezgen.NewAdapter1(d.bus.conn, d.path).StopDiscovery); err != nil {
			// Without power, adapter or service there is nothing left to stop.
			d.central.logger.Debug("stop discovery", "adapter", base(d.path), "error", err)
		}
	}
	d.reset()
}

// reset forgets what was begun.
func (d *discovery) reset() {
	if d.following != nil {
		d.following.Close()
	}
	d.following, d.active, d.begun = nil, false, false
	d.mu.Lock()
	clear(d.known)
	for s := range d.scans {
		s.forgetAll()
	}
	d.mu.Unlock()
}

// settle tells the scans what became of the plan. A scan that has started survives
// errors, for it resumes when the world is back, unless it was not to.
func (d *discovery) settle(p plan, err error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, s := range p.pending {
		if _, there := d.scans[s]; !there {
			continue // it has left meanwhile
		}
		if err != nil {
			delete(d.scans, s)
			close(s.left)
		} else {
			d.scans[s] = true
		}
		s.started <- err
	}
	for _, s := range p.leaving {
		close(s.left)
	}
	for s := range d.scans {
		if err != nil && s.options.NoResume {
			delete(d.scans, s)
			close(s.left)
			s.backlog.end(err)
		}
	}
	if interrupted := err != nil && len(d.scans) > 0; interrupted != d.interrupted {
		d.interrupted = interrupted
		d.central.logger.Info("scan", "adapter", base(d.path), "interrupted", interrupted, "error", err)
	}
}

// retire forgets a discovery without scans; false if one has entered meanwhile.
func (c *Central) retire(d *discovery) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	d.mu.Lock()
	defer d.mu.Unlock()
	if len(d.scans) > 0 || len(d.leaving) > 0 {
		return false
	}
	delete(c.discoveries, d.path)
	return true
}

// serviceChanged learns that bluetoothd went or came back.
func (d *discovery) serviceChanged(lost bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.crashed = d.crashed || lost
	d.poke()
}

// adapterChanged learns what happened to the adapter. Without power BlueZ ends every
// discovery, and does not resume them.
func (d *discovery) adapterChanged(e bus.Event) {
	r, _ := e.Record.(*bluezgen.Adapter1Update)
	d.mu.Lock()
	defer d.mu.Unlock()
	if e.Kind == bus.Removed || r != nil && !r.Powered {
		d.ended++
	}
	d.poke()
}

// deviceChanged passes an advertisement on to the scans that want it.
func (d *discovery) deviceChanged(e bus.Event) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if e.Kind == bus.Removed {
		delete(d.known, e.Path)
		for s := range d.scans {
			s.forget(e.Path)
		}
		return
	}
	if len(d.scans) == 0 {
		return
	}
	if adv := d.known.learn(e); adv != nil {
		for s := range d.scans {
			s.hear(adv, &d.central.late)
		}
	}
}

// bluez returns the filter in BlueZ's terms. Without a transport BlueZ would look for
// BR/EDR devices as well.
func (f filter) bluez() bluezgen.DiscoveryFilter {
	out := bluezgen.DiscoveryFilter{
		Transport: bluezgen.Transport(cmp.Or(f.transport, TransportLE)), DuplicateData: bus.Some(f.everyPacket), Pattern: f.pattern,
	}
	if f.discoverable {
		out.Discoverable = bus.Some(true)
	}
	if f.autoConnect {
		out.AutoConnect = bus.Some(true)
	}
	for _, u := range f.services {
		out.UUIDs = append(out.UUIDs, u.String())
	}
	if f.minRSSI != 0 {
		out.RSSI = bus.Some(f.minRSSI)
	} else if f.maxPathLoss != 0 {
		out.Pathloss = bus.Some(f.maxPathLoss)
	}
	return out
}
