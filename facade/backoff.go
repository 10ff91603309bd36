package facade

import (
	"math/rand/v2"
	"time"
)

// A backoff waits between attempts, twice as long each time, up to a limit, and not
// quite regularly, so that those who wait for the same thing do not meet again. The
// zero backoff begins at 50 ms and ends at 5 s.
type backoff struct {
	first, limit time.Duration
	next         time.Duration
}

// reset makes the next wait short again.
func (b *backoff) reset() { b.next = 0 }

// wait waits until the time has come, if timed, or wake or done have something to say.
func (b *backoff) wait(timed bool, wake, done <-chan struct{}) {
	var timeout <-chan time.Time
	if timed {
		if b.first == 0 {
			b.first, b.limit = 50*time.Millisecond, 5*time.Second
		}
		b.next = min(max(b.first, 2*b.next), b.limit)
		timer := time.NewTimer(b.next/2 + rand.N(b.next))
		defer timer.Stop()
		timeout = timer.C
	}
	select {
	case <-timeout:
	case <-wake:
	case <-done:
	}
}
