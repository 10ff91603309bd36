package introspection_test

import (
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"slices"
	"strings"
	"testing"

	"github.com/gobluez/bluez/introspection"
)

const (
	docString = "org.gtk.GDBus.DocString"
	since     = "org.gtk.GDBus.Since"
	own       = "io.github.gobluez." // our annotations
)

// An element is one XML element of an introspection file.
type element struct {
	tag      string
	attrs    []xml.Attr
	children []*element
	parent   *element
	where    string // file:line
}

// parse reads an introspection document. Text between the elements is dropped.
func parse(name string, r io.Reader) (*element, error) {
	d := xml.NewDecoder(r)
	root := &element{tag: "document", where: name}
	at := root
	for {
		t, err := d.Token()
		line, _ := d.InputPos()
		switch {
		case errors.Is(err, io.EOF) && len(root.children) == 1:
			return root.children[0], nil
		case err != nil:
			return nil, fmt.Errorf("%s:%d: %w", name, line, err)
		}
		switch t := t.(type) {
		case xml.StartElement:
			e := &element{tag: t.Name.Local, attrs: slices.Clone(t.Attr), parent: at, where: fmt.Sprintf("%s:%d", name, line)}
			at.children = append(at.children, e)
			at = e
		case xml.EndElement:
			at = at.parent
		}
	}
}

// parseFile reads one file of fsys.
func parseFile(t *testing.T, fsys fs.FS, name string) *element {
	t.Helper()
	f, err := fsys.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	e, err := parse(name, f)
	if err != nil {
		t.Fatal(err)
	}
	return e
}

// contract reads all files of the package: file name to node element.
func contract(t *testing.T) map[string]*element {
	t.Helper()
	fsys := introspection.FS()
	files := make(map[string]*element)
	for _, pattern := range []string{"*.xml", "freedesktop/*.xml"} {
		names, err := fs.Glob(fsys, pattern)
		if err != nil || len(names) == 0 {
			t.Fatalf("%s: %d files, error %v", pattern, len(names), err)
		}
		for _, name := range names {
			files[name] = parseFile(t, fsys, name)
		}
	}
	return files
}

// ours maps the names of the interfaces in this package to their elements.
func ours(t *testing.T) map[string]*element {
	t.Helper()
	interfaces := make(map[string]*element)
	for name, node := range contract(t) {
		found := node.all("interface")
		if want := strings.TrimSuffix(path.Base(name), ".xml"); len(found) != 1 || found[0].name() != want {
			t.Fatalf("%s: want the interface %s and no other", name, want)
		}
		interfaces[found[0].name()] = found[0]
	}
	return interfaces
}

func (e *element) attr(name string) string {
	for _, a := range e.attrs {
		if a.Name.Local == name {
			return a.Value
		}
	}
	return ""
}

func (e *element) name() string { return e.attr("name") }

// all returns the children with one of the given tags.
func (e *element) all(tags ...string) []*element {
	var found []*element
	for _, c := range e.children {
		if slices.Contains(tags, c.tag) {
			found = append(found, c)
		}
	}
	return found
}

// annotations returns the values of the element's own annotations of a name.
func (e *element) annotations(name string) []string {
	var values []string
	for _, a := range e.all("annotation") {
		if a.name() == name {
			values = append(values, a.attr("value"))
		}
	}
	return values
}

// annotation returns the first value of an annotation, "" if there is none.
func (e *element) annotation(name string) string {
	if v := e.annotations(name); len(v) > 0 {
		return v[0]
	}
	return ""
}

// inherited is annotation of the element or else of the interface around it.
func (e *element) inherited(name string) string {
	if v := e.annotation(name); v != "" || e.parent == nil {
		return v
	}
	return e.parent.inherited(name)
}

// signature says what an element looks like on the bus: access and type of a
// property, direction and type of each argument of a method or signal.
func (e *element) signature() string {
	if e.tag == "property" {
		return e.attr("access") + " " + e.attr("type")
	}
	args := make([]string, 0, len(e.children))
	for _, a := range e.all("arg") {
		direction := a.attr("direction")
		switch {
		case direction != "":
		case e.tag == "signal":
			direction = "out"
		default:
			direction = "in"
		}
		args = append(args, direction+" "+a.attr("type"))
	}
	return e.tag + "(" + strings.Join(args, ", ") + ")"
}

// members maps the methods, signals and properties of an interface by kind and
// name, such as "method Connect".
func (e *element) members() map[string]*element {
	members := make(map[string]*element)
	for _, m := range e.all("method", "signal", "property") {
		members[m.tag+" "+m.name()] = m
	}
	return members
}
