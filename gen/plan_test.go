package gen

import (
	"slices"
	"strings"
	"testing"
)

func TestPlanRefuses(t *testing.T) {
	own := func(name, value string) string { return annotate("io.github.gobluez."+name, value) }
	property := func(typ string, notes ...string) string {
		return inInterface("<property name='A' type='"+typ+"' access='read'>", strings.Join(notes, "\n"), "</property>")
	}
	tests := []struct {
		name string
		xml  []string
		at   string
		want string
	}{
		{"an enumeration without values", []string{property("s", own("Enum", "E"))}, "0.xml:4", "E has no values anywhere"},
		{"an enumeration with values twice", []string{
			property("s", own("Enum", "E"), own("Value", "x")),
			strings.Replace(property("s", own("Enum", "E"), own("Value", "x")), "Thing1", "Thing2", 1),
		}, "1.xml:4", "has values at 0.xml:4 already"},
		{"a value twice", []string{property("s", own("Enum", "E"), own("Value", "x"), own("Value", "x"))}, "0.xml:6", `value "x" of enumeration E twice`},
		{"values of one Go name", []string{property("s", own("Enum", "E"), own("Value", "a-b"), own("Value", "a_b"))}, "0.xml:6", "expected =Name"},
		{"a value without letters", []string{property("s", own("Enum", "E"), own("Value", "*"))}, "0.xml:5", "value \"*\" of enumeration E has no letter or digit"},
		{"a dictionary without keys", []string{property("a{sv}", own("Dict", "D"))}, "0.xml:4", "D has no keys anywhere"},
		{"a key twice", []string{property("a{sv}", own("Dict", "D"), own("Key", "k s"), own("Key", "k u"))}, "0.xml:6", `key "k" of dictionary D twice`},
		{"a dictionary inside itself", []string{property("a{sv}", own("Dict", "D"), own("Key", "k a{sv} {dict=D}"))}, "0.xml:5", "D contains itself"},
		{"an enumeration of what is no string", []string{property("u", own("Enum", "E"), own("Value", "x"))}, "0.xml:3", "expected a type with a string"},
		{"a dictionary of what is none", []string{property("a{ss}", own("Dict", "D"), own("Key", "k s"))}, "0.xml:3", "expected a type with a{sv}"},
		{"a variant where there is none", []string{property("s", own("Variant", "u"))}, "0.xml:3", "expected a type with a variant"},
		{"a struct where there is none", []string{property("s", own("Struct", "S A"))}, "0.xml:3", "has only 0 structs"},
		{"a struct without fields", []string{property("(ss)", own("Struct", "S"))}, "0.xml:4", "S has no fields anywhere"},
		{"a struct of a key where there is none", []string{property("a{sv}", own("Dict", "D"), own("Key", "k s {struct=S}"))}, "0.xml:5", "has only 0 structs"},
		{"a struct with too few fields", []string{property("(ss)", own("Struct", "S A"))}, "0.xml:4", "expected 2"},
		{"two structs of one name", []string{inInterface(
			"<property name='A' type='(s)' access='read'>"+own("Struct", "S X")+"</property>",
			"<property name='B' type='(u)' access='read'>"+own("Struct", "S X")+"</property>",
		)}, "0.xml:4", "struct S differs from the one at 0.xml:3"},
		{"two interfaces of one name", []string{inInterface("<method name='A'/>"), inInterface("<method name='B'/>")}, "1.xml:2", "differs from the one at 0.xml:2"},
		{"two things with one Go name", []string{inInterface(own("Enum", "Thing1"), own("Value", "x"))}, "0.xml:3", "Thing1 of interface org.example.Thing1"},
		{"two methods with one chosen name", []string{inInterface("<method name='a'>"+own("GoName", "X")+"</method>", "<method name='b'>"+own("GoName", "X")+"</method>")},
			"0.xml:3", "method a cannot have the Go name X, which something else has"},
		{"a method with a chosen name that the generated code needs", []string{inInterface("<method name='a'>" + own("GoName", "Get") + "</method>")}, "0.xml:3", "method a cannot have the Go name Get"},
		{"a property with a chosen name that the generated code needs", []string{property("s", own("GoName", "GetAll"))}, "0.xml:3", "property A cannot have the Go name GetAll"},
		{"a signal with a chosen name that a property has", []string{inInterface("<signal name='a'>"+own("GoName", "X")+"</signal>", "<property name='OnX' type='s' access='read'/>")},
			"0.xml:3", "signal a cannot have the Go name X"},
		{"a chosen name that another method has for lack of a better one", []string{inInterface("<method name='A'/>", "<method name='a'/>", "<method name='b'>"+own("GoName", "X_a")+"</method>")},
			"0.xml:5", "method b has the Go name X_a of method a"},
		{"two keys with one chosen name", []string{property("a{sv}", own("Dict", "D"), own("Key", "k s {go=X}"), own("Key", "l s {go=X}"))}, "0.xml:5", `key "k" of dictionary D cannot have the Go name X`},
		{"two interfaces with one chosen name", []string{
			inInterface(own("GoName", "X")), strings.Replace(inInterface(own("GoName", "X")), "Thing1", "Thing2", 1),
		}, "1.xml:2", "has the Go name X of interface org.example.Thing1 at 0.xml:2"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var sources []Source
			for i, text := range tt.xml {
				sources = append(sources, Source{Name: string('0'+rune(i)) + ".xml", Data: []byte(text)})
			}
			_, err := Generate(sources, nil, Options{Package: "p"})
			if err == nil {
				t.Fatal("no error")
			}
			if !strings.HasPrefix(err.Error(), tt.at+":") || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got %q, want it to begin with %s and say %q", err, tt.at, tt.want)
			}
		})
	}
}

func TestPlanRefusesPackageNames(t *testing.T) {
	for _, name := range []string{"", "my-package", "func", "_", "1st"} {
		if _, err := Plan(nil, nil, Options{Package: name}); err == nil || !strings.Contains(err.Error(), "expected a Go identifier") {
			t.Errorf("package %q: %v", name, err)
		}
	}
}

func TestSameInterfaceInTwoFilesIsOne(t *testing.T) {
	sources := []Source{
		{Name: "a.xml", Data: []byte(inInterface("<method name='A'/>"))},
		{Name: "b.xml", Data: []byte(strings.Replace(inInterface("<method name='A'/>"), "<node>", "<node name='/x'>", 1))},
	}
	outputs, err := Generate(sources, nil, Options{Package: "p"})
	if err != nil || len(outputs) != 2 || outputs[1].Name != "thing1.go" {
		t.Errorf("got %d outputs, %v", len(outputs), err)
	}

	// Of two descriptions that differ in annotations only, that of the first file by name holds, in whatever order they come.
	sources[0].Data = []byte(inInterface("<method name='A'>" + annotate("org.gtk.GDBus.DocString", "Does it.") + "</method>"))
	for range 2 {
		outputs, err := Generate(sources, nil, Options{Package: "p"})
		if err != nil || !strings.Contains(string(outputs[1].Content), "// A does it.\n") {
			t.Errorf("got %v, %s", err, outputs[1].Content)
		}
		slices.Reverse(sources)
	}
}

func TestSourceThatDoesNotParseIsShownWithLineNumbers(t *testing.T) {
	src := (&emitter{pkg: &Package{Options: Options{Package: "p"}}}).source("input: x.xml")
	src.tail = "\nfunc {\n"
	_, err := src.format("x.go")
	if err == nil || !strings.Contains(err.Error(), "generated source of x.go does not parse") || !strings.Contains(err.Error(), "    7\tfunc {\n") {
		t.Errorf("got %v", err)
	}
}

func TestPlanRefusesModelsThatAreIncomplete(t *testing.T) {
	text := &Type{Code: 's'}
	tests := []struct {
		name  string
		iface Interface
		want  string
	}{
		{"no interface name", Interface{}, "<interface>: expected an interface name"},
		{"no method name", Interface{Name: "a.B", Methods: []*Method{{}}}, "<method>: expected a member name"},
		{"no type", Interface{Name: "a.B", Signals: []*Signal{{Name: "S", Args: []*Arg{{Name: "x"}}}}}, `<arg name="x">: expected a type with all its parts`},
		{"an array of nothing", Interface{Name: "a.B", Properties: []*Property{{Name: "P", Readable: true, Type: &Type{Code: 'a'}}}}, `<property name="P">: expected a type`},
		{"a dictionary without keys", Interface{Name: "a.B", Methods: []*Method{{Name: "M", Out: []*Arg{{Type: &Type{Code: '{', Elem: text}}}}}}, "expected a type"},
		{"a struct of nothing", Interface{Name: "a.B", Properties: []*Property{{Name: "P", Readable: true, Type: &Type{Code: '('}}}}, "at least one member"},
		{"a code that is none", Interface{Name: "a.B", Properties: []*Property{{Name: "P", Readable: true, Type: &Type{Code: 'z'}}}}, `signature "z"`},
		{"no access", Interface{Name: "a.B", Properties: []*Property{{Name: "P", Type: text}}}, "can be read or written"},
		{"a key without a type", Interface{Name: "a.B", Annotations: Annotations{Dicts: []*DictDecl{{Name: "D", Keys: []DictKey{{Name: "k"}}}}}}, "Key"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := Plan([]*File{{Name: "x", Interfaces: []*Interface{&tt.iface}}}, nil, Options{Package: "p"})
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got %v, want %q", err, tt.want)
			}
		})
	}
}
