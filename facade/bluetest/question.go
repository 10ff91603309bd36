package bluetest

import (
	"context"

	"github.com/gobluez/bluez/bluezgen"
)

// authenticate asks both users what the method wants them to do.
func (a *pairingAttempt) authenticate(p *Peripheral, method association) error {
	declared := &p.declared.Pairing
	passkey := declared.passkeyOf()
	switch method {
	case passkeyEntered:
		p.show(passkey)
		var entered uint32
		err := a.ask(func(ctx context.Context, agent bluezgen.Agent1) (err error) {
			entered, err = agent.RequestPasskey(ctx, a.device.path)
			return err
		})
		if err == nil && entered != passkey {
			err = errAuthenticationFailed()
		}
		return err
	case passkeyShown:
		a.display(passkey, declared.Keypresses)
		return a.deviceConfirms(declared, passkey)
	case comparison:
		p.show(passkey)
		if err := a.deviceConfirms(declared, passkey); err != nil {
			return err
		}
		return a.ask(func(ctx context.Context, agent bluezgen.Agent1) error {
			return agent.RequestConfirmation(ctx, a.device.path, passkey)
		})
	}
	return a.authorize()
}

// authorize lets just works pass: BlueZ assumes that a client which calls Pair means it,
// but wants an agent to be there all the same. Otherwise the default agent is asked.
func (a *pairingAttempt) authorize() error {
	if a.byPair && a.agent != nil {
		return nil
	}
	return a.ask(func(ctx context.Context, agent bluezgen.Agent1) error {
		return agent.RequestAuthorization(ctx, a.device.path)
	})
}

// welcome asks the default agent on behalf of the other side, if that is an adapter: who is
// paired with wants to know it, if there is somebody who can be asked.
func (a *pairingAttempt) welcome(l *link) error {
	b := a.device.adapter.bluetoothd
	var other *pairingAttempt
	b.world.do(func() {
		if agent := b.agents.pick(""); l.twin != nil && agent != nil && agent.capability != bluezgen.AgentCapabilityNoInputNoOutput {
			other = &pairingAttempt{device: l.twin.device, agent: agent, ctx: a.ctx}
		}
	})
	if other == nil {
		return nil
	}
	return other.ask(func(ctx context.Context, agent bluezgen.Agent1) error {
		return agent.RequestAuthorization(ctx, other.device.path)
	})
}

// enterPIN pairs as before Bluetooth 2.1.
func (a *pairingAttempt) enterPIN(p *Peripheral) error {
	declared := &p.declared.Pairing
	if declared.Reject {
		return errAuthenticationFailed()
	}
	if declared.IO == bluezgen.AgentCapabilityKeyboardOnly {
		return a.ask(func(ctx context.Context, agent bluezgen.Agent1) error {
			return agent.DisplayPinCode(ctx, a.device.path, declared.PIN)
		})
	}
	var entered string
	err := a.ask(func(ctx context.Context, agent bluezgen.Agent1) (err error) {
		entered, err = agent.RequestPinCode(ctx, a.device.path)
		return err
	})
	if err == nil && entered != declared.PIN {
		err = errAuthenticationFailed()
	}
	return err
}

// deviceConfirms asks the device's user.
func (a *pairingAttempt) deviceConfirms(declared *Pairing, passkey uint32) error {
	if confirm := declared.Confirm; confirm != nil && !confirm(a.ctx, passkey) {
		return errAuthenticationFailed()
	}
	return nil
}

// ask asks the agent, which has one question at a time. Without an agent, or if that says
// no or takes too long, pairing fails. If pairing ends first, the agent is told.
func (a *pairingAttempt) ask(question func(context.Context, bluezgen.Agent1) error) error {
	b := a.device.adapter.bluetoothd
	agent := a.agent
	if agent == nil || !b.beginQuestion(agent) {
		return errAuthenticationFailed()
	}
	ctx, cancel := context.WithTimeout(a.ctx, b.delays().Agent)
	defer cancel()
	err := question(ctx, agent.proxy)
	b.world.mu.Lock()
	defer b.world.mu.Unlock()
	agent.asked = false
	if err == nil {
		return nil
	}
	if ctx.Err() != nil && b.ctx.Err() == nil {
		b.tell(agent.proxy.Cancel)
	}
	return errAuthenticationFailed()
}

// beginQuestion is false if the agent has a question already.
func (b *bluetoothd) beginQuestion(g *agent) bool {
	b.world.mu.Lock()
	defer b.world.mu.Unlock()
	if g.asked {
		return false
	}
	g.asked = true
	return true
}

// display has the agent show a passkey, and what of it was typed on the device. BlueZ
// does not wait for its replies; this does for a moment, so that what is to be typed is
// on the bus before pairing ends.
func (a *pairingAttempt) display(passkey uint32, keypresses bool) {
	if a.agent == nil {
		return
	}
	digits := uint16(0)
	if keypresses {
		digits = 6
	}
	for entered := uint16(0); entered <= digits; entered++ {
		ctx, cancel := context.WithTimeout(a.ctx, telling)
		_ = a.agent.proxy.DisplayPasskey(ctx, a.device.path, passkey, entered)
		cancel()
	}
}
