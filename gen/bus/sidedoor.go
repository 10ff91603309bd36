package bus

import (
	"bytes"
	"fmt"
	"io"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/godbus/dbus/v5"

	"github.com/gobluez/bluez/gen/wire"
)

// A sideDoor is the transport that godbus rides on: it reads the messages that
// nothing else wanted and writes among everybody else's. Before the first message
// it plays the server's side of an authentication that has really taken place
// already, one line a Read, because godbus reads ahead.
type sideDoor struct {
	conn    *Conn
	handler dbus.Handler // what is exported through DBus()
	serials serials
	guid    string

	mu     sync.Mutex
	ready  sync.Cond
	queue  [][]byte // for godbus to read
	queued int      // bytes in queue
	closed bool
	begun  bool   // authentication is over
	wrote  []byte // by godbus, not a whole line or message yet
}

// maxBacklog is how many bytes may wait for godbus before signals and calls for it
// are dropped. It falls behind when a user does not read from a channel.
const maxBacklog = 16 << 20

func newSideDoor(c *Conn) *sideDoor {
	//lint:ignore SA1019 there is no other way to learn what is exported through DBus().
	s := &sideDoor{conn: c, handler: dbus.NewDefaultHandler()}
	s.ready.L = &s.mu
	return s
}

// Read returns the rest of one line or message.
func (s *sideDoor) Read(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for len(s.queue) == 0 && !s.closed {
		s.ready.Wait()
	}
	if len(s.queue) == 0 || s.closed {
		return 0, io.EOF
	}
	n := copy(p, s.queue[0])
	s.queued -= n
	if s.queue[0] = s.queue[0][n:]; len(s.queue[0]) == 0 {
		s.queue = s.queue[1:]
	}
	return n, nil
}

// Write takes lines of the authentication, then messages. It waits until they are
// on the socket.
func (s *sideDoor) Write(p []byte) (int, error) {
	var frames []*frame
	s.mu.Lock()
	s.wrote = append(s.wrote, p...)
	for !s.begun {
		line, rest, ok := bytes.Cut(s.wrote, []byte("\r\n"))
		if !ok {
			break
		}
		s.answer(strings.Trim(string(line), "\x00"))
		s.wrote = append([]byte(nil), rest...)
	}
	for s.begun && len(s.wrote) >= 16 {
		size, err := wire.FrameSize(s.wrote)
		if err != nil {
			s.mu.Unlock()
			return 0, err
		}
		if len(s.wrote) < size {
			break
		}
		f := newFrame()
		f.keep = true
		f.buf = append(f.buf, s.wrote[:size]...)
		frames = append(frames, f)
		s.wrote = append(s.wrote[:0], s.wrote[size:]...)
	}
	s.mu.Unlock()
	for _, f := range frames {
		if err := s.conn.send(f); err != nil {
			return 0, err
		}
		if err := s.conn.writer.await(s.conn.ctx, f); err != nil {
			return 0, s.conn.cause(err)
		}
		f.recycle()
	}
	return len(p), nil
}

// answer plays the server of the authentication.
func (s *sideDoor) answer(line string) {
	switch line {
	case "AUTH":
		s.push([]byte("REJECTED EXTERNAL\r\n"))
	case "AUTH EXTERNAL":
		s.push([]byte("OK " + s.guid + "\r\n"))
	case "BEGIN":
		s.begun = true
	default:
		s.push([]byte("ERROR\r\n"))
	}
}

func (s *sideDoor) push(b []byte) {
	s.queue = append(s.queue, b)
	s.queued += len(b)
	s.ready.Signal()
}

// receive gives a message to godbus. Malformed ones are an error; well-formed ones
// that godbus would choke on, which ends its connection, are kept from it.
func (s *sideDoor) receive(m *message, d *wire.Decoder) error {
	d.Reset(m.body, m.header.Order, nil)
	d.Skip(string(m.header.Signature))
	if err := d.Err(); err != nil {
		return err
	}
	if d.Remaining() != 0 {
		return &wire.FormatError{Offset: len(m.body) - d.Remaining(), Problem: "body is longer than its signature"}
	}
	frame, problem := plain(m)
	if problem != "" {
		s.conn.oddity.report("godbus "+problem, "message kept from godbus: "+problem, "type", m.header.Type)
		if frame = refusal(m, problem); frame == nil {
			return nil
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	reply := m.header.ReplySerial != 0
	if s.closed || s.queued+len(frame) > maxBacklog && !reply {
		s.conn.counts.dropped.Add(1)
		return nil
	}
	s.push(frame)
	return nil
}

// plain returns a message the way that godbus takes it, or what keeps godbus from
// it. godbus ends its connection over flags and header fields that are to be
// ignored, and over signatures stricter than the specification's; it panics on
// signals of the bus without their argument; it knows descriptors only on a
// transport of its own.
func plain(m *message) (frame []byte, problem string) {
	h := m.header
	if h.UnixFDs > 0 {
		return nil, "it carries descriptors"
	}
	if h.Type == wire.Signal && string(h.Sender) == busService && string(h.Interface) == busInterface {
		switch string(h.Member) {
		case "NameLost", "NameAcquired":
			if string(h.Signature) != "s" {
				return nil, "unexpected signature"
			}
		}
	}
	h.Flags &= wire.NoReplyExpected | wire.NoAutoStart | wire.AllowInteractiveAuthorization
	frame, err := wire.AppendFrame(nil, &h, m.body)
	if err != nil {
		return nil, err.Error()
	}
	defer func() {
		if r := recover(); r != nil {
			problem = fmt.Sprintf("decoding panics: %v", r)
		}
	}()
	if _, err := dbus.DecodeMessage(bytes.NewReader(frame)); err != nil {
		return nil, err.Error()
	}
	return frame, ""
}

// refusal returns the error reply that godbus gets instead of a reply that it
// cannot have, so that whoever waits for it does not wait for ever. It is nil for
// what is no reply.
func refusal(m *message, problem string) []byte {
	if m.header.ReplySerial == 0 {
		return nil
	}
	e := wire.NewEncoder(m.header.Order)
	e.String("reply cannot be delivered: " + problem)
	frame, err := wire.AppendFrame(nil, &wire.Header{
		Order:       m.header.Order,
		Type:        wire.Error,
		Serial:      m.header.Serial,
		ReplySerial: m.header.ReplySerial,
		ErrorName:   []byte(ErrNotSupported.Name),
		Destination: m.header.Destination,
		Sender:      m.header.Sender,
		Signature:   []byte("s"),
	}, e.Body())
	if err != nil {
		return nil
	}
	return frame
}

// hangUp ends godbus' reading.
func (s *sideDoor) hangUp() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closed = true
	s.ready.Broadcast()
}

// Close is called when godbus' connection is closed, by its user or by itself.
func (s *sideDoor) Close() error {
	s.conn.fail(ErrClosed)
	s.hangUp()
	return nil
}

// serves reports whether a user of DBus() serves an interface of a path, or, without
// an interface, any with that method.
func (s *sideDoor) serves(path dbus.ObjectPath, iface, member string) bool {
	object, ok := s.handler.LookupObject(path)
	if !ok {
		return false
	}
	found, ok := object.LookupInterface(iface)
	if ok && iface == "" {
		_, ok = found.LookupMethod(member)
	}
	return ok
}

// backlog returns how many bytes wait for godbus.
func (s *sideDoor) backlog() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.queued
}

// serials generates the serials of godbus' messages, all below firstSerial.
type serials struct{ last atomic.Uint32 }

// GetSerial implements [dbus.SerialGenerator].
func (s *serials) GetSerial() uint32 {
	for {
		if serial := s.last.Add(1) % firstSerial; serial != 0 {
			return serial
		}
	}
}

// RetireSerial implements [dbus.SerialGenerator].
func (s *serials) RetireSerial(uint32) {}
