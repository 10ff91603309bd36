// Package bustest gives tests a message bus of their own, and faults on it.
//
// A [Daemon] is a private dbus-daemon, the real one. It lets everybody of the same
// user do everything, as a session bus does, but has the limits of a system bus:
// 128 calls waiting for replies and 512 match rules a connection. What works on it
// works on a system bus too. On Linux it leaves nothing behind even if the process
// that started it is killed: it listens on an abstract socket, reads its
// configuration from a file that has no name, and ends with the process.
//
//	address := bustest.Start(t).Address()
//
// A [Relay] stands in front of a bus, makes the faults that a healthy daemon never
// makes, and keeps its address while the daemon behind it comes and goes:
//
//	relay := bustest.StartRelay(t, address)
//	relay.Filter(func(c *bustest.RelayedConn, d bustest.Direction, f *bustest.Frame) bustest.Verdict {
//		if f.Header.Type == wire.MethodReturn {
//			return f.Delay(time.Second)
//		}
//		return bustest.Pass
//	})
//	conn, err := bus.Dial(ctx, relay.Address(), bus.Options{})
//
// [Relay.Pause] stops the bus, [Relay.CutAll] and [RelayedConn.Cut] break connections,
// [RelayedConn.CutMidFrame] breaks one in the middle of a message,
// [RelayedConn.Inject] sends what nobody sent, well-formed or not, and a filter drops,
// holds, delays, doubles or replaces messages one by one.
//
// Nothing here imports package testing, so programs may use it too: [Launch] and
// [NewRelay] are for them.
//
// A relay needs Linux to pass descriptors; elsewhere it passes bytes only.
package bustest
