package bluetest

import (
	"strings"
	"testing"
	"time"
)

func TestAdvertisementMistakesAreNamed(t *testing.T) {
	for _, test := range []struct {
		name string
		bad  Advertisement
		want string
	}{
		{"UUID", Advertisement{ServiceUUIDs: []string{"heart"}}, `ServiceUUIDs: "heart"`},
		{"UUID of service data", Advertisement{ServiceData: map[string][]byte{"180": nil}}, `ServiceData: "180"`},
		{"strength", Advertisement{RSSI: 21}, "RSSI 21"},
		{"weak strength", Advertisement{RSSI: -128}, "RSSI -128"},
		{"walk", Advertisement{Walk: -1}, "walk -1"},
		{"interval", Advertisement{Interval: time.Microsecond}, "1µs"},
		{"rotation", Advertisement{Rotate: -time.Second}, "-1s"},
		{"no name and a name", Advertisement{Unnamed: true, LocalName: "x"}, "Unnamed"},
		{"flags twice", Advertisement{Data: map[byte][]byte{0x01: {6}}}, "0x01"},
		{"data too long", manufacturer(1, make([]byte, 28)...), "ManufacturerData of 32 bytes"},
		{"name too long", Advertisement{LocalName: strings.Repeat("x", 30)}, "LocalName"},
		{"all too long", Advertisement{ServiceUUIDs: []string{UARTService}, LocalName: "twenty characters...", ManufacturerData: map[uint16][]byte{1: make([]byte, 12)}}, "does not fit"},
		{"field too long", Advertisement{Extended: true, ManufacturerData: map[uint16][]byte{1: make([]byte, 253)}}, "longer than 254"},
		{"extended too long", Advertisement{Extended: true, Data: longData(7)}, "more than the 1650"},
	} {
		t.Run(test.name, func(t *testing.T) {
			_, err := newConfig([]Option{Device{Address: "C0:FF:EE:00:00:01", Advertisement: test.bad}})
			if err == nil || !strings.Contains(err.Error(), test.want) || !strings.Contains(err.Error(), "C0:FF:EE:00:00:01") {
				t.Errorf("error %v, want one of C0:FF:EE:00:00:01 about %s", err, test.want)
			}
		})
	}
}

func TestAdvertisementsFit(t *testing.T) {
	power := int8(0)
	for _, a := range []Advertisement{
		{},
		{ManufacturerData: map[uint16][]byte{1: make([]byte, 27)}}, // alone in the scan response
		{ServiceUUIDs: []string{UARTService}, LocalName: strings.Repeat("x", 29), TxPower: &power},
		{Extended: true, Data: longData(6)},
	} {
		if _, err := newConfig([]Option{Device{Address: "C0:FF:EE:00:00:01", Advertisement: a}}); err != nil {
			t.Error(err)
		}
	}
}

// longData is that many fields of 256 bytes.
func longData(fields byte) map[byte][]byte {
	data := map[byte][]byte{}
	for kind := range fields {
		data[0x2a+kind] = make([]byte, maxField)
	}
	return data
}

func TestUUIDsAreSentShort(t *testing.T) {
	for uuid, size := range map[string]int{
		"180d": 2, "0000180D": 2, "0000180d-0000-1000-8000-00805F9B34FB": 2, "1234180d": 4, UARTService: 16,
	} {
		sent, err := airUUID(uuid)
		if err != nil || len(sent) != size || shownUUID(sent) != longUUID(uuid) {
			t.Errorf("%s is sent as % x, %v, and shown as %s", uuid, sent, err, shownUUID(sent))
		}
	}
}
