package wire

import (
	"strings"
	"testing"
)

func TestNames(t *testing.T) {
	long := "a." + strings.Repeat("b", MaxName-2)
	tests := []struct {
		kind    string
		valid   func(string) bool
		accepts []string
		refuses []string
	}{
		{
			"object path", ValidObjectPath,
			[]string{"/", "/org", "/org/bluez/hci0/dev_00_11", "/0/_/Z", "/" + strings.Repeat("x", 1000)},
			[]string{"", "org", "//", "/org/", "/org//bluez", "/org/b-z", "/org/b.z", "/\u00e9", "/a\x00", "/@", "/[", "/`", "/{", "/:"},
		},
		{
			"interface", ValidInterface,
			[]string{"a.b", "org.bluez.Device1", "_._", "a.B9_", long},
			[]string{"", ".", "a", "a.", ".a", "a..b", "1.a", "a.1", "a.b-c", "a.\u00e9", ":1.2", long + "b"},
		},
		{
			"error name", ValidErrorName,
			[]string{"org.bluez.Error.Failed"},
			[]string{"Failed"},
		},
		{
			"member", ValidMember,
			[]string{"A", "PropertiesChanged", "_1", strings.Repeat("m", MaxName)},
			[]string{"", "1a", "a.b", "a-b", "a b", strings.Repeat("m", MaxName+1)},
		},
		{
			"bus name", ValidBusName,
			[]string{":1.42", ":1.a-b", "org.bluez", "a-b.c_d", ":a.1", "-.-", long},
			[]string{"", ":", ":1", ":1.", ":.1", "org", "org.", ".org", "org..bluez", "1.a", "a.1", "a.b:c", "a.b/c", long + "b"},
		},
	}
	for _, test := range tests {
		for _, s := range test.accepts {
			if !test.valid(s) {
				t.Errorf("%s %q: refused", test.kind, s)
			}
		}
		for _, s := range test.refuses {
			if test.valid(s) {
				t.Errorf("%s %q: accepted", test.kind, s)
			}
		}
	}
}

// The fast path looks at eight bytes at a time: a fault must be seen wherever in
// them it is, and a rare but allowed byte must not be taken for one.
func TestStringContentIsCheckedAtEveryPosition(t *testing.T) {
	tests := []struct {
		name  string
		piece string
		valid bool
	}{
		{"control character", "\x01", true},
		{"delete character", "\x7f", true},
		{"two bytes", "\u00e9", true},
		{"three bytes", "\u20ac", true},
		{"four bytes", "\U0001F600", true},
		{"noncharacter", "\uffff", true},
		{"NUL", "\x00", false},
		{"continuation byte alone", "\x80", false},
		{"overlong", "\xc0\x80", false},
		{"surrogate", "\xed\xa0\x80", false},
		{"beyond Unicode", "\xf4\x90\x80\x80", false},
		{"0xff", "\xff", false},
	}
	for _, test := range tests {
		for length := range 20 {
			for at := range length + 1 {
				s := strings.Repeat("x", at) + test.piece + strings.Repeat("x", length-at)
				if validString([]byte(s)) != test.valid {
					t.Errorf("%s at %d of %d: valid = %v, want %v", test.name, at, length, !test.valid, test.valid)
				}
			}
		}
	}
	if !validString(nil) {
		t.Error("empty string: refused")
	}
}
