package bustest

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/godbus/dbus/v5"

	"github.com/gobluez/bluez/gen/wire"
)

// A Direction is one of the two ways through a relay.
type Direction int

// The directions.
const (
	ToBus    Direction = iota + 1 // what the client sends
	ToClient                      // what the bus sends
)

// String returns "to the bus" or "to the client".
func (d Direction) String() string {
	switch d {
	case ToBus:
		return "to the bus"
	case ToClient:
		return "to the client"
	}
	return "in no direction"
}

// A Verdict says what becomes of a frame. [Frame.Delay] and [Frame.Replace] return
// others than those here.
type Verdict int

// Verdicts that need no more said.
const (
	Pass  Verdict = iota // it passes
	Drop                 // it is lost, with its descriptors
	Twice                // it passes, and at once again
	Hold                 // it waits for Release or Discard, while later ones pass
	late                 // it waits for its time, or for Release or Discard
)

// A Frame is one message on its way through a relay, as a filter sees it. Its header
// and body are the frame's own and may be kept; change them by Replace only. A frame
// that is held or delayed is lost if its sender hangs up meanwhile.
//
// Release and Discard may be called from any goroutine.
type Frame struct {
	Header wire.Header // zero if it is malformed
	Body   []byte      // encoded values; nil if the header is malformed

	lane  *lane
	bytes []byte
	fds   []int // passed on and then closed, exactly once
	delay time.Duration

	state frameState // guarded by lane.mu, as is:
	size  int        // what it counts in lane.keptBytes
}

// A frameState says who has a frame.
type frameState int

const (
	judged frameState = iota // the filter
	kept                     // the lane, until Release, Discard or its time
	gone                     // whoever passes it on or drops it
)

// errGone is the error of Release for a frame that cannot be released.
var errGone = errors.New("the frame was passed on, dropped, or lost with its connection")

func newFrame(l *lane, frame []byte, fds []int) *Frame {
	f := &Frame{lane: l, fds: fds}
	f.set(slices.Clone(frame))
	return f
}

func (f *Frame) set(frame []byte) {
	f.bytes = frame
	f.Body, _ = wire.ParseFrame(frame, &f.Header) // which zeroes the header of a malformed one
}

// Bytes returns the whole frame. The caller must not change it.
func (f *Frame) Bytes() []byte { return f.bytes }

// Replace puts other bytes in the frame's place, which need not be a well-formed
// message, nor one. Descriptors stay with the frame. The verdict is Pass, but Twice
// and Hold may be returned as well. Whoever holds a frame may replace it before its
// Release.
func (f *Frame) Replace(frame []byte) Verdict {
	f.set(slices.Clone(frame))
	return Pass
}

// Delay makes the frame pass after a time, while later ones pass. Frames with equal
// delays keep their order.
func (f *Frame) Delay(d time.Duration) Verdict {
	f.delay = d
	return late
}

// Release lets a frame pass now that is held or delayed, also while the relay is
// paused. It blocks while the receiver is slow. It returns an error if the frame was
// passed on or dropped already, or when its connection has ended. A filter may release
// the frame that it is asked about; its verdict on it then counts no more.
func (f *Frame) Release() error {
	if !f.take() {
		return fmt.Errorf("release a message %s: %w", f.lane.direction, errGone)
	}
	return f.pass()
}

// Discard drops a frame that is held or delayed. Discarding one that was passed on or
// dropped does nothing.
func (f *Frame) Discard() {
	if f.take() {
		f.close()
	}
}

// take gives the frame to the caller, unless it is gone.
func (f *Frame) take() bool {
	f.lane.mu.Lock()
	defer f.lane.mu.Unlock()
	if f.state == gone {
		return false
	}
	f.lane.take(f)
	return true
}

// pass sends the frame on. Nobody else has it any more.
func (f *Frame) pass() error {
	defer f.close()
	return f.lane.write(f.bytes, f.fds)
}

func (f *Frame) close() {
	closeFDs(f.fds)
	f.fds = nil
}

// SignalFrame returns a signal as [RelayedConn.Inject] takes it. Nothing is filled in:
// sender is the unique name that the bus would write, sig the signature of what body
// encodes. Without values sig is "" and body nil.
func SignalFrame(sender string, path dbus.ObjectPath, iface, member, sig string, body func(*wire.Encoder)) ([]byte, error) {
	e := wire.NewEncoder(wire.LittleEndian)
	if body != nil {
		body(e)
	}
	if err := e.Err(); err != nil {
		return nil, err
	}
	return wire.AppendFrame(nil, &wire.Header{
		Type: wire.Signal, Flags: wire.NoReplyExpected, Serial: 1,
		Sender: []byte(sender), Path: []byte(path), Interface: []byte(iface), Member: []byte(member), Signature: []byte(sig),
	}, e.Body())
}
