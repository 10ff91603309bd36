package bluetest

import (
	"context"

	"github.com/gobluez/bluez/bluezgen"
	"github.com/gobluez/bluez/gen/bus"
)

// A session is what StartNotify opens: one for each client and characteristic. It
// outlives the link, and is armed again on the next.
type session struct {
	characteristic *characteristicObject
	owner          string // unique name

	// Guarded by the world.
	registration *registration // nil without a link
	answers      chan answer   // of the call that opened it, until that has its answer
}

// startNotify opens a session. It returns nil if there is nothing to wait for.
func (o *characteristicObject) startNotify(owner string) (<-chan answer, error) {
	defer o.lock()()
	g := o.client
	switch {
	case g.device.disconnecting() && g.device.adapter.bluetoothd.since(version556):
		return nil, bluezgen.ErrNotConnected.With("Not Connected")
	case o.readSocket != nil:
		return nil, bluezgen.ErrNotPermitted.With("Notify acquired")
	case !o.characteristic.notifies():
		return nil, errNotSupported()
	}
	if s := o.session(owner); s != nil {
		if s.registration == nil {
			return nil, errInProgress() // it waits for the next link
		}
		return nil, nil
	}
	s := &session{characteristic: o, owner: owner}
	g.sessions = append(g.sessions, s)
	if g.queue == nil {
		return nil, nil
	}
	answers := make(chan answer, 1)
	s.answers = answers
	s.arm()
	return answers, nil
}

// session returns the session of a client, or nil.
func (o *characteristicObject) session(owner string) *session {
	for _, s := range o.client.sessions {
		if s.characteristic == o && s.owner == owner {
			return s
		}
	}
	return nil
}

// watched reports whether any client has a session.
func (o *characteristicObject) watched() bool {
	for _, s := range o.client.sessions {
		if s.characteristic == o {
			return true
		}
	}
	return false
}

// arm enables notifications for the session on the link that is up.
func (s *session) arm() {
	o := s.characteristic
	s.registration = &registration{
		enabled: s.enabled,
		// Each session shows the value once more, so that clients get it as often as
		// there are sessions.
		notified: func(value []byte) { o.value.update(value) },
	}
	o.client.configurationOf(o.characteristic).register(s.registration)
}

// enabled takes the device's answer. A session that it refuses is ended, also one that
// was open on an earlier link.
func (s *session) enabled(err ATTError) {
	if err != 0 {
		s.remove()
	} else {
		s.characteristic.setNotifying(true)
	}
	if s.answers != nil {
		s.answers <- answer{err: err.dbus()}
		s.answers = nil
	}
}

// remove ends the session for the device.
func (s *session) remove() {
	g := s.characteristic.client
	g.sessions = without(g.sessions, s)
	if s.registration != nil {
		s.registration.unregister()
		s.registration = nil
	}
}

// end ends the session and shows that nobody is notified any more, if that is so.
func (s *session) end() {
	s.remove()
	o := s.characteristic
	for _, other := range o.client.sessions {
		if other.characteristic == o && other.registration != nil {
			return
		}
	}
	o.setNotifying(false)
}

// setNotifying shows a change of Notifying, which says that notifications are enabled,
// or were when the link ended.
func (o *characteristicObject) setNotifying(notifying bool) {
	if o.notifying == notifying {
		return
	}
	o.notifying = notifying
	o.update(bluezgen.GattCharacteristic1Properties{
		GattCharacteristic1Set: bluezgen.GattCharacteristic1SetOf(bluezgen.GattCharacteristic1Notifying), Notifying: notifying,
	})
}

// StopNotify closes the caller's session, or the socket of AcquireNotify, whosever that
// is. It works without a link too.
func (o *characteristicObject) StopNotify(ctx context.Context) error {
	defer o.lock()()
	if a := o.readSocket; a != nil {
		a.release()
		return nil
	}
	s := o.session(bus.Sender(ctx))
	if s == nil {
		return bluezgen.ErrFailed.With("No notify session started")
	}
	s.end()
	return nil
}
