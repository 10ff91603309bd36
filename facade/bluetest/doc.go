// Package bluetest is a BlueZ for tests: a private D-Bus with a simulated bluetoothd on it, which has adapters, devices
// that advertise around them, GATT services, pairing, and every fault that one can ask for. It needs dbus-daemon, but no
// Bluetooth, no root and no particular kernel.
//
// A test of an application starts a [World], points the application to it, and plays the devices:
//
//	func TestAlarmRisesWithTheHeartRate(t *testing.T) {
//		const address = "C0:FF:EE:00:00:01"
//		world := bluetest.Start(t, bluetest.HeartRate(address), bluetest.Delays{Supervision: bluetest.None})
//		alarms := watchPulse(t.Context(), world.Address(), address) // the application
//
//		sensor := world.Peripheral(address)
//		if err := sensor.AwaitSubscribed(t.Context(), "2a37"); err != nil {
//			t.Fatal(err)
//		}
//		if err := sensor.Notify(t.Context(), "2a37", []byte{0, 190}); err != nil { // beats per minute
//			t.Fatal(err)
//		}
//		if got := <-alarms; got != "the heart races" {
//			t.Errorf("alarm %q", got)
//		}
//		sensor.Vanish() // out of range; or world.RestartBluetoothd, world.Adapter("hci0").Power(false), ...
//		if got := <-alarms; got != "no pulse" {
//			t.Errorf("alarm %q", got)
//		}
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
// A test that has to wait for its application waits for what that does to the world: [Peripheral.AwaitConnected],
// [Peripheral.AwaitSubscribed], [Peripheral.AwaitWritten], their opposites, and [Calls.Await] for any call to BlueZ.
//
// The functions of a device (Read, Write, Notify, Run, ...) are called on goroutines of the world, without a lock: they may
// call the methods of their [Peripheral], but must not end bluetoothd, the bus or the world. Their ctx ends with what they are for: the connection, the last subscription, the device,
// the world. One that does not return then keeps Close, and the test, from ending. They cannot end the test by t.Fatal or
// t.FailNow, which only the test's own goroutine may call; t.Error is fine, and so is a channel.
//
// # Peripherals of one's own
//
// An application that advertises and serves is tested in a world with two adapters. What it registers on one of them, by
// GattManager1 and LEAdvertisingManager1, makes that adapter a device for the other: a central there finds it, connects,
// reads, writes and subscribes, and the application is called for it as bluetoothd calls. On its own side the application
// sees that central as a device, which it can disconnect from. See the example (peripheral). Batteries that an application
// provides (BatteryProviderManager1) are shown as Battery1.
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
//   - signals that are not true: [World.SendPropertiesChanged], [World.SendInterfacesAdded], [World.SendInterfacesRemoved],
//     [Adapter.Forge], [Adapter.SendForeignTypes], [Adapter.SendForeignSignature], [Adapter.Flood]
//   - messages that are none: [World.SendMalformed]
//
// # How it works
//
// The bus is a real dbus-daemon with the limits of a system bus. Clients reach it through a relay in this process, which keeps the
// address and makes the faults that a dbus-daemon cannot. bluetoothd is served by the skeletons of package bluezgen, from the
// same introspection XML that the client's side is generated from. It is simulated in this process, and so are the devices; the
// attribute protocol and the air are played, not implemented. A World leaves nothing behind, even if its process is
// killed: the socket is an abstract one, and dbus-daemon ends with its parent.
package bluetest
