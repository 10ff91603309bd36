package bluetest

import (
	"context"
	"sync"
)

// errands are what is to be done in order by one goroutine, free of the world's lock and of
// a connection's reader goroutine: calls of a client, and what its signals lead to.
type errands struct {
	mu    sync.Mutex
	queue []func()
	ready chan struct{} // has a token while there are any
}

// later has the goroutine run f. It may be called from anywhere.
func (e *errands) later(f func()) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.queue = append(e.queue, f)
	select {
	case e.ready <- struct{}{}:
	default:
	}
}

// run does what is to be done until ctx ends.
func (e *errands) run(ctx context.Context) {
	for {
		select {
		case <-e.ready:
		case <-ctx.Done():
			return
		}
		e.mu.Lock()
		queue := e.queue
		e.queue = nil
		e.mu.Unlock()
		for _, f := range queue {
			f()
		}
	}
}
