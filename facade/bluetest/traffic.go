package bluetest

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"

	"github.com/gobluez/bluez/gen/bus/bustest"
	"github.com/gobluez/bluez/gen/wire"
)

// traffic follows the clients' calls and the replies to them, for those who look at them
// or disturb them.
type traffic struct {
	mu       sync.Mutex
	all      []*follower
	wait     map[*bustest.RelayedConn]map[uint32]pendingCall // calls without a reply yet, by serial
	misspelt []error
}

// A follower is told of the calls of a method, or of all if it is "", and of their replies,
// with their number from 0. It says what becomes of them. Those of the bus itself it judges
// only by name: without them a client is not even on the bus.
type follower struct {
	what       string // the method that makes the fault; empty if it makes none
	method     string
	watch      func(c *bustest.RelayedConn, h *wire.Header) // sees each call, whatever becomes of it
	watchReply func(method string)                          // likewise each reply
	// They judge; nil lets all pass. The messages that they want to send are sent by what
	// they return, which may block: when the receiver is slow.
	call  func(c *bustest.RelayedConn, f *bustest.Frame, n int) (bustest.Verdict, func())
	reply func(c *bustest.RelayedConn, f *bustest.Frame, n int) (bustest.Verdict, func())

	calls, replies int
}

// A pendingCall is a call that waits for a reply.
type pendingCall struct {
	method string
	toBus  bool // itself, not to anyone on it
}

// disturb has the replies of a method judged until undo is called.
func (w *World) disturb(what, method string, judge func(f *bustest.Frame) bustest.Verdict) (undo func()) {
	return w.follow(&follower{what: what, method: method, reply: func(_ *bustest.RelayedConn, f *bustest.Frame, _ int) (bustest.Verdict, func()) {
		return judge(f), nil
	}})
}

// follow adds a follower until undo is called. Where several judge the same message, the
// last one that does not let it pass counts. Without any the relay passes messages unread.
func (w *World) follow(f *follower) (undo func()) {
	if f.what != "" {
		w.fault(f.what, "method", f.method)
	}
	t := &w.traffic
	t.mu.Lock()
	defer t.mu.Unlock()
	if len(t.all) == 0 {
		t.wait = map[*bustest.RelayedConn]map[uint32]pendingCall{}
		w.relay.Filter(t.pass)
	}
	t.all = append(t.all, f)
	return sync.OnceFunc(func() {
		t.mu.Lock()
		defer t.mu.Unlock()
		t.check(f)
		t.all = slices.DeleteFunc(t.all, func(other *follower) bool { return other == f })
		if len(t.all) == 0 {
			w.relay.Filter(nil)
		}
	})
}

// check notes a fault that never struck because nobody has such a method. It is locked.
func (t *traffic) check(f *follower) {
	if f.what != "" && f.calls+f.replies == 0 && !isMethod(f.method) {
		t.misspelt = append(t.misspelt, fmt.Errorf("%s: nobody called a method %q, and BlueZ has none", f.what, f.method))
	}
}

// mistakes returns what was noted about faults since it was last called.
func (t *traffic) mistakes() error {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, f := range t.all {
		t.check(f)
	}
	err := errors.Join(t.misspelt...)
	t.all, t.misspelt = nil, nil
	return err
}

// pass is the relay's filter.
func (t *traffic) pass(client *bustest.RelayedConn, direction bustest.Direction, f *bustest.Frame) bustest.Verdict {
	verdict, send := t.look(client, direction, f)
	if send != nil {
		send()
	}
	return verdict
}

func (t *traffic) look(client *bustest.RelayedConn, direction bustest.Direction, f *bustest.Frame) (bustest.Verdict, func()) {
	t.mu.Lock()
	defer t.mu.Unlock()
	h := &f.Header
	switch {
	case direction == bustest.ToBus && h.Type == wire.MethodCall:
		return t.lookAtCall(client, f)
	case direction == bustest.ToClient && (h.Type == wire.MethodReturn || h.Type == wire.Error):
		return t.lookAtReply(client, f)
	}
	return bustest.Pass, nil
}

func (t *traffic) lookAtCall(client *bustest.RelayedConn, f *bustest.Frame) (bustest.Verdict, func()) {
	h := &f.Header
	call := pendingCall{method: string(h.Member), toBus: string(h.Destination) == busService}
	for _, follower := range t.all {
		if follower.watch != nil {
			follower.watch(client, h)
		}
	}
	verdict, send := t.judge(call, func(follower *follower) (bustest.Verdict, func()) {
		if follower.call == nil {
			return bustest.Pass, nil
		}
		follower.calls++
		return follower.call(client, f, follower.calls-1)
	})
	if verdict != bustest.Drop && h.Flags&wire.NoReplyExpected == 0 {
		t.pending(client)[h.Serial] = call
	}
	return verdict, send
}

func (t *traffic) lookAtReply(client *bustest.RelayedConn, f *bustest.Frame) (bustest.Verdict, func()) {
	call, known := t.wait[client][f.Header.ReplySerial]
	if !known {
		return bustest.Pass, nil
	}
	delete(t.wait[client], f.Header.ReplySerial)
	for _, follower := range t.all {
		if follower.watchReply != nil {
			follower.watchReply(call.method)
		}
	}
	return t.judge(call, func(follower *follower) (bustest.Verdict, func()) {
		if follower.reply == nil {
			return bustest.Pass, nil
		}
		follower.replies++
		return follower.reply(client, f, follower.replies-1)
	})
}

// pending returns the calls of a client that wait. When a client is new, it forgets those
// that have left.
func (t *traffic) pending(client *bustest.RelayedConn) map[uint32]pendingCall {
	calls := t.wait[client]
	if calls != nil {
		return calls
	}
	maps.DeleteFunc(t.wait, func(c *bustest.RelayedConn, _ map[uint32]pendingCall) bool {
		select {
		case <-c.Done():
			return true
		default:
			return false
		}
	})
	calls = map[uint32]pendingCall{}
	t.wait[client] = calls
	return calls
}

// judge asks the followers of a method, the last first.
func (t *traffic) judge(call pendingCall, ask func(*follower) (bustest.Verdict, func())) (bustest.Verdict, func()) {
	for _, follower := range slices.Backward(t.all) {
		if follower.method != call.method && (follower.method != "" || call.toBus) {
			continue
		}
		if verdict, send := ask(follower); verdict != bustest.Pass {
			return verdict, send
		}
	}
	return bustest.Pass, nil
}
