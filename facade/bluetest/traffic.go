package bluetest

import (
	"slices"
	"sync"

	"github.com/gobluez/bluez/gen/bus/bustest"
	"github.com/gobluez/bluez/gen/wire"
)

// traffic follows the clients' calls and the replies to them, for those who look at them
// or disturb them.
type traffic struct {
	mu   sync.Mutex
	all  []*follower
	wait map[pendingCall]string // the method of each call that was not answered yet
}

// A follower is told of the calls of a method, or of all if it is "", and of their replies,
// with their number from 0. It says what becomes of them.
type follower struct {
	method         string
	watch          func(c *bustest.RelayedConn, h *wire.Header)                          // sees each call, whatever becomes of it
	watchReply     func(method string)                                                   // likewise each reply
	call, reply    func(c *bustest.RelayedConn, f *bustest.Frame, n int) bustest.Verdict // nil: passes
	calls, replies int
}

// A pendingCall is a call that waits for a reply.
type pendingCall struct {
	client *bustest.RelayedConn
	serial uint32
}

// disturb has the replies of a method judged until undo is called.
func (w *World) disturb(method string, judge func(f *bustest.Frame, n int) bustest.Verdict) (undo func()) {
	return w.follow(&follower{method: method, reply: func(_ *bustest.RelayedConn, f *bustest.Frame, n int) bustest.Verdict {
		return judge(f, n)
	}})
}

// follow adds a follower until undo is called. Where several judge the same message, the
// last one that does not let it pass counts. Without any the relay passes messages unread.
func (w *World) follow(f *follower) (undo func()) {
	t := &w.traffic
	t.mu.Lock()
	defer t.mu.Unlock()
	if len(t.all) == 0 {
		t.wait = map[pendingCall]string{}
		w.relay.Filter(t.pass)
	}
	t.all = append(t.all, f)
	return func() {
		t.mu.Lock()
		defer t.mu.Unlock()
		before := len(t.all)
		t.all = slices.DeleteFunc(t.all, func(other *follower) bool { return other == f })
		if before > 0 && len(t.all) == 0 {
			w.relay.Filter(nil)
		}
	}
}

// pass is the relay's filter.
func (t *traffic) pass(client *bustest.RelayedConn, direction bustest.Direction, f *bustest.Frame) bustest.Verdict {
	t.mu.Lock()
	defer t.mu.Unlock()
	h := &f.Header
	switch {
	case direction == bustest.ToBus && h.Type == wire.MethodCall:
		method := string(h.Member)
		if h.Flags&wire.NoReplyExpected == 0 {
			t.wait[pendingCall{client, h.Serial}] = method
		}
		for _, follower := range t.all {
			if follower.watch != nil {
				follower.watch(client, h)
			}
		}
		verdict := t.judge(method, func(follower *follower) bustest.Verdict {
			if follower.call == nil {
				return bustest.Pass
			}
			follower.calls++
			return follower.call(client, f, follower.calls-1)
		})
		if verdict == bustest.Drop {
			delete(t.wait, pendingCall{client, h.Serial})
		}
		return verdict
	case direction == bustest.ToClient && (h.Type == wire.MethodReturn || h.Type == wire.Error):
		call := pendingCall{client, h.ReplySerial}
		method, known := t.wait[call]
		delete(t.wait, call)
		if !known {
			return bustest.Pass
		}
		for _, follower := range t.all {
			if follower.watchReply != nil {
				follower.watchReply(method)
			}
		}
		return t.judge(method, func(follower *follower) bustest.Verdict {
			if follower.reply == nil {
				return bustest.Pass
			}
			follower.replies++
			return follower.reply(client, f, follower.replies-1)
		})
	}
	return bustest.Pass
}

// judge asks the followers of a method, the last first. It is locked.
func (t *traffic) judge(method string, ask func(*follower) bustest.Verdict) bustest.Verdict {
	for _, follower := range slices.Backward(t.all) {
		if follower.method != "" && follower.method != method {
			continue
		}
		if verdict := ask(follower); verdict != bustest.Pass {
			return verdict
		}
	}
	return bustest.Pass
}
