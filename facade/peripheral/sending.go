package peripheral

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"github.com/godbus/dbus/v5"

	"github.com/gobluez/bluez/bluezgen"
	"github.com/gobluez/bluez/gen/bus"
)

// errReleased is an advertisement that BlueZ has ended before its time.
var errReleased = errors.New("BlueZ has released the advertisement")

// A sending is the time in which BlueZ knows an advertisement.
type sending struct {
	advertising *Advertising
	ctx         context.Context
	conn        *bus.Conn
	adapter     dbus.ObjectPath
	ended       chan error // gets why it has ended before ctx, nil because of the Timeout

	// Owned by who has the turn.
	object *advertisementObject // nil if BlueZ knows none
}

// An advertisementObject is the advertisement as BlueZ sees it.
type advertisementObject struct {
	bluezgen.UnimplementedLEAdvertisement1Server
	sending  *sending
	skeleton *bluezgen.LEAdvertisement1Skeleton
	export   *bus.Export
	extended bool

	mu       sync.Mutex
	released bool // or not of interest any more
}

// begin registers an advertisement.
func (s *sending) begin(ad Advertisement) error {
	on, err := readState(s.ctx, s.conn, s.adapter)
	if err != nil {
		return err
	}
	if err := ad.validateOn(on); err != nil {
		return err
	}
	if on.Has(bluezgen.LEAdvertisingManager1SupportedInstances) && on.SupportedInstances == 0 {
		return fmt.Errorf("%w: there are %d", ErrTooMany, on.ActiveInstances)
	}
	return s.register(ad, on)
}

// register registers an advertisement that is known to be in order.
func (s *sending) register(ad Advertisement, on *adapterState) error {
	_, _, extended := ad.packets(on)
	o := &advertisementObject{sending: s, extended: extended}
	props := ad.properties()
	if seconds := s.advertising.remaining(&ad); seconds > 0 {
		props.Timeout = seconds
		props.Add(bluezgen.LEAdvertisement1Timeout)
	}
	o.skeleton = bluezgen.NewLEAdvertisement1Skeleton(o, props)
	path := s.advertising.r.Central.NewPath()
	export, err := s.conn.Export(s.ctx, path, bus.ExportOptions{From: bluezgen.Service}, o.skeleton)
	if err != nil {
		return err
	}
	o.export = export
	err = s.manager().RegisterAdvertisement(s.ctx, path, nil)
	if refused := new(bus.Error); err != nil && !errors.As(err, &refused) {
		s.unregister(o) // a call that was not waited for may yet succeed
	} else if err != nil {
		_ = export.Close() // its error is always nil
	}
	if errors.Is(err, bluezgen.ErrNotPermitted) {
		return fmt.Errorf("%w: %w", ErrTooMany, err)
	}
	if err == nil {
		s.object = o
	}
	return err
}

func (s *sending) manager() bluezgen.LEAdvertisingManager1 {
	return bluezgen.NewLEAdvertisingManager1(s.conn, s.adapter)
}

// replace has BlueZ send another advertisement. If BlueZ does not take it, it sends the
// one before. If BlueZ is going away just now the sending ends, and the other one is for
// the next.
func (s *sending) replace(before, ad Advertisement) error {
	on, err := readState(s.ctx, s.conn, s.adapter)
	if err != nil {
		s.over(err)
		return nil
	}
	if err := ad.validateOn(on); err != nil {
		return err
	}
	_, _, extended := ad.packets(on)
	if changes, ok := changesInPlace(&before, &ad); ok && s.object != nil && extended == s.object.extended {
		if err := s.object.skeleton.Update(changes); err != nil {
			s.over(err)
		}
		return nil
	}
	s.end()
	err = s.register(ad, on)
	if err == nil {
		return nil
	}
	if s.ctx.Err() != nil || errors.Is(err, bus.ErrServiceUnknown) || errors.Is(err, bus.ErrNoReply) {
		s.over(err)
		return nil
	}
	if again := s.register(before, on); again != nil {
		s.over(again)
	}
	return err
}

// end unregisters the advertisement.
func (s *sending) end() {
	if s.object != nil {
		s.unregister(s.object)
	}
	s.object = nil
}

func (s *sending) unregister(o *advertisementObject) {
	if released := o.release(); !released && s.conn.Err() == nil {
		ctx, cancel := cleanup(s.ctx)
		defer cancel()
		_ = s.manager().UnregisterAdvertisement(ctx, o.export.Path()) // BlueZ may be gone, and has forgotten it then
	}
	_ = o.export.Close()
}

// over ends the sending.
func (s *sending) over(err error) {
	select {
	case s.ended <- err:
	default: // it is over
	}
}

// Release learns that BlueZ has ended the advertisement: its Timeout is over, or BlueZ
// goes away.
func (o *advertisementObject) Release(context.Context) error {
	if o.release() {
		return nil
	}
	if o.sending.advertising.over(timeoutLag) {
		o.sending.over(nil)
	} else {
		o.sending.over(errReleased)
	}
	return nil
}

// release notes that BlueZ does not know the object, and reports whether that was so
// before.
func (o *advertisementObject) release() (before bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	before, o.released = o.released, true
	return before
}

// readState asks what an adapter can do.
func readState(ctx context.Context, conn *bus.Conn, path dbus.ObjectPath) (*adapterState, error) {
	manager, err := bluezgen.NewLEAdvertisingManager1(conn, path).GetAll(ctx)
	for _, missing := range []error{bus.ErrUnknownInterface, bus.ErrUnknownMethod, bus.ErrInvalidArgs} { // the last is BlueZ's
		if errors.Is(err, missing) {
			return nil, fmt.Errorf("%w: %w", cannot("advertise"), err)
		}
	}
	if err != nil {
		return nil, err
	}
	adapter, err := bluezgen.NewAdapter1(conn, path).GetAll(ctx)
	if err != nil {
		return nil, err
	}
	return &adapterState{manager, adapter.Discoverable, adapter.Alias}, nil
}
