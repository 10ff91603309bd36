package facade

import (
	"sync/atomic"

	"github.com/gobluez/bluez/gen/bus"
)

// Stats are counts of what a Central did so far and of what it has to do now. Numbers
// that grow without end where the program does not are a leak; numbers of what waits
// that stay high are consumers that are too slow.
type Stats struct {
	Advertisements uint64 // received and wanted by a scan, once for each that wanted it
	Coalesced      uint64 // of those: replaced by a newer one of the same device before the consumer took it
	Evicted        uint64 // of those: never seen, because too many other devices waited for the consumer
	Notifications  uint64 // received, once for each subscription
	Overflows      uint64 // scans and subscriptions that ended with ErrOverflow
	Reattached     uint64 // times that the bus was lost and found again

	Scans         int // running
	Waiting       int // advertisements that wait for their consumers
	Known         int // devices that running scans have heard
	Clients       int // connected or connecting
	Subscriptions int // running

	Bus bus.Stats // of the present connection to the bus
}

// counters are the counts of a Stats that only grow.
type counters struct {
	advertisements, coalesced, evicted, notifications, overflows, reattached atomic.Uint64
}

// Stats returns the Central's counts. It does not block.
func (c *Central) Stats() Stats {
	n := &c.counts
	s := Stats{
		Advertisements: n.advertisements.Load(),
		Coalesced:      n.coalesced.Load(),
		Evicted:        n.evicted.Load(),
		Notifications:  n.notifications.Load(),
		Overflows:      n.overflows.Load(),
		Reattached:     n.reattached.Load(),
		Bus:            c.bus().conn.Stats(),
	}
	c.watchers.each(func(w watcher) {
		if m, passive := w.(*monitor); passive {
			m.count(&s)
		}
	})
	c.mu.RLock()
	defer c.mu.RUnlock()
	for _, d := range c.discoveries {
		d.mu.Lock()
		s.Scans += len(d.scans)
		s.Known += len(d.known)
		for scan := range d.scans {
			s.Waiting += scan.backlog.waits()
		}
		d.mu.Unlock()
	}
	for _, l := range c.links {
		s.Clients += len(l.clients)
		s.Subscriptions += l.subscribed()
	}
	return s
}

// subscribed returns the number of subscriptions.
func (l *link) subscribed() (n int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, s := range l.sessions {
		s.mu.Lock()
		n += len(s.subscriptions)
		s.mu.Unlock()
	}
	return n
}
