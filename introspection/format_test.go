package introspection_test

import (
	"io/fs"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/gobluez/bluez/introspection"
)

func TestFilesAreFormatted(t *testing.T) {
	for name, node := range contract(t) {
		text, err := fs.ReadFile(introspection.FS(), name)
		if err != nil {
			t.Fatal(err)
		}
		var b strings.Builder
		b.WriteString(doctype)
		format(&b, node, "")
		got, want := strings.Split(string(text), "\n"), strings.Split(b.String(), "\n")
		for i, line := range want {
			if i >= len(got) || got[i] != line {
				t.Errorf("%s:%d: not formatted; want\n%s", name, i+1, line)
				break
			}
		}
		if len(got) > len(want) {
			t.Errorf("%s:%d: trailing text", name, len(want))
		}
	}
}

const doctype = `<!DOCTYPE node PUBLIC "-//freedesktop//DTD D-BUS Object Introspection 1.0//EN"
"http://www.freedesktop.org/standards/dbus/1.0/introspect.dtd">
`

// format writes an element as the files have it: two spaces a level, an
// element a line, attributes in the order that they have in the file.
func format(b *strings.Builder, e *element, indent string) {
	escape := strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;", `"`, "&quot;")
	b.WriteString(indent + "<" + e.tag)
	for _, a := range e.attrs {
		b.WriteString(" " + a.Name.Local + `="` + escape.Replace(a.Value) + `"`)
	}
	if len(e.children) == 0 {
		b.WriteString("/>\n")
		return
	}
	b.WriteString(">\n")
	for _, c := range e.children {
		format(b, c, indent+"  ")
	}
	b.WriteString(indent + "</" + e.tag + ">\n")
}

func TestAttributesOfElements(t *testing.T) {
	want := map[string]*regexp.Regexp{
		"node":       whole(``),
		"interface":  whole(`name`),
		"annotation": whole(`name value`),
		"method":     whole(`name`),
		"signal":     whole(`name`),
		"property":   whole(`name type access`),
		"arg":        whole(`name type direction|name type`),
	}
	everyElement(t, func(e *element) {
		names := make([]string, 0, len(e.attrs))
		for _, a := range e.attrs {
			names = append(names, a.Name.Local)
		}
		if re := want[e.tag]; re == nil || !re.MatchString(strings.Join(names, " ")) {
			t.Errorf("%s: %s with attributes %q", e.where, e.tag, names)
		}
		if e.tag == "arg" && (e.attr("direction") == "") != (e.parent.tag == "signal") {
			t.Errorf("%s: an argument of a method has a direction, one of a signal has none", e.where)
		}
		if e.tag == "property" && !slices.Contains([]string{"read", "write", "readwrite"}, e.attr("access")) {
			t.Errorf("%s: access %q", e.where, e.attr("access"))
		}
	})
}
