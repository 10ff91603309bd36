package bus

import (
	"container/list"
	"context"
	"sync"
	"time"
)

// maxInFlight is how many calls may wait for their replies at once. The system bus
// refuses a connection's 129th (max_replies_per_connection in its configuration);
// what is left is for calls through DBus() and for the mirrors' own. More may wait
// if they have priority, so that a peer that never answers does not keep anything
// from being ended.
const (
	maxInFlight       = 100
	maxUrgentInFlight = maxInFlight + 8
)

// slots hands out the right to have a call in flight. When there is none left,
// callers queue; those with priority pass the others, and have a few slots more.
type slots struct {
	mu     sync.Mutex
	used   int
	urgent list.List // of chan struct{}, closed when the slot is theirs
	normal list.List

	patience time.Duration // how long a caller waits before it calls stuck, again and again
	stuck    func()        // looks whether slots will ever be free
}

// acquire waits for a slot, until ctx or the connection ends.
func (s *slots) acquire(ctx, conn context.Context, priority bool) error {
	s.mu.Lock()
	limit, queue := maxInFlight, &s.normal
	if priority {
		limit, queue = maxUrgentInFlight, &s.urgent
	}
	if s.used < limit {
		s.used++
		s.mu.Unlock()
		return nil
	}
	ready := make(chan struct{})
	place := queue.PushBack(ready)
	s.mu.Unlock()
	look := time.NewTicker(s.patience)
	defer look.Stop()
	var err error
	for err == nil {
		select {
		case <-ready:
			return nil
		case <-ctx.Done():
			err = ctx.Err()
		case <-conn.Done():
			err = context.Cause(conn)
		case <-look.C:
			s.stuck()
		}
	}
	s.mu.Lock()
	select {
	case <-ready: // too late to leave: pass the slot on
		s.passOn()
	default:
		queue.Remove(place)
	}
	s.mu.Unlock()
	return err
}

// release gives a slot back, to whoever waits first.
func (s *slots) release() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.passOn()
}

func (s *slots) passOn() {
	next := s.urgent.Front()
	switch {
	case next != nil:
		close(s.urgent.Remove(next).(chan struct{}))
	case s.used <= maxInFlight && s.normal.Len() > 0:
		close(s.normal.Remove(s.normal.Front()).(chan struct{}))
	default:
		s.used--
	}
}

// depth returns how many slots are used and how many callers wait for one.
func (s *slots) depth() (used, waiting int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.used, s.urgent.Len() + s.normal.Len()
}
