package wire

import (
	"strings"
	"testing"

	"github.com/godbus/dbus/v5"
)

func TestSignatureGrammar(t *testing.T) {
	nested := func(n int, open, inner, end string) string {
		return strings.Repeat(open, n) + inner + strings.Repeat(end, n)
	}
	tests := []struct {
		name, sig string
		problem   string // "" for a valid signature
	}{
		{"empty", "", ""},
		{"every basic type", "ybnqiuxtdsogh", ""},
		{"variant", "v", ""},
		{"PropertiesChanged", "sa{sv}as", ""},
		{"GetManagedObjects", "a{oa{sa{sv}}}", ""},
		{"struct in struct", "((y)(ay))", ""},
		{"dictionary of structs", "a{y(sv)}", ""},
		{"32 arrays", nested(32, "a", "y", ""), ""},
		{"32 structs", nested(32, "(", "y", ")"), ""},
		{"32 arrays of 32 structs", nested(32, "a", nested(32, "(", "y", ")"), ""), ""},
		{"255 bytes", strings.Repeat("y", 255), ""},

		{"256 bytes", strings.Repeat("y", 256), "longer than 255 bytes"},
		{"unknown code", "z", "unknown or misplaced type code"},
		{"reserved code r", "r", "unknown or misplaced type code"},
		{"reserved code e", "e", "unknown or misplaced type code"},
		{"reserved code m", "m", "unknown or misplaced type code"},
		{"NUL", "y\x00", "unknown or misplaced type code"},
		{"array of nothing", "a", "ends inside a type"},
		{"array of nothing in a struct", "(a)", "unknown or misplaced type code"},
		{"open struct", "(y", "ends inside a type"},
		{"struct never opened", "y)", "unknown or misplaced type code"},
		{"struct closed as dictionary", "(y}", "unknown or misplaced type code"},
		{"struct without members", "()", "struct without members"},
		{"open empty struct", "(", "ends inside a type"},
		{"dictionary entry outside an array", "{sv}", "unknown or misplaced type code"},
		{"dictionary with variant key", "a{vs}", "dictionary key is not a basic type"},
		{"dictionary with array key", "a{ays}", "dictionary key is not a basic type"},
		{"dictionary with struct key", "a{(y)s}", "dictionary key is not a basic type"},
		{"empty dictionary", "a{}", "dictionary key is not a basic type"},
		{"dictionary of nothing", "a{", "dictionary key is not a basic type"},
		{"dictionary without value", "a{s}", "unknown or misplaced type code"},
		{"dictionary that ends at its key", "a{s", "ends inside a type"},
		{"dictionary with two values", "a{svv}", "dictionary entry is not one key and one value"},
		{"open dictionary", "a{sv", "dictionary entry is not one key and one value"},
		{"33 arrays", nested(33, "a", "y", ""), "arrays nested too deeply"},
		{"33 arrays, one in each dictionary", nested(33, "a{y", "y", "}"), "arrays nested too deeply"},
		{"33 structs", nested(33, "(", "y", ")"), "structs nested too deeply"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			if got := signatureProblem(test.sig); got != test.problem {
				t.Errorf("problem of %q = %q, want %q", test.sig, got, test.problem)
			}
			if got := signatureProblem([]byte(test.sig)); got != test.problem {
				t.Errorf("problem of the bytes %q = %q, want %q", test.sig, got, test.problem)
			}
			err := ValidSignature(test.sig)
			if (err == nil) != (test.problem == "") {
				t.Errorf("ValidSignature(%q) = %v", test.sig, err)
			}
			if err != nil && !strings.Contains(err.Error(), test.problem) {
				t.Errorf("error %q does not say %q", err, test.problem)
			}
			// Values of godbus' Signature type must exist for whatever is valid.
			if _, godbus := dbus.ParseSignature(test.sig); err == nil && godbus != nil {
				t.Errorf("godbus refuses %q: %v", test.sig, godbus)
			}
		})
	}
}

func TestVariantHoldsOneCompleteType(t *testing.T) {
	for sig, problem := range map[string]string{
		"y":                            "",
		"v":                            "",
		"a{sv}":                        "",
		"(yy)":                         "",
		"":                             "ends inside a type",
		"yy":                           "more than one complete type",
		"ayy":                          "more than one complete type",
		"(y)(y)":                       "more than one complete type",
		"z":                            "unknown or misplaced type code",
		"a":                            "ends inside a type",
		"a" + strings.Repeat("(", 255): "longer than 255 bytes",
	} {
		if got := singleProblem(sig); got != problem {
			t.Errorf("problem of %q = %q, want %q", sig, got, problem)
		}
	}
}

func TestTypeEnd(t *testing.T) {
	for _, sig := range []string{"y", "v", "ay", "aay", "(y)", "a(ya{sv})", "a{s(y(ay))}", "((y)y)"} {
		for _, rest := range []string{"", "y", "(y)", "ay"} {
			if got := typeEnd("y"+sig+rest, 1); got != 1+len(sig) {
				t.Errorf("type %q before %q ends at %d, want %d", sig, rest, got-1, len(sig))
			}
		}
	}
}
