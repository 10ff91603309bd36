package facade

import (
	"bytes"
	"encoding/json"
	"slices"
	"testing"
	"time"

	"github.com/gobluez/bluez/bluezgen"
)

func TestAdvertisementJSON(t *testing.T) {
	for _, test := range []struct {
		name string
		adv  Advertisement
		want string
	}{
		{"everything", Advertisement{
			Time: time.Date(2026, 1, 2, 3, 4, 5, 600, time.UTC), Adapter: "hci0", Address: Address{0xC0, 0xFF, 0xEE, 0, 0, 1}, AddressType: AddressRandom,
			Name: "Strap", RSSI: -60, HasRSSI: true, TxPower: 4, HasTxPower: true, ServiceUUIDs: []UUID{UUID16(0x180d)},
			ManufacturerData: map[uint16][]byte{0x4c: {1, 0xff}, 0xffff: {}}, ServiceData: map[UUID][]byte{UUID16(0x180f): {0x64}}, Coalesced: 3,
		}, `{"time":"2026-01-02T03:04:05.0000006Z","adapter":"hci0","address":"C0:FF:EE:00:00:01","address_type":"random","name":"Strap","rssi":-60,"tx_power":4,` +
			`"service_uuids":["0000180d-0000-1000-8000-00805f9b34fb"],"manufacturer_data":{"0x004c":"01ff","0xffff":""},` +
			`"service_data":{"0000180f-0000-1000-8000-00805f9b34fb":"64"},"coalesced":3}`},
		{"nothing", Advertisement{RSSI: unknownRSSI, AddressType: AddressPublic},
			`{"time":"0001-01-01T00:00:00Z","adapter":"","address":"00:00:00:00:00:00","address_type":"public","name":"","rssi":null,"tx_power":null,` +
				`"service_uuids":[],"manufacturer_data":{},"service_data":{}}`},
	} {
		got, err := json.Marshal(test.adv)
		if err != nil || string(got) != test.want {
			t.Errorf("%s: %v\n got %s\nwant %s", test.name, err, got, test.want)
		}
	}
}

func TestAdvertisementLeavesOutWhatIsNoUUID(t *testing.T) {
	service := UUID16(0x180f)
	heard := bluezgen.Device1Properties{
		UUIDs:       []string{"nonsense", service.String(), ""},
		ServiceData: map[string][]byte{"nonsense": {1}, service.String(): {2}},
	}
	adv := newAdvertisement("/org/bluez/hci0/dev_X", &heard)
	if !slices.Equal(adv.ServiceUUIDs, []UUID{service}) || len(adv.ServiceData) != 1 || !bytes.Equal(adv.ServiceData[service], []byte{2}) {
		t.Errorf("services %v, data %v", adv.ServiceUUIDs, adv.ServiceData)
	}
}

func TestAdvertisementString(t *testing.T) {
	a := Advertisement{Address: Address{1, 2, 3, 4, 5, 6}}
	if got := a.String(); got != "01:02:03:04:05:06" {
		t.Error(got)
	}
	if a.Name = "Strap"; a.String() != "01:02:03:04:05:06 Strap" {
		t.Error(a.String())
	}
}
