package main

import (
	"bytes"
	"encoding/json"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/gobluez/bluez/facade"
)

func address(t *testing.T, text string) facade.Address {
	t.Helper()
	a, err := facade.ParseAddress(text)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// golden compares got with a file of testdata. UPDATE=1 in the environment writes the file instead.
func golden(t *testing.T, name, got string) {
	t.Helper()
	file := "testdata/" + name
	if os.Getenv("UPDATE") != "" {
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("output is not that of %s:\n%s", file, got)
	}
}

func TestAdvertisementsAlign(t *testing.T) {
	advertisements := []facade.Advertisement{
		{
			Address: address(t, peer), Name: "Heart Rate", RSSI: -61, HasRSSI: true, TxPower: 4, HasTxPower: true,
			ServiceUUIDs: []facade.UUID{facade.UUID16(0x180d), facade.UUID16(0x180f)},
		},
		{
			Address: address(t, "00:11:22:33:44:55"), RSSI: -101, HasRSSI: true,
			ManufacturerData: map[uint16][]byte{0x02e5: {1}, 0x004c: {2, 0x15}},
			ServiceData:      map[facade.UUID][]byte{facade.UUID16(0xfeaa): {0}, facade.UUID16(0x180f): {100}},
		},
		{Address: address(t, "00:11:22:33:44:66"), Name: "steers\x1b[31m\nterminals"},
		{Address: address(t, "00:11:22:33:44:77"), RSSI: -7, HasRSSI: true, Name: "a name of more than twenty-four letters", TxPower: 0, HasTxPower: true},
	}
	var out bytes.Buffer
	tool := &tool{stdout: &out}
	for _, a := range advertisements {
		if err := tool.printAdvertisement(a); err != nil {
			t.Fatal(err)
		}
	}
	golden(t, "scan.txt", out.String())
}

func TestAdvertisementIsOneJSONLine(t *testing.T) {
	var out bytes.Buffer
	tool := &tool{stdout: &out, json: true}
	err := tool.printAdvertisement(facade.Advertisement{
		Address: address(t, peer), AddressType: facade.AddressRandom, Adapter: "hci0", Name: "Heart Rate",
		Time: time.Date(2026, 1, 2, 3, 4, 5, 6000000, time.UTC), RSSI: -61, HasRSSI: true,
		ServiceUUIDs:     []facade.UUID{facade.UUID16(0x180d)},
		ManufacturerData: map[uint16][]byte{0x004c: {2, 0x15}},
		ServiceData:      map[facade.UUID][]byte{facade.UUID16(0x180f): {100}},
	})
	if err != nil {
		t.Fatal(err)
	}
	golden(t, "scan.json", out.String())
}

func TestAdaptersAlign(t *testing.T) {
	var out bytes.Buffer
	err := printAdapters(&out, []facade.Adapter{
		{Name: "hci0", Address: address(t, "00:AA:01:00:00:00"), Alias: "kitchen\x07", Powered: true, Discovering: true, Central: true},
		{Name: "hci1", Address: address(t, "00:AA:01:01:00:01"), Alias: "attic", Powered: true, Central: true},
		{Name: "hci10", Address: address(t, "00:AA:01:02:00:02"), Alias: "cellar"},
	})
	if err != nil {
		t.Fatal(err)
	}
	golden(t, "adapters.txt", out.String())
}

func sampleTree(t *testing.T) tree {
	measurement := newCharacteristicTree(&facade.Characteristic{
		UUID: facade.UUID16(0x2a37), Handle: 0x11, Properties: []facade.Property{facade.PropertyNotify},
	})
	measurement.Descriptors = []descriptorTree{newDescriptorTree(&facade.Descriptor{UUID: facade.UUID16(0x2902), Handle: 0x13})}
	location := newCharacteristicTree(&facade.Characteristic{
		UUID: facade.UUID16(0x2a38), Handle: 0x14, Properties: []facade.Property{facade.PropertyRead, facade.PropertyWrite},
	})
	echo, err := facade.ParseUUID("6e400001-b5a3-f393-e0a9-e50e24dcca9e")
	if err != nil {
		t.Fatal(err)
	}
	primary := newServiceTree(&facade.Service{UUID: facade.UUID16(0x180d), Handle: 0x10, Primary: true, Includes: []facade.Handle{0x20}})
	primary.Characteristics = append(primary.Characteristics, measurement, location)
	secondary := newServiceTree(&facade.Service{UUID: echo, Handle: 0x20})
	secondary.Characteristics = append(secondary.Characteristics, newCharacteristicTree(&facade.Characteristic{UUID: facade.UUID16(0x2abc), Handle: 0xabcd}))
	return tree{
		Adapter: "hci0", Address: address(t, peer), AddressType: facade.AddressRandom, Name: "Heart Rate", MTU: 247,
		Services: []serviceTree{primary, secondary},
	}
}

func TestTreeIsDrawn(t *testing.T) {
	golden(t, "inspect.txt", sampleTree(t).text())
	nameless := tree{Adapter: "hci0", Address: address(t, peer), AddressType: facade.AddressPublic, MTU: 23}
	golden(t, "inspect-empty.txt", nameless.text())
}

func TestTreeIsOneJSONLine(t *testing.T) {
	var out bytes.Buffer
	if err := printJSON(&out, sampleTree(t)); err != nil {
		t.Fatal(err)
	}
	golden(t, "inspect.json", out.String())
}

func TestValuesArePrintedWithTheirOrigin(t *testing.T) {
	at := time.Date(2026, 1, 2, 3, 4, 5, 6000000, time.UTC)
	d := facade.Device{Address: address(t, peer), Adapter: "hci0"}
	c := &facade.Characteristic{UUID: facade.UUID16(0x2a19), Handle: 0x10}
	origin := `{"time":"2026-01-02T03:04:05.006Z","adapter":"hci0","address":"C0:FF:EE:00:00:01",` +
		`"uuid":"00002a19-0000-1000-8000-00805f9b34fb","handle":16,`
	tests := []struct {
		format      string
		value       string
		plain, json string
	}{
		{"hex", "\x00\xff", "00ff", `"value":"00ff"}`},
		{"hex", "", "", `"value":""}`},
		{"utf8", "a\n\xff", `a\n\xff`, `"value":"610aff","decoded":"a\n\ufffd"}`},
		{"u8", "\x64", "100", `"value":"64","decoded":[100]}`},
		{"u8", "", "", `"value":"","decoded":[]}`},
		{"i16", "\xff\xff\x01\x00", "-1 1", `"value":"ffff0100","decoded":[-1,1]}`},
		{"f32", "\x00\x00\xc0\x3f\x00\x00\xc0\x7f\x00\x00\x80\x7f", "1.5 NaN +Inf", `"value":"0000c03f0000c07f0000807f","decoded":[1.5,"NaN","+Inf"]}`},
	}
	for _, test := range tests {
		for _, asJSON := range []bool{false, true} {
			var out bytes.Buffer
			tool := &tool{stdout: &out, json: asJSON}
			if err := tool.printValue(d, c, formatOf(t, test.format), []byte(test.value), at); err != nil {
				t.Errorf("%s %x: %v", test.format, test.value, err)
			}
			want := test.plain
			if asJSON {
				want = origin + test.json
				if !json.Valid(out.Bytes()) {
					t.Errorf("%s %x is not JSON: %s", test.format, test.value, out.String())
				}
			}
			if got := strings.TrimSuffix(out.String(), "\n"); got != want {
				t.Errorf("%s %x is\n%s, want\n%s", test.format, test.value, got, want)
			}
		}
	}
}
