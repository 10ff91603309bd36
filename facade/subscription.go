package facade

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"iter"
	"strconv"
	"sync"
	"time"
)

// A NotifyMethod is a way in which BlueZ passes on notifications and indications.
type NotifyMethod int

const (
	// StartNotify is the default: each value is a signal on the bus. Nothing is lost
	// from the moment Subscribe is called, several programs can subscribe at once.
	// Each value that any program reads from the characteristic also looks like a
	// notification; the echoes of this Central's own reads are left out. For that a
	// value that comes while the Central reads the characteristic waits until the
	// next one, the end of the read or a tenth of a second, whichever is first.
	StartNotify NotifyMethod = iota
	// AcquireNotify passes the values through a socket of this process alone: less
	// work for high rates and no echoes of reads, but BlueZ drops what arrives
	// before the device has confirmed and what the socket has no room for, and
	// nobody else can subscribe meanwhile. It needs a bus on this machine, and each
	// characteristic a thread and 50 KiB of memory.
	AcquireNotify
)

// String returns "signals" for StartNotify and "socket" for AcquireNotify.
func (m NotifyMethod) String() string {
	switch m {
	case StartNotify:
		return "signals"
	case AcquireNotify:
		return "socket"
	}
	return "NotifyMethod(" + strconv.Itoa(int(m)) + ")"
}

// SubscribeOptions configures a subscription. The zero value works.
type SubscribeOptions struct {
	// Method is how BlueZ passes the values on. A second subscription to one
	// characteristic shares the first one's.
	Method NotifyMethod
	// Queue is the number of values that may wait for the consumer; 0 means 1024.
	// One more ends the subscription with ErrOverflow.
	Queue int
}

// A Notification is a value that a device sent unasked.
type Notification struct {
	Value []byte    // owned by the receiver; may be empty
	Time  time.Time // when it was received from BlueZ
}

// A Subscription receives the notifications or indications of one characteristic, in
// order and without loss: if the consumer falls behind by more than the queue
// holds, the subscription ends with ErrOverflow. Any goroutine may use it.
type Subscription struct {
	client         *Client
	characteristic *Characteristic
	options        SubscribeOptions
	session        *session
	values         *mailbox[Notification]

	lapsed   chan error // gets why BlueZ has ended the session by itself
	ending   sync.Once
	finished chan struct{} // closed when nothing more will come
	done     chan struct{} // closed when BlueZ was told
}

// Subscribe asks for the notifications (or indications) of a characteristic and returns
// once BlueZ has confirmed: what the device sends from then on is queued, so that
// nothing is lost between "subscribe", "write the command" and "await the answer".
// The subscription lives until ctx ends, Close is called, the link ends or an error.
func (c *Client) Subscribe(ctx context.Context, which Attribute, o SubscribeOptions) (*Subscription, error) {
	sub, err := c.subscribe(ctx, which, o)
	return sub, c.opError("subscribe", which, err)
}

func (c *Client) subscribe(ctx context.Context, which Attribute, o SubscribeOptions) (*Subscription, error) {
	char, err := c.characteristic(which)
	if err != nil {
		return nil, err
	}
	switch {
	case o.Method != StartNotify && o.Method != AcquireNotify:
		return nil, fmt.Errorf("unknown method: %v", o.Method)
	case !char.Has(PropertyNotify) && !char.Has(PropertyIndicate):
		return nil, fmt.Errorf("it neither notifies nor indicates: %w", errors.ErrUnsupported)
	case o.Method == AcquireNotify && !c.link.bus.conn.PassesDescriptors():
		return nil, fmt.Errorf("no descriptors pass on this bus, use StartNotify: %w", errors.ErrUnsupported)
	}
	sub := &Subscription{
		client: c, characteristic: char, options: o, session: c.link.session(char.path),
		values: newMailbox[Notification](queueLimit(o.Queue)), lapsed: make(chan error, 1), finished: make(chan struct{}), done: make(chan struct{}),
	}
	if err := c.hold(); err != nil {
		return nil, err
	}
	if err := sub.session.join(ctx, sub); err != nil {
		c.subscriptions.Done()
		return nil, err
	}
	go sub.attend(ctx)
	return sub, nil
}

// hold keeps Close from returning until the subscription that is about to begin has
// ended; it fails once the client is not connected any more.
func (c *Client) hold() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if err := c.Err(); err != nil {
		return because(ErrNotConnected, err)
	}
	c.subscriptions.Add(1)
	return nil
}

// attend waits for the end of the subscription and then tells BlueZ.
func (s *Subscription) attend(ctx context.Context) {
	defer s.client.subscriptions.Done()
	defer close(s.done)
	select {
	case <-s.finished:
	case <-s.client.life.Done():
		s.awaitHangUp()
		s.finish(s.client.Err())
	case <-ctx.Done():
		s.finish(quietEnd{context.Cause(ctx)})
	case err := <-s.lapsed:
		// The end of the link may be the reason, and about to be known.
		timer := time.NewTimer(endTimeout)
		defer timer.Stop()
		select {
		case <-s.client.life.Done():
		case <-timer.C:
		}
		s.finish(cmp.Or(s.client.Err(), err))
	}
	s.session.leave(s)
}

// awaitHangUp waits for what is still in the socket of AcquireNotify when the link ends:
// BlueZ hangs up behind it.
func (s *Subscription) awaitHangUp() {
	if !s.session.isAcquired() || errors.Is(s.client.Err(), ErrClosed) {
		return
	}
	timer := time.NewTimer(endTimeout)
	defer timer.Stop()
	select {
	case <-s.lapsed:
	case <-s.finished:
	case <-timer.C:
	}
}

// finish ends the subscription for a reason, after the values that wait. The first
// reason counts.
func (s *Subscription) finish(err error) {
	s.values.end(err)
	s.ending.Do(func() { close(s.finished) })
}

// A quietEnd is the reason of an end that the consumer wished for: All ends silently.
type quietEnd struct{ error }

// Characteristic returns what was subscribed to.
func (s *Subscription) Characteristic() *Characteristic { return s.characteristic }

// All returns an iterator over the notifications. When the loop ends, by break,
// return or panic too, the subscription is closed. The loop ends silently when
// Subscribe's ctx ends or Close is called; any other end yields one last pair with
// the error, after all that was received.
func (s *Subscription) All() iter.Seq2[Notification, error] {
	return func(yield func(Notification, error) bool) {
		defer s.Close()
		for {
			n, err := s.values.take(context.Background())
			if err != nil {
				if !errors.As(err, new(quietEnd)) {
					yield(Notification{}, s.client.opError("await notification", s.characteristic, err))
				}
				return
			}
			if !yield(n, nil) {
				return
			}
		}
	}
}

// Next waits for the next notification until ctx ends, and leaves the subscription
// open. After its end and all that was received, Next returns why it ended:
// ErrClosed after Close, the error of Subscribe's ctx, ErrDisconnected, ErrOverflow.
func (s *Subscription) Next(ctx context.Context) (Notification, error) {
	n, err := s.values.take(ctx)
	var quiet quietEnd
	if errors.As(err, &quiet) {
		err = quiet.error
	}
	return n, s.client.opError("await notification", s.characteristic, err)
}

// Close ends the subscription and tells BlueZ, which takes a few seconds at most. What
// was received can still be taken by Next. A second Close returns the same.
func (s *Subscription) Close() error {
	s.finish(quietEnd{ErrClosed})
	<-s.done
	return nil
}
