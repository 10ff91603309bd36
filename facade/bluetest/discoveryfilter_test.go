package bluetest

import (
	"slices"
	"strings"
	"testing"

	"github.com/godbus/dbus/v5"

	"github.com/gobluez/bluez/bluezgen"
	"github.com/gobluez/bluez/gen/bus"
)

func TestFiltersAreChecked(t *testing.T) {
	for _, test := range []struct {
		name    string
		version Version
		filter  map[string]any
		ok      bool
	}{
		{"empty", DefaultVersion, nil, true},
		{"unknown key", DefaultVersion, map[string]any{"Colour": "blue"}, false},
		{"wrong type", DefaultVersion, map[string]any{"RSSI": int32(-70)}, false},
		{"RSSI", DefaultVersion, map[string]any{"RSSI": int16(-127)}, true},
		{"RSSI too low", DefaultVersion, map[string]any{"RSSI": int16(-128)}, false},
		{"RSSI too high", DefaultVersion, map[string]any{"RSSI": int16(21)}, false},
		{"Pathloss", DefaultVersion, map[string]any{"Pathloss": uint16(137)}, true},
		{"Pathloss too high", DefaultVersion, map[string]any{"Pathloss": uint16(138)}, false},
		{"RSSI and Pathloss", DefaultVersion, map[string]any{"RSSI": int16(-70), "Pathloss": uint16(50)}, false},
		{"UUIDs", DefaultVersion, map[string]any{"UUIDs": []string{"180D", "0000180f-0000-1000-8000-00805F9B34FB"}}, true},
		{"malformed UUID", DefaultVersion, map[string]any{"UUIDs": []string{"180D", "heart"}}, false},
		{"transport", DefaultVersion, map[string]any{"Transport": "auto"}, true},
		{"unknown transport", DefaultVersion, map[string]any{"Transport": "wifi"}, false},
		{"AutoConnect before 5.83", DefaultVersion, map[string]any{"AutoConnect": true}, false},
		{"AutoConnect", Version584, map[string]any{"AutoConnect": true}, true},
	} {
		t.Run(test.name, func(t *testing.T) {
			w := Start(t, test.version)
			filter := map[string]dbus.Variant{}
			for key, value := range test.filter {
				filter[key] = dbus.MakeVariant(value)
			}
			adapter := dial(t, w).DBus().Object(bluezgen.Service, "/org/bluez/hci0")
			err := adapter.CallWithContext(t.Context(), bluezgen.Adapter1Interface+".SetDiscoveryFilter", 0, filter).Err
			if test.ok {
				if err != nil {
					t.Error(err)
				}
				return
			}
			refusal, _ := err.(dbus.Error)
			if refusal.Name != bluezgen.ErrInvalidArguments.Name || refusal.Error() != "Invalid arguments in method call" {
				t.Errorf("error %v, want InvalidArguments", err)
			}
		})
	}
}

func TestFilterKeysByVersion(t *testing.T) {
	for version, want := range map[Version]string{
		Version582: "UUIDs RSSI Pathloss Transport DuplicateData Discoverable Pattern",
		Version584: "UUIDs RSSI Pathloss Transport DuplicateData Discoverable Pattern AutoConnect",
	} {
		keys, err := observe(t, Start(t, version)).adapter.GetDiscoveryFilters(t.Context())
		if got := strings.Join(keys, " "); err != nil || got != want {
			t.Errorf("%s: %s, %v, want %s", version, got, err, want)
		}
	}
}

func TestMissingRadioIsRefused(t *testing.T) {
	o := observe(t, Start(t, AdapterConfig{LEOnly: true}))
	o.must(o.adapter.SetDiscoveryFilter(t.Context(), bluezgen.DiscoveryFilter{Transport: bluezgen.TransportBREDR}))
	refused(t, "start", o.adapter.StartDiscovery(t.Context()), bluezgen.ErrInProgress)
	o.start(bluezgen.DiscoveryFilter{}) // no session was left
}

// TestFiltersOfClientsAreMerged: what any client wants, all hear of.
func TestFiltersOfClientsAreMerged(t *testing.T) {
	heartRate, battery := bluezgen.DiscoveryFilter{UUIDs: []string{"180d"}}, bluezgen.DiscoveryFilter{UUIDs: []string{"180F"}}
	rssi := func(dBm int16) bluezgen.DiscoveryFilter { return bluezgen.DiscoveryFilter{RSSI: bus.Some(dBm)} }
	pattern := func(p string) bluezgen.DiscoveryFilter { return bluezgen.DiscoveryFilter{Pattern: p} }
	// Devices 01: 180d at -40; 02: 180f at -60, hidden; 03: nothing, named Thing, at -80; 04: nothing, unknown strength, hidden.
	for _, test := range []struct {
		name    string
		version Version
		filters []bluezgen.DiscoveryFilter
		want    string
	}{
		{"none", DefaultVersion, []bluezgen.DiscoveryFilter{{}}, "01 03"},
		{"UUID", DefaultVersion, []bluezgen.DiscoveryFilter{heartRate}, "01"},
		{"union of UUIDs", DefaultVersion, []bluezgen.DiscoveryFilter{heartRate, battery}, "01 02"},
		{"UUID and none", DefaultVersion, []bluezgen.DiscoveryFilter{heartRate, {}}, "01 02 03 04"},
		{"UUID and transport", DefaultVersion, []bluezgen.DiscoveryFilter{heartRate, {Transport: bluezgen.TransportLE}}, "01 02 03 04"},
		{"transport", DefaultVersion, []bluezgen.DiscoveryFilter{{Transport: bluezgen.TransportLE}}, "01 02 03 04"},
		{"other transport", DefaultVersion, []bluezgen.DiscoveryFilter{{Transport: bluezgen.TransportBREDR}}, ""},
		{"both transports", DefaultVersion, []bluezgen.DiscoveryFilter{{Transport: bluezgen.TransportBREDR}, {Transport: bluezgen.TransportLE}}, "01 02 03 04"},
		{"strength", DefaultVersion, []bluezgen.DiscoveryFilter{rssi(-60)}, "01 02"},
		{"lowest strength", DefaultVersion, []bluezgen.DiscoveryFilter{rssi(-50), rssi(-90)}, "01 02 03"},
		{"strength and none", DefaultVersion, []bluezgen.DiscoveryFilter{rssi(-50), {}}, "01 02 03 04"},
		{"path loss never excludes", DefaultVersion, []bluezgen.DiscoveryFilter{{Pathloss: bus.Some(uint16(1))}}, "01 02 03 04"},
		{"name", DefaultVersion, []bluezgen.DiscoveryFilter{pattern("Thi")}, "03"},
		{"name in another case", DefaultVersion, []bluezgen.DiscoveryFilter{pattern("thi")}, ""},
		{"address", DefaultVersion, []bluezgen.DiscoveryFilter{pattern("C0:FF:EE:00:00:02")}, "02"},
		{"address in another case", DefaultVersion, []bluezgen.DiscoveryFilter{pattern("c0:ff:ee:00:00:02")}, ""},
		{"address in another case later", Version587, []bluezgen.DiscoveryFilter{pattern("c0:ff:ee:00:00:02")}, "02"},
		{"patterns", DefaultVersion, []bluezgen.DiscoveryFilter{pattern("Thing"), pattern("C0:FF:EE:00:00:01")}, "01 03"},
		{"pattern and none", DefaultVersion, []bluezgen.DiscoveryFilter{pattern("Thing"), {}}, "03"},
	} {
		t.Run(test.name, func(t *testing.T) {
			w := Start(t, test.version, silent("C0:FF:EE:00:00:01"), silent("C0:FF:EE:00:00:02"), silent("C0:FF:EE:00:00:03"), silent("C0:FF:EE:00:00:04"))
			var o *observer
			for _, filter := range test.filters {
				o = observe(t, w)
				o.start(filter)
			}
			hidden := byte(0x04)
			o.take()
			for address, packet := range map[string]Advertisement{
				"C0:FF:EE:00:00:01": {RSSI: -40, ServiceUUIDs: []string{"180d"}},
				"C0:FF:EE:00:00:02": {RSSI: -60, ServiceUUIDs: []string{"180f"}, Flags: &hidden, Beacon: true},
				"C0:FF:EE:00:00:03": {RSSI: -80, LocalName: "Thing", Beacon: true},
				"C0:FF:EE:00:00:04": {NoRSSI: true, Flags: &hidden, Beacon: true},
			} {
				o.must(w.Peripheral(address).Packet(packet))
			}
			var found []string
			for _, note := range o.take() {
				if strings.Contains(note, "RSSI") { // 5.82 makes objects of others, but tells nothing of them
					found = append(found, note[1:3])
				}
			}
			slices.Sort(found)
			if got := strings.Join(found, " "); got != test.want {
				t.Errorf("heard of %q, want %q", got, test.want)
			}
		})
	}
}

func TestFilterCanBeSetBeforeAndDuringDiscovery(t *testing.T) {
	w := Start(t, silent("C0:FF:EE:00:00:01"))
	o := observe(t, w)
	p := w.Peripheral("C0:FF:EE:00:00:01")
	o.start(bluezgen.DiscoveryFilter{UUIDs: []string{"180f"}})
	o.must(p.Packet(Advertisement{}))
	o.expect("hci0 Discovering=true")
	o.must(o.adapter.SetDiscoveryFilter(t.Context(), bluezgen.DiscoveryFilter{}))
	o.must(p.Packet(Advertisement{}))
	o.expect("+01 Alias=C0-FF-EE-00-00-01 RSSI=-60 UUIDs=[] AdvertisingFlags=[6]")
}

// TestFilterOutlivesItsSession: what was set is in force again with the next session.
func TestFilterOutlivesItsSession(t *testing.T) {
	w := Start(t, silent("C0:FF:EE:00:00:01"))
	o := observe(t, w)
	o.start(bluezgen.DiscoveryFilter{UUIDs: []string{"180f"}})
	o.must(o.adapter.StopDiscovery(t.Context()))
	o.must(o.adapter.StartDiscovery(t.Context()))
	o.take()
	o.must(w.Peripheral("C0:FF:EE:00:00:01").Packet(Advertisement{}))
	o.expect()
}
