package bluetest

import (
	"context"
	"fmt"
	"slices"
	"sync"

	"github.com/godbus/dbus/v5"

	"github.com/gobluez/bluez/gen/bus/bustest"
	"github.com/gobluez/bluez/gen/wire"
)

// A Call is a method call that a client has made.
type Call struct {
	Sender    string // the client's unique name
	Path      dbus.ObjectPath
	Interface string
	Method    string
}

// Calls are the method calls that clients make while they are recorded. Its methods may
// be called from any goroutine.
type Calls struct {
	world *World
	stop  func()

	mu       sync.Mutex
	all      []Call
	answered map[string]int // by method
	changed  chan struct{}  // closed when there is another call or answer
}

// RecordCalls records the method calls of all clients, to bluetoothd and to the bus, from
// now on. It costs a few microseconds a message.
func (w *World) RecordCalls() *Calls {
	c := &Calls{world: w, answered: map[string]int{}, changed: make(chan struct{})}
	c.stop = w.follow(&follower{
		watch: func(client *bustest.RelayedConn, h *wire.Header) {
			c.add(func() {
				c.all = append(c.all, Call{client.UniqueName(), dbus.ObjectPath(h.Path), string(h.Interface), string(h.Member)})
			})
		},
		watchReply: func(method string) { c.add(func() { c.answered[method]++ }) },
	})
	return c
}

// add records something.
func (c *Calls) add(record func()) {
	c.mu.Lock()
	defer c.mu.Unlock()
	record()
	close(c.changed)
	c.changed = make(chan struct{})
}

// Stop ends the recording. What was recorded stays.
func (c *Calls) Stop() { c.stop() }

// All returns the calls so far, in the order in which they were made.
func (c *Calls) All() []Call {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Clone(c.all)
}

// Count returns how often a method was called so far.
func (c *Calls) Count(method string) int {
	n, _ := c.count(method)
	return n
}

func (c *Calls) count(method string) (n int, changed <-chan struct{}) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, call := range c.all {
		if call.Method == method {
			n++
		}
	}
	return n, c.changed
}

func (c *Calls) countAnswered(method string) (n int, changed <-chan struct{}) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.answered[method], c.changed
}

// Await waits until a method was called n times. It fails when ctx ends, or the world. The
// call has been made then; it may not have been answered, nor have reached bluetoothd.
func (c *Calls) Await(ctx context.Context, method string, n int) error {
	return c.await(ctx, "calls", method, n, c.count)
}

// AwaitAnswered waits until n calls of a method were answered, with an error or without.
// It fails when ctx ends, or the world. What the calls ask for is done then; the client may
// not have the answer yet.
func (c *Calls) AwaitAnswered(ctx context.Context, method string, n int) error {
	return c.await(ctx, "answers", method, n, c.countAnswered)
}

func (c *Calls) await(ctx context.Context, what, method string, n int, count func(method string) (int, <-chan struct{})) error {
	for {
		have, changed := count(method)
		if have >= n {
			return nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return fmt.Errorf("await %d %s of %s, of which there are %d: %w", n, what, method, have, context.Cause(ctx))
		case <-c.world.ctx.Done():
			return fmt.Errorf("await %d %s of %s, of which there are %d: %w", n, what, method, have, context.Cause(c.world.ctx))
		}
	}
}
