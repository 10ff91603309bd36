package bluetest

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strconv"
	"time"

	"github.com/gobluez/bluez/bluezgen"
	"github.com/gobluez/bluez/gen/bus"
)

// version565 is the release since which there is Device1.Bonded.
const version565 Version = "5.65"

// What Pair gets, by how pairing ended.
func errAuthenticationCanceled() error {
	return bluezgen.ErrAuthenticationCanceled.With("Authentication Canceled")
}

func errAuthenticationFailed() error {
	return bluezgen.ErrAuthenticationFailed.With("Authentication Failed")
}

func errPageTimeout() error { return bluezgen.ErrConnectionAttemptFailed.With("Page Timeout") }

// A pairingAttempt is an attempt to pair with a device.
type pairingAttempt struct {
	device *deviceObject
	byPair bool            // a client has called Pair; otherwise BlueZ pairs by itself
	agent  *agent          // nil if there is none
	ctx    context.Context // ends with the attempt
	cancel context.CancelFunc
	done   chan struct{} // closed when it ended

	// Guarded by the world.
	connects bool // the link was made for it
	linked   bool // there is a link, so that its end ends pairing
	err      error
	timer    *time.Timer // until the other side has taken too long
}

// Pair connects if there is no link, pairs and waits for the services.
func (d *deviceObject) Pair(ctx context.Context) error {
	w := d.adapter.bluetoothd.world
	w.mu.Lock()
	a, err := d.pair(bus.Sender(ctx))
	w.mu.Unlock()
	if a == nil {
		return err
	}
	bus.Release(ctx)
	select {
	case <-a.done:
	case <-ctx.Done():
		// A client that leaves takes its pairing with it, and the link.
		w.do(func() {
			if d.pairing.attempt == a {
				d.requestDisconnect()
			}
		})
		select {
		case <-a.done:
		case <-d.adapter.bluetoothd.ctx.Done():
			return ctx.Err() // to nobody
		}
	}
	return a.err
}

// pair begins to pair for a client. The world is locked.
func (d *deviceObject) pair(client string) (*pairingAttempt, error) {
	switch {
	case d.removed:
		return nil, bus.ErrUnknownObject
	case d.pairing.attempt != nil, d.connecting():
		return nil, bluezgen.ErrInProgress.With("In Progress")
	case d.stored.bonded:
		return nil, bluezgen.ErrAlreadyExists.With("Already Exists")
	case !d.adapter.canConnect():
		return nil, errAuthenticationFailed()
	}
	d.keep()
	a := d.beginPairing(client)
	a.byPair = true
	d.adapter.bluetoothd.world.tasks.Go(a.run)
	return a, nil
}

// beginPairing makes an attempt, for a client or, if that is empty, for BlueZ itself.
func (d *deviceObject) beginPairing(client string) *pairingAttempt {
	b := d.adapter.bluetoothd
	a := &pairingAttempt{device: d, agent: b.agents.pick(client), done: make(chan struct{})}
	a.ctx, a.cancel = context.WithCancel(b.ctx)
	d.pairing.attempt = a
	return a
}

// elevate makes sure that a link is encrypted: BlueZ pairs by itself when the device wants
// that for an attribute, with the default agent. It waits for it, and fails if the link
// is as it was. The world is not locked.
func (d *deviceObject) elevate(ctx context.Context, l *link) error {
	w := d.adapter.bluetoothd.world
	w.mu.Lock()
	if l.encrypted || d.connection.link != l {
		defer w.mu.Unlock()
		return l.ctx.Err()
	}
	a := d.pairing.attempt
	if a == nil {
		a = d.beginPairing("")
		w.tasks.Go(a.run)
	}
	w.mu.Unlock()
	select {
	case <-a.done:
	case <-l.ctx.Done():
	case <-ctx.Done():
		return ctx.Err()
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if !l.encrypted {
		return errAuthenticationFailed()
	}
	return nil
}

// askedToPair is called when a link is up whose device asks to pair. The world is locked.
func (d *deviceObject) askedToPair(l *link) {
	if l.encrypted || d.pairing.attempt != nil {
		return
	}
	d.adapter.bluetoothd.world.tasks.Go(d.beginPairing("").run)
}

// run pairs.
func (a *pairingAttempt) run() {
	b := a.device.adapter.bluetoothd
	l, err := a.connect()
	var mitm bool
	if err == nil {
		mitm, err = a.negotiate(l.peripheral)
	}
	if err == nil {
		err = a.welcome(l)
	}
	b.world.mu.Lock()
	defer b.world.mu.Unlock()
	if a.ctx.Err() != nil {
		return
	}
	if err != nil {
		a.end(err)
		a.device.failedToPair()
		return
	}
	a.stopTimer()
	a.device.complete(l, mitm)
	l.peripheral.shown = ""
	if !a.byPair || !a.device.pairing.pending {
		a.end(nil)
	}
}

// failedToPair is what a failed pairing does to the link: since 5.83 BlueZ ends it.
func (d *deviceObject) failedToPair() {
	if d.adapter.bluetoothd.since(version583) {
		d.requestDisconnect()
	}
	d.discard()
}

// connect returns the link, which it makes if there is none.
func (a *pairingAttempt) connect() (*link, error) {
	d := a.device
	w := d.adapter.bluetoothd.world
	w.mu.Lock()
	var connecting *attempt
	if !d.connected() {
		a.connects = true
		connecting = d.attempt()
	}
	w.mu.Unlock()
	if connecting != nil {
		select {
		case <-connecting.done:
		case <-a.ctx.Done():
			return nil, a.ctx.Err()
		}
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	l := d.connection.link
	if l == nil {
		return nil, errPageTimeout()
	}
	a.linked = true
	l.peripheral.pairings++
	a.startTimer(l)
	return l, nil
}

// startTimer ends the link when pairing takes too long, whoever is to blame.
func (a *pairingAttempt) startTimer(l *link) {
	b := a.device.adapter.bluetoothd
	a.timer = b.after(b.delays().Pairing, func() {
		if a.ctx.Err() == nil && a.device.connection.link == l {
			a.device.dropLink(bluezgen.DisconnectReasonLocal, disconnectLocal)
		}
	})
}

func (a *pairingAttempt) stopTimer() {
	if a.timer != nil {
		a.timer.Stop()
	}
}

// negotiate does what both sides do before there are keys. It returns whether the keys
// are protected against a man in the middle.
func (a *pairingAttempt) negotiate(p *Peripheral) (mitm bool, err error) {
	declared := &p.declared.Pairing
	if fail := declared.Fail; fail != nil {
		if err := fail(a.number(p)); err != nil {
			return false, failed(err)
		}
	}
	if declared.Silent {
		<-a.ctx.Done()
		return false, a.ctx.Err()
	}
	if declared.PIN != "" {
		return false, a.enterPIN(p)
	}
	method := declared.associate(a.capability())
	if declared.Reject || declared.MITM && method == justWorks {
		return false, errAuthenticationFailed()
	}
	return method != justWorks, a.authenticate(p, method)
}

// number returns which pairing of the device this is.
func (a *pairingAttempt) number(p *Peripheral) int {
	p.world.mu.Lock()
	defer p.world.mu.Unlock()
	return p.pairings
}

// capability returns what BlueZ tells the other side that we can do.
func (a *pairingAttempt) capability() bluezgen.AgentCapability {
	if a.agent == nil {
		return bluezgen.AgentCapabilityNoInputNoOutput
	}
	return a.agent.capability
}

// passkeyOf returns the number of a pairing, the device's own if it has one.
func (p *Pairing) passkeyOf() uint32 {
	if p.Passkey == "" {
		return rand.Uint32N(1_000_000)
	}
	number, _ := strconv.ParseUint(p.Passkey, 10, 32) // was validated
	return uint32(number)
}

// show has the device show a number.
func (p *Peripheral) show(passkey uint32) {
	p.world.do(func() { p.shown = fmt.Sprintf("%06d", passkey) })
}

// end ends the attempt. Ending it again does nothing. The world is locked, as for the
// functions below.
func (a *pairingAttempt) end(err error) {
	if a.ctx.Err() != nil {
		return
	}
	a.err = err
	a.stopTimer()
	a.cancel()
	a.device.pairing.attempt = nil
	if l := a.device.connection.link; l != nil {
		l.peripheral.shown = ""
	}
	close(a.done)
}

// cancelPairing ends an attempt to pair, if there is one.
func (d *deviceObject) cancelPairing(err error) {
	if a := d.pairing.attempt; a != nil {
		a.end(err)
	}
}

// pairingLinkDown is called when the link has ended.
func (d *deviceObject) pairingLinkDown() {
	a := d.pairing.attempt
	switch {
	case a == nil || !a.linked:
	case d.pairing.paired: // the services are of no account
		a.end(nil)
	default:
		a.end(errAuthenticationCanceled())
	}
}

// haltPairing ends an attempt to pair whose device goes.
func (d *deviceObject) haltPairing() { d.cancelPairing(errPageTimeout()) }

// CancelPairing ends what Pair began, and the link if that was made for it.
func (d *deviceObject) CancelPairing(context.Context) error {
	w := d.adapter.bluetoothd.world
	w.mu.Lock()
	defer w.mu.Unlock()
	a := d.pairing.attempt
	if a == nil || !a.byPair {
		return bluezgen.ErrDoesNotExist.With("Does Not Exist")
	}
	a.end(errAuthenticationCanceled())
	if a.connects {
		d.dropLink(bluezgen.DisconnectReasonLocal, disconnectLocal)
	}
	d.discard()
	return nil
}
