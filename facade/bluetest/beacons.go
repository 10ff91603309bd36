package bluetest

import (
	"encoding/binary"
	"fmt"
	"time"
)

// Beacons is a field of n devices that only advertise, each every interval, with the
// address C2:00:00 and its number in three bytes, and the same number in four bytes, big
// endian, as manufacturer data of 0xFFFF, the company identifier for tests. They are
// numbered from 0; another field goes on where the one before it ended. Their strengths lie
// between -40 and -99 dBm and walk by up to 3 dB.
func Beacons(n int, interval time.Duration) Option {
	return option(func(c *config) error {
		if n < 0 || n > 1<<24 {
			return fmt.Errorf("%d beacons: want 0 to %d", n, 1<<24)
		}
		for range n {
			if err := beacon(c.beacons, interval).apply(c); err != nil {
				return err
			}
			c.beacons++
		}
		return nil
	})
}

func beacon(number int, interval time.Duration) Device {
	digits := binary.BigEndian.AppendUint32(nil, uint32(number))
	return Device{
		Address: fmt.Sprintf("C2:00:00:%02X:%02X:%02X", digits[1], digits[2], digits[3]),
		Name:    fmt.Sprintf("Beacon %d", number),
		Advertisement: Advertisement{
			Interval: interval, Beacon: true, RSSI: -40 - int16(number%60), Walk: 3,
			ManufacturerData: map[uint16][]byte{0xffff: digits},
		},
	}
}
