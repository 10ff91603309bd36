package checks_test

import (
	"context"
	"time"

	"github.com/gobluez/bluez/bluezgen"
	"github.com/gobluez/bluez/facade/bluetest"
	"github.com/gobluez/bluez/facade/e2e/world"
)

// What a characteristic or descriptor allows.
var (
	reads       = []bluezgen.CharacteristicFlag{bluezgen.CharacteristicFlagRead}
	writes      = []bluezgen.CharacteristicFlag{bluezgen.CharacteristicFlagWrite}
	readsWrites = []bluezgen.CharacteristicFlag{bluezgen.CharacteristicFlagRead, bluezgen.CharacteristicFlagWrite}
	notifies    = []bluezgen.CharacteristicFlag{bluezgen.CharacteristicFlagNotify}
	noteAllows  = []bluezgen.DescriptorFlag{bluezgen.DescriptorFlagRead, bluezgen.DescriptorFlagWrite}
)

// interval is the time between advertisements: short, for a scan to be over soon.
const interval = 20 * time.Millisecond

// exampleTwin is what BlueZ's example-gatt-server and example-advertisement make of a bluetoothd.
func exampleTwin() bluetest.Device {
	return bluetest.Device{
		Address:     world.Example().Address,
		AddressType: bluezgen.AddressTypePublic,
		Name:        world.ExampleName,
		Advertisement: bluetest.Advertisement{
			Interval: interval, NoRSSI: true, NameLater: true, Flags: new(byte),
			ServiceUUIDs:     []string{"180d", "180f"},
			ManufacturerData: map[uint16][]byte{0xFFFF: {0, 1, 2, 3}},
			ServiceData:      map[string][]byte{"9999": {0, 1, 2, 3, 4}},
			Data:             map[byte][]byte{0x26: {1, 1, 0}},
			TxPower:          new(int8),
		},
		Services: append(bluetoothdServices(world.ExampleName),
			bluetest.Service{UUID: "180d", Characteristics: []bluetest.Characteristic{
				{UUID: "2a37", Flags: notifies, Notify: beat},
				{UUID: "2a38", Flags: reads, Value: []byte{1}},
				{UUID: "2a39", Flags: writes},
			}},
			bluetest.Service{UUID: "180f", Characteristics: []bluetest.Characteristic{
				{UUID: "2a19", Flags: append(reads, notifies...), Value: []byte{100}},
			}},
			bluetest.Service{UUID: "12345678-1234-5678-1234-56789abcdef0", Characteristics: []bluetest.Characteristic{
				{UUID: "12345678-1234-5678-1234-56789abcdef1", Flags: readsWrites, Descriptors: []bluetest.Descriptor{
					{UUID: "12345678-1234-5678-1234-56789abcdef2", Flags: noteAllows, Value: []byte("Test")},
					{UUID: "2901", Flags: noteAllows, Value: []byte("This is a characteristic for testing")},
				}},
			}},
		),
	}
}

// bluetoothdServices are the services that every bluetoothd has.
func bluetoothdServices(name string) []bluetest.Service {
	return []bluetest.Service{
		{UUID: "1800", Characteristics: []bluetest.Characteristic{
			{UUID: "2a00", Flags: reads, Value: []byte(name)},
			{UUID: "2a01", Flags: reads, Value: []byte{0, 0}},
		}},
		{UUID: "1801", Characteristics: []bluetest.Characteristic{
			{UUID: "2a05", Flags: []bluezgen.CharacteristicFlag{bluezgen.CharacteristicFlagIndicate}},
			{UUID: "2b29", Flags: readsWrites, Value: []byte{0}},
			{UUID: "2b2a", Flags: reads, Value: make([]byte, 16)},
		}},
		{UUID: "180a", Characteristics: []bluetest.Characteristic{
			{UUID: "2a50", Flags: reads, Value: []byte{2, 0x6B, 0x1D, 0x46, 0x02, 0x52, 0x05}},
		}},
	}
}

// beat notifies heart rates of the form of the example's, quicker.
func beat(ctx context.Context, _ *bluetest.Peripheral, send func([]byte) error) {
	every := time.NewTicker(interval)
	defer every.Stop()
	for {
		select {
		case <-every.C:
			if send([]byte{6, 100}) != nil {
				return
			}
		case <-ctx.Done():
			return
		}
	}
}
