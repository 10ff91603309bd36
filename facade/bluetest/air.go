package bluetest

import (
	"container/heap"
	"slices"
	"time"
)

// An air carries the advertisements of all devices of a world: one goroutine sends each
// at its time, while anybody listens.
type air struct {
	wake chan struct{} // has a token when there may be something to do sooner; nil before the first device

	// Guarded by the world.
	queue   schedule
	awaited []*attempt // which wait for a packet; those that ended may be among them
}

const (
	// airSlack is how much later a packet may be sent, so that there is not a wake-up
	// for each.
	airSlack = time.Millisecond
	// airBatch is how many packets are sent before others have a turn with the world.
	airBatch = 64
	// airIdle is how long the air waits for somebody to wake it.
	airIdle = time.Hour
)

// add schedules the packets of an advertiser, the first within its interval. The world is
// locked.
func (r *air) add(a *advertiser) {
	w := a.peripheral.world
	if r.wake == nil {
		r.wake = make(chan struct{}, 1)
		w.tasks.Go(w.broadcast)
	}
	a.at = time.Now().Add(time.Duration(a.random.Float64() * float64(a.advertisement.Interval)))
	heap.Push(&r.queue, a)
	r.poke()
}

// update is called when the interval of an advertiser has changed. The world is locked.
func (r *air) update(a *advertiser) {
	if a.scheduled {
		a.at = time.Now()
		heap.Fix(&r.queue, a.index)
		r.poke()
	}
}

// remove ends the packets of an advertiser. The world is locked.
func (r *air) remove(a *advertiser) {
	if a.scheduled {
		heap.Remove(&r.queue, a.index)
	}
}

// await sends packets while an attempt to connect waits for one. The world is locked.
func (r *air) await(a *attempt) {
	r.awaited = append(r.awaited, a)
	r.poke()
}

// poke has the air look whether there is something to do. The world is locked.
func (r *air) poke() {
	if r.wake == nil {
		return
	}
	select {
	case r.wake <- struct{}{}:
	default:
	}
}

// broadcast sends the packets of all devices until the world ends.
func (w *World) broadcast() {
	timer := time.NewTimer(airIdle)
	defer timer.Stop()
	for {
		select {
		case <-timer.C:
		case <-w.air.wake:
		case <-w.ctx.Done():
			return
		}
		timer.Reset(w.sendDue())
	}
}

// sendDue sends the packets whose time has come, and returns how long there is nothing to
// do then.
func (w *World) sendDue() time.Duration {
	w.mu.Lock()
	defer w.mu.Unlock()
	if !w.listening() {
		return airIdle
	}
	queue := &w.air.queue
	for range airBatch {
		if queue.Len() == 0 {
			return airIdle
		}
		a, now := (*queue)[0], time.Now()
		if wait := a.at.Sub(now); wait > 0 {
			return max(wait, airSlack)
		}
		if a.peripheral.ctx.Err() != nil {
			heap.Pop(queue)
			continue
		}
		a.pass(now)
		heap.Fix(queue, 0)
	}
	return 0
}

// pass sends the packet that is due, and plans the next. Those of a time when nobody
// listened, or the machine was too slow, are lost. The world is locked.
func (a *advertiser) pass(now time.Time) {
	interval := a.advertisement.Interval
	late := now.Sub(a.at) / interval
	if late == 0 {
		a.tick()
	}
	a.at = a.at.Add(interval * (late + 1))
}

// listening reports whether any adapter scans or waits for a device. The world is locked.
func (w *World) listening() bool {
	w.air.awaited = slices.DeleteFunc(w.air.awaited, func(a *attempt) bool { return a.ctx.Err() != nil })
	if len(w.air.awaited) > 0 {
		return true
	}
	if w.bluetoothd != nil {
		for _, o := range w.bluetoothd.objects {
			if o.listening() {
				return true
			}
		}
	}
	return false
}

// A schedule has advertisers, the one with the next packet first: a [heap.Interface].
type schedule []*advertiser

func (s schedule) Len() int           { return len(s) }
func (s schedule) Less(i, j int) bool { return s[i].at.Before(s[j].at) }

func (s schedule) Swap(i, j int) {
	s[i], s[j] = s[j], s[i]
	s[i].index, s[j].index = i, j
}

// Push appends an advertiser.
func (s *schedule) Push(a any) {
	adv := a.(*advertiser)
	adv.index, adv.scheduled = len(*s), true
	*s = append(*s, adv)
}

// Pop removes the last advertiser.
func (s *schedule) Pop() any {
	last := len(*s) - 1
	a := (*s)[last]
	(*s)[last] = nil
	*s = (*s)[:last]
	a.scheduled = false
	return a
}
