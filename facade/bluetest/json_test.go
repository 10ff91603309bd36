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
		{"value", "c409", "c40", `service 181a, characteristic 2a6e: value: "c40"`},
		{"descriptor's value", "726f6f6d", "room", `service 181a, characteristic 2a6e, descriptor 2901: value: "room"`},
		{"manufacturer data", `"0215"`, `"0x"`, `manufacturer data of 0x004c: "0x"`},
		{"company twice", `"0x004c": "0215"`, `"0x004c": "0215", "76": "01"`, "0x004c is there twice"},
		{"service data", `"0102"`, `"012"`, `service data of 181a: "012"`},
		{"service data twice", `"181a": "0102"`, `"181a": "0102", "0000181A-0000-1000-8000-00805F9B34FB": "01"`, "181a is there twice"},
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

// A device that was inspected can be found as the real one: what it has is advertised.
func TestTwinAdvertisesItsServices(t *testing.T) {
	const long = "-0000-1000-8000-00805f9b34fb"
	text := func(name string, uuids ...string) string {
		text := `{"address": "C0:FF:EE:00:00:01", "name": "` + name + `", "services": [{"uuid": "00002222` + long + `", "primary": false}`
		for _, uuid := range uuids {
			text += `, {"uuid": "` + uuid + `", "primary": true}`
		}
		return text + "]}"
	}
	for _, test := range []struct {
		name string
		text string
		want string
	}{
		{"long UUIDs", text("Strap", "00001800"+long, "00001801"+long, "0000180a"+long, "0000180D"+long, "0000180f"+long),
			"Name=Strap Alias=Strap RSSI=-60 UUIDs=[0000180d" + long + " 0000180f" + long + "]"},
		{"UUIDs of its own", text("U", "6e400001-b5a3-f393-e0a9-e50e24dcca9e", "6e400002-b5a3-f393-e0a9-e50e24dcca9e", "180d"),
			"Name=U Alias=U RSSI=-60 UUIDs=[0000180d" + long + " 6e400001-b5a3-f393-e0a9-e50e24dcca9e]"},
		{"long name", text(strings.Repeat("n", 40), "180d"), "Alias=C0-FF-EE-00-00-01 RSSI=-60 UUIDs=[0000180d" + long + "]"},
	} {
		t.Run(test.name, func(t *testing.T) {
			d, err := ReadDevice(strings.NewReader(test.text))
			if err != nil {
				t.Fatal(err)
			}
			o := observe(t, Start(t, d))
			o.start(bluezgen.DiscoveryFilter{Transport: bluezgen.TransportLE})
			note := o.await("device", func(note string) bool { return strings.HasPrefix(note, "+01") })
			if want := "+01 " + test.want; !strings.HasPrefix(note, want) {
				t.Errorf("found %s, want %s", note, want)
			}
		})
	}
}
