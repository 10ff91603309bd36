package bluetest

import (
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/gobluez/bluez/bluezgen"
	"github.com/gobluez/bluez/gen/bus"
	"github.com/gobluez/bluez/gen/bus/bustest"
	"github.com/gobluez/bluez/gen/wire"
)

// LateReplies delays the replies of a method, "ReadValue" for instance, or of all that are
// not the bus' own if it is "", until undo is called: a bluetoothd that is busy, or a
// machine that swaps. Later messages overtake them. Of a method that BlueZ does not have,
// and that nobody calls, [World.Close] complains; so it does for the faults below.
func (w *World) LateReplies(method string, by time.Duration) (undo func()) {
	return w.disturb("LateReplies", method, func(f *bustest.Frame) bustest.Verdict { return f.Delay(by) })
}

// LoseReplies loses the replies of a method, or of all if it is "", until undo is called: a
// bluetoothd that never answers, as it does when the kernel or the controller hangs.
// What was asked for has been done.
func (w *World) LoseReplies(method string) (undo func()) {
	return w.disturb("LoseReplies", method, func(*bustest.Frame) bustest.Verdict { return bustest.Drop })
}

// DoubleReplies sends each reply of a method, or of all if it is "", twice, until undo is
// called. No dbus-daemon does; a damaged proxy may.
func (w *World) DoubleReplies(method string) (undo func()) {
	return w.disturb("DoubleReplies", method, func(*bustest.Frame) bustest.Verdict { return bustest.Twice })
}

// ReorderReplies holds every other reply of a method, or of all if it is "", that a client
// gets until the next one has passed or by is over, until undo is called. BlueZ answers
// calls in no particular order: a read that it has cached overtakes one that goes to the
// device.
func (w *World) ReorderReplies(method string, by time.Duration) (undo func()) {
	held := map[*bustest.RelayedConn]*bustest.Frame{} // guarded by the traffic
	end := w.follow(&follower{what: "ReorderReplies", method: method, reply: func(c *bustest.RelayedConn, f *bustest.Frame, _ int) (bustest.Verdict, func()) {
		first := held[c]
		if first == nil {
			held[c] = f
			return f.Delay(by), nil
		}
		delete(held, c)
		return bustest.Hold, func() { releaseAll(f, first) }
	}})
	return func() {
		end()
		w.traffic.mu.Lock()
		frames := slices.Collect(maps.Values(held))
		clear(held)
		w.traffic.mu.Unlock()
		releaseAll(frames...)
	}
}

// releaseAll lets frames pass that were held, in this order. Errors are those of frames
// that have passed meanwhile and of clients that have left.
func releaseAll(frames ...*bustest.Frame) {
	for _, f := range frames {
		_ = f.Release()
	}
}

// RefuseCalls has the calls of a method, or of all but the bus' own if it is "", answered
// with an error, without bluetoothd hearing of them, until undo is called: an error that
// BlueZ gives for reasons of its own, such as bluezgen.ErrInProgress. Calls that want no
// reply are lost. A count above 0 limits that to the first calls. An error that D-Bus
// cannot carry, or nil, is bluezgen.ErrFailed with a text that says so.
func (w *World) RefuseCalls(method string, count int, with *bus.Error) (undo func()) {
	with = sendable(with)
	return w.follow(&follower{what: "RefuseCalls", method: method, call: func(c *bustest.RelayedConn, f *bustest.Frame, n int) (bustest.Verdict, func()) {
		if count > 0 && n >= count {
			return bustest.Pass, nil
		}
		if f.Header.Flags&wire.NoReplyExpected != 0 {
			return bustest.Drop, nil
		}
		call := f.Header.Serial
		return bustest.Drop, func() {
			// It is valid; the error is that of a client which has left.
			if reply, err := errorFrame(w.bluetoothdName(), call, with); err == nil {
				_ = c.Inject(bustest.ToClient, reply)
			}
		}
	}})
}

// sendable returns an error that can be sent in place of another.
func sendable(e *bus.Error) *bus.Error {
	if e == nil {
		return bluezgen.ErrFailed.With("RefuseCalls got no error")
	}
	if _, err := errorFrame(":1.0", 1, e); err != nil {
		return bluezgen.ErrFailed.With(fmt.Sprintf("RefuseCalls got the error %q: %v", e.Name, err))
	}
	return e
}

// errorFrame returns an error reply to the call of a serial.
func errorFrame(sender string, call uint32, with *bus.Error) ([]byte, error) {
	e := wire.NewEncoder(wire.LittleEndian)
	e.String(with.Message)
	if err := e.Err(); err != nil {
		return nil, err
	}
	return wire.AppendFrame(nil, &wire.Header{
		Order: wire.LittleEndian, Type: wire.Error, Flags: wire.NoReplyExpected, Serial: 1, ReplySerial: call,
		ErrorName: []byte(with.Name), Sender: []byte(sender), Signature: []byte("s"),
	}, e.Body())
}
