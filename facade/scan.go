package facade

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/godbus/dbus/v5"

	"github.com/gobluez/bluez/bluezgen"
	"github.com/gobluez/bluez/gen/bus"
)

// A scan is one consumer's part in the discovery of an adapter, or listens passively.
type scan struct {
	central   *Central
	adapter   dbus.ObjectPath
	discovery *discovery // of an active scan
	monitor   *monitor   // of a passive scan
	options   ScanOptions
	want      filter
	backlog   *backlog
	started   chan error    // gets the outcome of the start, once
	left      chan struct{} // closed when BlueZ was told that the scan has left

	mu    sync.Mutex
	heard map[dbus.ObjectPath]Advertisement // the last wanted one of each device that BlueZ knows; nil if nobody asks
}

// startScan takes part in the discovery of the adapter that o names, or listens there,
// and returns once BlueZ has confirmed it. The scan must be closed. It keeps the last
// advertisement of each device if it is to remember them or to tell when they are lost.
func (c *Central) startScan(ctx context.Context, o ScanOptions, remember bool) (*scan, error) {
	if err := o.validate(); err != nil {
		return nil, err
	}
	adapter, err := c.resolveAdapter(o.Adapter)
	if err != nil {
		return nil, err
	}
	s := &scan{
		central: c, adapter: adapter.path, options: o, want: o.filter(), backlog: newBacklog(&o, &c.counts),
		started: make(chan error, 1), left: make(chan struct{}),
	}
	if remember || o.LostAfter > 0 {
		s.heard = make(map[dbus.ObjectPath]Advertisement)
	}
	begin := c.enter
	if o.Passive != nil {
		begin = c.listen
	}
	if err := begin(s); err != nil {
		return nil, err
	}
	select {
	case err = <-s.started:
	case <-ctx.Done():
		err = context.Cause(ctx)
	}
	if err != nil {
		s.close()
		return nil, err
	}
	return s, nil
}

// enter adds s to the discovery of an adapter, which begins with its first scan.
func (c *Central) enter(s *scan) error {
	adapter := s.adapter
	c.mu.Lock()
	defer c.mu.Unlock()
	if err := c.errLocked(); err != nil {
		return err
	}
	d := c.discoveries[adapter]
	if d == nil {
		d = &discovery{
			central: c, path: adapter, wake: make(chan struct{}, 1),
			scans: make(map[*scan]bool), known: make(sightings), abandon: func() {},
		}
		c.discoveries[adapter] = d
		c.tasks.Go(d.run)
	}
	s.discovery = d
	d.mu.Lock()
	d.scans[s] = false
	d.mu.Unlock()
	d.poke()
	return nil
}

// close ends the scan and waits until BlueZ was told, for a bounded time.
func (s *scan) close() {
	if s.monitor != nil {
		s.monitor.leave()
	} else {
		s.discovery.leave(s)
	}
	timeout := time.NewTimer(cleanupTimeout)
	defer timeout.Stop()
	select {
	case <-s.left:
	case <-timeout.C:
		s.central.logger.Warn("BlueZ takes long to end a scan", "adapter", base(s.adapter))
	}
}

// leave removes a scan; BlueZ is to be told.
func (d *discovery) leave(s *scan) {
	d.mu.Lock()
	if _, there := d.scans[s]; there {
		delete(d.scans, s)
		d.leaving = append(d.leaving, s)
	}
	if len(d.scans) == 0 {
		d.abandon()
	}
	d.mu.Unlock()
	d.poke()
}

// connected returns a device of the adapter that is connected, and therefore does not
// advertise, but is what the scan wants.
func (s *scan) connected() (found Advertisement, ok bool) {
	var connected []*Advertisement
	s.central.bus().mirror.View(func(v bus.View) {
		v.Walk(s.adapter, func(path dbus.ObjectPath, _ string, record bus.Record) bool {
			if r, isDevice := record.(*bluezgen.Device1Update); isDevice && r.Connected {
				connected = append(connected, newAdvertisement(path, &r.Device1Properties))
			}
			return true
		})
	})
	for _, adv := range connected {
		if s.wants(adv) {
			adv.Time = time.Now()
			return *adv, true
		}
	}
	return Advertisement{}, false
}

// wants reports whether the scan wants an advertisement. It ends if Match panics.
func (s *scan) wants(adv *Advertisement) (wanted bool) {
	if err := guard(func() { wanted = s.options.matches(adv) }); err != nil {
		s.backlog.end(err)
	}
	return wanted
}

// validate reports what BlueZ would refuse.
func (o *ScanOptions) validate() error {
	if o.MinRSSI < -127 || o.MinRSSI > 20 {
		return fmt.Errorf("MinRSSI is %d, not between -127 and 20 dBm", o.MinRSSI)
	}
	if o.MaxPathLoss > 137 {
		return fmt.Errorf("MaxPathLoss is %d, more than 137 dB", o.MaxPathLoss)
	}
	if o.LostAfter < 0 {
		return fmt.Errorf("LostAfter is %v, less than 0", o.LostAfter)
	}
	switch o.Transport {
	case "", TransportLE, TransportBREDR, TransportAuto:
	default:
		return fmt.Errorf("unknown Transport %q", string(o.Transport))
	}
	if o.Passive != nil {
		return o.Passive.validate()
	}
	return nil
}
