package facade

import (
	"cmp"
	"context"
	"errors"
	"os"
	"slices"
	"sync"
	"time"

	"github.com/godbus/dbus/v5"

	"github.com/gobluez/bluez/bluezgen"
	"github.com/gobluez/bluez/gen/bus"
)

// A session is what all subscriptions to one characteristic share: BlueZ has one
// session of notifications for each connection to the bus and characteristic.
type session struct {
	link *link
	path dbus.ObjectPath // of the characteristic
	turn chan struct{}   // holds a token while BlueZ is told to begin or to end

	// Guarded by turn.
	active bool
	asked  *startCall     // of StartNotify that nobody waits for, and that may yet succeed
	drops  uint64         // of the link, when the session began
	socket *datagrams     // with AcquireNotify
	reader sync.WaitGroup // of the socket

	mu            sync.Mutex
	subscriptions []*Subscription
	acquired      bool          // whether values come through a socket
	lapsed        bool          // whether BlueZ has ended it by itself
	reading       int           // reads of the characteristic in progress
	held          *Notification // the last signal during a read, which may be its echo
}

// join adds a subscription, beginning the session with the first, and returns when
// BlueZ has confirmed.
func (s *session) join(ctx context.Context, sub *Subscription) error {
	select {
	case s.turn <- struct{}{}:
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	release := func() { <-s.turn }
	defer func() { release() }()
	_, drops, _ := s.link.properties()
	if s.active && (s.drops != drops || s.hasLapsed()) {
		s.stop() // it is over, and its subscriptions are about to leave
	}
	s.mu.Lock()
	s.subscriptions = append(slices.Clone(s.subscriptions), sub) // first: a value may come before the reply
	s.mu.Unlock()
	if s.active {
		return nil
	}
	begin := s.start
	if sub.options.Method == AcquireNotify {
		begin = s.acquire
	}
	s.drops = drops
	err := sub.client.inTurn(ctx, begin)
	if err == nil {
		s.active = true
		return nil
	}
	s.remove(sub)
	if s.asked != nil || !errors.As(err, new(*bus.Error)) {
		// What was not waited for may yet succeed, and is then undone.
		later := release
		release = func() {}
		sub.client.subscriptions.Go(func() {
			defer later()
			s.withdraw(sub.client)
		})
	}
	return err
}

// leave removes a subscription, ending the session with the last.
func (s *session) leave(sub *Subscription) {
	s.remove(sub)
	s.turn <- struct{}{}
	defer func() { <-s.turn }()
	s.mu.Lock()
	last := len(s.subscriptions) == 0
	s.mu.Unlock()
	if last && s.active {
		s.stop()
	}
}

func (s *session) remove(sub *Subscription) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.subscriptions = slices.DeleteFunc(slices.Clone(s.subscriptions), func(other *Subscription) bool { return other == sub })
}

// start begins a session by StartNotify.
func (s *session) start(ctx context.Context) error {
	char := bluezgen.NewGattCharacteristic1(s.link.bus.conn, s.path)
	retry := backoff{first: 10 * time.Millisecond, limit: 200 * time.Millisecond}
	for attempt := 1; ; attempt++ {
		err := s.ask(ctx, char)
		if !errors.Is(err, bluezgen.ErrInProgress) || attempt == adoptAttempts {
			return unsupported(err)
		}
		// After a lost link BlueZ keeps the session of this connection to the bus, arms
		// it again at the next link, and refuses another until then. So it is
		// waited for and adopted; if it does not come, it is replaced.
		if attempt == adoptAttempts/2 {
			_ = char.StopNotify(ctx)
		}
		retry.wait(true, nil, ctx.Done())
	}
}

// adoptAttempts bounds how often a session is asked for while BlueZ arms one: about
// 2 seconds.
const adoptAttempts = 16

// acquire begins a session by AcquireNotify.
func (s *session) acquire(ctx context.Context) error {
	var file *os.File
	err := insist(ctx, func(ctx context.Context) (err error) {
		file, _, err = bluezgen.NewGattCharacteristic1(s.link.bus.conn, s.path).AcquireNotify(ctx, bluezgen.AcquireOptions{})
		return err
	})
	if err != nil {
		return unsupported(err)
	}
	socket, err := openDatagrams(file)
	if err != nil {
		return err
	}
	s.socket = socket
	s.setAcquired(true)
	s.reader.Go(func() { s.drain(socket) })
	return nil
}

// unsupported tells that BlueZ has no such method for this characteristic, which it
// says with the error that otherwise stands for a refusal by the device.
func unsupported(err error) error {
	if errors.Is(err, bluezgen.ErrNotSupported) {
		return because(errors.ErrUnsupported, err)
	}
	return err
}

// drain passes on what comes through the socket at once, for BlueZ drops what finds
// no room in it.
func (s *session) drain(socket *datagrams) {
	var late lateWakes
	err := socket.each(func(values [][]byte) {
		s.deliver(values, &late)
		late.wake()
	})
	s.lapse(cmp.Or(err, errHungUp))
}

// errHungUp is the end of an acquired session: any program may call StopNotify.
var errHungUp = errors.New("BlueZ has ended the notifications")

// errGone is the end of a session whose object has gone: the device has changed its
// services.
var errGone = errors.New("BlueZ has removed the characteristic")

// lapse tells the subscriptions that BlueZ has ended the session.
func (s *session) lapse(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.lapsed = true
	for _, sub := range s.subscriptions {
		select {
		case sub.lapsed <- err:
		default:
		}
	}
}

func (s *session) isAcquired() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.acquired
}

func (s *session) hasLapsed() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.lapsed
}

// stop ends the session, in BlueZ too. It works while the device is disconnected,
// and then must be done as well, or the session would wake up with the next link.
func (s *session) stop() {
	// A session that has lapsed while the link lives is not there any more, and
	// StopNotify would end what another program has acquired meanwhile.
	if _, drops, _ := s.link.properties(); drops != s.drops || !s.hasLapsed() {
		ctx, cancel := context.WithTimeout(context.Background(), cleanupTimeout)
		defer cancel()
		if err := bluezgen.NewGattCharacteristic1(s.link.bus.conn, s.path).StopNotify(ctx); err != nil {
			s.link.central.logger.Debug("stop notifications", "path", s.path, "error", err)
		}
	}
	if s.socket != nil {
		_ = s.socket.close()
		s.reader.Wait()
		s.socket = nil
	}
	s.active = false
	s.setAcquired(false)
}

// setAcquired says how values come from now on.
func (s *session) setAcquired(acquired bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.acquired, s.lapsed = acquired, false
}

// signalled takes a value that BlueZ has signalled. It runs on the goroutine that reads
// the bus.
func (s *session) signalled(value []byte) {
	n := Notification{Value: value, Time: time.Now()}
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.acquired || len(s.subscriptions) == 0: // somebody has read it
	case s.reading > 0:
		s.flush()
		held := &Notification{Value: n.Value, Time: n.Time} // n stays on the stack where nobody reads
		s.held = held
		time.AfterFunc(echoTimeout, func() { s.expire(held) })
	default:
		s.pass(n, &s.link.central.late)
	}
}

// echoTimeout bounds how long after the echo of a read the reply may be noticed. The
// echo comes right before the reply: a signal that another one or nothing follows is
// none.
const echoTimeout = 100 * time.Millisecond

// expire passes a signal on that is still held.
func (s *session) expire(n *Notification) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.held == n {
		s.flush()
	}
}

// deliver passes values that came at once to all subscriptions.
func (s *session) deliver(values [][]byte, late *lateWakes) {
	now := time.Now()
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, value := range values {
		s.pass(Notification{Value: value, Time: now}, late)
	}
}

// pass gives each subscription a copy, the last one n itself: nobody reads its value
// any more, neither here nor in the mirror. Consumers are woken now, or late if that is
// given. s.mu is held.
func (s *session) pass(n Notification, late *lateWakes) {
	last := len(s.subscriptions) - 1
	for i, sub := range s.subscriptions {
		s.link.central.counts.notifications.Add(1)
		own := n
		if i < last {
			own.Value = slices.Clone(n.Value)
		}
		if !sub.values.putLate(own, late) {
			s.link.central.counts.overflows.Add(1)
			sub.finish(ErrOverflow)
		}
	}
}

// flush passes on what was held. s.mu is held.
func (s *session) flush() {
	if s.held != nil {
		s.pass(*s.held, nil)
		s.held = nil
	}
}

// beginRead makes signals wait a moment until endRead, because BlueZ signals a value
// that is read just like one that is notified.
func (s *session) beginRead() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.reading++
}

// endRead passes on what is held, unless it is the echo of the value that was read.
func (s *session) endRead(value []byte, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err == nil && s.held != nil && slices.Equal(s.held.Value, value) {
		s.held = nil
	}
	s.reading--
	s.flush()
}
