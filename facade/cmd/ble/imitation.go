package main

import (
	"cmp"
	"fmt"
	"io"
	"maps"
	"slices"
	"unicode/utf8"

	"github.com/gobluez/bluez/facade"
	"github.com/gobluez/bluez/facade/assigned"
	"github.com/gobluez/bluez/facade/bluetest"
	"github.com/gobluez/bluez/facade/peripheral"
)

// An imitation is what this machine can serve and advertise of a device that a file describes.
type imitation struct {
	services      []*peripheral.Service
	handles       map[*peripheral.Characteristic]facade.Handle // in the file, as far as it has any
	advertisement peripheral.Advertisement
	leftOut       []string // what it cannot
}

// newImitation reads the device that ble inspect --json has printed.
func newImitation(r io.Reader) (*imitation, error) {
	d, err := bluetest.ReadDevice(r)
	if err != nil {
		return nil, err
	}
	i := &imitation{handles: make(map[*peripheral.Characteristic]facade.Handle)}
	if err := i.addServices(d.Services); err != nil {
		return nil, err
	}
	if len(i.services) == 0 {
		return nil, fmt.Errorf("the device has no service but those that BlueZ serves itself")
	}
	if err := i.advertise(d); err != nil {
		return nil, err
	}
	return i, nil
}

// addServices adds what BlueZ lets a program serve.
func (i *imitation) addServices(services []bluetest.Service) error {
	byHandle := make(map[uint16]*peripheral.Service)
	included := make(map[*peripheral.Service][]uint16)
	for _, s := range services {
		uuid, err := facade.ParseUUID(s.UUID)
		if err != nil {
			return err
		}
		if slices.Contains([]facade.UUID{facade.UUID16(0x1800), facade.UUID16(0x1801)}, uuid) {
			continue // every BlueZ has them
		}
		service := &peripheral.Service{UUID: uuid, Secondary: s.Secondary}
		for _, c := range s.Characteristics {
			characteristic, err := i.newCharacteristic(c)
			if err != nil {
				return err
			}
			if len(characteristic.Properties) == 0 {
				i.leftOut = append(i.leftOut, "characteristic "+characteristicText(characteristic.UUID)+", with which nothing can be done")
				continue
			}
			i.handles[characteristic] = facade.Handle(c.Handle)
			service.Characteristics = append(service.Characteristics, characteristic)
		}
		i.services = append(i.services, service)
		included[service] = s.Includes
		if s.Handle != 0 {
			byHandle[s.Handle] = service
		}
	}
	for _, service := range i.services {
		for _, handle := range included[service] {
			if other := byHandle[handle]; other != nil {
				service.Includes = append(service.Includes, other)
			}
		}
	}
	return nil
}

// newCharacteristic returns a characteristic whose value is kept.
func (i *imitation) newCharacteristic(c bluetest.Characteristic) (*peripheral.Characteristic, error) {
	uuid, err := facade.ParseUUID(c.UUID)
	if err != nil {
		return nil, err
	}
	characteristic := &peripheral.Characteristic{UUID: uuid, Value: append([]byte{}, c.Value...)}
	for _, flag := range c.Flags {
		switch p := facade.Property(flag); p {
		case facade.PropertyExtendedProperties: // which follows from others
		case facade.PropertyAuthorize: // which no file says how to
			i.leftOut = append(i.leftOut, "property authorize of "+characteristicText(uuid))
		default:
			characteristic.Properties = append(characteristic.Properties, p)
		}
	}
	seen := make(map[facade.UUID]bool)
	for _, d := range c.Descriptors {
		descriptor, err := facade.ParseUUID(d.UUID)
		if err != nil {
			return nil, err
		}
		switch {
		case slices.Contains([]facade.UUID{facade.UUID16(0x2900), facade.UUID16(0x2902)}, descriptor): // BlueZ adds these where they belong
			continue
		case seen[descriptor] && descriptor != facade.UUID16(0x2904): // the one of which there may be several
			i.leftOut = append(i.leftOut, fmt.Sprintf("another descriptor %s of %s", descriptor.Short(), characteristicText(uuid)))
			continue
		}
		seen[descriptor] = true
		characteristic.Descriptors = append(characteristic.Descriptors, &peripheral.Descriptor{UUID: descriptor, Value: append([]byte{}, d.Value...)})
	}
	return characteristic, nil
}

// writable reports whether a characteristic with such properties can be written.
func writable(properties []facade.Property) bool {
	return slices.ContainsFunc(properties, func(p facade.Property) bool {
		switch p {
		case facade.PropertyWrite, facade.PropertyWriteWithoutResponse, facade.PropertyAuthenticatedSignedWrites, facade.PropertyReliableWrite,
			facade.PropertyEncryptWrite, facade.PropertyEncryptAuthenticatedWrite, facade.PropertySecureWrite:
			return true
		}
		return false
	})
}

// The room in an advertisement that every device hears: 31 bytes, 3 of them for the flags, and as much for a name in the scan
// response. Entries take 2 bytes beside their content.
const (
	packetRoom = 31 - 3
	nameRoom   = 31 - 2
)

// advertise makes the advertisement. Names are cut, and services left out, to what fits.
func (i *imitation) advertise(d bluetest.Device) error {
	a := &i.advertisement
	a.Discoverable = true
	a.Name = cmp.Or(d.Advertisement.LocalName, d.Name)
	if len(a.Name) > nameRoom {
		i.leftOut = append(i.leftOut, fmt.Sprintf("end of the name %q", a.Name))
		a.Name = cut(a.Name, nameRoom)
	}
	room := packetRoom
	a.ManufacturerData = make(map[uint16][]byte)
	for _, company := range slices.Sorted(maps.Keys(d.Advertisement.ManufacturerData)) {
		data := d.Advertisement.ManufacturerData[company]
		if len(data) == 0 { // which BlueZ refuses
			i.leftOut = append(i.leftOut, fmt.Sprintf("manufacturer data of 0x%04x, which is empty", company))
			continue
		}
		a.ManufacturerData[company] = data
		room -= 2 + 2 + len(data)
	}
	a.ServiceData = make(map[facade.UUID][]byte)
	for _, text := range slices.Sorted(maps.Keys(d.Advertisement.ServiceData)) {
		uuid, err := facade.ParseUUID(text)
		if err != nil {
			return err
		}
		data := d.Advertisement.ServiceData[text]
		if len(data) == 0 {
			i.leftOut = append(i.leftOut, fmt.Sprintf("service data of %s, which is empty", serviceText(uuid)))
			continue
		}
		a.ServiceData[uuid] = data
		room -= 2 + size(uuid) + len(data)
	}
	if d.Advertisement.TxPower != nil { // the adapter has its own
		i.leftOut = append(i.leftOut, "TX power")
	}
	lists := make(map[int]bool) // of UUIDs of one length
	for _, text := range d.Advertisement.ServiceUUIDs {
		uuid, err := facade.ParseUUID(text)
		if err != nil {
			return err
		}
		if slices.Contains(a.Services, uuid) {
			continue // the device has several
		}
		need := size(uuid)
		if !lists[need] {
			need += 2
		}
		if need > room {
			i.leftOut = append(i.leftOut, "advertising the service "+serviceText(uuid))
			continue
		}
		lists[size(uuid)] = true
		room -= need
		a.Services = append(a.Services, uuid)
	}
	return nil
}

// size returns how many bytes a UUID takes in an advertisement.
func size(u facade.UUID) int {
	switch len(u.Short()) {
	case 4:
		return 2
	case 8:
		return 4
	}
	return 16
}

// cut returns what fits of text, in whole characters.
func cut(text string, length int) string {
	for length > 0 && !utf8.RuneStart(text[length]) {
		length--
	}
	return text[:length]
}

// characteristicText returns the UUID of a characteristic with its name.
func characteristicText(uuid facade.UUID) string {
	name, _ := assigned.Characteristic(uuid)
	return named(uuid.Short(), name)
}
