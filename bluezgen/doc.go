// Package bluezgen is BlueZ's D-Bus API in Go, generated from the XML files of package introspection.
//
// Each interface, such as org.bluez.Device1, is a type that calls it, here [Device1]: a method for each D-Bus method, a getter and
// a setter for each property, an On method for each signal. Names and documentation follow the interface, and where BlueZ has
// options in an a{sv}, a set of fixed strings or an error name, there is a struct, a string type with constants or an error value.
//
//	device := bluezgen.NewDevice1(conn, "/org/bluez/hci0/dev_C0_FF_EE_00_00_01")
//	err := device.Connect(ctx)
//	if errors.Is(err, bluezgen.ErrInProgress) {
//		...
//	}
//
// Properties that may be absent come with a set that tells which are there:
//
//	props, err := device.GetAll(ctx)
//	if props.Has(bluezgen.Device1RSSI) {
//		fmt.Println(props.RSSI) // dBm
//	}
//
// The other side of an interface, an agent or a simulated adapter, implements its Server interface, such as [Agent1Server], and
// gives it to a skeleton, [NewAgent1Skeleton], which a bus connection exports.
//
// All calls return a [*bus.Error] when the other side answers with an error; besides the errors that a method lists, the bus
// itself answers with those of package bus, such as bus.ErrServiceUnknown when BlueZ does not run. A getter of a property that an
// object does not have returns bus.ErrInvalidArgs.
package bluezgen
