package bluetest

import (
	"encoding/binary"
	"slices"
	"strings"
)

// A report is what an adapter hears at once: an advertisement, with its scan response if
// there was one. It is not changed once it is made.
type report struct {
	fields       []field
	connectable  bool
	scanResponse bool // without the advertisement that it belongs to

	flags            byte
	name             string // as it was sent, less NULs at its end
	complete         bool   // the name is
	uuids            []string
	txPower          int8
	hasTxPower       bool
	appearance       uint16
	manufacturerData map[uint16][]byte
	serviceData      map[string][]byte
	data             map[byte][]byte // by AD type, what BlueZ does not understand
}

// newReport reads fields as BlueZ does: what is too short is ignored.
func newReport(fields []field, connectable bool) *report {
	r := &report{
		fields: fields, connectable: connectable,
		manufacturerData: map[uint16][]byte{}, serviceData: map[string][]byte{}, data: map[byte][]byte{},
	}
	for _, f := range fields {
		r.read(f)
	}
	return r
}

func (r *report) read(f field) {
	switch f.kind {
	case adFlags:
		if len(f.data) > 0 {
			r.flags = f.data[0]
		}
	case adUUIDs16 - 1, adUUIDs16:
		r.readUUIDs(f.data, 2)
	case adUUIDs32 - 1, adUUIDs32:
		r.readUUIDs(f.data, 4)
	case adUUIDs128 - 1, adUUIDs128:
		r.readUUIDs(f.data, 16)
	case adShortName, adName:
		r.name, r.complete = strings.TrimRight(string(f.data), "\x00"), f.kind == adName
	case adTxPower:
		if len(f.data) > 0 && f.data[0] != 127 {
			r.txPower, r.hasTxPower = int8(f.data[0]), true
		}
	case adAppearance:
		if len(f.data) >= 2 {
			r.appearance = binary.LittleEndian.Uint16(f.data)
		}
	case adServiceData16:
		r.readServiceData(f.data, 2)
	case adServiceData32:
		r.readServiceData(f.data, 4)
	case adServiceData128:
		r.readServiceData(f.data, 16)
	case adManufacturerData:
		if len(f.data) >= 2 {
			r.manufacturerData[binary.LittleEndian.Uint16(f.data)] = f.data[2:]
		}
	default:
		r.data[f.kind] = f.data
	}
}

func (r *report) readUUIDs(list []byte, size int) {
	for uuid := range slices.Chunk(list, size) {
		if s := shownUUID(uuid); len(uuid) == size && !slices.Contains(r.uuids, s) {
			r.uuids = append(r.uuids, s)
		}
	}
}

func (r *report) readServiceData(data []byte, size int) {
	if len(data) >= size {
		r.serviceData[shownUUID(data[:size])] = data[size:]
	}
}

// asScanResponse returns the report as one of a scan response alone.
func (r *report) asScanResponse() *report {
	response := *r
	response.scanResponse = true
	return &response
}

// withoutName returns the report without its name.
func (r *report) withoutName() *report {
	fields := slices.DeleteFunc(slices.Clone(r.fields), func(f field) bool { return f.kind == adName || f.kind == adShortName })
	return newReport(fields, r.connectable)
}
