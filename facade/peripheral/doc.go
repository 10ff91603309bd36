// Package peripheral is the other side of Bluetooth Low Energy: this machine advertises,
// devices connect to it, and it serves them. Package facade is the side that finds and
// uses such peripherals; both may run in one program, and speak with BlueZ over D-Bus.
//
// # Advertise and serve
//
// A peripheral does two things that have little to do with each other. [Advertise] has
// the adapter send an [Advertisement], so that others learn that it is there, what it is
// called and what it offers. [Serve] offers an [Application], a tree of GATT services, to
// whoever is connected. Most programs do both: they serve first, and then advertise the
// UUID of a service that those who look for it know.
//
//	level := &peripheral.Characteristic{
//		UUID:       facade.UUID16(0x2A19), // Battery Level
//		Properties: []facade.Property{facade.PropertyRead, facade.PropertyNotify},
//		Value:      []byte{77},
//	}
//	server, err := peripheral.Serve(ctx, peripheral.Application{
//		Services: []*peripheral.Service{{
//			UUID:            facade.UUID16(0x180F), // Battery Service
//			Characteristics: []*peripheral.Characteristic{level},
//		}},
//	}, peripheral.Options{})
//	...
//	defer server.Close()
//	err = server.Notify(ctx, level, []byte{76})
//
// [ProvideBattery] is apart from both: it has BlueZ show the battery of a remote device
// to desktops, where the device does not tell it in the standard way.
//
// # Who keeps the value
//
// A [Characteristic] or [Descriptor] with a Value is kept by the [Server]: reads return
// it, writes replace it, [Server.SetValue] and [Server.Notify] set it. One with the
// functions Read and Write is kept by the program: they are called for each request, with a
// [Request] that says who asks. What they return as error is the device's answer; a
// facade.ATTError is answered with its code, as far as BlueZ lets it.
//
// The functions of one characteristic run one at a time, in the order in which BlueZ
// passes on the requests; those of different characteristics run at once. A read
// is cancelled when its device disconnects. A write is not: what has arrived is carried
// out, for many devices write and disconnect at once.
//
// # Who is told
//
// A device asks to be told of a characteristic with PropertyNotify or PropertyIndicate;
// nobody needs to do anything for that. [Server.Notify] tells all who have asked,
// [Subscriber.Notify] one of them. For indications, which devices confirm, it returns when
// they have. The function Subscribed of a characteristic runs for each [Subscriber], for
// as long as it is one, and is the place for what is different for each: a stream, or a
// greeting with the value of now.
//
// A notification has room for the MTU less 3 bytes. What is longer would be cut by BlueZ, so
// it is refused; [Subscriber.MTU] tells.
//
// Application.Event tells of connections and subscriptions as they come and go.
//
// # Protection
//
// Properties such as [facade.PropertyEncryptRead] have BlueZ refuse a device until it has paired, which
// most then do by themselves. Who confirms that on this side is an agent: see
// facade.Central.SetAgent. The function Authorize of an attribute is asked before each write.
//
// # Mistakes
//
// What is declared is checked before BlueZ is told anything, and all mistakes come as one
// error that matches [ErrInvalid]: values and advertisements that are too long,
// properties that contradict functions, what is declared twice. Errors of BlueZ are of type
// *facade.Error with the sentinels of package facade.
//
// # What goes away and comes back
//
// Whatever is begun lasts until its Close. When bluetoothd, the bus or the adapter goes
// away and comes back, it is registered again without anybody's doing; meanwhile
// nobody is connected. Handles are then others, unless they are declared; devices notice, for
// BlueZ tells them that services have changed. A program that ends without Close leaves
// nothing behind: BlueZ notices.
//
// # What BlueZ does not tell
//
// Whether a device wrote with or without response, and which ATT error a device got. Of
// a characteristic with PropertyWriteWithoutResponse BlueZ answers also those writes that
// ask for a response, at once and with success. A subscription cannot be refused, but
// protected. On a bus that passes no descriptors (an address of unixexec) BlueZ does not tell who
// subscribes; then there is one Subscriber without Device for all.
//
// Package bluetest simulates all of this for tests: what is served on one of its adapters
// is found and used through the other.
package peripheral
