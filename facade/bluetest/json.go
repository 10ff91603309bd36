package bluetest

import (
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"strconv"
	"strings"

	"github.com/gobluez/bluez/bluezgen"
)

// ReadDevice reads a Device from JSON as `ble inspect --json` prints it: an object with
// address, address_type, name, mtu and services; each service has uuid, handle, primary,
// includes and characteristics; each of these uuid, handle, properties, value and
// descriptors; each of these uuid, handle and value. Values are in hexadecimal. An object
// advertisement may say what is advertised, with the fields that `ble scan --json` prints:
// name, rssi, tx_power, service_uuids, manufacturer_data (by keys like "0x004c") and
// service_data. Without it the device advertises its name, and those of its primary services
// that a legacy advertisement and its scan response have room for, in their order, but none
// that every device has (1800, 1801, 180a).
//
// Handles may be left out, everywhere. Unknown fields are ignored. Mistakes are errors
// that say where they are: in which line, or in which service, characteristic or field.
func ReadDevice(r io.Reader) (Device, error) {
	data, err := io.ReadAll(r)
	if err != nil {
		return Device{}, fmt.Errorf("read a device: %w", err)
	}
	var in deviceJSON
	if err := json.Unmarshal(data, &in); err != nil {
		return Device{}, fmt.Errorf("read a device: %w", position(data, err))
	}
	d, err := in.device()
	if err == nil {
		err = d.validate()
	}
	if err != nil {
		return Device{}, fmt.Errorf("read a device: %w", err)
	}
	return d, nil
}

// File is the device that a file describes in the JSON of [ReadDevice].
func File(name string) Option {
	return option(func(c *config) error {
		file, err := os.Open(name)
		if err != nil {
			return err
		}
		defer file.Close()
		d, err := ReadDevice(file)
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		return d.apply(c)
	})
}

// position says in which line a mistake in JSON is.
func position(data []byte, err error) error {
	var offset int64
	if syntax, ok := errors.AsType[*json.SyntaxError](err); ok {
		offset = syntax.Offset
	} else if mismatch, ok := errors.AsType[*json.UnmarshalTypeError](err); ok {
		offset = mismatch.Offset
	} else {
		return err
	}
	return fmt.Errorf("line %d: %w", 1+strings.Count(string(data[:offset]), "\n"), err)
}

type deviceJSON struct {
	Address       string               `json:"address"`
	AddressType   bluezgen.AddressType `json:"address_type"`
	Name          string               `json:"name"`
	MTU           uint16               `json:"mtu"`
	Services      []serviceJSON        `json:"services"`
	Advertisement *advertisementJSON   `json:"advertisement"`
}

type serviceJSON struct {
	UUID            string               `json:"uuid"`
	Handle          uint16               `json:"handle"`
	Primary         *bool                `json:"primary"`
	Includes        []uint16             `json:"includes"`
	Characteristics []characteristicJSON `json:"characteristics"`
}

type characteristicJSON struct {
	UUID        string                        `json:"uuid"`
	Handle      uint16                        `json:"handle"`
	Properties  []bluezgen.CharacteristicFlag `json:"properties"`
	Value       string                        `json:"value"`
	Descriptors []descriptorJSON              `json:"descriptors"`
}

type descriptorJSON struct {
	UUID   string `json:"uuid"`
	Handle uint16 `json:"handle"`
	Value  string `json:"value"`
}

type advertisementJSON struct {
	Name             string            `json:"name"`
	RSSI             int16             `json:"rssi"`
	TxPower          *int8             `json:"tx_power"`
	ServiceUUIDs     []string          `json:"service_uuids"`
	ManufacturerData map[string]string `json:"manufacturer_data"`
	ServiceData      map[string]string `json:"service_data"`
}

// device returns what was read as a declaration.
func (j deviceJSON) device() (Device, error) {
	d := Device{Address: j.Address, AddressType: j.AddressType, Name: j.Name, Connection: Connection{MTU: j.MTU}}
	for _, s := range j.Services {
		service, err := s.service()
		if err != nil {
			return d, err
		}
		d.Services = append(d.Services, service)
	}
	if j.Advertisement == nil {
		d.Advertisement = advertisementOf(d)
		return d, nil
	}
	var err error
	d.Advertisement, err = j.Advertisement.advertisement()
	return d, err
}

// service returns a service.
func (j serviceJSON) service() (Service, error) {
	what := "service " + shortUUID(j.UUID)
	s := Service{UUID: j.UUID, Handle: j.Handle, Secondary: j.Primary != nil && !*j.Primary, Includes: j.Includes}
	for _, c := range j.Characteristics {
		value, err := unhex(c.Value)
		if err != nil {
			return s, fmt.Errorf("%s, characteristic %s: value: %w", what, shortUUID(c.UUID), err)
		}
		characteristic := Characteristic{UUID: c.UUID, Handle: c.Handle, Flags: c.Properties, Value: value}
		for _, d := range c.Descriptors {
			value, err := unhex(d.Value)
			if err != nil {
				return s, fmt.Errorf("%s, characteristic %s, descriptor %s: value: %w", what, shortUUID(c.UUID), shortUUID(d.UUID), err)
			}
			characteristic.Descriptors = append(characteristic.Descriptors, Descriptor{UUID: d.UUID, Handle: d.Handle, Value: value})
		}
		s.Characteristics = append(s.Characteristics, characteristic)
	}
	return s, nil
}

// advertisementOf returns an advertisement for a device of which it is not known: what
// helps to find it, as far as there is room.
func advertisementOf(d Device) Advertisement {
	var a Advertisement
	if a.validate(&d) != nil {
		a.Unnamed = true // the name is longer than a packet
	}
	everywhere := []string{uuidGAPService, uuidGATTService, uuidInformationService}
	for _, s := range d.Services {
		uuid := longUUID(s.UUID)
		if s.Secondary || slices.Contains(everywhere, uuid) {
			continue
		}
		more := a
		more.ServiceUUIDs = append(slices.Clone(a.ServiceUUIDs), shortUUID(uuid))
		if more.validate(&d) == nil {
			a = more
		}
	}
	return a
}

func (j advertisementJSON) advertisement() (Advertisement, error) {
	a := Advertisement{
		LocalName: j.Name, RSSI: j.RSSI, TxPower: j.TxPower, ServiceUUIDs: j.ServiceUUIDs,
		ManufacturerData: map[uint16][]byte{}, ServiceData: map[string][]byte{},
	}
	for _, key := range slices.Sorted(maps.Keys(j.ManufacturerData)) {
		id, err := strconv.ParseUint(key, 0, 16)
		if err != nil {
			return a, fmt.Errorf("manufacturer data: %q is not a company identifier like 0x004c: %w", key, err)
		}
		company := uint16(id)
		if _, twice := a.ManufacturerData[company]; twice {
			return a, fmt.Errorf("manufacturer data: 0x%04x is there twice, once as %q", company, key)
		}
		if a.ManufacturerData[company], err = unhex(j.ManufacturerData[key]); err != nil {
			return a, fmt.Errorf("manufacturer data of %s: %w", key, err)
		}
	}
	seen := map[string]bool{}
	for _, service := range slices.Sorted(maps.Keys(j.ServiceData)) {
		uuid := longUUID(service)
		if seen[uuid] {
			return a, fmt.Errorf("service data: %s is there twice, once as %q", shortUUID(uuid), service)
		}
		seen[uuid] = true
		var err error
		if a.ServiceData[service], err = unhex(j.ServiceData[service]); err != nil {
			return a, fmt.Errorf("service data of %s: %w", service, err)
		}
	}
	return a, nil
}

// unhex returns the bytes that hexadecimal digits stand for.
func unhex(digits string) ([]byte, error) {
	value, err := hex.DecodeString(digits)
	if err != nil {
		return nil, fmt.Errorf("%q is not hexadecimal: %w", digits, err)
	}
	return value, nil
}
