package bustest

import (
	"context"
	"fmt"
	"net"
	"sync"
	"sync/atomic"

	"github.com/gobluez/bluez/gen/wire"
)

// A RelayedConn is a client's connection through a [Relay]. Its methods may be called
// from any goroutine, filters included.
type RelayedConn struct {
	relay           *Relay
	toBus, toClient *lane
	hello           atomic.Uint32 // serial of the client's call
	name            atomic.Pointer[string]
	cutNext         atomic.Bool // the next frame to the client is cut

	ctx    context.Context // ends when the connection is to end
	cancel context.CancelFunc
	tasks  sync.WaitGroup // lanes' deliver
	done   chan struct{}

	mu      sync.Mutex
	sockets []*net.UnixConn // closed by Cut
}

func newRelayedConn(r *Relay, client *net.UnixConn) *RelayedConn {
	c := &RelayedConn{relay: r, sockets: []*net.UnixConn{client}, done: make(chan struct{})}
	c.ctx, c.cancel = context.WithCancel(r.ctx)
	c.toBus, c.toClient = newLane(c, ToBus), newLane(c, ToClient)
	c.toBus.from, c.toClient.to = client, client
	return c
}

// run connects to the bus and passes on what comes until both sides have hung up, or
// the connection is cut.
func (c *RelayedConn) run() {
	defer close(c.done)
	defer c.Cut()
	dialed, err := new(net.Dialer).DialContext(c.ctx, "unix", c.relay.target)
	if err != nil {
		return // no bus: the client finds that out as the connection closes
	}
	bus := dialed.(*net.UnixConn)
	if !c.own(bus) {
		return
	}
	c.toBus.to, c.toClient.from = bus, bus
	var lanes sync.WaitGroup
	lanes.Go(c.toBus.run)
	c.toClient.run()
	lanes.Wait()
	c.Cut()
	c.tasks.Wait()
	c.toBus.discard()
	c.toClient.discard()
}

// own makes Cut close a socket too. If that has happened, it closes it and returns
// false.
func (c *RelayedConn) own(socket *net.UnixConn) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.ctx.Err() != nil {
		socket.Close()
		return false
	}
	c.sockets = append(c.sockets, socket)
	return true
}

// Cut breaks the connection: both sides see it closed, the client perhaps in the
// middle of a message that was on its way. Frames that are held or delayed are lost.
func (c *RelayedConn) Cut() {
	c.mu.Lock()
	c.cancel()
	for _, socket := range c.sockets {
		socket.Close()
	}
	c.sockets = nil
	c.mu.Unlock()
	c.toBus.wake()
	c.toClient.wake()
}

// CutMidFrame breaks the connection in the middle of the next message to the client,
// which gets the first half of it. Any message will do, an injected one too.
func (c *RelayedConn) CutMidFrame() { c.cutNext.Store(true) }

// Done returns a channel that is closed when the connection has ended.
func (c *RelayedConn) Done() <-chan struct{} { return c.done }

// UniqueName returns the name that the bus gave to the client, or "" before it has.
// A client whose Hello has returned has a name here too.
func (c *RelayedConn) UniqueName() string {
	if name := c.name.Load(); name != nil {
		return *name
	}
	return ""
}

// learn looks for the call of Hello and for its reply.
func (c *RelayedConn) learn(d Direction, h *wire.Header, body []byte) {
	const busService = "org.freedesktop.DBus"
	switch {
	case c.name.Load() != nil:
	case d == ToBus && h.Type == wire.MethodCall && string(h.Member) == "Hello" && string(h.Destination) == busService:
		c.hello.Store(h.Serial)
	case d == ToClient && h.Type == wire.MethodReturn && h.ReplySerial == c.hello.Load() && string(h.Signature) == "s":
		decoder := wire.NewDecoder(body, h.Order, nil)
		if name := decoder.String(); decoder.Err() == nil {
			c.name.Store(&name)
		}
	}
}

// Inject sends bytes between two frames, as if the other side had: a message, forged
// or malformed, or whatever else. No filter sees it, and it passes also while the
// relay is paused. It blocks while the receiver is slow. It is an error before the
// client has authenticated, and after the connection has ended or its frames cannot
// be followed any more.
func (c *RelayedConn) Inject(d Direction, frame []byte) error {
	l := c.toClient
	if d == ToBus {
		l = c.toBus
	}
	if !l.framed.Load() {
		return fmt.Errorf("inject a message %s: no messages pass yet, or no longer", d)
	}
	if err := l.write(frame, nil); err != nil {
		return fmt.Errorf("inject a message %s: %w", d, err)
	}
	return nil
}
