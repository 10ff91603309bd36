package facade

import (
	"encoding/json"
	"strings"
	"testing"
)

func TestParseUUIDTakesEveryForm(t *testing.T) {
	const heartRate = "0000180d-0000-1000-8000-00805f9b34fb"
	for _, test := range []struct{ in, want, short string }{
		{"180d", heartRate, "180d"},
		{"180D", heartRate, "180d"},
		{"0x180D", heartRate, "180d"},
		{"0000180d", heartRate, "180d"},
		{"0X0000180D", heartRate, "180d"},
		{heartRate, heartRate, "180d"},
		{strings.ToUpper(heartRate), heartRate, "180d"},
		{strings.ReplaceAll(heartRate, "-", ""), heartRate, "180d"},
		{"12345678", "12345678-0000-1000-8000-00805f9b34fb", "12345678"},
		{"12345678-1234-5678-9abc-def012345678", "12345678-1234-5678-9abc-def012345678", "12345678-1234-5678-9abc-def012345678"},
	} {
		u, err := ParseUUID(test.in)
		if err != nil || u.String() != test.want || u.Short() != test.short {
			t.Errorf("ParseUUID(%q) = %s (%s), %v; want %s (%s)", test.in, u, u.Short(), err, test.want, test.short)
		}
	}
	if UUID16(0x180d).String() != heartRate || UUID32(0x180d) != UUID16(0x180d) {
		t.Error("short forms do not equal the long form")
	}
}

func TestParseUUIDQuotesWhatIsNone(t *testing.T) {
	for _, in := range []string{
		"", "18", "180", "180dd", "180g", "0x", "0x18", "00180d", "0x0000180d-0000-1000-8000-00805f9b34fb",
		"0000180d-0000-1000-8000-00805f9b34f", "0000180d-0000-1000-8000-00805f9b34fbf", "0000180d+0000-1000-8000-00805f9b34fb",
		"0000180g-0000-1000-8000-00805f9b34fb", "0000-180d0000-1000-8000-00805f9b34fb", "{0000180d-0000-1000-8000-00805f9b34f}",
		"0000180d000010008000.0805f9b34fb", "héart", "0000180d-0000-1000-8000-00805f9b3\xff\xff",
	} {
		u, err := ParseUUID(in)
		if err == nil {
			t.Errorf("ParseUUID(%q) = %s, want an error", in, u)
		} else if want := quoted(in); !strings.Contains(err.Error(), want) {
			t.Errorf("ParseUUID(%q): %v; does not quote it as %s", in, err, want)
		}
	}
}

func TestUUIDIsAJSONKeyAndValue(t *testing.T) {
	in := map[UUID][]UUID{UUID16(0x180d): {UUID16(0x2a37), UUID32(0x12345678)}}
	text, err := json.Marshal(in)
	if err != nil {
		t.Fatal(err)
	}
	var out map[UUID][]UUID
	if err := json.Unmarshal(text, &out); err != nil || len(out[UUID16(0x180d)]) != 2 || out[UUID16(0x180d)][1] != UUID32(0x12345678) {
		t.Errorf("%s came back as %v, %v", text, out, err)
	}
	if err := json.Unmarshal([]byte(`["18"]`), &[]UUID{}); err == nil {
		t.Error("a bad UUID was unmarshalled")
	}
}

func FuzzParseUUID(f *testing.F) {
	f.Add("180d")
	f.Add("0000180d-0000-1000-8000-00805f9b34fb")
	f.Fuzz(func(t *testing.T, in string) {
		u, err := ParseUUID(in)
		if err != nil {
			return
		}
		for _, form := range []string{u.String(), u.Short()} {
			if again, err := ParseUUID(form); err != nil || again != u {
				t.Errorf("%q: %s reads back as %s, %v", in, form, again, err)
			}
		}
	})
}
