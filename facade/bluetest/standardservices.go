package bluetest

import (
	"encoding/binary"
	"slices"

	"github.com/gobluez/bluez/bluezgen"
)

// withStandardServices adds the services that every device has, GAP and GATT, to those
// that are declared without: in front, or behind those whose handles leave no room there.
func withStandardServices(d *Device, services []Service) []Service {
	var standard []Service
	needed := uint16(0)
	if !declares(services, uuidGAPService) {
		standard = append(standard, gap(d))
		needed += 5
	}
	if !declares(services, uuidGATTService) {
		standard = append(standard, Service{UUID: uuidGATTService, Characteristics: []Characteristic{
			{UUID: uuidServiceChanged, Flags: []bluezgen.CharacteristicFlag{bluezgen.CharacteristicFlagIndicate}},
		}})
		needed += 4
	}
	if first := firstHandle(services); first != 0 && first <= needed {
		return append(slices.Clone(services), standard...)
	}
	return append(standard, services...)
}

func declares(services []Service, uuid string) bool {
	return slices.ContainsFunc(services, func(s Service) bool { return longUUID(s.UUID) == uuid })
}

// firstHandle returns the lowest handle that is declared, 0 if there is none.
func firstHandle(services []Service) uint16 {
	for _, s := range services {
		if s.Handle != 0 {
			return s.Handle
		}
		for _, c := range s.Characteristics {
			if c.Handle != 0 {
				return c.Handle
			}
			for _, d := range c.Descriptors {
				if d.Handle != 0 {
					return d.Handle
				}
			}
		}
	}
	return 0
}

// gap is the Generic Access service of a device.
func gap(d *Device) Service {
	read := []bluezgen.CharacteristicFlag{bluezgen.CharacteristicFlagRead}
	return Service{UUID: uuidGAPService, Characteristics: []Characteristic{
		{UUID: uuidDeviceName, Flags: read, Value: []byte(d.Name)[:min(len(d.Name), maxValue)]},
		{UUID: uuidAppearance, Flags: read, Value: binary.LittleEndian.AppendUint16(nil, d.Appearance)},
	}}
}
