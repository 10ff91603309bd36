package peripheral

import (
	"cmp"
	"context"
	"errors"
	"time"

	"github.com/gobluez/bluez/facade"
	"github.com/gobluez/bluez/gen/bus"
)

// A registration is something that BlueZ knows of this program as long as it is open: an
// application, an advertisement, a provider of batteries. It is told again whenever
// BlueZ may have forgotten it.
type registration struct {
	Central *facade.Central

	ctx    context.Context         // ends with Close
	cancel context.CancelCauseFunc // ends it
	done   chan struct{}           // closed when it has ended
	err    error                   // why, readable when done is closed; nil after Close
}

// A holder says how a registration is kept. Its fields are those of a
// facade.Maintenance.
type holder struct {
	powered bool
	hold    func(ctx context.Context, conn *bus.Conn, adapter facade.Adapter, held func()) error
	ended   func() // called once at the end, may be nil
}

// register returns when BlueZ has been told, or cannot be. ctx bounds that only. prepare
// makes what is to be held, for a Central that is known by then.
func register(ctx context.Context, o Options, prepare func(*registration) holder) (*registration, error) {
	central, release, err := o.central(ctx)
	if err != nil {
		return nil, err
	}
	r := &registration{Central: central, done: make(chan struct{})}
	r.ctx, r.cancel = context.WithCancelCause(context.WithoutCancel(ctx))
	h := prepare(r)
	held := make(chan struct{})
	go func() { // until end, which waits for it, or for good
		defer close(r.done)
		defer release()
		r.err = central.Maintain(r.ctx, facade.Maintenance{
			Adapter: o.Adapter,
			Able:    func(a facade.Adapter) bool { return a.Peripheral },
			Powered: h.powered,
			Hold: func(ctx context.Context, conn *bus.Conn, adapter facade.Adapter, first func()) error {
				return h.hold(ctx, conn, adapter, func() {
					first()
					select {
					case <-held:
					default:
						close(held)
					}
				})
			},
		})
		if context.Cause(r.ctx) == errEnded {
			r.err = nil
		}
		if h.ended != nil {
			h.ended()
		}
		r.cancel(r.err)
	}()
	select {
	case <-held:
		return r, nil
	case <-r.done:
		return nil, cmp.Or(r.err, errNotHeld)
	case <-ctx.Done():
		r.end()
		return nil, context.Cause(ctx)
	}
}

// end has BlueZ forget it and returns when everything has ended.
func (r *registration) end() {
	r.cancel(errEnded)
	<-r.done
}

// errNotHeld is the end of what BlueZ never wanted.
var errNotHeld = errors.New("BlueZ has released it at once")

// errEnded is the cause of the end of a registration that was closed.
var errEnded = errors.New("closed")

// reason returns why it has ended, nil while it has not and after end.
func (r *registration) reason() error {
	select {
	case <-r.done:
		return r.err
	default:
		return nil
	}
}

// cleanup returns a context for telling BlueZ to forget something: the one given has ended.
func cleanup(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeout(context.WithoutCancel(ctx), cleanupTimeout)
}

// cleanupTimeout bounds what is done to leave BlueZ tidy.
const cleanupTimeout = 5 * time.Second
