package facade

import (
	"context"
	"errors"
	"time"

	"github.com/gobluez/bluez/bluezgen"
	"github.com/gobluez/bluez/gen/bus"
)

// PairOptions says how to pair. The zero value works for devices that can neither show
// nor ask anything.
type PairOptions struct {
	// Agent answers the questions that come up. Nil means the one of SetAgent, and
	// without that one the zero Agent.
	Agent *Agent
}

// ErrPairingFailed: the device could not be paired, because passkeys differed or for
// one of the reasons below, which match it too.
var ErrPairingFailed = errors.New("pairing failed")

// The reasons why a pairing failed that can be told.
var (
	// ErrPairingRejected: the agent or the device refused. If it was the agent, the error
	// unwraps to the one that it returned.
	ErrPairingRejected error = &pairingError{"pairing rejected"}
	// ErrPairingCanceled: the pairing was cancelled, by the device, by another program or
	// because the connection was lost.
	ErrPairingCanceled error = &pairingError{"pairing canceled"}
	// ErrPairingTimeout: the agent or the device did not answer in time.
	ErrPairingTimeout error = &pairingError{"pairing timed out"}
)

// pairingError is one reason why a pairing failed.
type pairingError struct{ text string }

func (e *pairingError) Error() string        { return e.text }
func (e *pairingError) Is(target error) bool { return target == ErrPairingFailed }

// Pair pairs with the device and keeps the keys, so that this and all later connections
// are encrypted. It returns nil at once if the device is paired. It blocks for as long
// as the two users take, a minute for each question at most, and then until the
// services are known anew; operations go on meanwhile. When ctx ends, the pairing is
// cancelled.
//
// The pairings of a Central are done one after the other: BlueZ pairs one device at a
// time, and asks an agent one question at a time.
//
// The error matches ErrPairingFailed if the two sides did not come to terms. BlueZ 5.83
// and later then end the connection. Address may return another address afterwards, the
// identity of a device that had a private one.
func (c *Client) Pair(ctx context.Context, o PairOptions) error {
	return opError("pair", c.device.String(), c.pair(ctx, o))
}

// Paired reports whether the device is paired. It does not block.
func (c *Client) Paired() bool { return c.link.paired() }

func (l *link) paired() bool {
	p, _, _ := l.properties()
	return p.Paired
}

func (c *Client) pair(ctx context.Context, o PairOptions) error {
	if err := c.Err(); err != nil {
		return because(ErrNotConnected, err)
	}
	if err := c.central.admit(); err != nil {
		return because(ErrNotConnected, err)
	}
	defer c.central.connects.Done()
	// BlueZ answers when the link has ended in the middle of pairing, and knows better
	// why.
	ctx, free := join(ctx, c.link.bus.ctx)
	defer free()
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	defer context.AfterFunc(c.life, func() {
		c.awaitAnswer(ctx)
		cancel(c.Err())
	})()
	err := c.central.agency.pair(ctx, c.link, o.Agent)
	if !errors.Is(err, ErrPairingCanceled) && !mayBeTheEnd(err) || ctx.Err() != nil {
		return err
	}
	late := time.NewTimer(endTimeout)
	defer late.Stop()
	select {
	case <-c.life.Done():
		return because(ErrPairingCanceled, because(c.Err(), err))
	case <-late.C:
		return err
	case <-ctx.Done():
		return err
	}
}

// awaitAnswer gives BlueZ the time to answer a call that has ended with the link.
func (c *Client) awaitAnswer(ctx context.Context) {
	if errors.Is(c.Err(), ErrClosed) {
		return // nobody wants to know
	}
	late := time.NewTimer(endTimeout)
	defer late.Stop()
	select {
	case <-late.C:
	case <-ctx.Done():
	}
}

// pair pairs with a device when its turn has come, and connects to it if need be.
func (g *agency) pair(ctx context.Context, l *link, agent *Agent) error {
	if l.paired() {
		return nil
	}
	if err := g.begin(ctx); err != nil {
		return err
	}
	defer g.end()
	if l.paired() { // by the one whose turn was before
		return nil
	}
	if agent == nil {
		agent = g.standing()
	}
	defer g.restore()
	if err := g.register(ctx, g.wanted(agent)); err != nil {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		return err
	}
	a := g.attempt(ctx, l, agent)
	defer a.end(errPairingOver)
	err := insist(a.ctx, func(ctx context.Context) error { return pairDevice(ctx, l) })
	if err == nil || errors.Is(err, bluezgen.ErrAlreadyExists) {
		return nil
	}
	if a.ctx.Err() != nil {
		g.cancelPairing(l)
		err = context.Cause(a.ctx)
	}
	return a.explain(err)
}

// adapterBusy is BlueZ's text for a pairing that another program has begun on the adapter.
const adapterBusy = "Device or resource busy"

// pairDevice has BlueZ pair with a device. It tells in one way that BlueZ is busy.
func pairDevice(ctx context.Context, l *link) error {
	err := bluezgen.NewDevice1(l.bus.conn, l.path).Pair(ctx)
	if errors.Is(err, bluezgen.ErrFailed.With(adapterBusy)) {
		return bluezgen.ErrInProgress.With(adapterBusy)
	}
	return err
}

// errPairingOver is why an agent is not asked any more.
var errPairingOver = errors.New("the pairing is over")

// cancelPairing gives up a pairing that is not to be waited for.
func (g *agency) cancelPairing(l *link) {
	ctx, cancel := context.WithTimeout(context.Background(), cleanupTimeout)
	defer cancel()
	if err := bluezgen.NewDevice1(l.bus.conn, l.path).CancelPairing(ctx); err != nil {
		g.central.logger.Debug("cancel pairing", "device", base(l.path), "error", err)
	}
}

// explain adds to the error of a pairing what it means.
func (a *attempt) explain(err error) error {
	if refusal := a.refused(); refusal != nil {
		return refusal
	}
	for _, t := range [...]struct{ from, to error }{
		{bluezgen.ErrAuthenticationRejected, ErrPairingRejected},
		{bluezgen.ErrAuthenticationCanceled, ErrPairingCanceled},
		{bluezgen.ErrAuthenticationTimeout, ErrPairingTimeout},
		{bluezgen.ErrAuthenticationFailed, ErrPairingFailed},
		{bluezgen.ErrConnectionAttemptFailed, errUnreached},
		{bus.ErrUnknownMethod, ErrNoDevice}, // the object went away just now
		{bus.ErrUnknownInterface, ErrNoDevice},
	} {
		if errors.Is(err, t.from) {
			return because(t.to, err)
		}
	}
	return translate(err)
}

// errUnreached is a device that was to be connected in order to be paired.
var errUnreached = because(ErrPairingCanceled, errAborted)
