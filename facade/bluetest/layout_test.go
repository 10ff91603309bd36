package bluetest

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/gobluez/bluez/bluezgen"
)

func TestMistakesInServicesAreNamedAtStart(t *testing.T) {
	of := func(c ...Characteristic) []Service { return []Service{{UUID: "180d", Characteristics: c}} }
	for _, test := range []struct {
		name     string
		services []Service
		want     []string
	}{
		{"UUID of a service", []Service{{UUID: "heart"}}, []string{"service", `"heart"`}},
		{"no UUID", []Service{{}}, []string{"service", `""`}},
		{"UUID with hyphens elsewhere", []Service{{UUID: "0000180d0000-1000-8000-00805f9b34fb---"}}, []string{"0000180d0000"}},
		{"UUID of a characteristic", of(Characteristic{UUID: "2a3"}), []string{"service 180d", "characteristic", `"2a3"`}},
		{"UUID of a descriptor", of(Characteristic{UUID: "2a37", Descriptors: []Descriptor{{UUID: "29zz"}}}), []string{"characteristic 2a37", `"29zz"`}},
		{"flag of a characteristic", of(Characteristic{UUID: "2a37", Flags: flags(fRead, "notfy")}), []string{"characteristic 2a37", `"notfy"`}},
		{"flag of a descriptor", of(Characteristic{UUID: "2a37", Descriptors: []Descriptor{{UUID: "2901", Flags: []bluezgen.DescriptorFlag{"notify"}}}}),
			[]string{"descriptor 2901", `"notify"`}},
		{"value", of(Characteristic{UUID: "2a37", Value: make([]byte, 513)}), []string{"characteristic 2a37", "513"}},
		{"value of a descriptor", of(Characteristic{UUID: "2a37", Descriptors: []Descriptor{{UUID: "2901", Value: make([]byte, 600)}}}),
			[]string{"descriptor 2901", "600"}},
		{"two services of one handle", []Service{{UUID: "180d", Handle: 5}, {UUID: "180f", Handle: 5}}, []string{"service 180f", "0x0005 is that of service 180d"}},
		{"handle of a value", of(Characteristic{UUID: "2a37", Handle: 20}, Characteristic{UUID: "2a38", Handle: 21}),
			[]string{"characteristic 2a38", "0x0015", "value", "2a37"}},
		{"handle of a descriptor", of(Characteristic{UUID: "2a37", Handle: 20, Descriptors: []Descriptor{{UUID: "2901", Handle: 21}}}),
			[]string{"descriptor 2901", "0x0015", "2a37"}},
		{"descending handles", of(Characteristic{UUID: "2a37", Handle: 20}, Characteristic{UUID: "2a38", Handle: 10}),
			[]string{"characteristic 2a38", "0x000a", "0x0015", "2a37"}},
		{"no handle is left", of(Characteristic{UUID: "2a37", Handle: 0xffff}), []string{"value", "2a37", "no handle"}},
		{"no room for a configuration", of(
			Characteristic{UUID: "2a37", Handle: 20, Flags: flags(fNotify)}, Characteristic{UUID: "2a38", Handle: 22}),
			[]string{"2a38", "0x0016", "2902"}},
		{"include of nothing", []Service{{UUID: "180d", Includes: []uint16{0x77}}}, []string{"service 180d", "0x0077"}},
		{"two configurations", of(Characteristic{UUID: "2a37", Flags: flags(fNotify), Descriptors: []Descriptor{{UUID: "2902"}, {UUID: "2902"}}}),
			[]string{"2a37", "2902"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			w, err := New(t.Context(), Device{Address: benchAddress, Services: test.services})
			if err == nil {
				w.Close()
				t.Fatal("no error")
			}
			for _, want := range append(test.want, benchAddress) {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("error %q does not tell %s", err, want)
				}
			}
		})
	}
}

// show returns a tree as "service handle UUID" and so on, one a line.
func show(services []*service) (lines []string) {
	for _, s := range services {
		lines = append(lines, fmt.Sprintf("%x %s to %x", s.handle, shortUUID(s.uuid), s.end))
		for _, c := range s.characteristics {
			lines = append(lines, fmt.Sprintf("  %x %s %v", c.handle, shortUUID(c.uuid), c.flags))
			for _, d := range c.descriptors {
				lines = append(lines, fmt.Sprintf("    %x %s % x", d.handle, shortUUID(d.uuid), d.value))
			}
		}
	}
	return lines
}

func TestHandlesAndDescriptorsAreGiven(t *testing.T) {
	standard := []string{
		"1 1800 to 5", "  2 2a00 [read]", "  4 2a01 [read]",
		"6 1801 to 9", "  7 2a05 [indicate]", "    9 2902 ",
	}
	for _, test := range []struct {
		name     string
		services []Service
		want     []string
	}{
		{"no services", nil, standard},
		{"no handles", []Service{
			{UUID: "180D", Characteristics: []Characteristic{
				{UUID: "2a37", Flags: flags(fNotify), Descriptors: []Descriptor{{UUID: "2901"}}},
				{UUID: "2a38", Flags: flags(fRead)},
			}},
			{UUID: "aa00", Includes: []uint16{0x0a}, Characteristics: []Characteristic{{UUID: "aa01", Flags: flags(fIndicate)}}},
		}, append(slices.Clone(standard),
			"a 180d to 10", "  b 2a37 [notify]", "    d 2902 ", "    e 2901 ", "  f 2a38 [read]",
			"11 aa00 to 15", "  13 aa01 [indicate]", "    15 2902 ")},
		{"own standard services", []Service{
			{UUID: "1801", Handle: 1},
			{UUID: "1800", Handle: 0x14, Characteristics: []Characteristic{{UUID: "2a00", Handle: 0x16, Flags: flags(fRead)}}},
		}, []string{"1 1801 to 1", "14 1800 to 17", "  16 2a00 [read]"}},
		{"handles that leave no room in front", []Service{{UUID: "180d", Handle: 2, Characteristics: []Characteristic{{UUID: "2a38", Handle: 8, Flags: flags(fRead)}}}},
			[]string{"2 180d to 9", "  8 2a38 [read]", "a 1800 to e", "  b 2a00 [read]", "  d 2a01 [read]", "f 1801 to 12", "  10 2a05 [indicate]", "    12 2902 "}},
		{"handles that leave room in front", []Service{{UUID: "180d", Characteristics: []Characteristic{{UUID: "2a38", Handle: 0x20, Flags: flags(fRead)}}}},
			append(slices.Clone(standard), "a 180d to 21", "  20 2a38 [read]")},
		{"flags", []Service{{UUID: "1800", Handle: 1}, {UUID: "1801"}, {UUID: "aa00", Characteristics: []Characteristic{
			{UUID: "aa01", Flags: flags(bluezgen.CharacteristicFlagReliableWrite, bluezgen.CharacteristicFlagEncryptRead)},
			{UUID: "aa02", Flags: flags(bluezgen.CharacteristicFlagWritableAuxiliaries, bluezgen.CharacteristicFlagSecureWrite, fNotify),
				Descriptors: []Descriptor{{UUID: "2904", Handle: 0x20, Value: []byte{1}}}},
			{UUID: "aa03", Flags: flags(bluezgen.CharacteristicFlagEncryptNotify, bluezgen.CharacteristicFlagEncryptAuthenticatedIndicate, fCommand)},
		}}}, []string{
			"1 1800 to 1", "2 1801 to 2", "3 aa00 to 25",
			"  4 aa01 [read extended-properties reliable-write]", "    6 2900 01 00",
			"  7 aa02 [write notify extended-properties writable-auxiliaries]", "    20 2904 01", "    21 2900 02 00", "    22 2902 ",
			"  23 aa03 [write-without-response notify indicate]", "    25 2902 ",
		}},
	} {
		t.Run(test.name, func(t *testing.T) {
			services, err := layOut(withStandardServices(&Device{}, test.services))
			if err != nil {
				t.Fatal(err)
			}
			if got := show(services); !slices.Equal(got, test.want) {
				t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(test.want, "\n"))
			}
		})
	}
}

func TestUUIDs(t *testing.T) {
	for _, test := range []struct{ in, long, short string }{
		{"180D", "0000180d-0000-1000-8000-00805f9b34fb", "180d"},
		{"A000180D", "a000180d-0000-1000-8000-00805f9b34fb", "a000180d"},
		{"0000180D", "0000180d-0000-1000-8000-00805f9b34fb", "180d"},
		{UARTService, UARTService, UARTService},
	} {
		if long, err := parseUUID(test.in); err != nil || long != test.long || shortUUID(test.in) != test.short {
			t.Errorf("%s: %s, %v, in short %s", test.in, long, err, shortUUID(test.in))
		}
	}
	if longUUID("nonsense") != "nonsense" {
		t.Error("nonsense has become a UUID")
	}
}
