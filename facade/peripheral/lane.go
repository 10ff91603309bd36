package peripheral

import (
	"context"
	"sync"
)

// A lane lets pass one at a time, in the order in which they came.
type lane struct {
	mu    sync.Mutex
	queue []*place
}

// A place in a lane is to be left once, whether its turn has come or not.
type place struct {
	lane *lane
	turn chan struct{} // closed when it has come
}

// enter takes the last place.
func (l *lane) enter() *place {
	p := &place{lane: l, turn: make(chan struct{})}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.queue = append(l.queue, p)
	if len(l.queue) == 1 {
		close(p.turn)
	}
	return p
}

// wait returns nil when the turn has come.
func (p *place) wait(ctx context.Context) error {
	select {
	case <-p.turn:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// leave lets the next one pass.
func (p *place) leave() {
	l := p.lane
	l.mu.Lock()
	defer l.mu.Unlock()
	first := l.queue[0] == p
	for i, other := range l.queue {
		if other == p {
			l.queue = append(l.queue[:i], l.queue[i+1:]...)
			break
		}
	}
	if first && len(l.queue) > 0 {
		close(l.queue[0].turn)
	}
}
