package bluetest

import (
	"slices"

	"github.com/gobluez/bluez/bluezgen"
	"github.com/gobluez/bluez/gen/bus"
)

// busService is the name that the bus itself has.
const busService = "org.freedesktop.DBus"

// standardMethods are those that any service has, and the bus' own.
var standardMethods = [...]string{
	"", "Get", "GetAll", "Set", "GetManagedObjects", "Introspect", "Ping", "GetMachineId",
	"Hello", "AddMatch", "RemoveMatch", "RequestName", "ReleaseName", "GetNameOwner", "NameHasOwner", "ListNames", "ListActivatableNames",
	"StartServiceByName", "GetId", "GetConnectionCredentials", "GetConnectionUnixUser", "GetConnectionUnixProcessID",
}

// isMethod reports whether BlueZ's side of the bus has a method that a client can call.
func isMethod(name string) bool {
	if slices.Contains(standardMethods[:], name) {
		return true
	}
	for _, s := range [...]bus.Skeleton{
		bluezgen.NewAdapter1Skeleton(bluezgen.UnimplementedAdapter1Server{}, bluezgen.Adapter1Properties{}),
		bluezgen.NewDevice1Skeleton(bluezgen.UnimplementedDevice1Server{}, bluezgen.Device1Properties{}),
		bluezgen.NewGattCharacteristic1Skeleton(bluezgen.UnimplementedGattCharacteristic1Server{}, bluezgen.GattCharacteristic1Properties{}),
		bluezgen.NewGattDescriptor1Skeleton(bluezgen.UnimplementedGattDescriptor1Server{}, bluezgen.GattDescriptor1Properties{}),
		bluezgen.NewAgentManager1Skeleton(bluezgen.UnimplementedAgentManager1Server{}),
		bluezgen.NewAdvertisementMonitorManager1Skeleton(bluezgen.UnimplementedAdvertisementMonitorManager1Server{}, bluezgen.AdvertisementMonitorManager1Properties{}),
		bluezgen.NewGattManager1Skeleton(bluezgen.UnimplementedGattManager1Server{}),
		bluezgen.NewLEAdvertisingManager1Skeleton(bluezgen.UnimplementedLEAdvertisingManager1Server{}, bluezgen.LEAdvertisingManager1Properties{}),
		bluezgen.NewBatteryProviderManager1Skeleton(bluezgen.UnimplementedBatteryProviderManager1Server{}),
		bluezgen.NewBearerLE1Skeleton(bluezgen.UnimplementedBearerLE1Server{}, bluezgen.BearerLE1Properties{}),
	} {
		if slices.ContainsFunc(s.Serve().Methods, func(m bus.ServedMethod) bool { return m.Name == name }) {
			return true
		}
	}
	return false
}
