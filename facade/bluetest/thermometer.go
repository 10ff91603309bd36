package bluetest

import (
	"context"
	"encoding/binary"
	"time"

	"github.com/gobluez/bluez/bluezgen"
)

// Thermometer is a thermometer of that address, by the Health Thermometer Profile:
// while somebody is subscribed to 2a1c it indicates a temperature in degrees Celsius
// about every second, as a 32-bit float of IEEE 11073.
func Thermometer(address string) Device {
	return Device{
		Address:       address,
		Name:          "Thermometer",
		Appearance:    0x0300, // generic thermometer
		Advertisement: Advertisement{ServiceUUIDs: []string{"1809"}},
		Services: []Service{
			{
				UUID: "1809",
				Characteristics: []Characteristic{
					{UUID: "2a1c", Flags: []bluezgen.CharacteristicFlag{bluezgen.CharacteristicFlagIndicate}, Notify: measureTemperature},
					{UUID: "2a1d", Flags: []bluezgen.CharacteristicFlag{bluezgen.CharacteristicFlagRead}, Value: []byte{2}}, // the body in general
				},
			},
			batteryService(64),
			informationService("Thermometer"),
		},
	}
}

func measureTemperature(ctx context.Context, _ *Peripheral, send func([]byte) error) {
	for n := 0; ; n++ {
		tenths := uint32(365 + n%10)
		const celsius, tenth = 0, 0xff // flags; the exponent -1
		value := binary.LittleEndian.AppendUint32([]byte{celsius}, tenths|tenth<<24)
		if send(value) != nil || !pause(ctx, time.Second) {
			return
		}
	}
}
