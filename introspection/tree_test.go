package introspection_test

import (
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"slices"
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
	for _, pattern := range []string{"*.xml", "freedesktop/*.xml", "mesh/*.xml", "obex/*.xml"} {
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
