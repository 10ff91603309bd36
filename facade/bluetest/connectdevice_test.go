package bluetest

import (
	"testing"
	"time"

	"github.com/gobluez/bluez/bluezgen"
	"github.com/gobluez/bluez/gen/bus"
)

func TestConnectDevice(t *testing.T) {
	w := Start(t, Experimental(), quick, near(nil))
	v := another(t, w)
	adapter := bluezgen.NewAdapter1(v.conn, "/org/bluez/hci0")
	which := bluezgen.ConnectDeviceProperties{Address: sensor, AddressType: bluezgen.AddressTypeRandom}
	got, err := adapter.ConnectDevice(t.Context(), which)
	if err != nil || got != path(sensor) {
		t.Fatalf("%s, %v", got, err)
	}
	v.expect("Connected=true", "ServicesResolved=true")
	v.must(v.world.RestartBluetoothd(t.Context()))
	if _, err := v.device.Address(t.Context()); err != nil {
		t.Errorf("the device was not kept: %v", err)
	}
}

func TestConnectDeviceFails(t *testing.T) {
	random := bluezgen.ConnectDeviceProperties{Address: sensor, AddressType: bluezgen.AddressTypeRandom}
	off := AdapterConfig{Off: true}
	for _, test := range []struct {
		name  string
		world Option
		which bluezgen.ConnectDeviceProperties
		known bool
		want  error
	}{
		{"not experimental", DefaultVersion, random, false, bus.ErrUnknownMethod},
		{"no address", Experimental(), bluezgen.ConnectDeviceProperties{AddressType: "random"}, false, bluezgen.ErrInvalidArguments},
		{"bad type", Experimental(), bluezgen.ConnectDeviceProperties{Address: sensor, AddressType: "secret"}, false, bluezgen.ErrInvalidArguments},
		{"off", Options(Experimental(), off), random, false, bluezgen.ErrNotReady.With("Resource Not Ready")},
		{"known before 5.69", Options(Experimental(), Version566), random, true, bluezgen.ErrAlreadyExists},
		{"known", Experimental(), random, true, nil},
		{"nobody there", Experimental(), bluezgen.ConnectDeviceProperties{Address: "C0:00:00:00:00:99", AddressType: "random"}, false, errConnectDevice()},
		{"other type", Experimental(), bluezgen.ConnectDeviceProperties{Address: sensor, AddressType: "public"}, false, errConnectDevice()},
		{"over BR/EDR", Experimental(), bluezgen.ConnectDeviceProperties{Address: sensor}, false, errConnectDevice()},
	} {
		t.Run(test.name, func(t *testing.T) {
			w := Start(t, test.world, near(nil), Delays{Connect: 200 * time.Millisecond})
			v := another(t, w)
			if test.known {
				discover(t, w, sensor)
			}
			_, err := bluezgen.NewAdapter1(v.conn, "/org/bluez/hci0").ConnectDevice(t.Context(), test.which)
			v.wants(err, test.want)
		})
	}
}
