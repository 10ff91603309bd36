package facade

import (
	"context"
	"fmt"
	"time"

	"github.com/godbus/dbus/v5"

	"github.com/gobluez/bluez/bluezgen"
	"github.com/gobluez/bluez/gen/bus"
)

// A scan is one consumer's part in the discovery of an adapter.
type scan struct {
	discovery *discovery
	options   ScanOptions
	want      filter
	backlog   *backlog
	started   chan error    // gets the outcome of the start, once
	left      chan struct{} // closed when BlueZ was told that the scan has left
}

// startScan takes part in the discovery of the adapter that o names and returns once
// BlueZ has confirmed it. The scan must be closed.
func (c *Central) startScan(ctx context.Context, o ScanOptions) (*scan, error) {
	if err := o.validate(); err != nil {
		return nil, err
	}
	adapter, err := c.resolveAdapter(o.Adapter)
	if err != nil {
		return nil, err
	}
	s := &scan{options: o, want: o.filter(), backlog: newBacklog(&o), started: make(chan error, 1), left: make(chan struct{})}
	if err := c.enter(adapter.path, s); err != nil {
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
func (c *Central) enter(adapter dbus.ObjectPath, s *scan) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if err := c.err(); err != nil {
		return err
	}
	d := c.discoveries[adapter]
	if d == nil {
		d = &discovery{
			central: c, path: adapter, wake: make(chan struct{}, 1),
			scans: make(map[*scan]bool), known: make(map[dbus.ObjectPath]*Advertisement), abandon: func() {},
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

// close leaves the discovery and waits until BlueZ was told, for a bounded time.
func (s *scan) close() {
	d := s.discovery
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
	timeout := time.NewTimer(cleanupTimeout)
	defer timeout.Stop()
	select {
	case <-s.left:
	case <-timeout.C:
		d.central.logger.Warn("BlueZ takes long to change a discovery", "adapter", base(d.path))
	}
}

// connected returns a device of the adapter that is connected, and therefore does not
// advertise, but is what the scan wants.
func (s *scan) connected() (found Advertisement, ok bool) {
	d := s.discovery
	var connected []*Advertisement
	d.central.mirror.View(func(v bus.View) {
		v.Walk(d.path, func(path dbus.ObjectPath, _ string, record bus.Record) bool {
			if r, isDevice := record.(*bluezgen.Device1Update); isDevice && r.Connected {
				connected = append(connected, newAdvertisement(path, &r.Device1Properties))
			}
			return true
		})
	})
	for _, adv := range connected {
		if s.options.matches(adv) {
			adv.Time = time.Now()
			return *adv, true
		}
	}
	return Advertisement{}, false
}

// validate reports what BlueZ would refuse.
func (o *ScanOptions) validate() error {
	if o.MinRSSI < -127 || o.MinRSSI > 20 {
		return fmt.Errorf("MinRSSI is %d, not between -127 and 20 dBm", o.MinRSSI)
	}
	if o.MaxPathLoss > 137 {
		return fmt.Errorf("MaxPathLoss is %d, more than 137 dB", o.MaxPathLoss)
	}
	return nil
}
