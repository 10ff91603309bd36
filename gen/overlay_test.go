package gen

import (
	"strings"
	"testing"
)

// bare is what overlays in these tests say something of.
const bare = `<node>
<interface name="org.example.Bare1">
<method name="Find"><arg type="s"/><arg name="limit" type="u"/><arg name="found" type="ao" direction="out"/></method>
<method name="Over"><arg type="s"/></method>
<method name="Over"><arg type="u"/></method>
<method name="Tell"><arg name="text" type="s"/></method>
<signal name="Lost"><arg name="object" type="o"/></signal>
<property name="State" type="s" access="readwrite">
<annotation name="io.github.gobluez.Enum" value="State"/>
<annotation name="io.github.gobluez.Value" value="idle"/>
</property>
</interface>
</node>`

// overlaid returns an overlay of bare that has the lines in its interface, from the third line on.
func overlaid(lines ...string) string {
	return "<node>\n<interface name=\"org.example.Bare1\">\n" + strings.Join(lines, "\n") + "\n</interface>\n</node>"
}

func TestOverlayRefuses(t *testing.T) {
	own := func(name, value string) string { return annotate("io.github.gobluez."+name, value) }
	tests := []struct{ name, xml, at, want string }{
		{"an interface that is not there", "<node>\n<interface name='org.example.Bear1'/></node>", "over.xml:2",
			`<interface name="org.example.Bear1">: the inputs have no such interface, expected org.example.Bare1`},
		{"a method that is not there", overlaid("<method name='Search'/>"), "over.xml:3",
			`<method name="Search">: interface org.example.Bare1 has no such method, expected one of Find, Over, Tell`},
		{"a signal that is a method", overlaid("<signal name='Find'/>"), "over.xml:3", "has no such signal, expected Lost"},
		{"a property that is not there", overlaid("", "<property name='Stat'/>"), "over.xml:4", "has no such property, expected State"},
		{"an argument that is not there", overlaid("<method name='Find'>", "<arg name='lim'/>", "<arg name='max'/></method>"), "over.xml:5",
			`<arg name="max">: no such in argument of method Find, expected one of lim, limit`},
		{"an argument of the other direction", overlaid("<method name='Find'><arg name='found'/><arg name='limit' direction='out'/></method>"), "over.xml:3",
			"no such out argument of method Find, expected found"},
		{"an argument too many", overlaid("<signal name='Lost'><arg/><arg/></signal>"), "over.xml:3", "no such argument of signal Lost, expected object"},
		{"one of several methods of one name", overlaid("<method name='Over'/>"), "over.xml:3", "has several with this name, expected the types of all arguments of one"},
		{"an annotation in the wrong place", overlaid("<property name='State'>", own("Priority", "true"), "</property>"), "over.xml:4", "expected only on <method>"},
		{"an annotation with the wrong value", overlaid(own("Role", "nobody")), "over.xml:3", "expected one of service, client, both"},
		{"values without their enumeration", overlaid("<property name='State'>", own("Value", "busy"), "</property>"), "over.xml:4", "expected after an io.github.gobluez.Enum"},
		{"a type that is none", overlaid("<property name='State' type='z'/>"), "over.xml:3", `signature "z"`},
		{"an access that is none", overlaid("<property name='State' access='none'/>"), "over.xml:3", `access "none"`},
		{"a method without reply that has results", overlaid("<method name='Find'>", annotate("org.freedesktop.DBus.Method.NoReply", "true"), "</method>"), "over.xml:3",
			"method without reply has out arguments"},
		{"arguments that are no signature any more", overlaid("<method name='Find'><arg type='s'/><arg name='limit' type='(" + strings.Repeat("u", 253) + ")'/></method>"), "over.xml:3",
			"expected at most 255"},
		{"malformed XML", "<node>\n<interface", "over.xml:2", "malformed XML"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			file, err := Parse("bare.xml", []byte(bare))
			if err != nil {
				t.Fatal(err)
			}
			before := string(FormatXML(file.Interfaces...))
			overlay, err := ParseOverlay("over.xml", []byte(tt.xml))
			if err == nil {
				_, err = Annotate([]*File{file}, overlay)
			}
			if err == nil || !strings.HasPrefix(err.Error(), tt.at+":") || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got %v, want it to begin with %s and say %q", err, tt.at, tt.want)
			}
			if after := string(FormatXML(file.Interfaces...)); after != before {
				t.Errorf("the input has changed:\n%s", unifiedDiff("before", "after", before, after))
			}
		})
	}
}

func TestOverlaysFollowEachOther(t *testing.T) {
	file, err := Parse("bare.xml", []byte(bare))
	if err != nil {
		t.Fatal(err)
	}
	var overlays []*Overlay
	for _, text := range []string{
		overlaid("<method name='Find'><arg name='pattern'>" + annotate("org.gtk.GDBus.DocString", "First.") + "</arg></method>"),
		overlaid("<method name='Find'><arg name='pattern' type='as'>"+annotate("org.gtk.GDBus.DocString", "Second.")+"</arg></method>",
			"<method name='Over'>"+annotate("org.gtk.GDBus.DocString", "Overloaded.")+"<arg type='u'/></method>",
			"<signal name='Lost'><arg>"+annotate("org.gtk.GDBus.DocString", "By place.")+"</arg></signal>",
			"<property name='State'>"+annotate("io.github.gobluez.Enum", "Other")+"</property>"),
	} {
		overlay, err := ParseOverlay("over.xml", []byte(text))
		if err != nil {
			t.Fatal(err)
		}
		overlays = append(overlays, overlay)
	}
	files, err := Annotate([]*File{file}, overlays...)
	if err != nil {
		t.Fatal(err)
	}
	got := string(FormatXML(files[0].Interfaces...))
	for _, want := range []string{
		"<arg name=\"pattern\" type=\"as\" direction=\"in\">\n        <annotation name=\"org.gtk.GDBus.DocString\" value=\"Second.\"/>\n      </arg>",
		"value=\"Overloaded.\"/>\n      <arg type=\"u\" direction=\"in\"/>",
		"<arg name=\"object\" type=\"o\">\n        <annotation name=\"org.gtk.GDBus.DocString\" value=\"By place.\"/>",
	} {
		if !strings.Contains(got, want) {
			t.Errorf("got\n%s\nwant in it\n%s", got, want)
		}
	}
	for _, replaced := range []string{"First.", `"idle"`} {
		if strings.Contains(got, replaced) {
			t.Errorf("an annotation that was replaced is there, %s:\n%s", replaced, got)
		}
	}
}

// TestOverlayOfEverythingChangesNothing applies each file of package introspection to itself.
func TestOverlayOfEverythingChangesNothing(t *testing.T) {
	introspectionFiles(t, func(name string, data []byte) {
		file, err := Parse(name, data)
		if err != nil {
			t.Fatal(err)
		}
		overlay, err := ParseOverlay(name, data)
		if err != nil {
			t.Fatal(err)
		}
		files, err := Annotate([]*File{file}, overlay)
		if err != nil {
			t.Error(err)
			return
		}
		if diff := unifiedDiff(name, "annotated", string(data), string(FormatXML(files[0].Interfaces...))); diff != "" {
			t.Error(diff)
		}
	})
}

func FuzzOverlay(f *testing.F) {
	f.Add([]byte(overlaid("<method name='Find'><arg name='pattern' type='as'/><arg/></method>", "<signal name='Lost'/>")))
	f.Add([]byte(overlaid("<method name='Over'>" + annotate("org.freedesktop.DBus.Method.NoReply", "true") + "<arg type='u'/></method>")))
	f.Add([]byte(overlaid("<property name='State' access='write'>" + annotate("io.github.gobluez.Enum", "E") + "</property>")))
	f.Add([]byte("<node>" + annotate("io.github.gobluez.Service", "a.b") + annotate("io.github.gobluez.Error", "a.E It fails.") + bare[len("<node>"):]))
	f.Fuzz(func(t *testing.T, data []byte) {
		overlay, err := ParseOverlay("over.xml", data)
		if err != nil {
			return
		}
		file, err := Parse("bare.xml", []byte(bare))
		if err != nil {
			t.Fatal(err)
		}
		files, err := Annotate([]*File{file}, overlay)
		if err != nil {
			return
		}
		// What was made is a file like any other.
		text := FormatXML(files[0].Interfaces...)
		again, err := Parse("formatted.xml", text)
		if err != nil {
			t.Fatalf("%v\n%s", err, text)
		}
		if twice := FormatXML(again.Interfaces...); string(twice) != string(text) {
			t.Errorf("formatted again:\n%s", unifiedDiff("once", "twice", string(text), string(twice)))
		}
	})
}

func TestOverlayReachesEachOfSeveralMethodsOfOneName(t *testing.T) {
	file, err := Parse("bare.xml", []byte(bare))
	if err != nil {
		t.Fatal(err)
	}
	overlay, err := ParseOverlay("over.xml", []byte(overlaid(
		"<method name='Over'><arg type='u'/>"+annotate("org.gtk.GDBus.DocString", "Numbers.")+"</method>",
		"<method name='Over'><arg type='s'/>"+annotate("org.gtk.GDBus.DocString", "Texts.")+"</method>",
	)))
	if err != nil {
		t.Fatal(err)
	}
	files, err := Annotate([]*File{file}, overlay)
	if err != nil {
		t.Fatal(err)
	}
	docs := make(map[string]string)
	for _, m := range files[0].Interfaces[0].Methods {
		docs[m.Name+" "+signatureOf(m.In)] = m.Doc
	}
	if docs["Over s"] != "Texts." || docs["Over u"] != "Numbers." {
		t.Errorf("got %q", docs)
	}
}
