package bluetest

import (
	"context"
	"slices"
	"time"

	"github.com/gobluez/bluez/bluezgen"
)

// An attQueue is BlueZ's side of the attribute protocol on a link: requests go one at a
// time, in their order, and commands in the same order between them. It takes any number.
type attQueue struct {
	link *link

	// Guarded by the world.
	waiting []*attRequest // the first of them is under way, if busy
	busy    bool
}

// An attRequest is a request or a command.
type attRequest struct {
	// rounds is how many packets go to the device and back, 0 for a command.
	rounds int
	// serve has the device answer. The world is not locked.
	serve func() ([]byte, ATTError)
	// answered takes the answer, with the world locked. It is called exactly once, at the
	// end of the link if not before.
	answered func(value []byte, err ATTError)

	ended bool
}

// enqueue sends a request in its turn. The world is locked.
func (q *attQueue) enqueue(r *attRequest) {
	if q.link.ctx.Err() != nil {
		q.end(r, nil, attUnlikely)
		return
	}
	q.waiting = append(q.waiting, r)
	if !q.busy {
		q.busy = true
		q.link.peripheral.world.tasks.Go(q.work)
	}
}

// end gives a request its answer. The world is locked.
func (q *attQueue) end(r *attRequest, value []byte, err ATTError) {
	if !r.ended {
		r.ended = true
		r.answered(value, err)
	}
}

// work sends what waits, until nothing does.
func (q *attQueue) work() {
	w := q.link.peripheral.world
	for {
		w.mu.Lock()
		if q.link.ctx.Err() != nil || len(q.waiting) == 0 {
			q.busy = false
			w.mu.Unlock()
			return
		}
		r := q.waiting[0]
		w.mu.Unlock()
		value, err := q.ask(r)
		w.do(func() {
			if len(q.waiting) > 0 && q.waiting[0] == r {
				q.waiting = q.waiting[1:]
			}
			q.end(r, value, err)
		})
	}
}

// ask sends a request and waits for the answer. If the device refuses it for a lack of
// security, that is raised, as far as it can be, and the request sent once more.
func (q *attQueue) ask(r *attRequest) ([]byte, ATTError) {
	value, err := q.transact(r)
	lacking := err == attInsufficientAuthentication || err == attInsufficientEncryption
	if lacking && r.rounds > 0 && q.link.device.elevate(q.link.ctx, q.link) == nil {
		return q.transact(r)
	}
	return value, err
}

// transact is ask without that. A device that takes longer to answer than the protocol
// allows loses the link (Core specification, volume 3, part F, section 3.3.3).
func (q *attQueue) transact(r *attRequest) ([]byte, ATTError) {
	l := q.link
	a := l.peripheral.attributes
	if r.rounds > 0 {
		b := l.device.adapter.bluetoothd
		timeout := b.after(b.delays().Attribute, func() { q.timedOut(r) })
		defer timeout.Stop()
		latency := time.Duration(r.rounds) * l.peripheral.declared.Connection.Attribute
		if sleep(l.ctx, latency) != nil {
			return nil, attUnlikely
		}
	}
	if a.inRange(l.ctx) != nil || a.begin(l.ctx) != nil {
		return nil, attUnlikely
	}
	defer a.end()
	return r.serve()
}

// timedOut ends the link over which a request was not answered. The world is locked.
func (q *attQueue) timedOut(r *attRequest) {
	if d := q.link.device; !r.ended && d.connection.link == q.link {
		d.dropLink(bluezgen.DisconnectReasonLocal, disconnectLocal)
	}
}

// linkDown fails what has no answer yet, as BlueZ does: with the code of an unlikely
// error, which no device has sent. The world is locked.
func (q *attQueue) linkDown() {
	waiting := slices.Clone(q.waiting)
	q.waiting = nil
	for _, r := range waiting {
		q.end(r, nil, attUnlikely)
	}
}

// sleep waits for a time, or for the end of ctx, which is an error.
func sleep(ctx context.Context, d time.Duration) error {
	if d > 0 {
		timer := time.NewTimer(d)
		defer timer.Stop()
		select {
		case <-timer.C:
		case <-ctx.Done():
		}
	}
	return ctx.Err()
}
