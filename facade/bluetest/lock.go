package bluetest

import (
	"context"

	"github.com/gobluez/bluez/bluezgen"
)

// The UUIDs of [Lock].
const (
	LockService = "b10c0000-7e57-4000-8000-00805f9b34fb"
	LockState   = "b10c0001-7e57-4000-8000-00805f9b34fb" // one byte: 0 unlocked, 1 locked
)

// Lock is a door lock of that address, which needs pairing: it shows a passkey of six
// digits, which has to be typed where it is paired from, and only then can LockState be
// read, written and subscribed to. An empty passkey is a random one each time; see
// [Peripheral.Passkey].
func Lock(address, passkey string) Device {
	return Device{
		Address:       address,
		Name:          "Lock",
		Advertisement: Advertisement{ServiceUUIDs: []string{LockService}},
		Pairing:       Pairing{IO: bluezgen.AgentCapabilityDisplayOnly, MITM: true, Passkey: passkey},
		Services: []Service{{UUID: LockService, Characteristics: []Characteristic{{
			UUID: LockState,
			Flags: []bluezgen.CharacteristicFlag{
				bluezgen.CharacteristicFlagEncryptAuthenticatedRead, bluezgen.CharacteristicFlagEncryptAuthenticatedWrite,
				bluezgen.CharacteristicFlagEncryptAuthenticatedNotify,
			},
			Value: []byte{1},
			Write: func(_ context.Context, _ *Peripheral, value []byte) error {
				if len(value) != 1 || value[0] > 1 {
					return ATTError(0x13) // value not allowed
				}
				return nil
			},
		}}}},
	}
}
