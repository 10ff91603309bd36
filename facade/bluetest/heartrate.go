package bluetest

import (
	"context"
	"time"

	"github.com/gobluez/bluez/bluezgen"
)

// HeartRate is a heart-rate sensor of that address, by the Heart Rate Profile: it
// measures about once a second while somebody is subscribed to 2a37, tells that it is
// worn on the chest (2a38), takes the reset of the energy expended (2a39), and has a
// battery and device information.
func HeartRate(address string) Device {
	return Device{
		Address:       address,
		Name:          "Heart Rate Sensor",
		Appearance:    0x0341, // heart-rate belt
		Advertisement: Advertisement{ServiceUUIDs: []string{"180d", "180f"}, ManufacturerData: map[uint16][]byte{0xffff: {0x01, 0x02}}},
		Services: []Service{
			{
				UUID: "180d",
				Characteristics: []Characteristic{
					{UUID: "2a37", Flags: []bluezgen.CharacteristicFlag{bluezgen.CharacteristicFlagNotify}, Notify: measureHeartRate},
					{UUID: "2a38", Flags: []bluezgen.CharacteristicFlag{bluezgen.CharacteristicFlagRead}, Value: []byte{1}},
					{UUID: "2a39", Flags: []bluezgen.CharacteristicFlag{bluezgen.CharacteristicFlagWrite}, Write: controlHeartRate},
				},
			},
			batteryService(87),
			informationService("Heart Rate Sensor"),
		},
	}
}

// measureHeartRate sends rates that rise from 60 to 79 beats per minute and fall again.
// The sensor has contact with the skin (bits 1 and 2 of the flags).
func measureHeartRate(ctx context.Context, _ *Peripheral, send func([]byte) error) {
	for n := 0; ; n++ {
		rate := 60 + n%40
		if n%40 >= 20 {
			rate = 99 - n%40
		}
		if send([]byte{0b110, byte(rate)}) != nil || !pause(ctx, time.Second) {
			return
		}
	}
}

// controlHeartRate takes the only command of the heart rate control point.
func controlHeartRate(_ context.Context, _ *Peripheral, value []byte) error {
	const resetEnergyExpended, controlPointNotSupported = 1, ATTError(0x80)
	if len(value) != 1 || value[0] != resetEnergyExpended {
		return controlPointNotSupported
	}
	return nil
}

// pause waits for a time, and is false if ctx ends first.
func pause(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// informationService is the Device Information Service.
func informationService(model string) Service {
	text := func(uuid, value string) Characteristic {
		return Characteristic{UUID: uuid, Flags: []bluezgen.CharacteristicFlag{bluezgen.CharacteristicFlagRead}, Value: []byte(value)}
	}
	return Service{UUID: "180a", Characteristics: []Characteristic{
		text("2a29", "bluetest"), text("2a24", model), text("2a26", "1.0"),
	}}
}
