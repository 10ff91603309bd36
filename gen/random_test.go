package gen

import (
	"fmt"
	"math/rand/v2"
	"strings"
)

// nastyNames are member names that are easily got wrong: they differ little, or mean something to Go or to generated code.
var nastyNames = []string{
	"Get", "get", "GET", "Set", "SetX", "setX", "X", "x", "_x", "x_", "__", "Object", "Conn", "Path", "Service", "Call", "CallX", "CallGet",
	"GetAll", "OnX", "OnPropertiesChanged", "Subscribe", "Has", "Add", "All", "Empty", "Load", "Apply", "Changed", "Invalidated",
	"Interface", "Property", "Properties", "SetOf", "Update", "Server", "Skeleton", "Emit", "EmitX", "Invalidate", "Serve",
	"type", "func", "range", "error", "string", "nil", "len", "context", "bus", "wire", "dbus", "err", "ctx", "d", "e", "p", "s", "u",
	"method", "value", "handler", "props", "update", "set", "String", "Error", "decode", "encode", "take", "foo_bar", "fooBar", "FooBar", "foobar",
}

var nastyArgs = append([]string{"", "", "with-dash", "1", "ä", "a b", "`", "in0", "arg0", "arg1", "result0", "which", "key", "elem", "v", "array"}, nastyNames...)

// randomInterfaces returns valid introspection XML of anything that may stand in it.
func randomInterfaces(seed uint64) string {
	r := rand.New(rand.NewPCG(seed, 1))
	var b strings.Builder
	b.WriteString("<node>\n")
	prefix := []string{"org.example.", "org.example.deep.er.", "net.example.", "a."}
	for _, i := range r.Perm(12)[:5] {
		name := prefix[r.IntN(len(prefix))] + []string{"Thing", "ThingSet", "Thing1", "thing", "Codecs", "Service", "Errors", "X", "XServer", "_x", "Enums", "Things"}[i]
		fmt.Fprintf(&b, "<interface name=%q>\n", name)
		for _, kind := range []string{"method", "signal", "property"} {
			names := r.Perm(len(nastyNames))[:r.IntN(len(nastyNames)/2)]
			for _, n := range names {
				randomMember(&b, r, kind, nastyNames[n])
			}
		}
		b.WriteString("</interface>\n")
	}
	b.WriteString("</node>\n")
	return b.String()
}

func randomMember(b *strings.Builder, r *rand.Rand, kind, name string) {
	if kind == "property" {
		access := []string{"read", "write", "readwrite"}[r.IntN(3)]
		emits := []string{"true", "false", "const", "invalidates"}[r.IntN(4)]
		fmt.Fprintf(b, "<property name=%q type=%q access=%q>%s</property>\n", name, randomType(r, 0), access,
			annotate("org.freedesktop.DBus.Property.EmitsChangedSignal", emits))
		return
	}
	fmt.Fprintf(b, "<%s name=%q>", kind, name)
	for range r.IntN(5) {
		direction := ""
		if kind == "method" {
			direction = []string{"", ` direction="in"`, ` direction="out"`}[r.IntN(3)]
		}
		fmt.Fprintf(b, "<arg name=%q type=%q%s/>", nastyArgs[r.IntN(len(nastyArgs))], randomType(r, 0), direction)
	}
	fmt.Fprintf(b, "</%s>\n", kind)
}

// randomType returns one complete type.
func randomType(r *rand.Rand, depth int) string {
	const basicTypes = "ybnqiuxtdsogh"
	basicType := func() string { return string(basicTypes[r.IntN(len(basicTypes))]) }
	switch n := r.IntN(10); {
	case depth > 3 || n < 5:
		return basicType()
	case n == 5:
		return "v"
	case n == 6:
		return "a{" + basicType() + randomType(r, depth+1) + "}"
	case n == 7:
		var fields strings.Builder
		for range 1 + r.IntN(3) {
			fields.WriteString(randomType(r, depth+1))
		}
		return "(" + fields.String() + ")"
	default:
		return "a" + randomType(r, depth+1)
	}
}
