// Package bluetest is a BlueZ for tests: a private D-Bus with a simulated bluetoothd on it, which has adapters, devices
// that advertise around them, GATT services, pairing, and every fault that one can ask for. It needs dbus-daemon, but no
// Bluetooth, no root and no particular kernel.
//
// A test of an application starts a [World], points the application to it, and plays the devices:
//
//	func TestAlarmRisesWithTheHeartRate(t *testing.T) {
//		const address = "C0:FF:EE:00:00:01"
//		world := bluetest.Start(t, bluetest.HeartRate(address))
//		central, err := facade.Open(t.Context(), facade.Options{Bus: world.Address()})
//		if err != nil {
//			t.Fatal(err)
//		}
//		defer central.Close()
//		monitor := alarm.Start(central, address) // the application
//		defer monitor.Stop()
//
//		sensor := world.Peripheral(address)
//		if err := sensor.AwaitSubscribed(t.Context(), "2a37"); err != nil {
//			t.Fatal(err)
//		}
//		if err := sensor.Notify(t.Context(), "2a37", []byte{0, 190}); err != nil { // beats per minute
//			t.Fatal(err)
//		}
//		if got := <-monitor.Alarms(); got != alarm.TooFast {
//			t.Errorf("alarm %v, want too fast", got)
//		}
//		world.RestartBluetoothd(t.Context()) // and see what the application does
//	}
//
// Nothing in it knows the facade: an application that talks to BlueZ in any other way, in any language, finds the world
// when DBUS_SYSTEM_BUS_ADDRESS is [World.Address].
//
// # What there is
//
// A [Device] declares a peripheral in Go values, and [ReadDevice] reads one from the JSON that ble inspect prints of a real
// one. [HeartRate], [Thermometer], [UART], [Battery], [Lock], [Beacons] and [Misbehaving] are ready-made. A declared device
// becomes a [Peripheral], whose methods do what the device itself does or what befalls it. An [Adapter] is the hardware on the
// other side. Devices and adapters outlive bluetoothd, as real ones do; what BlueZ stores on disk outlives it too.
//
// Behaviour is BlueZ's own: one discovery session for each bus connection, filters merged over all clients, the texts of its
// errors, its order of signals, sessions that survive links, sockets that drop packets, devices that vanish 30 s after they
// were last heard. BEHAVIOURS.md beside the source lists it, with the release of BlueZ that began it, the test that shows it,
// and whether the same check also runs against a real bluetoothd. An [Option] of type [Version] plays another release, and
// [Delays] shortens BlueZ's waiting.
//
// A test that has to wait for its application waits for what that does to the world: [Peripheral.AwaitSubscribed],
// [Peripheral.AwaitWritten], and [Calls.Await] for any call to BlueZ.
//
// # Faults
//
// Each fault is a method that says what causes it in life:
//
//   - bluetoothd: [World.RestartBluetoothd], [World.StopBluetoothd], [World.CrashBluetoothd], [World.StartBluetoothd]
//   - the bus: [World.RestartBus], [World.StopBus], [World.StartBus], [World.Freeze]
//   - a client's connection to it: [World.CutConnections], [World.CutMidFrame]
//   - adapters: [Adapter.Power], [Adapter.Unplug], [Adapter.Reset], [Adapter.RemoveDevice]
//   - devices: [Peripheral.Vanish], [Peripheral.Disconnect], and what [Connection] and [Pairing] declare
//   - calls and replies: [World.RefuseCalls], [World.LateReplies], [World.LoseReplies], [World.DoubleReplies],
//     [World.ReorderReplies]
//   - messages: [Adapter.Forge], [Adapter.SendForeignTypes], [Adapter.SendForeignSignature], [Adapter.Flood],
//     [World.SendMalformed]
//
// # How it works
//
// The bus is a real dbus-daemon with the limits of a system bus. Clients reach it through a relay in this process, which keeps the
// address and makes the faults that a dbus-daemon cannot. bluetoothd is served by the skeletons of package bluezgen, from the
// same introspection XML that the client's side is generated from. It is simulated in this process, and so are the devices; the
// attribute protocol and the air are played, not implemented. A World leaves nothing behind, even if its process is
// killed: the socket is an abstract one, and dbus-daemon ends with its parent.
package bluetest
