package facade

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/godbus/dbus/v5"

	"github.com/gobluez/bluez/bluezgen"
	"github.com/gobluez/bluez/gen/bus"
)

// An agency is the one agent that BlueZ knows of a Central, for it allows one for each
// connection to the bus, and those whom it passes the questions on to: the agents of
// the pairing that runs and of SetAgent. It is registered while there is any.
type agency struct {
	central  *Central
	turn     chan struct{} // holds a token while a pairing runs or SetAgent does
	wake     chan struct{} // holds a token when BlueZ may have forgotten the registration
	patience time.Duration // how long a question waits for its answer

	// Owned by who has the turn.
	bus        *attachment // to which what follows belongs
	export     *bus.Export // not nil while BlueZ may know the agent
	registered registration

	mu        sync.Mutex
	forgotten bool                         // whether BlueZ has forgotten the registration
	fallback  *Agent                       // of SetAgent, nil if there is none
	kept      bool                         // whether keep runs
	attempts  map[dbus.ObjectPath]*attempt // by device
	questions map[*question]bool           // that wait for an answer
}

// A registration is what BlueZ knows of the agent; the zero one is none.
type registration struct {
	capability bluezgen.AgentCapability
	standing   bool // it is the default agent
}

// answerTimeout bounds how long an agent may take to answer: a little less than the
// minute that BlueZ waits, so that it is known who was too slow.
const answerTimeout = 59 * time.Second

// agentPath is where the agent is on the bus; any path will do.
const agentPath dbus.ObjectPath = "/gobluez/agent"

func newAgency(c *Central) *agency {
	return &agency{
		central: c, turn: make(chan struct{}, 1), wake: make(chan struct{}, 1), patience: answerTimeout,
		attempts: make(map[dbus.ObjectPath]*attempt), questions: make(map[*question]bool),
	}
}

// begin waits for the turn. It is the caller's until end.
func (g *agency) begin(ctx context.Context) error {
	select {
	case g.turn <- struct{}{}:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

func (g *agency) end() { <-g.turn }

// standing returns the agent for those who bring none.
func (g *agency) standing() *Agent {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.fallback != nil {
		return g.fallback
	}
	return &Agent{}
}

// wanted returns the registration with which agent is asked. It is the system's default as
// well if that does not promise more than the agent of SetAgent can do.
func (g *agency) wanted(agent *Agent) registration {
	g.mu.Lock()
	defer g.mu.Unlock()
	capability := agent.capability()
	return registration{capability, g.fallback != nil && g.fallback.capability() == capability}
}

// setDefault is SetAgent.
func (g *agency) setDefault(ctx context.Context, agent *Agent) error {
	if err := g.central.admit(); err != nil {
		return err
	}
	defer g.central.connects.Done()
	ctx, free := join(ctx, g.central.bus().ctx)
	defer free()
	if err := g.begin(ctx); err != nil {
		return err
	}
	defer g.end()
	if agent == nil {
		g.replace(nil)
		g.restore()
		return nil
	}
	before := g.replace(agent) // it may be asked before it is confirmed
	if err := g.register(ctx, registration{agent.capability(), true}); err != nil {
		g.replace(before)
		g.restore()
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		return err
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	if !g.kept {
		g.kept = true
		g.central.tasks.Go(g.keep)
	}
	return nil
}

// replace puts another agent in the place of the default one.
func (g *agency) replace(agent *Agent) (before *Agent) {
	g.mu.Lock()
	defer g.mu.Unlock()
	before, g.fallback = g.fallback, agent
	return before
}

// keep registers the default agent again whenever BlueZ has forgotten it, until the
// Central is closed.
func (g *agency) keep() {
	var retry backoff
	for {
		err := g.renew()
		if err == nil {
			retry.reset()
		} else {
			g.central.logger.Debug("register the agent again", "error", err)
		}
		retry.wait(err != nil, g.wake, g.central.ctx.Done())
		if g.central.ctx.Err() != nil {
			return
		}
	}
}

// renew registers the default agent if BlueZ does not know it.
func (g *agency) renew() error {
	a := g.central.bus()
	if err := a.err(); err != nil {
		return nil // until the Central is attached again
	}
	if !a.mirror.Present() {
		return nil // until bluetoothd is back
	}
	if err := g.begin(a.ctx); err != nil {
		return err
	}
	defer g.end()
	ctx, cancel := context.WithTimeout(a.ctx, startTimeout)
	defer cancel()
	return g.settle(ctx)
}

// settle makes the registration what it is to be between pairings.
func (g *agency) settle(ctx context.Context) error {
	g.mu.Lock()
	fallback := g.fallback
	g.mu.Unlock()
	if fallback == nil {
		g.withdraw(ctx)
		return nil
	}
	return g.register(ctx, registration{fallback.capability(), true})
}

// restore is settle for those whose own context may have ended.
func (g *agency) restore() {
	ctx, cancel := context.WithTimeout(g.central.bus().ctx, cleanupTimeout)
	defer cancel()
	if err := g.settle(ctx); err != nil {
		g.central.logger.Debug("register the agent", "error", err)
		g.poke()
	}
}

// poke makes keep look again.
func (g *agency) poke() {
	select {
	case g.wake <- struct{}{}:
	default:
	}
}

// register brings BlueZ from what it knows to what is wanted.
func (g *agency) register(ctx context.Context, want registration) error {
	a := g.central.bus()
	if err := a.err(); err != nil {
		return err
	}
	g.mu.Lock()
	if g.bus != a || g.forgotten {
		g.registered = registration{}
	}
	g.forgotten = false
	g.mu.Unlock()
	if g.bus != a {
		g.bus, g.export = a, nil // the old one ended with its bus
	}
	if g.registered == want {
		return nil
	}
	manager := bluezgen.NewAgentManager1(a.conn, bluezgen.AgentManager1Path)
	if g.registered.capability != want.capability || g.registered.standing && !want.standing {
		if err := g.enroll(ctx, manager, want.capability); err != nil {
			return translate(err)
		}
	}
	if want.standing {
		if err := manager.RequestDefaultAgent(ctx, agentPath); err != nil {
			return translate(err)
		}
	}
	g.registered = want
	return nil
}

// enroll registers the agent with other abilities than it had.
func (g *agency) enroll(ctx context.Context, manager bluezgen.AgentManager1, capability bluezgen.AgentCapability) error {
	if err := g.answered(ctx); err != nil {
		return err
	}
	if g.export == nil {
		server := &questions{agency: g, bus: g.bus}
		export, err := g.bus.conn.Export(ctx, agentPath, bus.ExportOptions{From: bluezgen.Service}, bluezgen.NewAgent1Skeleton(server))
		if err != nil {
			return err
		}
		g.export = export
	}
	if g.registered.capability != "" {
		if err := unregister(ctx, manager); err != nil {
			return err
		}
		g.registered = registration{}
	}
	err := manager.RegisterAgent(ctx, agentPath, capability)
	if errors.Is(err, bluezgen.ErrAlreadyExists) { // by a call that was not waited for
		if err = unregister(ctx, manager); err == nil {
			err = manager.RegisterAgent(ctx, agentPath, capability)
		}
	}
	if err == nil {
		g.registered = registration{capability: capability}
	}
	return err
}

// withdraw ends the registration.
func (g *agency) withdraw(ctx context.Context) {
	if g.export == nil {
		return
	}
	if g.bus == g.central.bus() {
		if err := unregister(ctx, bluezgen.NewAgentManager1(g.bus.conn, bluezgen.AgentManager1Path)); err != nil {
			g.central.logger.Debug("unregister the agent", "error", err)
		}
	}
	_ = g.export.Close() // its error is always nil
	g.export, g.registered = nil, registration{}
}

// unregister has BlueZ forget the agent, if it knows it.
func unregister(ctx context.Context, manager bluezgen.AgentManager1) error {
	err := manager.UnregisterAgent(ctx, agentPath)
	if errors.Is(err, bluezgen.ErrDoesNotExist) {
		return nil
	}
	return err
}

// answered waits until no question waits for its answer any more, for BlueZ withdraws
// those of an agent that is unregistered.
func (g *agency) answered(ctx context.Context) error {
	for {
		q := g.open()
		if q == nil {
			return nil
		}
		select {
		case <-q.ctx.Done():
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

// open returns a question that waits for an answer, or nil.
func (g *agency) open() *question {
	g.mu.Lock()
	defer g.mu.Unlock()
	for q := range g.questions {
		if q.ctx.Err() == nil {
			return q
		}
	}
	return nil
}

// serviceChanged learns that bluetoothd went or came back.
func (g *agency) serviceChanged() {
	g.forget()
	g.poke()
}

// forget notes that BlueZ has forgotten the agent, and what it was about to ask.
func (g *agency) forget() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.forgotten = true
	for _, a := range g.attempts {
		if !a.ours { // ours is told by the end of the call
			a.end(errPairingOver)
		}
	}
}
