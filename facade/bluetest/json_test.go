package bluetest

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/gobluez/bluez/bluezgen"
)

const inspected = `{
  "adapter": "hci0", "address": "c0:ff:ee:00:00:09", "address_type": "public", "name": "Thermostat", "mtu": 247,
  "services": [
    {"uuid": "0000181a-0000-1000-8000-00805f9b34fb", "handle": 16, "primary": true, "characteristics": [
      {"uuid": "00002a6e-0000-1000-8000-00805f9b34fb", "handle": 17, "properties": ["read", "notify"], "value": "c409",
       "descriptors": [{"uuid": "00002902-0000-1000-8000-00805f9b34fb", "handle": 19}, {"uuid": "2901", "handle": 20, "value": "726f6f6d"}]}]},
    {"uuid": "180a", "primary": false, "characteristics": [{"uuid": "2a29", "properties": ["read"]}]}
  ],
  "advertisement": {"name": "Th", "rssi": -44, "tx_power": 4, "service_uuids": ["181a"], "manufacturer_data": {"0x004c": "0215"}, "service_data": {"181a": "0102"}}
}`

func TestDeviceIsReadFromJSON(t *testing.T) {
	d, err := ReadDevice(strings.NewReader(inspected))
	if err != nil {
		t.Fatal(err)
	}
	if d.Address != "c0:ff:ee:00:00:09" || d.AddressType != bluezgen.AddressTypePublic || d.Name != "Thermostat" || d.Connection.MTU != 247 {
		t.Errorf("read %+v", d)
	}
	a := d.Advertisement
	if a.LocalName != "Th" || a.RSSI != -44 || a.TxPower == nil || *a.TxPower != 4 || len(a.ServiceUUIDs) != 1 ||
		string(a.ManufacturerData[0x4c]) != "\x02\x15" || string(a.ServiceData["181a"]) != "\x01\x02" {
		t.Errorf("read the advertisement %+v", a)
	}
	if len(d.Services) != 2 || d.Services[0].Handle != 16 || d.Services[0].Secondary || !d.Services[1].Secondary {
		t.Fatalf("read the services %+v", d.Services)
	}
	c := d.Services[0].Characteristics[0]
	if c.Handle != 17 || string(c.Value) != "\xc4\x09" || len(c.Flags) != 2 || c.Flags[1] != bluezgen.CharacteristicFlagNotify {
		t.Errorf("read the characteristic %+v", c)
	}
	if len(c.Descriptors) != 2 || c.Descriptors[1].Handle != 20 || string(c.Descriptors[1].Value) != "room" {
		t.Errorf("read the descriptors %+v", c.Descriptors)
	}
}

func TestMistakesInJSONAreNamed(t *testing.T) {
	for _, test := range []struct{ name, old, new, want string }{
		{"syntax", `"mtu": 247,`, `"mtu": 247;`, "line 2"},
		{"type", `"mtu": 247`, `"mtu": "much"`, "line 2"},
		{"address", "c0:ff:ee:00:00:09", "c0:ff:ee", `"c0:ff:ee"`},
		{"no address", `"address": "c0:ff:ee:00:00:09", `, "", "no address"},
		{"address type", `"public"`, `"private"`, `"private"`},
		{"value", "c409", "c40", `"c40"`},
		{"UUID", `"180a"`, `"180"`, `"180"`},
		{"flag", `["read"]`, `["reed"]`, `"reed"`},
		{"handle twice", `"handle": 19`, `"handle": 20`, "0x0014"},
		{"company", "0x004c", "Apple", `"Apple"`},
	} {
		t.Run(test.name, func(t *testing.T) {
			text := strings.Replace(inspected, test.old, test.new, 1)
			if text == inspected {
				t.Fatalf("there is no %s", test.old)
			}
			if d, err := ReadDevice(strings.NewReader(text)); err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("read %+v, %v; want an error about %s", d, err, test.want)
			}
		})
	}
}

func TestFileIsNamedInItsErrors(t *testing.T) {
	name := filepath.Join(t.TempDir(), "device.json")
	if _, err := New(t.Context(), File(name)); err == nil || !strings.Contains(err.Error(), name) {
		t.Errorf("error %v, want one about %s", err, name)
	}
	if err := os.WriteFile(name, []byte("{"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := New(t.Context(), File(name)); err == nil || !strings.Contains(err.Error(), name) {
		t.Errorf("error %v, want one about %s", err, name)
	}
}
