package gen

import (
	"strings"
	"testing"
)

func TestParseTypeAcceptsCompleteTypes(t *testing.T) {
	for _, signature := range []string{
		"y", "b", "n", "q", "i", "u", "x", "t", "d", "s", "o", "g", "h", "v",
		"ay", "aas", "a{sv}", "a{oa{sa{sv}}}", "(s)", "(y(as)v)", "a(yyay)", "a{s(uv)}",
		strings.Repeat("a", 32) + "y",
		strings.Repeat("(", 32) + "y" + strings.Repeat(")", 32),
	} {
		got, err := ParseType(signature)
		if err != nil {
			t.Errorf("ParseType(%q): %v", signature, err)
		} else if got.String() != signature {
			t.Errorf("ParseType(%q).String() = %q", signature, got)
		}
	}
}

func TestParseTypeRefusesOthers(t *testing.T) {
	tests := []struct{ signature, want string }{
		{"", "expected a type, found the end"},
		{"a", "expected a type, found the end"},
		{"z", `expected a type, found 'z'`},
		{"ss", `expected one complete type, found "s" after it`},
		{"()", "struct with at least one member"},
		{"(s", "expected a type, found the end"},
		{"s)", `expected one complete type, found ")" after it`},
		{"{sv}", "dictionary entry only as the element of an array"},
		{"a{vs}", "basic type as the key"},
		{"a{", "basic type as the key"},
		{"a{s}", "expected a type, found '}'"},
		{"a{svs}", "expected } after the key and the value"},
		{strings.Repeat("a", 33) + "y", "at most 32 nested arrays"},
		{strings.Repeat("(", 33) + "y" + strings.Repeat(")", 33), "at most 32 nested structs"},
		{strings.Repeat("(y", 130) + strings.Repeat(")", 130), "at most 255"},
	}
	for _, tt := range tests {
		got, err := ParseType(tt.signature)
		if err == nil {
			t.Errorf("ParseType(%q) = %v, want an error", tt.signature, got)
		} else if !strings.Contains(err.Error(), tt.want) {
			t.Errorf("ParseType(%q): %v, want %q", tt.signature, err, tt.want)
		}
	}
}
