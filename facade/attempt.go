package facade

import (
	"context"
	"sync"
	"time"

	"github.com/godbus/dbus/v5"

	"github.com/gobluez/bluez/bluezgen"
	"github.com/gobluez/bluez/gen/bus"
)

// An attempt is one pairing with one device, as far as an agent has to do with it.
type attempt struct {
	agency *agency
	agent  *Agent
	path   dbus.ObjectPath         // of the device
	ours   bool                    // Pair has begun it
	ctx    context.Context         // ends with the pairing
	end    context.CancelCauseFunc // ends what the agent has to do with it

	mu      sync.Mutex
	refusal error  // why it was refused here
	next    func() // shows what is to be shown after what is shown now
	showing bool   // whether present runs
}

// attempt begins a pairing of ours.
func (g *agency) attempt(ctx context.Context, l *link, agent *Agent) *attempt {
	g.mu.Lock()
	defer g.mu.Unlock()
	if other := g.attempts[l.path]; other != nil {
		other.end(errPairingOver)
	}
	return g.add(ctx, &attempt{agency: g, agent: agent, path: l.path, ours: true})
}

// shown returns the pairing with a device for which BlueZ has something to show. Nobody
// tells when one ends that the device or BlueZ has begun: it is watched.
func (g *agency) shown(b *attachment, path dbus.ObjectPath) *attempt {
	g.mu.Lock()
	defer g.mu.Unlock()
	if a := g.attempts[path]; a != nil && a.ctx.Err() == nil {
		return a
	}
	if g.fallback == nil || g.central.enlist() != nil {
		return nil
	}
	a := g.add(b.ctx, &attempt{agency: g, agent: g.fallback, path: path})
	go func() {
		defer g.central.scanners.Done()
		a.watch(b)
	}()
	return a
}

// add makes an attempt one that questions are about. g.mu is held.
func (g *agency) add(ctx context.Context, a *attempt) *attempt {
	a.ctx, a.end = context.WithCancelCause(ctx)
	g.attempts[a.path] = a
	context.AfterFunc(a.ctx, func() {
		g.mu.Lock()
		defer g.mu.Unlock()
		if g.attempts[a.path] == a {
			delete(g.attempts, a.path)
		}
	})
	return a
}

// watch follows a device until its pairing has ended, or has taken too long.
func (a *attempt) watch(b *attachment) {
	timeout := time.NewTimer(a.agency.patience)
	defer timeout.Stop()
	following, err := b.mirror.Follow(a.ctx, a.path, bluezgen.Device1Interface)
	if err != nil {
		a.end(errPairingOver)
		return
	}
	defer following.Close()
	select {
	case <-timeout.C:
		a.end(errUnanswered)
	case <-a.ctx.Done():
	}
}

// deviceChanged learns what happened to a device.
func (g *agency) deviceChanged(e bus.Event) {
	g.mu.Lock()
	defer g.mu.Unlock()
	a := g.attempts[e.Path]
	if a == nil || a.ours {
		return
	}
	r, ok := e.Record.(*bluezgen.Device1Update)
	if e.Kind == bus.Removed || !ok {
		a.end(errPairingOver)
		return
	}
	paired := r.Changed.Has(bluezgen.Device1Paired) && r.Paired
	left := r.Changed.Has(bluezgen.Device1Connected) && !r.Connected
	if e.Kind == bus.Changed && (paired || left) {
		a.end(errPairingOver)
	}
}

// refuse notes why the agent has not answered.
func (a *attempt) refuse(cause error) {
	if a == nil {
		return
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.refusal != nil {
		return
	}
	if cause == errUnanswered {
		a.refusal = because(ErrPairingTimeout, cause)
	} else {
		a.refusal = because(ErrPairingRejected, &refusal{cause})
	}
}

// refused returns why the pairing was refused here, nil if it was not.
func (a *attempt) refused() error {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.refusal
}

// A refusal is the error of an agent. Its text is not the agent's, which may quote what
// a person has typed.
type refusal struct{ cause error }

func (r *refusal) Error() string {
	switch r.cause {
	case errNoFunction, errPasskey, errPIN:
		return r.cause.Error()
	}
	return "the agent refused"
}

func (r *refusal) Unwrap() error { return r.cause }

// show has something shown, in the place of what still waits to be shown.
func (a *attempt) show(display func()) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.next = display; a.showing || a.agency.central.enlist() != nil {
		return
	}
	a.showing = true
	go a.present()
}

// present shows what there is to show, one after the other.
func (a *attempt) present() {
	defer a.agency.central.scanners.Done()
	for {
		a.mu.Lock()
		display := a.next
		a.next = nil
		if display == nil || a.ctx.Err() != nil {
			a.showing = false
			a.mu.Unlock()
			return
		}
		a.mu.Unlock()
		display()
	}
}
