package bluetest

import (
	"time"

	"github.com/gobluez/bluez/gen/bus"
	"github.com/gobluez/bluez/gen/bus/bustest"
	"github.com/gobluez/bluez/gen/wire"
)

// LateReplies delays the replies of a method, "ReadValue" for instance, or of all if it
// is "", until undo is called: a bluetoothd that is busy, or a machine that swaps. Later
// messages overtake them.
func (w *World) LateReplies(method string, by time.Duration) (undo func()) {
	return w.disturb(method, func(f *bustest.Frame, _ int) bustest.Verdict { return f.Delay(by) })
}

// LoseReplies loses the replies of a method, or of all, until undo is called: a
// bluetoothd that never answers, as it does when the kernel or the controller hangs.
// What was asked for has been done.
func (w *World) LoseReplies(method string) (undo func()) {
	return w.disturb(method, func(*bustest.Frame, int) bustest.Verdict { return bustest.Drop })
}

// DoubleReplies sends each reply of a method, or of all, twice, until undo is called.
// No dbus-daemon does; a damaged proxy may.
func (w *World) DoubleReplies(method string) (undo func()) {
	return w.disturb(method, func(*bustest.Frame, int) bustest.Verdict { return bustest.Twice })
}

// ReorderReplies holds every other reply of a method, or of all, until the next one has
// passed or by has, until undo is called. BlueZ answers calls in no particular order: a
// read that it has cached overtakes one that goes to the device.
func (w *World) ReorderReplies(method string, by time.Duration) (undo func()) {
	return w.disturb(method, func(f *bustest.Frame, n int) bustest.Verdict {
		if n%2 == 0 {
			return f.Delay(by)
		}
		return bustest.Pass
	})
}

// RefuseCalls has the calls of a method answered with an error, without bluetoothd hearing
// of them, until undo is called: an error that BlueZ gives for reasons of its own, such as
// bluezgen.ErrInProgress. A count limits that to the first calls; 0 is all.
func (w *World) RefuseCalls(method string, count int, with *bus.Error) (undo func()) {
	return w.follow(&follower{method: method, call: func(c *bustest.RelayedConn, f *bustest.Frame, n int) bustest.Verdict {
		if count > 0 && n >= count {
			return bustest.Pass
		}
		// The only errors are an invalid error and a client that has gone.
		if reply, err := errorFrame(w.bluetoothdName(), &f.Header, with); err == nil {
			_ = c.Inject(bustest.ToClient, reply)
		}
		return bustest.Drop
	}})
}

// errorFrame returns an error reply to a call.
func errorFrame(sender string, call *wire.Header, with *bus.Error) ([]byte, error) {
	e := wire.NewEncoder(wire.LittleEndian)
	e.String(with.Message)
	if err := e.Err(); err != nil {
		return nil, err
	}
	return wire.AppendFrame(nil, &wire.Header{
		Order: wire.LittleEndian, Type: wire.Error, Flags: wire.NoReplyExpected, Serial: 1, ReplySerial: call.Serial,
		ErrorName: []byte(with.Name), Sender: []byte(sender), Signature: []byte("s"),
	}, e.Body())
}
