package bluetest

import (
	"context"
	"fmt"

	"github.com/gobluez/bluez/bluezgen"
)

// newStation returns what an adapter is to the other adapters of its world: a device with
// its address, that bluetoothd's own services are on and those that applications register.
// It is silent but for their advertisements.
func (a *Adapter) newStation() (*Peripheral, error) {
	p, err := a.world.newPeripheral(Device{
		Address: a.address, AddressType: bluezgen.AddressTypePublic,
		Advertisement: Advertisement{Silent: true, Beacon: true, Unnamed: true},
		Services:      a.services(),
	})
	if err != nil {
		return nil, fmt.Errorf("adapter %s: %w", a.name, err)
	}
	p.adapter = a
	p.attributes.turn = nil
	return p, nil
}

// services are those that every bluetoothd has.
func (a *Adapter) services() []Service {
	reads := []bluezgen.CharacteristicFlag{bluezgen.CharacteristicFlagRead}
	return []Service{
		{UUID: uuidGAPService, Characteristics: []Characteristic{
			{UUID: uuidDeviceName, Flags: reads, Read: a.readName},
			{UUID: uuidAppearance, Flags: reads, Value: []byte{0, 0}},
		}},
		{UUID: uuidGATTService, Characteristics: []Characteristic{
			{UUID: uuidServiceChanged, Flags: []bluezgen.CharacteristicFlag{bluezgen.CharacteristicFlagIndicate}},
			{UUID: uuidClientFeatures, Flags: append(reads, bluezgen.CharacteristicFlagWrite), Value: []byte{0}},
			{UUID: uuidDatabaseHash, Flags: reads, Value: make([]byte, 16)},
		}},
		{UUID: uuidInformationService, Characteristics: []Characteristic{
			// The vendor is the Linux Foundation, as in Adapter1.Modalias.
			{UUID: uuidPnPID, Flags: reads, Value: []byte{2, 0x6B, 0x1D, 0x46, 0x02, 0x52, 0x05}},
		}},
	}
}

func (a *Adapter) readName(context.Context, *Peripheral) ([]byte, error) {
	a.world.mu.Lock()
	defer a.world.mu.Unlock()
	return []byte(a.showAlias()), nil
}

// adapterAt returns the adapter of an address, nil if there is none. The world is locked.
func (w *World) adapterAt(address string) *Adapter {
	for _, a := range w.adapters {
		if a.address == address {
			return a
		}
	}
	return nil
}
