package bustest

import (
	"slices"
	"time"
)

// judge asks the filter about a frame and does what it says.
func (l *lane) judge(filter filterFunc, f *Frame) error {
	relay, ctx := l.conn.relay, l.conn.ctx
	if err := relay.awaitRunning(ctx); err != nil {
		f.close()
		return err
	}
	l.awaitRoom()
	verdict := filter(l.conn, l.direction, f)
	if !l.settle(f, verdict) {
		return nil
	}
	defer f.close()
	if verdict == Drop {
		return nil
	}
	if err := relay.awaitRunning(ctx); err != nil { // the filter may have taken long
		return err
	}
	err := l.write(f.bytes, f.fds)
	if err == nil && verdict == Twice {
		err = l.write(f.bytes, f.fds)
	}
	return err
}

// settle takes a frame back from the filter, to be passed on or dropped, or keeps it.
// It returns false if there is nothing more to do now.
func (l *lane) settle(f *Frame, v Verdict) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if f.state == gone { // by Release or Discard
		return false
	}
	if v != Hold && v != late {
		f.state = gone
		return true
	}
	f.state = kept
	l.kept[f] = struct{}{}
	f.size = len(f.bytes)
	l.keptBytes += f.size
	if v == late {
		l.schedule(f)
	}
	return false
}

// take gives a frame to the caller, who holds mu.
func (l *lane) take(f *Frame) {
	if f.state == kept {
		delete(l.kept, f)
		l.keptBytes -= f.size
		l.room.Broadcast()
		switch i := slices.IndexFunc(l.queue, func(late lateFrame) bool { return late.frame == f }); {
		case i == 0: // its time has come
			l.queue[0] = lateFrame{}
			l.queue = l.queue[1:]
		case i > 0:
			l.queue = slices.Delete(l.queue, i, i+1)
		}
	}
	f.state = gone
}

// awaitRoom waits until less than maxKept is kept, or the connection ends.
func (l *lane) awaitRoom() {
	l.mu.Lock()
	defer l.mu.Unlock()
	for l.keptBytes >= maxKept && l.conn.ctx.Err() == nil {
		l.room.Wait()
	}
}

// schedule queues a kept frame behind those that are due when it is. The caller
// holds mu.
func (l *lane) schedule(f *Frame) {
	due := time.Now().Add(f.delay)
	i := len(l.queue)
	for i > 0 && l.queue[i-1].due.After(due) {
		i--
	}
	l.queue = slices.Insert(l.queue, i, lateFrame{f, due})
	if !l.delivering {
		l.delivering = true
		l.conn.tasks.Go(l.deliver)
		return
	}
	if i == 0 {
		select {
		case l.earlier <- struct{}{}:
		default: // it has yet to look anyhow
		}
	}
}

// deliver passes the queued frames when they are due, until none is left.
func (l *lane) deliver() {
	for {
		f, wait := l.nextDue()
		if f != nil {
			if l.conn.relay.awaitRunning(l.conn.ctx) == nil {
				_ = f.pass() // the lane's own goroutine sees that the receiver is gone
			} else {
				f.close()
			}
			continue
		}
		if wait == 0 {
			return
		}
		timer := time.NewTimer(wait)
		select {
		case <-timer.C:
		case <-l.earlier:
		case <-l.conn.ctx.Done():
			timer.Stop()
			return
		}
		timer.Stop()
	}
}

// nextDue takes the frame that is due now, or returns how long until one is. Both are
// zero once there is none, and deliver is to end.
func (l *lane) nextDue() (*Frame, time.Duration) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.queue) == 0 {
		l.delivering = false
		return nil, 0
	}
	f := l.queue[0].frame
	if wait := time.Until(l.queue[0].due); wait > 0 {
		return nil, wait
	}
	l.take(f)
	return f, 0
}

// wake makes whoever waits for room look whether the connection has ended.
func (l *lane) wake() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.room.Broadcast()
}

// discard drops all that is kept.
func (l *lane) discard() {
	l.mu.Lock()
	defer l.mu.Unlock()
	for f := range l.kept {
		l.take(f)
		f.close()
	}
}
