// Package bus is what generated D-Bus code stands on: a connection to a message
// bus, calls and signals, a mirror of a service's objects, and objects of one's own.
//
// [Dial] opens a [Conn]. It owns one unix socket and is the only one to read and
// write it, in large chunks; each message goes raw to whoever decodes it best:
//
//   - replies go to the caller of [Object.Call], which decodes them with generated
//     code on top of package wire;
//   - signals go to the handlers of [Object.Subscribe] and to a [Mirror], by path,
//     interface and member;
//   - incoming calls go to the [Skeleton] that was exported for them;
//   - everything else goes to godbus, which rides on the same socket: [Conn.DBus]
//     is a full godbus connection with the same unique name.
//
// # Order
//
// There is one order, that of the wire. Handlers run in it, one after the other, on
// the connection's reader goroutine; so they must not block, and not wait for a
// reply, which the same goroutine would have to read. A Mirror takes its snapshot in
// that order too: what it says is true between two signals. Calls to an exported
// object are served one at a time, in that order, on other goroutines.
//
// # Trust
//
// On a bus, anybody may send anybody a signal. A signal counts only if its sender
// owns the bus name of the object that it is said to come from, at that point in the
// order of the wire. [ExportOptions].From holds incoming calls to the same rule.
//
// # Limits
//
// The system bus allows a connection 128 calls in flight and 512 match rules. At most
// 100 calls are in flight here, others wait their turn under their own ctx, and those
// of a [Method] with Priority pass the rest. Equal match rules are shared and
// counted.
//
// # Ends
//
// Everything ends: with Close, with its ctx, or with the connection. A malformed
// message, or the loss of the bus, ends the connection; Done tells, Err says why, and
// whatever waited returns an error that matches [ErrClosed]. No goroutine, match
// rule or descriptor outlives [Conn.Close]. A descriptor that is received is an
// *[os.File] that its receiver owns; one that nobody took is closed.
//
// BlueZ runs on Linux, and so does Dial. Elsewhere the package compiles, and Dial
// returns an error that matches [errors.ErrUnsupported].
package bus
