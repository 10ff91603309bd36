package bus

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"sync"

	"github.com/gobluez/bluez/gen/wire"
)

// maxWaiting is how many calls may wait for one export, or be in progress if it is
// concurrent. A peer that sends more gets LimitsExceeded.
const maxWaiting = 1000

// An incoming is a call that is to be served.
type incoming struct {
	conn    *Conn
	export  *Export
	serve   func(ctx context.Context, call *incoming, d *wire.Decoder) error
	sender  string
	name    string // interface and member, for errors
	serial  uint32
	silent  bool // the caller expects no reply
	order   wire.Order
	body    []byte
	files   []*os.File
	ctx     context.Context
	cancel  context.CancelCauseFunc
	release sync.Once // passes the turn to the next call
}

// call serves an incoming call, if it is for something exported. It runs on the
// reader goroutine and leaves what runs other people's code to others.
func (t *exportTable) call(m *message) (mine bool) {
	h := &m.header
	target := t.target(m)
	if target == nil {
		return false
	}
	call := &incoming{
		conn:   t.conn,
		export: target.export,
		serve:  target.serve,
		sender: string(h.Sender),
		name:   string(h.Interface) + "." + string(h.Member),
		serial: h.Serial,
		silent: h.Flags&wire.NoReplyExpected != 0,
		order:  h.Order,
	}
	err := target.err
	switch {
	case target.export != nil && target.export.from != nil && (call.sender == "" || call.sender != target.export.from.owner):
		t.conn.counts.refused.Add(1)
		err = ErrAccessDenied.With(fmt.Sprintf("only %s may call this", target.export.options.From))
	case err != nil:
	case !m.complete():
		err = ErrInvalidArgs.With("descriptors are missing")
	case string(h.Signature) != target.sig:
		err = ErrInvalidArgs.With((&ReplyError{Member: call.name, Want: target.sig, Got: string(h.Signature)}).Error())
	case target.now:
		err = target.serve(t.conn.ctx, call, nil)
	default:
		call.body = append(call.body, m.body...)
		call.files, m.files = m.files, nil
		err = t.enqueue(call)
	}
	if err != nil {
		call.refuse(err)
	}
	return true
}

// enqueue has a call served in its turn.
func (t *exportTable) enqueue(call *incoming) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	x := call.export
	if x.closed {
		closeFiles(call.files)
		return ErrUnknownObject
	}
	if len(x.queue)+x.running >= maxWaiting {
		closeFiles(call.files)
		return ErrLimitsExceeded.With("too many calls wait for this object")
	}
	call.ctx, call.cancel = context.WithCancelCause(context.WithValue(x.ctx, callKey{}, call))
	if !call.silent {
		if t.callers[call.sender] == nil {
			t.callers[call.sender] = map[*incoming]bool{}
		}
		t.callers[call.sender][call] = true
	}
	if x.options.Concurrent {
		x.running++
		t.conn.tasks.Go(func() {
			t.run(call)
			t.mu.Lock()
			defer t.mu.Unlock()
			x.running--
		})
		return nil
	}
	x.queue = append(x.queue, call)
	if !x.busy {
		x.busy = true
		t.conn.tasks.Go(func() { t.work(x) })
	}
	return nil
}

// work serves the calls that wait for an export, one after the other, until none
// does, or until one of them has passed the turn to another worker.
func (t *exportTable) work(x *Export) {
	for {
		t.mu.Lock()
		if len(x.queue) == 0 {
			x.queue = nil
			x.busy = false
			t.mu.Unlock()
			return
		}
		call := x.queue[0]
		x.queue[0] = nil
		x.queue = x.queue[1:]
		t.mu.Unlock()
		t.run(call)
		mine := false
		call.release.Do(func() { mine = true })
		if !mine {
			return
		}
	}
}

// run serves one call and replies to it.
func (t *exportTable) run(call *incoming) {
	d := t.conn.decoders.Get().(*wire.Decoder)
	defer t.conn.decoders.Put(d)
	arrived := slices.Clone(call.files)
	d.Reset(call.body, call.order, call.files)
	err := call.serve(call.ctx, call, d)
	if bad := d.Err(); bad != nil {
		closeFiles(arrived) // the method was not run, so nobody has them
		err = ErrInvalidArgs.With(bad.Error())
		if fatal(bad) != nil {
			t.conn.fail(fmt.Errorf("arguments of %s: %w", call.name, bad))
		}
	}
	d.Reset(nil, wire.LittleEndian, nil)
	closeFiles(call.files)
	if err != nil {
		call.refuse(err)
	}
	call.cancel(context.Canceled)
	t.mu.Lock()
	defer t.mu.Unlock()
	delete(t.callers[call.sender], call)
	if len(t.callers[call.sender]) == 0 {
		delete(t.callers, call.sender)
	}
}

type callKey struct{}

func callOf(ctx context.Context) *incoming {
	call, _ := ctx.Value(callKey{}).(*incoming)
	return call
}

// Sender returns the unique name of the caller of the served method whose ctx it is
// given, or "" for any other ctx.
func Sender(ctx context.Context) string {
	if call := callOf(ctx); call != nil {
		return call.sender
	}
	return ""
}

// Release lets the next call to an object be served while the method whose ctx it
// is given still runs. What the method did before is done before the next call
// begins. An agent, for example, notes which request it begins, calls Release, and
// asks the human; a Cancel that follows then finds the request. It does nothing for
// any other ctx, for exports that are concurrent, and when called again.
func Release(ctx context.Context) {
	call := callOf(ctx)
	if call == nil || call.export.options.Concurrent {
		return
	}
	call.release.Do(func() {
		c := call.conn
		c.tasks.Go(func() { c.exports.work(call.export) })
	})
}

// reply sends the results of a call, which encode wrote. It may be called on the
// reader goroutine.
func (call *incoming) reply(sig string, e *wire.Encoder) error {
	if call.silent {
		return nil
	}
	c := call.conn
	f := newFrame()
	msg := outgoing{typ: wire.MethodReturn, flags: wire.NoReplyExpected, serial: c.calls.serial(), replySerial: call.serial, dest: call.sender, sig: sig}
	if err := msg.encode(f, e); err != nil {
		return err
	}
	return c.send(f)
}

// refuse replies with an error.
func (call *incoming) refuse(err error) {
	if call.silent {
		return
	}
	reply := replyFor(err)
	c := call.conn
	e := newEncoder()
	defer putEncoder(e)
	e.String(strings.ReplaceAll(strings.ToValidUTF8(reply.Message, "\uFFFD"), "\x00", ""))
	f := newFrame()
	msg := outgoing{typ: wire.Error, flags: wire.NoReplyExpected, serial: c.calls.serial(), replySerial: call.serial, dest: call.sender, errorName: reply.Name, sig: "s"}
	if err := msg.encode(f, e); err != nil {
		return
	}
	_ = c.send(f) // the only error is the end of the connection
}

// replyFor returns the D-Bus error that says best what err says.
func replyFor(err error) *Error {
	if e, ok := errors.AsType[*Error](err); ok && wire.ValidErrorName(e.Name) {
		return e
	}
	return ErrFailed.With(err.Error())
}

// maxUnwritten is how many messages may wait for the socket before those who emit
// signals wait for it too.
const maxUnwritten = 1000

// emit sends a signal of an exported object. The Emitter is locked.
func (s *served) emit(iface, member, sig string, body *wire.Encoder) error {
	return s.export.emit(iface, member, sig, body)
}

func (x *Export) emit(iface, member, sig string, body *wire.Encoder) error {
	f := newFrame()
	msg := outgoing{typ: wire.Signal, flags: wire.NoReplyExpected, serial: x.conn.calls.serial(), path: x.path, iface: iface, member: member, sig: sig}
	if err := msg.encode(f, body); err != nil {
		return err
	}
	return x.conn.send(f)
}

// throttle waits while the bus is far behind.
func (c *Conn) throttle() {
	if c.writer.depth() > maxUnwritten {
		c.writer.awaitDepth(c.ctx, maxUnwritten)
	}
}
