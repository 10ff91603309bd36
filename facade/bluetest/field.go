package bluetest

import (
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// The AD types that BlueZ understands (Assigned Numbers, section 2.3).
const (
	adFlags            = 0x01
	adUUIDs16          = 0x03
	adUUIDs32          = 0x05
	adUUIDs128         = 0x07
	adShortName        = 0x08
	adName             = 0x09
	adTxPower          = 0x0a
	adServiceData16    = 0x16
	adAppearance       = 0x19
	adServiceData32    = 0x20
	adTransport        = 0x26 // Transport Discovery Data
	adServiceData128   = 0x21
	adManufacturerData = 0xff
)

// A field is an AD structure of an advertisement.
type field struct {
	kind byte // AD type
	data []byte
}

// maxField is the longest content of a field, in bytes: its length is one byte.
const maxField = 254

func (f field) size() int { return 2 + len(f.data) }

// String names the field, for errors.
func (f field) String() string {
	switch f.kind {
	case adFlags:
		return "Flags"
	case adUUIDs16, adUUIDs32, adUUIDs128:
		return "ServiceUUIDs"
	case adName:
		return fmt.Sprintf("LocalName %q", f.data)
	case adTxPower:
		return "TxPower"
	case adAppearance:
		return "Appearance"
	case adServiceData16, adServiceData32, adServiceData128:
		return "ServiceData"
	case adManufacturerData:
		return "ManufacturerData"
	}
	return fmt.Sprintf("Data of AD type 0x%02x", f.kind)
}

// fields returns the AD structures of an advertisement, in the order of its fields.
func (a *Advertisement) fields(d *Device) ([]field, error) {
	flags := byte(defaultFlags)
	if a.Flags != nil {
		flags = *a.Flags
	}
	content, err := a.content()
	if err != nil {
		return nil, err
	}
	all := append([]field{{adFlags, []byte{flags}}}, content...)
	if d.Appearance != 0 {
		all = append(all, field{adAppearance, binary.LittleEndian.AppendUint16(nil, d.Appearance)})
	}
	if name := a.name(d); name != "" {
		all = append(all, field{adName, []byte(name)})
	}
	return all, check(all)
}

// content returns the AD structures of what an advertisement says beside its flags and
// what the device is called and looks like.
func (a *Advertisement) content() ([]field, error) {
	all, err := a.uuidFields()
	if err != nil {
		return nil, err
	}
	for _, company := range slices.Sorted(maps.Keys(a.ManufacturerData)) {
		all = append(all, field{adManufacturerData, append(binary.LittleEndian.AppendUint16(nil, company), a.ManufacturerData[company]...)})
	}
	for _, service := range slices.Sorted(maps.Keys(a.ServiceData)) {
		uuid, err := airUUID(service)
		if err != nil {
			return nil, fmt.Errorf("ServiceData: %w", err)
		}
		kind := map[int]byte{2: adServiceData16, 4: adServiceData32, 16: adServiceData128}[len(uuid)]
		all = append(all, field{kind, append(uuid, a.ServiceData[service]...)})
	}
	if a.TxPower != nil {
		all = append(all, field{adTxPower, []byte{byte(*a.TxPower)}})
	}
	for _, kind := range slices.Sorted(maps.Keys(a.Data)) {
		all = append(all, field{kind, a.Data[kind]})
	}
	return all, nil
}

// name returns the name that is advertised.
func (a *Advertisement) name(d *Device) string {
	switch {
	case a.Unnamed:
		return ""
	case a.LocalName != "":
		return a.LocalName
	}
	return d.Name
}

// uuidFields returns a list of service UUIDs for each of their sizes.
func (a *Advertisement) uuidFields() ([]field, error) {
	lists := map[int][]byte{}
	for _, service := range a.ServiceUUIDs {
		uuid, err := airUUID(service)
		if err != nil {
			return nil, fmt.Errorf("ServiceUUIDs: %w", err)
		}
		lists[len(uuid)] = append(lists[len(uuid)], uuid...)
	}
	var all []field
	for _, kind := range [...]struct {
		size int
		kind byte
	}{{2, adUUIDs16}, {4, adUUIDs32}, {16, adUUIDs128}} {
		if list := lists[kind.size]; list != nil {
			all = append(all, field{kind.kind, list})
		}
	}
	return all, nil
}

// check says which field cannot be sent.
func check(fields []field) error {
	seen := map[byte]bool{}
	for _, f := range fields {
		if len(f.data) > maxField {
			return fmt.Errorf("%v of %d bytes is longer than %d", f, len(f.data), maxField)
		}
		repeated := f.kind == adManufacturerData || f.kind == adServiceData16 || f.kind == adServiceData32 || f.kind == adServiceData128
		if seen[f.kind] && !repeated {
			return fmt.Errorf("AD type 0x%02x is in Data and among what is declared otherwise", f.kind)
		}
		seen[f.kind] = true
	}
	return nil
}

// airUUID returns a UUID as it is sent: little endian, in the shortest form it has.
func airUUID(s string) ([]byte, error) {
	if _, err := parseUUID(s); err != nil {
		return nil, err
	}
	sent, err := hex.DecodeString(strings.ReplaceAll(shortUUID(s), "-", ""))
	slices.Reverse(sent)
	return sent, err
}

// shownUUID returns a UUID that was sent as BlueZ shows it: all 128 bits, in lower case.
func shownUUID(sent []byte) string {
	u := slices.Clone(sent)
	slices.Reverse(u)
	if len(u) < 16 {
		return longUUID(hex.EncodeToString(u))
	}
	return fmt.Sprintf("%x-%x-%x-%x-%x", u[:4], u[4:6], u[6:8], u[8:10], u[10:])
}
