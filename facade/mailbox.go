package facade

import (
	"context"
	"sync"
)

// A ring is a queue that grows as needed and is not safe for concurrent use. Its
// elements are numbered from the first ever pushed, so that one that still
// waits can be found and replaced.
type ring[T any] struct {
	items []T
	head  int    // index of the oldest element
	len   int    // number of elements
	first uint64 // number of the oldest element
}

// push appends v and returns its number.
func (r *ring[T]) push(v T) uint64 {
	if r.len == len(r.items) {
		grown := make([]T, max(8, 2*len(r.items)))
		n := copy(grown, r.items[r.head:])
		copy(grown[n:], r.items[:r.head])
		r.items, r.head = grown, 0
	}
	r.items[(r.head+r.len)%len(r.items)] = v
	r.len++
	return r.first + uint64(r.len) - 1
}

// pop removes and returns the oldest element; the ring must not be empty.
func (r *ring[T]) pop() T {
	var zero T
	v := r.items[r.head]
	r.items[r.head] = zero
	r.head = (r.head + 1) % len(r.items)
	r.len--
	r.first++
	return v
}

// at returns the waiting element of that number.
func (r *ring[T]) at(number uint64) *T {
	return &r.items[(r.head+int(number-r.first))%len(r.items)]
}

// A mailbox is a bounded queue between the goroutine that reads the bus, which must
// never wait, and consumers, which may.
type mailbox[T any] struct {
	limit int

	mu    sync.Mutex
	items ring[T]
	ended error         // why nothing more will come; nil while open
	asked bool          // whether lateWakes are to wake the consumer
	ready chan struct{} // holds a token while there is something to take, or the end
}

func newMailbox[T any](limit int) *mailbox[T] {
	return &mailbox[T]{limit: limit, ready: make(chan struct{}, 1)}
}

// put appends v. If the mailbox is full it ends with ErrOverflow instead, and put
// returns false. After the end put does nothing.
func (m *mailbox[T]) put(v T) bool { return m.putLate(v, nil) }

// putLate is put, but leaves it to late to wake the consumer.
func (m *mailbox[T]) putLate(v T, late *lateWakes) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.ended != nil {
		return true
	}
	if m.items.len >= m.limit {
		m.ended = ErrOverflow
		m.wake()
		return false
	}
	m.items.push(v)
	m.announce(late)
	return true
}

// announce wakes a consumer, now or late. m.mu is held.
func (m *mailbox[T]) announce(late *lateWakes) {
	switch {
	case late == nil:
		m.wake()
	case !m.asked:
		m.asked = true
		late.add(m)
	}
}

// wakeLate does what announce has put off.
func (m *mailbox[T]) wakeLate() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.asked = false
	m.wake()
}

// waits returns the number of elements.
func (m *mailbox[T]) waits() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.items.len
}

// end lets take return err once everything that waits was taken. Only the first end
// counts.
func (m *mailbox[T]) end(err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.ended == nil {
		m.ended = err
		m.wake()
	}
}

// take removes and returns the oldest element. It waits for one until ctx ends, and
// returns the error of end once there are none.
func (m *mailbox[T]) take(ctx context.Context) (T, error) {
	var zero T
	for {
		m.mu.Lock()
		if m.items.len > 0 {
			v := m.items.pop()
			if m.items.len > 0 || m.ended != nil {
				m.wake()
			}
			m.mu.Unlock()
			return v, nil
		}
		if err := m.ended; err != nil {
			m.wake() // for the next consumer
			m.mu.Unlock()
			return zero, err
		}
		m.mu.Unlock()
		select {
		case <-m.ready:
		case <-ctx.Done():
			return zero, context.Cause(ctx)
		}
	}
}

// wake leaves a token for a consumer that waits. m.mu is held.
func (m *mailbox[T]) wake() {
	select {
	case m.ready <- struct{}{}:
	default:
	}
}
