// Package bluezgen is BlueZ's D-Bus API in Go, generated from the XML files of package introspection. It is that of bluetoothd; the
// packages obex and mesh beside it are those of BlueZ's two other services.
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
//
// # Interfaces
//
// Unless it says otherwise, an interface is on objects of bluetoothd, whose paths begin with /org/bluez.
//
//   - [Adapter1] and [Device1] are what everything begins with: an adapter of this machine, /org/bluez/hci0, and below it the devices that
//     it knows. [Battery1], [DeviceSet1], [BearerLE1] and [BearerBREDR1] say more about a device.
//   - [GattService1], [GattCharacteristic1] and [GattDescriptor1] are the attributes of a connected device, below it. Applications serve the
//     same interfaces, registered with [GattManager1], to be a peripheral, and [GattProfile1] to be connected automatically.
//   - [LEAdvertisement1] is an advertisement that an application serves, registered with [LEAdvertisingManager1].
//   - [AdvertisementMonitor1] is a passive scan that an application serves, registered with [AdvertisementMonitorManager1].
//   - [Agent1] is what an application serves to answer questions of pairing, registered with [AgentManager1].
//   - [Profile1] is a BR/EDR profile that an application serves, registered with [ProfileManager1]; [BatteryProvider1] are batteries that it
//     knows of, registered with [BatteryProviderManager1].
//   - [Media1], [MediaEndpoint1] and [MediaTransport1] are audio: what a sound server and a device can do, and the streams between them.
//     [MediaAssistant1] tells devices of broadcasts.
//   - [MediaPlayer1] is the player of a device, [MediaFolder1] and [MediaItem1] are what is in it, and [MediaControl1] was before them.
//   - [Telephony1] is the telephone of a device, and [Call1] its calls.
//   - [Network1] is the network of a device, and [NetworkServer1] offers those of this machine. [Input1] is a keyboard or the like.
//   - [ChannelSounding1] measures distances.
//   - [AdminPolicySet1] and [AdminPolicyStatus1] limit what devices may be used for.
//   - [HealthManager1], [HealthDevice1], [HealthChannel1], [SimAccess1], [Thermometer1], [ThermometerManager1] and [ThermometerWatcher1] are
//     there for older versions of BlueZ only.
package bluezgen
