package bluetest

import (
	"context"
	"slices"
	"time"

	"github.com/godbus/dbus/v5"

	"github.com/gobluez/bluez/bluezgen"
	"github.com/gobluez/bluez/gen/bus"
)

// agents are the registered agents, and AgentManager1.
type agents struct {
	bluezgen.UnimplementedAgentManager1Server
	bluetoothd *bluetoothd

	// Guarded by the world.
	all []*agent // the default one first
}

// An agent is an application's.
type agent struct {
	proxy      bluezgen.Agent1
	owner      string // its unique name
	capability bluezgen.AgentCapability
	asked      bool // and has not answered yet
}

// telling is how long a call may take to get onto the bus whose reply does not matter.
const telling = 200 * time.Millisecond

// serve exports AgentManager1.
func (a *agents) serve(_ context.Context, b *bluetoothd) error {
	a.bluetoothd = b
	_, err := b.export(bluezgen.AgentManager1Path, bluezgen.NewAgentManager1Skeleton(a))
	return err
}

// RegisterAgent registers an agent, one for each bus connection. The first of all is the
// default one; the others follow it in that when it goes.
func (a *agents) RegisterAgent(ctx context.Context, path dbus.ObjectPath, capability bluezgen.AgentCapability) error {
	w := a.bluetoothd.world
	w.mu.Lock()
	defer w.mu.Unlock()
	owner := bus.Sender(ctx)
	if a.of(owner) != nil {
		return bluezgen.ErrAlreadyExists.With("Already Exists")
	}
	if capability == "" {
		capability = bluezgen.AgentCapabilityKeyboardDisplay
	}
	if column(capability) < 0 {
		return bluezgen.ErrInvalidArguments.With("Invalid arguments in method call")
	}
	a.all = append(a.all, &agent{
		proxy: bluezgen.NewAgent1(a.bluetoothd.conn, owner, path), owner: owner, capability: capability,
	})
	return nil
}

// UnregisterAgent removes the caller's agent.
func (a *agents) UnregisterAgent(ctx context.Context, path dbus.ObjectPath) error {
	w := a.bluetoothd.world
	w.mu.Lock()
	defer w.mu.Unlock()
	owner := bus.Sender(ctx)
	if g := a.of(owner); g == nil || g.proxy.Path() != path {
		return bluezgen.ErrDoesNotExist.With("Does Not Exist")
	}
	a.clientLeft(owner)
	return nil
}

// RequestDefaultAgent makes the caller's agent the default one.
func (a *agents) RequestDefaultAgent(ctx context.Context, path dbus.ObjectPath) error {
	w := a.bluetoothd.world
	w.mu.Lock()
	defer w.mu.Unlock()
	owner := bus.Sender(ctx)
	g := a.of(owner)
	if g == nil || g.proxy.Path() != path {
		return bluezgen.ErrDoesNotExist.With("Does Not Exist")
	}
	a.clientLeft(owner)
	a.all = slices.Insert(a.all, 0, g)
	return nil
}

// of returns the agent of a bus connection, or nil. The world is locked, as for the
// methods below.
func (a *agents) of(owner string) *agent {
	for _, g := range a.all {
		if g.owner == owner {
			return g
		}
	}
	return nil
}

// pick returns the agent for what a client asked for, or for what nobody did: its own,
// or the default one, or nil.
func (a *agents) pick(owner string) *agent {
	if g := a.of(owner); g != nil {
		return g
	}
	if len(a.all) > 0 {
		return a.all[0]
	}
	return nil
}

// clientLeft forgets the agent of a bus connection. What it was asked fails by itself.
func (a *agents) clientLeft(name string) {
	a.all = slices.DeleteFunc(a.all, func(g *agent) bool { return g.owner == name })
}

// shutDown tells the agents that they are not registered any more. The calls may still
// be on their way when it returns: farewells waits for them.
func (a *agents) shutDown() {
	for _, g := range a.all {
		a.bluetoothd.farewells.Add(1)
		a.bluetoothd.tell(func(ctx context.Context) error {
			defer a.bluetoothd.farewells.Done()
			return g.proxy.Release(ctx)
		})
	}
	a.all = nil
}

// tell makes a call whose reply does not matter.
func (b *bluetoothd) tell(call func(context.Context) error) {
	b.world.tasks.Go(func() {
		ctx, cancel := context.WithTimeout(b.ctx, telling)
		defer cancel()
		_ = call(ctx) // BlueZ does not look either
	})
}
