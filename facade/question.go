package facade

import (
	"context"
	"errors"

	"github.com/godbus/dbus/v5"

	"github.com/gobluez/bluez/bluezgen"
	"github.com/gobluez/bluez/gen/bus"
)

// questions is what BlueZ calls: it passes each question on to the agent that it is for.
type questions struct {
	bluezgen.UnimplementedAgent1Server
	agency *agency
	bus    *attachment
}

// A question waits for the answer of an agent.
type question struct {
	attempt *attempt        // nil if it is for the default agent
	ctx     context.Context // ends with the answer, or when that is not wanted any more
	cancel  context.CancelCauseFunc
}

var (
	// errNoFunction is an Agent that cannot answer.
	errNoFunction = errors.New("the agent has no function for it")
	// errUnanswered is an Agent that did not answer.
	errUnanswered = errors.New("the agent has not answered in time")
	// errWithdrawn is a question that BlueZ does not ask any more.
	errWithdrawn = errors.New("the question was withdrawn")
	// errPIN leaves out the PIN.
	errPIN = errors.New("a PIN has 1 to 16 bytes")
)

// Release learns that BlueZ has forgotten the agent. It does so when it is about to end: to
// register again is for serviceChanged.
func (s *questions) Release(context.Context) error {
	s.agency.forget()
	return nil
}

// Cancel withdraws the question that waits for an answer; BlueZ asks one at a time.
func (s *questions) Cancel(context.Context) error {
	g := s.agency
	g.mu.Lock()
	defer g.mu.Unlock()
	for q := range g.questions {
		q.cancel(errWithdrawn)
		if q.attempt != nil && !q.attempt.ours {
			q.attempt.end(errPairingOver)
		}
	}
	return nil
}

func (s *questions) RequestPasskey(ctx context.Context, path dbus.ObjectPath) (uint32, error) {
	passkey, err := ask(ctx, s, path, func(ctx context.Context, agent *Agent, d Device) (Passkey, error) {
		if agent.RequestPasskey == nil {
			return 0, errNoFunction
		}
		passkey, err := agent.RequestPasskey(ctx, d)
		if err == nil && passkey > maxPasskey {
			return 0, errPasskey
		}
		return passkey, err
	})
	return uint32(passkey), err
}

func (s *questions) RequestPinCode(ctx context.Context, path dbus.ObjectPath) (string, error) {
	return ask(ctx, s, path, func(ctx context.Context, agent *Agent, d Device) (string, error) {
		if agent.RequestPIN == nil {
			return "", errNoFunction
		}
		pin, err := agent.RequestPIN(ctx, d)
		if err == nil && (len(pin) < 1 || len(pin) > 16) {
			return "", errPIN
		}
		return pin, err
	})
}

func (s *questions) RequestConfirmation(ctx context.Context, path dbus.ObjectPath, passkey uint32) error {
	return consent(ctx, s, path, func(ctx context.Context, agent *Agent, d Device) error {
		if agent.Confirm == nil {
			return errNoFunction
		}
		return agent.Confirm(ctx, d, Passkey(passkey))
	})
}

func (s *questions) RequestAuthorization(ctx context.Context, path dbus.ObjectPath) error {
	return consent(ctx, s, path, func(ctx context.Context, agent *Agent, d Device) error {
		if agent.Authorize == nil {
			return errNoFunction
		}
		return agent.Authorize(ctx, d)
	})
}

func (s *questions) AuthorizeService(ctx context.Context, path dbus.ObjectPath, service string) error {
	return consent(ctx, s, path, func(ctx context.Context, agent *Agent, d Device) error {
		uuid, err := ParseUUID(service)
		if err != nil {
			return err
		}
		if agent.AuthorizeService == nil {
			return errNoFunction
		}
		return agent.AuthorizeService(ctx, d, uuid)
	})
}

func (s *questions) DisplayPasskey(_ context.Context, path dbus.ObjectPath, passkey uint32, entered uint16) error {
	return s.display(path, func(ctx context.Context, agent *Agent, d Device) error {
		if agent.DisplayPasskey == nil {
			return errNoFunction
		}
		agent.DisplayPasskey(ctx, d, Passkey(passkey), int(entered))
		return nil
	})
}

func (s *questions) DisplayPinCode(_ context.Context, path dbus.ObjectPath, pin string) error {
	return s.display(path, func(ctx context.Context, agent *Agent, d Device) error {
		if agent.DisplayPIN == nil {
			return errNoFunction
		}
		agent.DisplayPIN(ctx, d, pin)
		return nil
	})
}

// consent asks a question whose answer is yes or no.
func consent(ctx context.Context, s *questions, path dbus.ObjectPath, put func(context.Context, *Agent, Device) error) error {
	_, err := ask(ctx, s, path, func(ctx context.Context, agent *Agent, d Device) (struct{}, error) {
		return struct{}{}, put(ctx, agent, d)
	})
	return err
}

// ask puts a question to the agent of a device and waits for the answer, while that is
// wanted. Other calls of BlueZ are served meanwhile.
func ask[T any](ctx context.Context, s *questions, path dbus.ObjectPath, put func(context.Context, *Agent, Device) (T, error)) (T, error) {
	var none T
	g := s.agency
	a, agent := g.responsible(path)
	if agent == nil || g.central.enlist() != nil {
		return none, bluezgen.ErrRejected
	}
	q := g.pose(ctx, a)
	defer g.settled(q)
	bus.Release(ctx)
	type answer struct {
		value T
		err   error
	}
	answers := make(chan answer, 1)
	go func() {
		defer g.central.scanners.Done()
		var got answer
		if err := guard(func() { got.value, got.err = put(q.ctx, agent, s.bus.device(path)) }); err != nil {
			got.err = err
		}
		answers <- got
	}()
	select {
	case got := <-answers:
		if got.err == nil {
			return got.value, nil
		}
		if q.ctx.Err() == nil {
			a.refuse(got.err)
			return none, bluezgen.ErrRejected
		}
	case <-q.ctx.Done():
	}
	if context.Cause(q.ctx) == errUnanswered {
		a.refuse(errUnanswered)
	}
	return none, bluezgen.ErrCanceled
}

// display has something shown by the agent of a device. BlueZ does not wait for that.
func (s *questions) display(path dbus.ObjectPath, show func(context.Context, *Agent, Device) error) error {
	a := s.agency.shown(s.bus, path)
	if a == nil {
		return bluezgen.ErrRejected
	}
	a.show(func() {
		var err error
		if panicked := guard(func() { err = show(a.ctx, a.agent, s.bus.device(path)) }); panicked != nil {
			err = panicked
		}
		if err != nil { // BlueZ would wait for what the user does not see
			a.refuse(err)
			a.end(err)
		}
	})
	return nil
}

// responsible returns the agent that answers for a device, and the pairing if it is
// known; nil if there is none.
func (g *agency) responsible(path dbus.ObjectPath) (*attempt, *Agent) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if a := g.attempts[path]; a != nil && a.ctx.Err() == nil {
		return a, a.agent
	}
	return nil, g.fallback
}

// pose begins a question, which BlueZ has put with a call.
func (g *agency) pose(call context.Context, a *attempt) *question {
	limited, stop := context.WithTimeoutCause(call, g.patience, errUnanswered)
	q := &question{attempt: a}
	q.ctx, q.cancel = context.WithCancelCause(limited)
	context.AfterFunc(q.ctx, stop)
	if a != nil {
		unlink := context.AfterFunc(a.ctx, func() { q.cancel(context.Cause(a.ctx)) })
		context.AfterFunc(q.ctx, func() { unlink() })
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	g.questions[q] = true
	return q
}

// settled ends a question.
func (g *agency) settled(q *question) {
	q.cancel(errPairingOver)
	g.mu.Lock()
	defer g.mu.Unlock()
	delete(g.questions, q)
}
