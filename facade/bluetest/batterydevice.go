package bluetest

import (
	"context"
	"time"

	"github.com/gobluez/bluez/bluezgen"
)

// Battery is a device of that address with nothing but a battery, at that level in
// percent, which falls by one about every second while somebody is subscribed to 2a19.
// BlueZ shows the level as the interface Battery1 too.
func Battery(address string, level byte) Device {
	return Device{
		Address:       address,
		Name:          "Battery",
		Advertisement: Advertisement{ServiceUUIDs: []string{"180f"}},
		Services:      []Service{batteryService(level)},
	}
}

// batteryService is the Battery Service.
func batteryService(level byte) Service {
	return Service{UUID: "180f", Characteristics: []Characteristic{{
		UUID:  "2a19",
		Flags: []bluezgen.CharacteristicFlag{bluezgen.CharacteristicFlagRead, bluezgen.CharacteristicFlagNotify},
		Value: []byte{level},
		Notify: func(ctx context.Context, _ *Peripheral, send func([]byte) error) {
			for ; level > 0 && pause(ctx, time.Second); level-- {
				if send([]byte{level - 1}) != nil {
					return
				}
			}
		},
	}}}
}
