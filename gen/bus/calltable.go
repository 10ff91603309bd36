package bus

import (
	"context"
	"errors"
	"fmt"
	"os"
	"sync"
	"time"

	"github.com/gobluez/bluez/gen/wire"
)

// firstSerial is the first serial of this package's own messages. Those of godbus
// are below it, so that a reply's number says whose it is.
const firstSerial = 1 << 31

// A call is a method call that waits for its reply.
type call struct {
	frame   frame
	want    string    // signature of the reply, "" for any
	member  string    // for errors, such as "org.bluez.Device1.Connect"
	slot    bool      // holds one
	left    time.Time // when the caller has gone, if it has; guarded by the table
	arrived chan struct{}

	// onReader, if not nil, gets the reply on the reader goroutine, in its place
	// among the signals. d stands at the beginning of the body, unless err is not
	// nil. Its error ends the connection.
	onReader func(d *wire.Decoder, err error) error

	// The reply, valid once something was received from arrived.
	order wire.Order
	body  []byte // the call's own
	files []*os.File
	err   error
}

var callPool = sync.Pool{New: func() any { return &call{arrived: make(chan struct{}, 1)} }}

func newCall() *call {
	c := callPool.Get().(*call)
	c.frame.keep = true
	return c
}

// recycle gives up a call that was answered and whose frame was written.
func (c *call) recycle() {
	if cap(c.frame.buf) > maxPooled || cap(c.body) > maxPooled {
		return
	}
	*c = call{
		frame:   frame{buf: c.frame.buf[:0], names: c.frame.names[:0], fds: c.frame.fds[:0]},
		body:    c.body[:0],
		arrived: c.arrived,
	}
	callPool.Put(c)
}

// A callTable has the calls that wait for replies, by serial.
type callTable struct {
	conn *Conn

	mu      sync.Mutex
	last    uint32
	pending map[uint32]*call
	err     error // of the connection, once it has ended
}

func (t *callTable) init(c *Conn) {
	t.conn = c
	t.last = firstSerial - 1
	t.pending = map[uint32]*call{}
}

// serial returns an unused serial.
func (t *callTable) serial() uint32 {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.nextSerial()
}

func (t *callTable) nextSerial() uint32 {
	for {
		t.last = (t.last + 1) | firstSerial
		if _, used := t.pending[t.last]; !used {
			return t.last
		}
	}
}

// register makes a call wait, and returns its serial.
func (t *callTable) register(c *call) (uint32, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.err != nil {
		return 0, t.err
	}
	serial := t.nextSerial()
	t.pending[serial] = c
	return serial, nil
}

// remove takes a call out whose message will not be sent. It reports whether it
// was still there.
func (t *callTable) remove(serial uint32) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	_, found := t.pending[serial]
	delete(t.pending, serial)
	return found
}

// leave notes that nobody waits for a call any more. It is false if the reply is
// there already, or about to be.
func (t *callTable) leave(serial uint32) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	c, found := t.pending[serial]
	if found {
		c.left = time.Now()
	}
	return found
}

// unanswered returns how many calls hold slots though their callers left so long ago.
func (t *callTable) unanswered(since time.Duration) (n int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, c := range t.pending {
		if c.slot && !c.left.IsZero() && time.Since(c.left) >= since {
			n++
		}
	}
	return n
}

// reply gives a reply to its call.
func (t *callTable) reply(m *message, d *wire.Decoder) error {
	t.mu.Lock()
	c := t.pending[m.header.ReplySerial]
	delete(t.pending, m.header.ReplySerial)
	late := c == nil || !c.left.IsZero()
	t.mu.Unlock()
	if c != nil && c.slot {
		t.conn.slots.release()
	}
	if late {
		t.conn.counts.late.Add(1)
		return nil
	}
	d.Reset(m.body, m.header.Order, m.files)
	err := replyError(c, m, d)
	if d.Err() != nil {
		return d.Err()
	}
	if c.onReader != nil {
		if err := c.onReader(d, err); err != nil {
			return err
		}
		return fatal(d.Err())
	}
	if err == nil {
		c.order, c.files = m.header.Order, m.files
		c.body = append(c.body[:0], m.body...)
		m.files = nil
	}
	c.err = err
	c.arrived <- struct{}{}
	return nil
}

// replyError returns the error that a reply is, or that it deserves.
func replyError(c *call, m *message, d *wire.Decoder) error {
	h := &m.header
	if h.Type == wire.Error {
		e := &Error{Name: string(h.ErrorName)}
		if len(h.Signature) > 0 && h.Signature[0] == 's' {
			e.Message = d.String()
		}
		return e
	}
	if !m.complete() {
		return fmt.Errorf("reply claims %d descriptors, %d arrived", h.UnixFDs, len(m.files))
	}
	if c.want != "" && string(h.Signature) != c.want {
		return &ReplyError{Member: c.member, Want: c.want, Got: string(h.Signature)}
	}
	return nil
}

// fail answers all calls with the error of the connection, and refuses others from
// now on. It is called on the reader goroutine.
func (t *callTable) fail(err error) {
	t.mu.Lock()
	t.err = err
	pending := t.pending
	t.pending = nil
	t.mu.Unlock()
	for _, c := range pending {
		if c.slot {
			t.conn.slots.release()
		}
		switch {
		case !c.left.IsZero():
		case c.onReader != nil:
			_ = c.onReader(nil, err)
		default:
			c.err = err
			c.arrived <- struct{}{}
		}
	}
}

// fatal returns err if it says that the peer broke the protocol, so that the
// connection cannot go on.
func fatal(err error) error {
	if err == nil {
		return nil
	}
	if _, malformed := errors.AsType[*wire.FormatError](err); malformed {
		return err
	}
	return nil
}

// await waits until a call is answered, and returns the error that it was answered
// with. If ctx or the connection ends before, the call is forgotten: its frame is
// dropped if it is not begun, and its late reply will be discarded.
func (t *callTable) await(ctx context.Context, c *call, serial uint32) (answered bool, err error) {
	select {
	case <-c.arrived:
		return true, c.err
	case <-ctx.Done():
		err = ctx.Err()
	case <-t.conn.ctx.Done():
		err = t.conn.err
	}
	if t.conn.writer.drop(&c.frame) {
		if t.remove(serial) {
			if c.slot {
				t.conn.slots.release()
			}
			return false, err
		}
	} else if t.leave(serial) {
		return false, err
	}
	<-c.arrived
	return true, c.err
}
