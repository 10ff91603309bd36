package gen

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
)

// nastyNames are member names that are easily got wrong: they differ little, or mean something to Go or to generated code.
var nastyNames = []string{
	"Get", "get", "GET", "Set", "SetX", "setX", "X", "x", "_x", "x_", "__", "Object", "Conn", "Path", "Service", "Call", "CallX", "CallGet",
	"GetAll", "OnX", "OnPropertiesChanged", "Subscribe", "Has", "Add", "All", "Empty", "Load", "Apply", "Changed", "Invalidated",
	"Interface", "Property", "Properties", "SetOf", "Update", "Server", "Skeleton", "Emit", "EmitX", "Invalidate", "Serve", "Codec",
	"type", "func", "range", "error", "string", "nil", "len", "context", "bus", "wire", "dbus", "err", "ctx", "d", "e", "p", "s", "u",
	"method", "value", "handler", "props", "update", "set", "String", "Error", "decode", "encode", "take", "foo_bar", "fooBar", "FooBar", "foobar",
	"X_x", "V_x_s", "Unimplemented", "New", "Ping", "Introspect", "Remove", "Intersects", "iota", "init", "main", "go",
}

// nastyProperties may be anything.
var nastyProperties = append([]string{"power-saver", "power_saver", "PowerSaver", "2d", "a b", "ä", "`", "\"&<>", "-", "--"}, nastyNames...)

var nastyArgs = append([]string{"", "", "with-dash", "1", "ä", "a b", "`", "\"&<>", "in0", "arg0", "arg1", "result0", "which", "key", "elem", "v",
	"array", "decodeStringSlice", "encodeStringSlice", "decodeVariant", "end", "ok", "received", "served", "os", "sync", "iter"}, nastyNames...)

var nastyInterfaces = []string{"Thing", "ThingSet", "Thing1", "thing", "Codecs", "Service", "Errors", "X", "XServer", "_x", "Enums", "Things",
	"ThingSet.Of", "Thing.Set", "doc", "codecs", "linux", "Thing_test", "x.y.z.Thing", "_._", "Codec", "ThingCodec", "context", "Options"}

// randomXML writes valid introspection files of anything that may stand in them.
type randomXML struct {
	*rand.Rand
	strings.Builder
	declared int // enumerations, dictionaries and structs so far
	files    int // how many more descriptors the types of an element may have
}

// randomInterfaces returns a valid introspection file.
func randomInterfaces(seed uint64) string {
	r := &randomXML{Rand: rand.New(rand.NewPCG(seed, 1))}
	r.WriteString([]string{"", "\ufeff", `<?xml version="1.0"?>`, `<?xml version="1.0" encoding="us-ascii"?><!-- -->`}[r.IntN(4)])
	r.WriteString([]string{"", `<!DOCTYPE node PUBLIC "-//freedesktop//DTD D-BUS Object Introspection 1.0//EN"
 "http://www.freedesktop.org/standards/dbus/1.0/introspect.dtd" [<!ENTITY LIKE "as">]>`}[r.IntN(2)])
	r.WriteString("<node xmlns:tp='http://telepathy.freedesktop.org/wiki/DbusSpec#extensions-v0'>\n")
	prefix := []string{"org.example.", "org.example.deep.er.", "net.example.", "a."}
	depth := 0
	for _, i := range r.Perm(len(nastyInterfaces))[:5] {
		if r.IntN(3) == 0 {
			depth++
			r.WriteString("<node name='child'>")
		}
		fmt.Fprintf(r, "<interface name=%q>\n", prefix[r.IntN(len(prefix))]+nastyInterfaces[i])
		r.noise()
		for _, m := range r.Perm(len(nastyNames))[:r.IntN(30)] {
			r.call("method", nastyNames[m])
		}
		for _, s := range r.Perm(len(nastyNames))[:r.IntN(30)] {
			r.call("signal", nastyNames[s])
		}
		r.files = 2
		for _, p := range r.Perm(len(nastyProperties))[:r.IntN(70)] {
			r.property(nastyProperties[p])
		}
		r.WriteString("</interface>\n")
	}
	r.WriteString(strings.Repeat("</node>", depth+1))
	return r.String()
}

// noise writes what stands in files and says nothing that Go code depends on.
func (r *randomXML) noise() {
	r.WriteString([]string{
		"", "", "\n\n", "<!-- <method name='Comment'/> -->", "<tp:docstring>Uses <tp:type>as</tp:type> &amp; more.</tp:docstring>",
		annotate("org.gtk.GDBus.DocString", "Does */ this `and` that.\n\nThen\tmore, \u2028 &lt;b&gt;."),
		annotate("org.freedesktop.DBus.Deprecated", "true"), annotate("org.gtk.GDBus.C.Name", "whatever"),
		annotate("org.gtk.GDBus.Since", "1.0"), "<![CDATA[ ]]>", "<?pi?>",
	}[r.IntN(11)])
}

// call writes a method or a signal, or several of one name.
func (r *randomXML) call(kind, name string) {
	var signatures []string
	for range 1 + r.IntN(20)/17 {
		var in, args strings.Builder
		r.files = 4
		for range r.IntN(5) {
			direction := ""
			if kind == "method" {
				direction = []string{"", ` direction="in"`, ` direction="out"`}[r.IntN(3)]
			}
			t := r.typ(0)
			if !strings.Contains(direction, "out") {
				in.WriteString(t)
			}
			fmt.Fprintf(&args, "<arg name=%s type=%q%s>%s</arg>", attribute(nastyArgs[r.IntN(len(nastyArgs))]), t, direction, r.meaning(t))
		}
		if slices.Contains(signatures, in.String()) || len(in.String()) > maxSignature {
			continue
		}
		signatures = append(signatures, in.String())
		fmt.Fprintf(r, "<%s name=%q>", kind, name)
		r.noise()
		r.WriteString(args.String())
		if kind == "method" && !strings.Contains(args.String(), "out") && r.IntN(4) == 0 {
			r.WriteString(annotate("org.freedesktop.DBus.Method.NoReply", "true"))
		}
		fmt.Fprintf(r, "</%s>\n", kind)
	}
}

func (r *randomXML) property(name string) {
	access := []string{"read", "write", "readwrite"}[r.IntN(3)]
	t := r.typ(0)
	fmt.Fprintf(r, "<property name=%s type=%q access=%q>%s", attribute(name), t, access, r.meaning(t))
	if r.IntN(2) == 0 {
		emits := []string{"true", "false", "const", "invalidates"}[r.IntN(4)]
		r.WriteString(annotate("org.freedesktop.DBus.Property.EmitsChangedSignal", emits))
	}
	r.noise()
	r.WriteString("</property>\n")
}

// attribute quotes a value.
func attribute(value string) string { return `"` + escapeXML(value) + `"` }

// typ returns one complete type.
func (r *randomXML) typ(depth int) string {
	const basicTypes = "ybnqiuxtdsogh"
	basicType := func(files bool) string {
		code := basicTypes[r.IntN(len(basicTypes))]
		if code == 'h' {
			// A message may have 16 at most.
			if r.files--; !files || r.files < 0 {
				code = 's'
			}
		}
		return string(code)
	}
	switch n := r.IntN(12); {
	case depth > 3 || n < 5:
		return basicType(true)
	case n == 5:
		return "v"
	case n == 6:
		return "a{" + basicType(false) + r.typ(depth+1) + "}"
	case n == 7:
		var fields strings.Builder
		for range 1 + r.IntN(3) {
			fields.WriteString(r.typ(depth + 1))
		}
		return "(" + fields.String() + ")"
	case n == 8:
		return "a{sv}"
	case n == 9:
		return "as"
	default:
		return "a" + r.typ(depth+1)
	}
}

// meaning returns annotations that fit a type.
func (r *randomXML) meaning(signature string) string {
	t, err := ParseType(signature)
	if err != nil {
		panic(err) // a fault of the test
	}
	if r.IntN(3) == 0 {
		return ""
	}
	var b strings.Builder
	own := func(name, format string, args ...any) {
		b.WriteString(annotate(ownNamespace+name, fmt.Sprintf(format, args...)))
	}
	r.declared++
	switch {
	case t.Code == '(' && r.IntN(2) == 0:
		names := ""
		for i := range t.Fields {
			names += fmt.Sprintf(" Part%d", i)
		}
		own("Struct", "Struct%d%s", r.declared, names)
	case strings.Contains(signature, "a{sv}") && r.IntN(2) == 0:
		own("Dict", "Dict%d The options.", r.declared)
		for i, key := range []string{"Plain", "with-dash", "with_dash", "WithDash", "ä"} {
			own("Key", "%s %s {since=%d} Documented.", key, r.typ(1), i)
		}
	case contains(t, 'v') && !strings.Contains(signature, "a{sv}"):
		own("Variant", "%s", r.typ(2))
	case contains(t, 's'):
		own("Enum", "Enum%d The choice.", r.declared)
		own("Value", "first One.")
		own("Value", `"second one"=Second Another.`)
		own("Value", `""=None None.`)
	}
	return b.String()
}

// contains tells whether a type is one of the code or has one inside, but for keys of dictionaries.
func contains(t *Type, code byte) bool {
	return t.Code == code || t.Elem != nil && contains(t.Elem, code) ||
		slices.ContainsFunc(t.Fields, func(field *Type) bool { return contains(field, code) })
}

// extremeInterfaces returns an introspection file that has of everything as much as D-Bus allows.
func extremeInterfaces() string {
	var b strings.Builder
	long := func(first string, n int) string { return first + strings.Repeat("x", n-len(first)) }
	fmt.Fprintf(&b, "<node><interface name='a.%s'>", long("L", 253))
	fmt.Fprintf(&b, "<method name='%s'><arg type='(yy)'/><arg name='%s' type='(yy)' direction='out'/></method>", long("Method", 255), long("arg", 255))
	fmt.Fprintf(&b, "<method name='Many'>%s%s</method>", strings.Repeat("<arg type='(yss)'/>", 51), strings.Repeat("<arg type='(vyy)' direction='out'/>", 50))
	deepest := strings.Repeat("a", 31) + strings.Repeat("(", 31) + "y" + strings.Repeat(")", 31)
	for i, t := range []string{strings.Repeat("a", 32) + "y", strings.Repeat("(", 32) + "v" + strings.Repeat(")", 32), deepest, strings.Repeat("a{y", 16) + "s" + strings.Repeat("}", 16)} {
		fmt.Fprintf(&b, "<method name='Deep%d'><arg type='%s'/><arg type='%[2]s' direction='out'/></method>", i, t)
		fmt.Fprintf(&b, "<signal name='Deep%d'><arg type='%s'/></signal>", i, t)
		fmt.Fprintf(&b, "<property name='Deep%d' type='%s' access='readwrite'/>", i, t)
	}
	for i := range 100 {
		fmt.Fprintf(&b, "<property name='%s' type='u' access='read'/>", long(fmt.Sprintf("Property%d_", i), 255))
	}
	fmt.Fprintf(&b, "</interface><interface name='b.%s'/><interface name='c.%[1]s'/></node>", long("L", 253))
	return b.String()
}

func TestRandomInterfacesAreTheSameOnceFormatted(t *testing.T) {
	for seed := range uint64(5) {
		text := randomInterfaces(seed)
		file, err := Parse("random.xml", []byte(text))
		if err != nil {
			t.Fatalf("seed %d: %v", seed, err)
		}
		generate := func(data []byte) []Output {
			outputs, err := Generate([]Source{{Name: "random.xml", Data: data}}, nil, Options{Package: "random"})
			if err != nil {
				t.Fatalf("seed %d: %v", seed, err)
			}
			return outputs
		}
		want, got := generate([]byte(text)), generate(FormatXML(file.Interfaces...))
		if len(got) != len(want) {
			t.Fatalf("seed %d: %d files, want %d", seed, len(got), len(want))
		}
		for i, out := range got {
			if diff := unifiedDiff(want[i].Name, "formatted "+out.Name, string(want[i].Content), string(out.Content)); diff != "" {
				t.Fatalf("seed %d: %s", seed, diff)
			}
		}
	}
}
