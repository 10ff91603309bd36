package bustest

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/url"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// A Relay stands between the clients of a bus and the bus. It passes bytes and
// descriptors both ways and makes faults on demand. For each client it has a
// connection of its own to the bus, so each has a unique name; but the process that
// the bus sees behind that name, GetConnectionUnixProcessID, is the relay's.
//
// Its address stays the same while the bus behind it restarts: the clients'
// connections break, new ones work once the bus is there again, and until then are
// closed at once.
//
// Both sides are slowed by the other: besides one frame and one buffer a direction
// nothing is stored but the frames that a filter holds or delays, and reading stops
// when these have 16 MiB.
//
// All methods may be called from any goroutine.
type Relay struct {
	target   string // as package net names it
	place    place
	listener *net.UnixListener
	filter   atomic.Pointer[filterFunc]
	ctx      context.Context // ends with the relay
	cancel   context.CancelFunc
	tasks    sync.WaitGroup

	mu      sync.Mutex
	conns   []*RelayedConn
	running chan struct{} // closed unless paused
	closed  bool
}

type filterFunc = func(c *RelayedConn, d Direction, f *Frame) Verdict

// StartRelay starts a Relay that ends with the test. It fails the test if it cannot.
func StartRelay(tb TB, target string) *Relay {
	tb.Helper()
	r, err := NewRelay(target)
	if err != nil {
		tb.Fatalf("%v", err)
	}
	tb.Cleanup(func() {
		if err := r.Close(); err != nil {
			tb.Errorf("end the relay: %v", err)
		}
	})
	return r
}

// NewRelay starts a Relay in front of the bus at an address of the kind "unix:path="
// or "unix:abstract=", that of a [Daemon] for instance, which need not run yet. Close
// ends it.
func NewRelay(target string) (*Relay, error) {
	name, err := socketName(target)
	if err != nil {
		return nil, fmt.Errorf("start a relay to %q: %w", target, err)
	}
	p, err := newPlace()
	if err != nil {
		return nil, fmt.Errorf("start a relay: %w", err)
	}
	listener, err := net.ListenUnix("unix", &net.UnixAddr{Name: p.socketName(), Net: "unix"})
	if err != nil {
		return nil, errors.Join(fmt.Errorf("start a relay: %w", err), p.close())
	}
	r := &Relay{target: name, place: p, listener: listener, running: make(chan struct{})}
	close(r.running)
	r.ctx, r.cancel = context.WithCancel(context.Background())
	r.tasks.Go(r.accept)
	return r, nil
}

// socketName returns what a D-Bus address names, as package net does.
func socketName(address string) (string, error) {
	keys, isUnix := strings.CutPrefix(address, "unix:")
	if !isUnix || strings.Contains(keys, ";") {
		return "", errors.New("not one unix: address")
	}
	for pair := range strings.SplitSeq(keys, ",") {
		key, escaped, _ := strings.Cut(pair, "=")
		value, err := url.PathUnescape(escaped)
		if err != nil {
			return "", err
		}
		switch key {
		case "path":
			return value, nil
		case "abstract":
			return "@" + value, nil
		}
	}
	return "", errors.New("neither path nor abstract")
}

// Address returns the address that clients connect to.
func (r *Relay) Address() string { return r.place.address() }

// accept takes clients until the relay is closed.
func (r *Relay) accept() {
	for {
		client, err := r.listener.AcceptUnix()
		switch {
		case err == nil:
			r.add(client)
		case errors.Is(err, net.ErrClosed):
			return
		default: // out of descriptors, perhaps: wait for some
			select {
			case <-time.After(10 * time.Millisecond):
			case <-r.ctx.Done():
			}
		}
	}
}

func (r *Relay) add(client *net.UnixConn) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.closed {
		client.Close()
		return
	}
	c := newRelayedConn(r, client)
	r.conns = append(r.conns, c)
	r.tasks.Go(func() {
		c.run()
		r.mu.Lock()
		defer r.mu.Unlock()
		r.conns = slices.DeleteFunc(r.conns, func(other *RelayedConn) bool { return other == c })
	})
}

// Connections returns the connections that there are now, the oldest first, those
// included that have not authenticated yet.
func (r *Relay) Connections() []*RelayedConn {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.conns)
}

// Connection returns the connection of the client with a unique name, nil if there is
// none.
func (r *Relay) Connection(uniqueName string) *RelayedConn {
	for _, c := range r.Connections() {
		if c.UniqueName() == uniqueName {
			return c
		}
	}
	return nil
}

// Filter has a function judge each message that is read from now on, of all
// connections, instead of the function before; nil lets everything pass.
//
// The function is called for each direction of each connection on a goroutine of its
// own, one message after the other. It may block, which stops that direction; Close
// waits for it. Setting another does not wait for one that is being called.
func (r *Relay) Filter(judge func(c *RelayedConn, d Direction, f *Frame) Verdict) {
	if judge == nil {
		r.filter.Store(nil)
		return
	}
	r.filter.Store(&judge)
}

// Pause stops the relay as if the bus were stopped: clients can connect, but nothing
// that either side sends passes, and neither sees that the other hangs up. What a
// test sends by Inject and Release still passes. Pausing a paused Relay does nothing.
func (r *Relay) Pause() {
	r.mu.Lock()
	defer r.mu.Unlock()
	select {
	case <-r.running:
		r.running = make(chan struct{})
	default:
	}
}

// Resume lets everything pass that waited, and what comes.
func (r *Relay) Resume() {
	r.mu.Lock()
	defer r.mu.Unlock()
	select {
	case <-r.running:
	default:
		close(r.running)
	}
}

// awaitRunning waits until the relay is not paused. It fails when ctx ends.
func (r *Relay) awaitRunning(ctx context.Context) error {
	r.mu.Lock()
	running := r.running
	r.mu.Unlock()
	select {
	case <-running:
		return nil
	default:
	}
	select {
	case <-running:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// CutAll breaks all connections, as [RelayedConn.Cut] does.
func (r *Relay) CutAll() {
	for _, c := range r.Connections() {
		c.Cut()
	}
}

// Close breaks all connections, stops to listen, and waits until nothing is left of
// the relay. Closing again does no more. It must not be called from a filter.
func (r *Relay) Close() error {
	r.mu.Lock()
	r.closed = true
	r.mu.Unlock()
	r.cancel()
	r.listener.Close()
	r.CutAll()
	r.tasks.Wait()
	return r.place.close()
}
