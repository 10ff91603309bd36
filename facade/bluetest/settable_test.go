package bluetest

import (
	"context"
	"sync"
	"testing"

	"github.com/godbus/dbus/v5"

	"github.com/gobluez/bluez/bluezgen"
	"github.com/gobluez/bluez/gen/bus"
	"github.com/gobluez/bluez/gen/wire"
)

// A settable skeleton has properties that BlueZ may set, of a type that the test knows.
type settable struct {
	bus.Skeleton
	signature string
	set       func(property string, value int)
}

// Serve implements [bus.Skeleton].
func (s settable) Serve() *bus.ServedInterface {
	served := *s.Skeleton.Serve()
	served.Properties = settableProperties{served.Properties, s}
	return &served
}

type settableProperties struct {
	bus.ServedProperties
	settable settable
}

func (p settableProperties) Set(_ context.Context, name string, d *wire.Decoder) error {
	if !d.VariantOf(p.settable.signature, name) {
		return bus.ErrInvalidArgs
	}
	switch p.settable.signature {
	case "q":
		p.settable.set(name, int(d.Uint16()))
	case "n":
		p.settable.set(name, int(d.Int16()))
	case "y":
		p.settable.set(name, int(d.Byte()))
	}
	return d.Err()
}

// What BlueZ has chosen is told before the registration ends.
func TestHandlesAreToldToApplications(t *testing.T) {
	b, p := newProgramBench(t)
	p.service("s", "aa00")
	var mu sync.Mutex
	told := map[dbus.ObjectPath]int{}
	for path, skeleton := range map[dbus.ObjectPath]bus.Skeleton{
		"/app/t": bluezgen.NewGattService1Skeleton(bluezgen.GattService1Properties{
			GattService1Set: bluezgen.GattService1SetOf(bluezgen.GattService1UUID, bluezgen.GattService1Primary,
				bluezgen.GattService1Handle, bluezgen.GattService1Includes),
			UUID: "bb00", Includes: []dbus.ObjectPath{"/app/s", "/app/unknown"},
		}),
		"/app/t/c": bluezgen.NewGattCharacteristic1Skeleton(bluezgen.UnimplementedGattCharacteristic1Server{}, bluezgen.GattCharacteristic1Properties{
			GattCharacteristic1Set: bluezgen.GattCharacteristic1SetOf(bluezgen.GattCharacteristic1UUID, bluezgen.GattCharacteristic1Service,
				bluezgen.GattCharacteristic1Flags, bluezgen.GattCharacteristic1Handle),
			UUID: "bb01", Service: "/app/t", Flags: flags(fRead, fNotify, fReliable),
		}),
		"/app/t/c/d": bluezgen.NewGattDescriptor1Skeleton(bluezgen.UnimplementedGattDescriptor1Server{}, bluezgen.GattDescriptor1Properties{
			GattDescriptor1Set: bluezgen.GattDescriptor1SetOf(bluezgen.GattDescriptor1UUID, bluezgen.GattDescriptor1Characteristic,
				bluezgen.GattDescriptor1Flags, bluezgen.GattDescriptor1Handle),
			UUID: "2901", Characteristic: "/app/t/c", Flags: []bluezgen.DescriptorFlag{bluezgen.DescriptorFlagRead},
		}),
	} {
		p.export(path, settable{skeleton, "q", func(_ string, handle int) {
			mu.Lock()
			defer mu.Unlock()
			told[path] = handle
		}})
	}
	p.register()
	mu.Lock()
	defer mu.Unlock()
	// The first service has 0x11, and includes take a handle each. A characteristic's is that of its value; its
	// configuration and extended properties come before the descriptors.
	for path, want := range map[dbus.ObjectPath]int{"/app/t": 0x12, "/app/t/c": 0x15, "/app/t/c/d": 0x18} {
		if told[path] != want {
			t.Errorf("%s is 0x%04x, want 0x%04x", path, told[path], want)
		}
	}
	b.world.do(func() {
		all := b.device.attributes.services
		s := all[len(all)-1]
		if s.handle != 0x12 || s.end != 0x19 || s.primary || len(s.includes) != 1 || s.includes[0] != 0x11 {
			t.Errorf("served %+v", s)
		}
	})
}

// An adapter that can choose its power says which it has chosen, and since 5.87 BlueZ says which of all an advertisement is.
func TestPowerAndNumberAreToldToAdvertisements(t *testing.T) {
	for _, test := range []struct {
		property  bluezgen.LEAdvertisement1Property
		signature string
		option    Option
		want      int
		told      bool
	}{
		{bluezgen.LEAdvertisement1TxPower, "n", Options(AdapterConfig{}, AdapterConfig{ExtendedAdvertising: true}), -7, true},
		{bluezgen.LEAdvertisement1TxPower, "n", Options(AdapterConfig{}, AdapterConfig{}), -7, false},
		{bluezgen.LEAdvertisement1Instance, "y", Options(AdapterConfig{}, AdapterConfig{}, Version587), 1, true},
		{bluezgen.LEAdvertisement1Instance, "y", Options(AdapterConfig{}, AdapterConfig{}), 1, false},
	} {
		p := newProgram(t, Start(t, test.option))
		told := make(chan int, 1)
		p.export("/ad", settable{bluezgen.NewLEAdvertisement1Skeleton(bluezgen.UnimplementedLEAdvertisement1Server{}, bluezgen.LEAdvertisement1Properties{
			LEAdvertisement1Set: bluezgen.LEAdvertisement1SetOf(bluezgen.LEAdvertisement1Type, test.property), TxPower: -7,
			Type: bluezgen.AdvertisementTypePeripheral,
		}), test.signature, func(property string, value int) {
			if property == test.property.String() {
				told <- value
			}
		}})
		if err := p.adverts.RegisterAdvertisement(t.Context(), "/ad", nil); err != nil {
			t.Fatal(err)
		}
		select {
		case value := <-told:
			if !test.told || value != test.want {
				t.Errorf("%s is told to be %d", test.property, value)
			}
		default:
			if test.told {
				t.Errorf("%s is not told", test.property)
			}
		}
	}
}
