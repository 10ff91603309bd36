package gen

import (
	"errors"
	"fmt"
	"go/ast"
	goparser "go/parser"
	"go/token"
	"go/types"
	"strings"
	"testing"
)

// inInterface puts lines into an interface, of which the first stands in line 3.
func inInterface(lines ...string) string {
	return "<node>\n<interface name=\"org.example.Thing1\">\n" + strings.Join(lines, "\n") + "\n</interface>\n</node>\n"
}

func annotate(name, value string) string {
	return fmt.Sprintf("<annotation name='%s' value='%s'/>", name, value)
}

func TestParseRefuses(t *testing.T) {
	own := func(name, value string) string { return annotate("io.github.gobluez."+name, value) }
	tests := []struct {
		name string
		xml  string
		line int
		want []string // element and what was expected
	}{
		{"an empty file", "", 1, []string{"expected <node>"}},
		{"text alone", "\n\nhello", 1, []string{"expected <node>"}},
		{"another root", "<nodes/>", 1, []string{"<nodes>", "expected one <node>"}},
		{"two roots", "<node/>\n<node/>", 2, []string{"<node>", "one <node> as the root"}},
		{"a file that ends early", "<node>\n<interface name='a.b'>\n", 3, []string{`<interface name="a.b">`, "unexpected EOF, expected </interface>"}},
		{"a file that ends early in an element of others", "<node xmlns:x='y'>\n<x:doc><x:b>words", 2, []string{"<doc>", "unexpected EOF, expected </doc>"}},
		{"a file that ends inside a tag", "<node>\n<interface name='a.b", 2, []string{"<node>", "unexpected EOF, expected </node>"}},
		{"a file that ends inside its first tag", "\n<node", 2, []string{"unexpected EOF, expected a whole <node>"}},
		{"tags that do not match", "<node>\n<interface name='a.b'>\n</node>", 3, []string{`<interface name="a.b">`, "malformed XML"}},
		{"an attribute without quotes", "<node>\n<interface name=a.b/>\n</node>", 2, []string{"<node>", "unquoted or missing attribute value"}},
		{"another encoding", "<?xml version='1.0' encoding='latin1'?>\n<node/>", 1, []string{"malformed XML", "latin1"}},
		{"bytes that are not UTF-8", "<node>\n<!-- \xff --></node>", 2, []string{"expected a file in UTF-8"}},
		{"UTF-16", "\xff\xfe<\x00n\x00o\x00d\x00e\x00/\x00>\x00", 1, []string{"expected a file in UTF-8"}},
		{"an entity that only a DTD elsewhere may declare, as a type", "<!DOCTYPE node PUBLIC 'a' 'b'>\n" + inInterface("<property name='A' type='&T;' access='read'/>"), 4, []string{`<property name="A">`, `"&T;"`}},
		{"a long entity", "\n<!DOCTYPE node [<!ENTITY T '" + strings.Repeat("x", 1001) + "'>]>\n<node/>", 2, []string{"<!DOCTYPE>", "entity T of 1001 bytes, expected at most 1000"}},
		{"very many entities", "<!DOCTYPE node [<!ENTITY T 'x'>]>\n<node><x:y>" + strings.Repeat("&T;", 10001) + "</x:y></node>", 1, []string{"<!DOCTYPE>", "more than 10000 references"}},
		{"an unknown entity", "<node>\n<interface name='&what;.b'/></node>", 2, []string{"invalid character entity"}},
		{"text in an element", inInterface("words", "more"), 2, []string{"<interface", "text inside, expected only <annotation>, <method>"}},
		{"an unknown element", inInterface("<methd name='X'/>"), 3, []string{`<methd name="X">`, "expected <annotation>, <method>, <property>, <signal>"}},
		{"an element in the wrong place", "<node>\n<method name='X'/>\n</node>", 2, []string{`<method name="X">`, "inside <node>", "<interface>"}},
		{"an unknown attribute", inInterface("<method nam='X'/>"), 3, []string{"<method>", "unknown attribute nam, expected name"}},
		{"a missing name", inInterface("<signal/>"), 3, []string{"<signal>", "no attribute name"}},
		{"an attribute twice", inInterface("<signal name='A' name='A'/>"), 3, []string{"<signal", "attribute name twice"}},
		{"an interface name of one element", "<node>\n<interface name='thing'/></node>", 2, []string{`<interface name="thing">`, "expected an interface name"}},
		{"an interface name that is too long", "<node>\n<interface name='a." + strings.Repeat("b", 254) + "'/></node>", 2, []string{"at most 255"}},
		{"an interface name with a dash", "<node>\n<interface name='org.my-example.Thing'/></node>", 2, []string{`<interface name="org.my-example.Thing">`, "letters, digits and underscores"}},
		{"an interface name with an element that begins with a digit", "<node>\n<interface name='org.3com.Thing'/></node>", 2, []string{`"org.3com.Thing"`, "none beginning with a digit"}},
		{"an interface name with an empty element", "<node>\n<interface name='org..Thing'/></node>", 2, []string{`"org..Thing"`, "expected an interface name"}},
		{"a property without a name", inInterface("<property name='' type='s' access='read'/>"), 3, []string{`<property name="">`, "not empty"}},
		{"a property twice", inInterface("<property name='a-b' type='s' access='read'/>", "<property name='a-b' type='u' access='read'/>"), 4, []string{`<property name="a-b">`, "in line 3 already"}},
		{"a signal twice", inInterface("<signal name='A'><arg type='s'/></signal>", "<signal name='A'><arg name='x' type='s'/></signal>"), 4, []string{`<signal name="A">`, "in line 3 already"}},
		{"a member name with a dash", inInterface("<method name='A-B'/>"), 3, []string{`<method name="A-B">`, "expected a member name"}},
		{"a member name that begins with a digit", inInterface("<signal name='1A'/>"), 3, []string{`<signal name="1A">`, "expected a member name"}},
		{"a member twice", inInterface("<method name='A'/>", "", "<method name='A'/>"), 5, []string{`<method name="A">`, "in line 3 already"}},
		{"no type", inInterface("<property name='A' access='read'/>"), 3, []string{`<property name="A">`, "no attribute type"}},
		{"a bad signature", inInterface("<property name='A' access='read' type='a{vs}'/>"), 3, []string{`<property name="A">`, `"a{vs}"`, "basic type as the key"}},
		{"two types of one property", inInterface("<property name='A' access='read' type='ss'/>"), 3, []string{`<property name="A">`, "one complete type"}},
		{"a bad access", inInterface("<property name='A' access='rw' type='s'/>"), 3, []string{`<property name="A">`, "expected read, write or readwrite"}},
		{"a bad direction", inInterface("<method name='A'>", "<arg name='x' type='s' direction='inout'/>", "</method>"), 4, []string{`<arg name="x">`, "expected in or out"}},
		{"a signal's argument with a bad direction", inInterface("<signal name='A'>", "<arg name='x' type='s' direction='up'/>", "</signal>"), 4, []string{`<arg name="x">`, "expected out or none"}},
		{"arguments longer than a signature", inInterface("<method name='A'>" + strings.Repeat("<arg type='(yyyyyyyyyyyyyyyyyyyyyyyyy)'/>", 10) + "</method>"), 3, []string{`<method name="A">`, "in arguments", "at most 255"}},
		{"results without a reply", inInterface("<method name='A'>", annotate("org.freedesktop.DBus.Method.NoReply", "true"), "<arg type='s' direction='out'/>", "</method>"), 3, []string{`<method name="A">`, "expected none"}},
		{"a boolean that is none", inInterface("<method name='A'>", annotate("org.freedesktop.DBus.Method.NoReply", "yes"), "</method>"), 4, []string{`<method name="A">`, "expected one of true, false"}},
		{"nodes nested too deeply", strings.Repeat("<node>", 65) + strings.Repeat("</node>", 65), 1, []string{"<node>", "at most 64 levels"}},

		{"an unknown annotation of ours", inInterface("<method name='A'>", own("Dcit", "X"), "</method>"), 4, []string{`<annotation name="io.github.gobluez.Dcit">`, "unknown annotation", "Priority"}},
		{"an annotation in the wrong place", inInterface("<signal name='A'>", own("Priority", "true"), "</signal>"), 4, []string{"Priority", `<signal name="A">`, "expected only on <method>"}},
		{"an annotation twice", inInterface(own("Role", "both"), own("Role", "both")), 4, []string{"Role", "twice, expected it once"}},
		{"a role that is none", inInterface(own("Role", "server")), 3, []string{"Role", `"server"`, "service, client, both"}},
		{"a path that is none", inInterface(own("Path", "org/bluez")), 3, []string{"Path", "expected an object path"}},
		{"a service that is none", "<node>\n" + own("Service", "bluez") + "</node>", 2, []string{"Service", "expected a well-known bus name"}},
		{"a Go name that is none", inInterface("<method name='A'>", own("GoName", "go-name"), "</method>"), 4, []string{"GoName", "expected a Go name"}},
		{"a variant's signature that is none", inInterface("<property name='A' type='v' access='read'>", own("Variant", "ss"), "</property>"), 4, []string{"Variant", "one complete type"}},
		{"an error that is none", inInterface("<method name='A'>", own("Error", "Failed It failed."), "</method>"), 4, []string{"Error", "expected a D-Bus error name"}},
		{"an error twice", inInterface("<method name='A'>", own("Error", "a.B x"), own("Error", "a.B y"), "</method>"), 5, []string{"Error", "a.B twice"}},
		{"a value before its enumeration", inInterface("<property name='A' type='s' access='read'>", own("Value", "x"), "</property>"), 4, []string{"Value", "after an io.github.gobluez.Enum"}},
		{"an empty value", inInterface("<property name='A' type='s' access='read'>", own("Enum", "E"), own("Value", ""), "</property>"), 5, []string{"Value", "expected a string"}},
		{"an empty string without a name", inInterface("<property name='A' type='s' access='read'>", own("Enum", "E"), own("Value", "\"\" doc"), "</property>"), 5, []string{"Value", "expected =Name"}},
		{"a quoted value without its end", inInterface("<property name='A' type='s' access='read'>", own("Enum", "E"), own("Value", "\"x doc"), "</property>"), 5, []string{"Value", "closing"}},
		{"two enumerations of one type", inInterface("<property name='A' type='s' access='read'>", own("Enum", "E"), own("Enum", "F"), "</property>"), 5, []string{"Enum", "a second one"}},
		{"a key without a signature", inInterface("<property name='A' type='a{sv}' access='read'>", own("Dict", "D"), own("Key", "k"), "</property>"), 5, []string{"Key", "expected a key, a signature"}},
		{"a key with a bad signature", inInterface("<property name='A' type='a{sv}' access='read'>", own("Dict", "D"), own("Key", "k zz doc"), "</property>"), 5, []string{"Key", "expected a type"}},
		{"a key with an unknown attribute", inInterface("<property name='A' type='a{sv}' access='read'>", own("Dict", "D"), own("Key", "k s {emun=E} doc"), "</property>"), 5, []string{"Key", `"emun=E"`, "expected enum=NAME"}},
		{"a key with open attributes", inInterface("<property name='A' type='a{sv}' access='read'>", own("Dict", "D"), own("Key", "k s {enum=E doc"), "</property>"), 5, []string{"Key", "expected }"}},
		{"a key with an open signature in its attributes", inInterface("<property name='A' type='a{sv}' access='read'>", own("Dict", "D"), own("Key", "k v {variant=a{sv} doc"), "</property>"), 5, []string{"Key", "expected }"}},
		{"a struct without a name", inInterface("<property name='A' type='(s)' access='read'>", own("Struct", ": Doc."), "</property>"), 4, []string{"Struct", "the name of the struct"}},
		{"a struct with a field twice", inInterface("<property name='A' type='(ss)' access='read'>", own("Struct", "S X X"), "</property>"), 4, []string{"Struct", "field X twice"}},
		{"a field that the struct does not have", inInterface("<property name='A' type='(s)' access='read'>", own("Struct", "S X"), own("Field", "Y doc"), "</property>"), 5, []string{"Field", "expected a field of struct S"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			file, err := Parse("thing.xml", []byte(tt.xml))
			if err == nil {
				t.Fatalf("Parse returned %v and no error", file)
			}
			found, ok := errors.AsType[*Error](err)
			if !ok {
				t.Fatalf("error %v is no *Error", err)
			}
			if found.File != "thing.xml" || found.Line != tt.line {
				t.Errorf("error is at %v, want line %d: %v", found.Pos, tt.line, err)
			}
			for _, want := range tt.want {
				if !strings.Contains(found.Error(), want) {
					t.Errorf("error %q does not say %q", found, want)
				}
			}
		})
	}
}

func TestParseReportsSeveralErrorsAtOnceButNotAll(t *testing.T) {
	_, err := Parse("thing.xml", []byte(inInterface(strings.Repeat("<signal/>\n", 100))))
	lines := strings.Split(err.Error(), "\n")
	if len(lines) != maxErrors {
		t.Errorf("got %d errors, want %d:\n%v", len(lines), maxErrors, err)
	}
}

func TestSyntaxErrorIsReportedOnce(t *testing.T) {
	_, err := Parse("thing.xml", []byte(inInterface("<method name='A'><arg type='s'>")))
	if err == nil || strings.Contains(err.Error(), "\n") {
		t.Errorf("got %v", err)
	}
}

func TestParseRefusesHugeFiles(t *testing.T) {
	_, err := Parse("thing.xml", make([]byte, maxFileSize+1))
	if err == nil || !strings.Contains(err.Error(), "expected at most") {
		t.Errorf("got error %v", err)
	}
}

func TestParseReadsWhatOthersWrite(t *testing.T) {
	const text = `<?xml version="1.0" encoding="UTF-8"?>
<!DOCTYPE node PUBLIC "-//freedesktop//DTD D-BUS Object Introspection 1.0//EN"
 "http://www.freedesktop.org/standards/dbus/1.0/introspect.dtd" [
 <!ENTITY LIKE "as">
]>
<!-- a comment -->
<node name="/" xmlns:doc="http://www.freedesktop.org/dbus/1.0/doc.dtd">
  <node name="child">
    <interface name="org.example.Nested">
      <doc:doc><doc:summary>words &amp; &LIKE; <doc:b>more</doc:b></doc:summary></doc:doc>
      <annotation name="org.example.Unknown" value="whatever"/>
      <method name="M">
        <arg type="s" doc:hint="x"/>
        <arg direction="out" type="u"><annotation name="a.b" value=""><annotation name="c.d" value=""/></annotation></arg>
      </method>
    </interface>
  </node>
  <interface name="org.example.Outer"><property name="P" type="a{sv}" access="write"/></interface>
  <node/>
</node>`
	file, err := Parse("other.xml", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	if len(file.Interfaces) != 2 {
		t.Fatalf("got %d interfaces, want 2", len(file.Interfaces))
	}
	nested, outer := file.Interfaces[0], file.Interfaces[1]
	if nested.Name != "org.example.Nested" || nested.Line != 9 || len(nested.Methods[0].In) != 1 || len(nested.Methods[0].Out) != 1 {
		t.Errorf("got %+v", nested)
	}
	if p := outer.Properties[0]; p.Readable || !p.Writable || p.Type.String() != "a{sv}" {
		t.Errorf("got property %+v", p)
	}
}

func TestAttributesOfAKeyMayHaveBraces(t *testing.T) {
	key, err := parseDictKey("Sinks aa{sv} {since=5.1,variant=a{s(ua{sv})}} What {it} takes.", Pos{})
	if err != nil || key.Variant.String() != "a{s(ua{sv})}" || key.Since != "5.1" || key.Doc != "What {it} takes." {
		t.Errorf("got %+v, %v", key, err)
	}
}

func TestServiceOfANodeHoldsForInterfacesBelow(t *testing.T) {
	const service = "<annotation name='io.github.gobluez.Service' value='%s'/>"
	text := fmt.Sprintf("<node>"+service+"<interface name='a.A'/><node>"+service+"<interface name='a.B'/></node></node>", "org.outer", "org.inner")
	file, err := Parse("x.xml", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	for _, iface := range file.Interfaces {
		want := map[string]string{"a.A": "org.outer", "a.B": "org.inner"}[iface.Name]
		if iface.Service != want {
			t.Errorf("service of %s is %q, want %q", iface.Name, iface.Service, want)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte(inInterface("<method name='A'><arg type='a{sv}'/></method>")))
	f.Add([]byte(inInterface("<property name='A' type='a(yyay)' access='read'>" + annotate("io.github.gobluez.Struct", "S X Y Z") + "</property>")))
	f.Add([]byte("<!DOCTYPE node><node xmlns='x'><node/></node>"))
	f.Add([]byte("\ufeff<?xml version='1.0' encoding='us-ascii'?><!DOCTYPE node PUBLIC 'a' 'b' [<!ENTITY T 'as'>]><node><!-- --><x:y>&T;&U;</x:y></node>"))
	f.Add([]byte(inInterface("<method name='a'/><method name='a'><arg type='s'/></method><signal name='a'/><property name='a-' type='v' access='write'/>")))
	own := func(name, value string) string { return annotate(ownNamespace+name, value) }
	f.Add([]byte("<node>" + own("Service", "org.example") + own("Error", "a.B Why.") + "<node>" + inInterface(own("Role", "client"), own("Path", "/a"), own("GoName", "T")) + "</node></node>"))
	f.Add([]byte(inInterface("<property name='A' type='a{sv}' access='read'>" + own("Dict", "D Doc.") + own("Key", "k a(sv) {variant=u,struct=S,go=K,since=1,role=client} Doc.") + own("Key", "k- v") + "</property>")))
	f.Add([]byte(inInterface("<method name='A'><arg type='as'>" + own("Enum", "E Doc.") + own("Value", "x-y Doc.") + own("Value", "\"\"=None") + "</arg><arg type='v' direction='out'>" + own("Variant", "a{qay}") + "</arg></method>")))
	f.Fuzz(func(t *testing.T, data []byte) {
		file, err := Parse("fuzz.xml", data)
		if err != nil {
			return
		}
		// What was accepted can be generated, or is refused with a reason; the source always parses.
		pkg, err := Plan([]*File{file}, nil, Options{Package: "fuzz"})
		if err != nil {
			return
		}
		outputs, err := pkg.Emit()
		if err != nil {
			t.Errorf("emit: %v", err)
		}
		checkDeclarations(t, outputs)
	})
}

// checkDeclarations looks for names that a package declares twice. What it imports is not looked at.
func checkDeclarations(t *testing.T, outputs []Output) {
	t.Helper()
	fset := token.NewFileSet()
	var files []*ast.File
	for _, out := range outputs {
		file, err := goparser.ParseFile(fset, out.Name, out.Content, goparser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		files = append(files, file)
	}
	config := types.Config{IgnoreFuncBodies: true, Error: func(err error) {
		if strings.Contains(err.Error(), "declared") {
			t.Error(err)
		}
	}}
	config.Check("fuzz", fset, files, nil)
}
