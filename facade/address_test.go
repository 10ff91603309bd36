package facade

import (
	"encoding/json"
	"strconv"
	"strings"
	"testing"
)

func quoted(s string) string { return strconv.Quote(s) }

func TestParseAddressTakesAnyCase(t *testing.T) {
	want := Address{0xAA, 0xBB, 0xCC, 0x0D, 0xEE, 0xFF}
	for _, in := range []string{"AA:BB:CC:0D:EE:FF", "aa:bb:cc:0d:ee:ff", "aA:Bb:cC:0D:eE:Ff"} {
		a, err := ParseAddress(in)
		if err != nil || a != want || a.String() != "AA:BB:CC:0D:EE:FF" {
			t.Errorf("ParseAddress(%q) = %s, %v", in, a, err)
		}
	}
	if want.IsZero() || !(Address{}).IsZero() {
		t.Error("IsZero is wrong")
	}
}

func TestParseAddressQuotesWhatIsNone(t *testing.T) {
	for _, in := range []string{
		"", "AA:BB:CC:DD:EE", "AA:BB:CC:DD:EE:FF:00", "AA-BB-CC-DD-EE-FF", "AABBCCDDEEFF", "AA:BB:CC:DD:EE:GG",
		"AA:BB:CC:DD:EE:F\n", " A:BB:CC:DD:EE:FF", "AA:BB:CC:DD:EEFF:", "hci0",
	} {
		a, err := ParseAddress(in)
		if err == nil {
			t.Errorf("ParseAddress(%q) = %s, want an error", in, a)
		} else if !strings.Contains(err.Error(), quoted(in)) {
			t.Errorf("ParseAddress(%q): %v; does not quote it", in, err)
		}
	}
}

func TestAddressInJSON(t *testing.T) {
	in := Address{1, 2, 3, 0xa, 0xb, 0xc}
	text, err := json.Marshal(in)
	if err != nil || string(text) != `"01:02:03:0A:0B:0C"` {
		t.Fatalf("%s, %v", text, err)
	}
	var out Address
	if err := json.Unmarshal(text, &out); err != nil || out != in {
		t.Errorf("came back as %s, %v", out, err)
	}
	if err := json.Unmarshal([]byte(`"x"`), &out); err == nil {
		t.Error("a bad address was unmarshalled")
	}
}

func FuzzParseAddress(f *testing.F) {
	f.Add("AA:BB:CC:DD:EE:FF")
	f.Fuzz(func(t *testing.T, in string) {
		a, err := ParseAddress(in)
		if err == nil && a.String() != strings.ToUpper(in) {
			t.Errorf("ParseAddress(%q) = %s", in, a)
		}
	})
}
