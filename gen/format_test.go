package gen

import (
	"io/fs"
	"os"
	"strings"
	"testing"
)

// introspectionFiles calls f with each file of package introspection.
func introspectionFiles(t *testing.T, f func(name string, data []byte)) {
	t.Helper()
	dir := os.DirFS("../introspection")
	n := 0
	err := fs.WalkDir(dir, ".", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.HasSuffix(path, ".xml") || strings.HasPrefix(path, "testdata/") {
			return err
		}
		data, err := fs.ReadFile(dir, path)
		if err != nil {
			return err
		}
		n++
		f(path, data)
		return nil
	})
	if err != nil || n == 0 {
		t.Fatalf("%d files of package introspection, %v", n, err)
	}
}

func TestFormattedXMLIsWhatWasParsed(t *testing.T) {
	introspectionFiles(t, func(name string, data []byte) {
		file, err := Parse(name, data)
		if err != nil {
			t.Error(err)
			return
		}
		if diff := unifiedDiff(name, "formatted", string(data), string(FormatXML(file.Interfaces...))); diff != "" {
			t.Errorf("a file that is laid out well is not formatted as it is:\n%s", diff)
		}
	})
}

func TestFormatXML(t *testing.T) {
	tests := []struct{ name, xml, want string }{
		{
			"what bluetoothd prints",
			`<node><interface name="a.B"><method name="M"><arg name="x" type="s" direction="in"/></method><signal name="S"></signal>` +
				`<property name="P" type="u" access="readwrite"></property></interface><node name="child"/></node>`,
			`<node>
  <interface name="a.B">
    <method name="M">
      <arg name="x" type="s" direction="in"/>
    </method>
    <signal name="S"/>
    <property name="P" type="u" access="readwrite"/>
  </interface>
</node>
`,
		},
		{
			"a file in an order of its own, with annotations behind members",
			`<node>
<interface name="a.B">
<property name="P" type="u" access="write"/>
<method name="M">
<arg type="s" direction="out"/>
<arg type="s"/>
<annotation name="org.example.Note" value="a &lt; &quot;b&quot; &amp;&#10;c"/>
</method>
<annotation name="org.freedesktop.DBus.Deprecated" value="true"/>
</interface>
</node>`,
			`<node>
  <interface name="a.B">
    <annotation name="org.freedesktop.DBus.Deprecated" value="true"/>
    <property name="P" type="u" access="write"/>
    <method name="M">
      <annotation name="org.example.Note" value="a &lt; &quot;b&quot; &amp;&#10;c"/>
      <arg type="s" direction="out"/>
      <arg type="s" direction="in"/>
    </method>
  </interface>
</node>
`,
		},
		{
			"nodes of two services, one with errors",
			`<node><node name="n">` + annotate("io.github.gobluez.Service", "a.s") +
				annotate("io.github.gobluez.Error", "a.Error When it fails.") + `<interface name="a.B"/></node><interface name="a.A"/></node>`,
			`<node>
  <interface name="a.A"/>
  <node name="a_s">
    <annotation name="io.github.gobluez.Service" value="a.s"/>
    <interface name="a.B">
      <annotation name="io.github.gobluez.Error" value="a.Error When it fails."/>
    </interface>
  </node>
</node>
`,
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			file, err := Parse("x.xml", []byte(tt.xml))
			if err != nil {
				t.Fatal(err)
			}
			got := FormatXML(file.Interfaces...)
			if diff := unifiedDiff("want", "got", formatDoctype+tt.want, string(got)); diff != "" {
				t.Error(diff)
			}
			again, err := Parse("y.xml", got)
			if err != nil {
				t.Fatal(err)
			}
			if twice := FormatXML(again.Interfaces...); string(twice) != string(got) {
				t.Errorf("formatted again, it is\n%s", twice)
			}
		})
	}
}

// TestFormattedXMLGivesTheSameCode generates each golden case from its inputs as FormatXML writes them.
func TestFormattedXMLGivesTheSameCode(t *testing.T) {
	for _, c := range goldenCases(t) {
		var formatted []Source
		for _, source := range c.sources("in") {
			file, err := Parse(source.Name, source.Data)
			if err != nil {
				t.Fatal(err)
			}
			formatted = append(formatted, Source{Name: source.Name, Data: FormatXML(file.Interfaces...)})
		}
		want := c.generate(t)
		for i, out := range c.generateFrom(t, formatted) {
			if diff := unifiedDiff(want[i].Name, "from formatted XML", string(want[i].Content), string(out.Content)); diff != "" {
				t.Errorf("%s: %s", c.name, diff)
			}
		}
	}
}

func FuzzFormatXML(f *testing.F) {
	f.Add([]byte(bare))
	f.Add([]byte(randomInterfaces(1)))
	broken := annotate("io.github.gobluez.Error", "a.E Outside.")
	f.Add([]byte("<node>" + broken + "<node>" + broken + "<interface name='a.b'>" + strings.Replace(broken, "Outside", "Inside", 1) + "</interface></node></node>"))
	f.Fuzz(func(t *testing.T, data []byte) {
		file, err := Parse("fuzz.xml", data)
		if err != nil {
			return
		}
		text := FormatXML(file.Interfaces...)
		again, err := Parse("formatted.xml", text)
		if err != nil {
			t.Fatalf("%v\n%s", err, text)
		}
		if twice := FormatXML(again.Interfaces...); string(twice) != string(text) {
			t.Errorf("formatted again:\n%s", unifiedDiff("once", "twice", string(text), string(twice)))
		}
	})
}
