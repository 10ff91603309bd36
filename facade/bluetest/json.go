package bluetest

import (
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
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
// service_data.
//
// Handles may be left out, everywhere. Unknown fields are ignored. Mistakes are errors
// that say where they are.
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
	Value       hexBytes                      `json:"value"`
	Descriptors []descriptorJSON              `json:"descriptors"`
}

type descriptorJSON struct {
	UUID   string   `json:"uuid"`
	Handle uint16   `json:"handle"`
	Value  hexBytes `json:"value"`
}

type advertisementJSON struct {
	Name             string              `json:"name"`
	RSSI             int16               `json:"rssi"`
	TxPower          *int8               `json:"tx_power"`
	ServiceUUIDs     []string            `json:"service_uuids"`
	ManufacturerData map[string]hexBytes `json:"manufacturer_data"`
	ServiceData      map[string]hexBytes `json:"service_data"`
}

// hexBytes are written as a string of hexadecimal digits.
type hexBytes []byte

func (b *hexBytes) UnmarshalText(text []byte) error {
	value, err := hex.DecodeString(string(text))
	if err != nil {
		return fmt.Errorf("%q is not hexadecimal: %w", text, err)
	}
	*b = value
	return nil
}

// device returns what was read as a declaration.
func (j deviceJSON) device() (Device, error) {
	d := Device{Address: j.Address, AddressType: j.AddressType, Name: j.Name, Connection: Connection{MTU: j.MTU}}
	for _, s := range j.Services {
		service := Service{UUID: s.UUID, Handle: s.Handle, Secondary: s.Primary != nil && !*s.Primary, Includes: s.Includes}
		for _, c := range s.Characteristics {
			characteristic := Characteristic{UUID: c.UUID, Handle: c.Handle, Flags: c.Properties, Value: c.Value}
			for _, d := range c.Descriptors {
				characteristic.Descriptors = append(characteristic.Descriptors, Descriptor{UUID: d.UUID, Handle: d.Handle, Value: d.Value})
			}
			service.Characteristics = append(service.Characteristics, characteristic)
		}
		d.Services = append(d.Services, service)
	}
	if j.Advertisement == nil {
		for _, s := range d.Services {
			if len(d.Advertisement.ServiceUUIDs) == 0 && len(s.UUID) == 4 {
				d.Advertisement.ServiceUUIDs = append(d.Advertisement.ServiceUUIDs, s.UUID)
			}
		}
		return d, nil
	}
	var err error
	d.Advertisement, err = j.Advertisement.advertisement()
	return d, err
}

func (j advertisementJSON) advertisement() (Advertisement, error) {
	a := Advertisement{
		LocalName: j.Name, RSSI: j.RSSI, TxPower: j.TxPower, ServiceUUIDs: j.ServiceUUIDs,
		ManufacturerData: map[uint16][]byte{}, ServiceData: map[string][]byte{},
	}
	for key, value := range j.ManufacturerData {
		company, err := strconv.ParseUint(key, 0, 16)
		if err != nil {
			return a, fmt.Errorf("manufacturer data: %q is not a company identifier like 0x004c: %w", key, err)
		}
		a.ManufacturerData[uint16(company)] = value
	}
	for service, value := range j.ServiceData {
		a.ServiceData[service] = value
	}
	return a, nil
}
