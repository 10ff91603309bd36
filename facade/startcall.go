package facade

import (
	"context"
	"errors"
	"time"

	"github.com/gobluez/bluez/bluezgen"
	"github.com/gobluez/bluez/gen/bus"
)

// A startCall is a call of StartNotify, which goes on when its caller has gone: until
// withdraw, which waits for its goroutine.
type startCall struct {
	replied chan struct{} // closed when err is there
	err     error
	leave   context.CancelFunc // ends the call, if not BlueZ's part in it
}

// ask calls StartNotify and waits for the reply until ctx ends.
func (s *session) ask(ctx context.Context, char bluezgen.GattCharacteristic1) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	lasting, leave := context.WithCancel(context.WithoutCancel(ctx))
	call := &startCall{replied: make(chan struct{}), leave: leave}
	go func() {
		defer close(call.replied)
		call.err = char.StartNotify(lasting)
	}()
	select {
	case <-call.replied:
		leave()
		return call.err
	case <-ctx.Done():
		s.asked = call
		return context.Cause(ctx)
	}
}

// withdraw undoes what join has begun and not waited for. BlueZ never answers a StartNotify
// that is stopped while it is under way, and unanswered calls are few that the bus allows:
// so it waits for the answer first, for as long as there is a link.
func (s *session) withdraw(client *Client) {
	call := s.asked
	s.asked = nil
	if call != nil {
		client.await(call.replied, withdrawTimeout)
		call.leave()
		if <-call.replied; errors.As(call.err, new(*bus.Error)) {
			return // there is nothing to undo
		}
	}
	s.stop()
}

// withdrawTimeout bounds how long a device is waited for that nobody waits for any more.
const withdrawTimeout = 2 * time.Second

// await waits until something is ready, the link is lost or it takes too long.
func (c *Client) await(ready <-chan struct{}, long time.Duration) {
	timeout := time.NewTimer(long)
	defer timeout.Stop()
	for ended := c.life.Done(); ; {
		select {
		case <-ready:
			return
		case <-timeout.C:
			return
		case <-ended:
			if !errors.Is(c.Err(), ErrClosed) {
				return
			}
			ended = nil // there may be a link still
		}
	}
}
