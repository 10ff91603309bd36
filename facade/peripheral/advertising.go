package peripheral

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/gobluez/bluez/facade"
	"github.com/gobluez/bluez/gen/bus"
)

var (
	// ErrTooLong: an advertisement, or its scan response, says more than the adapter can
	// send.
	ErrTooLong = errors.New("too long")
	// ErrTooMany: the adapter sends as many advertisements as it can, those of other
	// programs included.
	ErrTooMany = errors.New("too many advertisements at once")
)

// An Advertising is an Advertisement that is being sent. It ends with Close, with its
// Timeout, or with its Central. Until then it is there again whenever BlueZ, the bus or
// the adapter were away, or the adapter was off. Any goroutine may use it at any time.
type Advertising struct {
	r     *registration
	turn  chan struct{} // holds a token while BlueZ is told something
	timer *time.Timer   // ends it some time after its Timeout; nil without

	mu      sync.Mutex
	adapter string        // the one that sends it
	wanted  Advertisement // the last one
	until   time.Time     // when its Timeout is over, zero before BlueZ has accepted it and without one
	now     *sending      // nil while BlueZ does not know it
}

// Advertise has an adapter send an advertisement and returns when BlueZ has accepted it,
// which ctx bounds. There may be several at once, as many as the adapter has room for, of
// different programs; they take turns.
//
// All mistakes in ad come as one error that matches ErrInvalid before BlueZ is told
// anything: what contradicts itself or leaves the range of its field, what is too long
// (ErrTooLong as well), and what the adapter cannot do (errors.ErrUnsupported as well).
// ErrTooMany means that the adapter has no room. It fails with the kin of
// facade.ErrUnavailable when there is no Bluetooth, such as facade.ErrAdapterOff.
func Advertise(ctx context.Context, ad Advertisement, o Options) (*Advertising, error) {
	if err := ad.validate(); err != nil {
		return nil, opError("advertise", o.Adapter, err)
	}
	a := &Advertising{turn: make(chan struct{}, 1), adapter: o.Adapter, wanted: ad.clone()}
	_, err := register(ctx, o, func(r *registration) holder {
		a.r = r
		// BlueZ registers nothing while the adapter is off. What was registered before is
		// silent when it is on again, though BlueZ says that it is sent, until it is
		// registered anew.
		return holder{powered: true, hold: a.hold, ended: a.stopTimer}
	})
	if err != nil {
		return nil, opError("advertise", a.target(), err)
	}
	return a, nil
}

// Close has BlueZ stop sending it, and returns when that is done, or when BlueZ does not
// answer for a few seconds. A second Close does nothing. The error is always nil.
func (a *Advertising) Close() error {
	a.r.end()
	return nil
}

// Adapter returns the name of the adapter that sends it, "hci0".
func (a *Advertising) Adapter() string { return a.target() }

// Done returns a channel that is closed when it has ended, for whatever reason.
func (a *Advertising) Done() <-chan struct{} { return a.r.done }

// Err returns why it has ended: nil while it has not, after Close and after its Timeout.
func (a *Advertising) Err() error { return opError("advertise", a.target(), a.r.reason()) }

// Update has BlueZ send another advertisement instead, and returns when BlueZ knows.
// Values that have changed are changed in what is sent; for other differences BlueZ sends
// the new one anew, with a short gap. A Timeout that is the same goes on, another one
// begins.
//
// Mistakes are errors like those of Advertise, and what was sent before is sent on. While
// BlueZ does not know the advertisement because it is away, ad is kept for when it is
// back. ctx bounds the wait, not what is done.
func (a *Advertising) Update(ctx context.Context, ad Advertisement) error {
	if err := ad.validate(); err != nil {
		return opError("update", "advertisement", err)
	}
	return opError("update", "advertisement", a.update(ctx, ad.clone()))
}

func (a *Advertising) update(ctx context.Context, ad Advertisement) error {
	select {
	case a.turn <- struct{}{}:
	case <-a.r.ctx.Done():
		return facade.ErrClosed
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	done := make(chan error, 1)
	go func() { // until BlueZ has answered, or is gone; who ends the sending waits for the turn
		defer func() { <-a.turn }()
		done <- a.replace(ad)
	}()
	select {
	case err := <-done:
		return err
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// replace has another advertisement sent. The caller has the turn.
func (a *Advertising) replace(ad Advertisement) error {
	if a.r.ctx.Err() != nil {
		return facade.ErrClosed
	}
	s, before := a.current()
	if s != nil {
		if err := s.replace(before, ad); err != nil {
			return err
		}
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	a.wanted = ad
	if ad.Timeout != before.Timeout {
		a.until = time.Time{}
		a.startTimer(s != nil)
	}
	return nil
}

// current returns what BlueZ knows, and what is wanted.
func (a *Advertising) current() (*sending, Advertisement) {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.now, a.wanted
}

// target returns what errors are about.
func (a *Advertising) target() string {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.adapter
}

// hold keeps BlueZ knowing the advertisement until ctx ends. It returns nil when its
// Timeout is over.
func (a *Advertising) hold(ctx context.Context, conn *bus.Conn, adapter facade.Adapter, held func()) error {
	if a.over(0) {
		return nil
	}
	s := &sending{advertising: a, ctx: ctx, conn: conn, adapter: adapter.Path(), ended: make(chan error, 1)}
	if err := a.begin(s, adapter.Name); err != nil {
		return err
	}
	defer a.end(s)
	held()
	select {
	case err := <-s.ended:
		return err
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// begin has BlueZ know what is wanted.
func (a *Advertising) begin(s *sending, adapter string) error {
	select {
	case a.turn <- struct{}{}:
		defer func() { <-a.turn }()
	case <-s.ctx.Done():
		return context.Cause(s.ctx)
	}
	a.mu.Lock()
	a.adapter = adapter
	ad := a.wanted
	a.mu.Unlock()
	if err := s.begin(ad); err != nil {
		return err
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	a.now = s
	a.startTimer(true)
	return nil
}

// end has BlueZ forget it. What is being told to BlueZ ends first, with the sending's ctx
// or with BlueZ's answer.
func (a *Advertising) end(s *sending) {
	a.turn <- struct{}{}
	defer func() { <-a.turn }()
	a.mu.Lock()
	a.now = nil
	a.mu.Unlock()
	s.end()
}

// timeoutLag is how much sooner or later than after its Timeout BlueZ may end an
// advertisement: it counts whole seconds of its own.
const timeoutLag = 2 * time.Second

// startTimer begins the Timeout when BlueZ has accepted the advertisement. a.mu is held.
func (a *Advertising) startTimer(accepted bool) {
	if a.timer != nil {
		a.timer.Stop()
	}
	if !accepted || a.wanted.Timeout == 0 {
		return
	}
	if a.until.IsZero() {
		a.until = time.Now().Add(a.wanted.Timeout)
	}
	// BlueZ ends it. This is for a BlueZ that is away then.
	a.timer = time.AfterFunc(time.Until(a.until)+timeoutLag, func() { a.r.cancel(errEnded) })
}

func (a *Advertising) stopTimer() {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.timer != nil {
		a.timer.Stop()
	}
}

// over reports whether the Timeout is over, give or take.
func (a *Advertising) over(lag time.Duration) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	return !a.until.IsZero() && time.Until(a.until) <= lag
}

// remaining returns what is left of the Timeout of ad, in seconds, 0 if it has none.
func (a *Advertising) remaining(ad *Advertisement) uint16 {
	a.mu.Lock()
	defer a.mu.Unlock()
	left := ad.Timeout
	if !a.until.IsZero() && ad.Timeout == a.wanted.Timeout {
		left = max(time.Until(a.until), time.Second)
	}
	return uint16((left + time.Second - 1) / time.Second)
}
