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
		UUID:   "2a19",
		Flags:  []bluezgen.CharacteristicFlag{bluezgen.CharacteristicFlagRead, bluezgen.CharacteristicFlagNotify},
		Value:  []byte{level},
		Notify: drainBattery,
	}}}
}

// drainBattery goes on from the level that the battery has.
func drainBattery(ctx context.Context, p *Peripheral, send func([]byte) error) {
	for pause(ctx, time.Second) {
		level, err := p.Value("2a19")
		if err != nil || len(level) != 1 || level[0] == 0 {
			return
		}
		if send([]byte{level[0] - 1}) != nil {
			return
		}
	}
}
