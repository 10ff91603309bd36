package gen

import (
	"strings"
	"testing"
)

// planned returns a package of one interface that has the lines in it.
func planned(t *testing.T, o Options, lines ...string) *Package {
	t.Helper()
	file, err := Parse(o.Package+".xml", []byte(inInterface(lines...)))
	if err != nil {
		t.Fatal(err)
	}
	pkg, err := Plan([]*File{file}, nil, o)
	if err != nil {
		t.Fatal(err)
	}
	return pkg
}

func TestReuse(t *testing.T) {
	own := func(name, value string) string { return annotate("io.github.gobluez."+name, value) }
	property := func(typ string, notes ...string) string {
		return "<property name='A' type='" + typ + "' access='read'>" + strings.Join(notes, "") + "</property>"
	}
	enum := property("s", own("Enum", "E"), own("Value", "on"), own("Value", "off=Out"))
	dict := property("a{sv}", own("Dict", "D"), own("Key", "k s {enum=E}"), own("Key", "n u {go=Number}"))
	structure := property("(su)", own("Struct", "S Name Count"))
	failing := "<method name='M'>" + own("Error", "org.example.Error.Busy") + "</method>"

	first := planned(t, Options{Package: "first", Path: "example.com/first", Prefix: "First"}, enum, strings.Replace(dict, "'A'", "'B'", 1),
		"<property name='C' type='(uu)' access='read'>"+own("Struct", "Pair Left Right")+"</property>")
	second := planned(t, Options{Package: "second", Path: "example.com/v2/second"}, enum, strings.Replace(structure, "'A'", "'B'", 1), failing)
	tests := []struct {
		name string
		line string
		want []string
	}{
		{"an enumeration that is named", property("s", own("Enum", "E")), []string{"value first.FirstE,", "return first.FirstEOut\n", "case first.FirstEOn:"}},
		{"an enumeration that is declared in the same way", property("as", own("Enum", "E Another text."), own("Value", "on Too."), own("Value", "off=Out")), []string{"value []first.FirstE,"}},
		{"an enumeration with a value more", property("s", own("Enum", "E"), own("Value", "on"), own("Value", "off=Out"), own("Value", "blue")), []string{"value E,", "EBlue E ="}},
		{"an enumeration with another Go name", property("s", own("Enum", "E"), own("Value", "on"), own("Value", "off")), []string{"value E,", "EOff E ="}},
		{"a dictionary that is named", property("aa{sv}", own("Dict", "D")), []string{"value []first.FirstD,", "v.K = decodeE(d)", "v.Number = bus.Some(d.Uint32())"}},
		{"a dictionary that is declared in the same way", dict, []string{"value first.FirstD,"}},
		{"a dictionary with another type", strings.Replace(dict, "n u", "n t", 1), []string{"value D,", "Number bus.Opt[uint64]", "K      first.FirstE"}},
		{"a dictionary with another Go name", strings.Replace(dict, "go=Number", "go=N", 1), []string{"value D,", "N bus.Opt[uint32]"}},
		{"a struct of a package with a prefix", property("(uu)", own("Struct", "Pair Left Right")), []string{"value first.FirstPair,"}},
		{"a struct that is named in the same way", structure, []string{"value second.S,", "decodeS(d *wire.Decoder) (v second.S)"}},
		{"a struct with another field", strings.Replace(structure, "Count", "Number", 1), []string{"value S,", "Number uint32"}},
		{"a struct of another type", strings.Replace(structure, "(su)", "(st)", 1), []string{"value S,", "Count uint64"}},
		{"an error", failing, []string{"//   - [second.ErrBusy]\n"}},
		{"an argument with the name of the package", "<method name='M'><arg name='first' type='s'/><arg name='o' type='a{sv}'>" + own("Dict", "D") + "</arg></method>",
			[]string{"M(ctx context.Context, firstArg string, o first.FirstD) error"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			pkg := planned(t, Options{Package: "p", File: "p.go", Reuse: []*Package{first, second}}, tt.line)
			outputs, err := pkg.Emit()
			if err != nil {
				t.Fatal(err)
			}
			src := string(outputs[0].Content)
			for _, want := range tt.want {
				if !strings.Contains(src, want) {
					t.Errorf("generated code lacks %s\n%s", want, src)
				}
			}
			for _, unwanted := range []string{"type E string", "type D struct", "type S struct", "ErrBusy ="} {
				declared, _, _ := strings.Cut(strings.TrimPrefix(unwanted, "type "), " ")
				if strings.Contains(src, unwanted) && !strings.Contains(strings.Join(tt.want, "\n"), "value "+declared+",") {
					t.Errorf("generated code has %s again", unwanted)
				}
			}
		})
	}
}
