package gen

import (
	"bytes"
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// formatDoctype begins introspection files.
const formatDoctype = `<!DOCTYPE node PUBLIC "-//freedesktop//DTD D-BUS Object Introspection 1.0//EN"
"http://www.freedesktop.org/standards/dbus/1.0/introspect.dtd">
`

// FormatXML returns interfaces as one introspection file, laid out to be read and annotated: an element a line, the annotations
// of an element before what else is in it. All that [Parse] reads is in it, also annotations of others, but comments are not.
func FormatXML(ifaces ...*Interface) []byte {
	w := new(xmlWriter)
	w.text.WriteString(formatDoctype)
	w.element("node", func() { w.nodes(ifaces) })
	return w.text.Bytes()
}

// nodes writes what is inside the root. If the interfaces are of several services, each service has a node of its own.
func (w *xmlWriter) nodes(ifaces []*Interface) {
	var services []string
	for _, iface := range ifaces {
		if !slices.Contains(services, iface.Service) {
			services = append(services, iface.Service)
		}
	}
	slices.Sort(services)
	for _, service := range services {
		inside := func() {
			if service != "" {
				w.annotation(ownNamespace+"Service", service)
			}
			for _, iface := range ifaces {
				if iface.Service == service {
					w.iface(iface)
				}
			}
		}
		if service == "" || len(services) == 1 {
			inside()
		} else {
			w.element("node", inside, "name", strings.Map(pathElement, service))
		}
	}
}

// pathElement makes the characters of a bus name those of an object path.
func pathElement(r rune) rune {
	if isMemberName("_" + string(r)) {
		return r
	}
	return '_'
}

// xmlWriter writes elements.
type xmlWriter struct {
	text   bytes.Buffer
	indent string
}

var attributeEscaper = strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;", `"`, "&quot;", "\n", "&#10;", "\r", "&#13;", "\t", "&#9;")

// element writes an element with its attributes, names and values by turns, of which those without a value are left out. What is
// inside is written by inside.
func (w *xmlWriter) element(tag string, inside func(), attrs ...string) {
	w.text.WriteString(w.indent + "<" + tag)
	for i := 0; i < len(attrs); i += 2 {
		if attrs[i+1] != "" {
			fmt.Fprintf(&w.text, ` %s="%s"`, attrs[i], attributeEscaper.Replace(attrs[i+1]))
		}
	}
	w.text.WriteString(">\n")
	before := w.text.Len()
	outer := w.indent
	w.indent += "  "
	inside()
	w.indent = outer
	if w.text.Len() > before {
		w.text.WriteString(w.indent + "</" + tag + ">\n")
		return
	}
	w.text.Truncate(before - len(">\n"))
	w.text.WriteString("/>\n")
}

func (w *xmlWriter) annotation(name, value string) {
	fmt.Fprintf(&w.text, "%s<annotation name=\"%s\" value=\"%s\"/>\n", w.indent, attributeEscaper.Replace(name), attributeEscaper.Replace(value))
}

func (w *xmlWriter) annotations(notes *Annotations) {
	for _, a := range notes.given {
		w.annotation(a.name, a.value)
	}
}

// placed is something inside an element and its line in the file.
type placed struct {
	Pos
	write func()
}

// inOrder writes things in the order of the file.
func inOrder(things []placed) {
	slices.SortStableFunc(things, func(a, b placed) int { return cmp.Compare(a.Line, b.Line) })
	for _, thing := range things {
		thing.write()
	}
}

func (w *xmlWriter) iface(iface *Interface) {
	w.element("interface", func() {
		w.annotations(&iface.Annotations)
		for _, e := range iface.inherited {
			w.annotation(ownNamespace+"Error", strings.TrimSpace(e.Name+" "+e.Doc))
		}
		var members []placed
		for _, m := range iface.Methods {
			members = append(members, placed{m.Pos, func() { w.method(m) }})
		}
		for _, s := range iface.Signals {
			members = append(members, placed{s.Pos, func() { w.signal(s) }})
		}
		for _, p := range iface.Properties {
			members = append(members, placed{p.Pos, func() { w.property(p) }})
		}
		inOrder(members)
	}, "name", iface.Name)
}

func (w *xmlWriter) method(m *Method) {
	w.element("method", func() {
		w.annotations(&m.Annotations)
		var args []placed
		for _, arg := range m.In {
			args = append(args, placed{arg.Pos, func() { w.arg(arg, "in") }})
		}
		for _, arg := range m.Out {
			args = append(args, placed{arg.Pos, func() { w.arg(arg, "out") }})
		}
		inOrder(args)
	}, "name", m.Name)
}

func (w *xmlWriter) signal(s *Signal) {
	w.element("signal", func() {
		w.annotations(&s.Annotations)
		for _, arg := range s.Args {
			w.arg(arg, "")
		}
	}, "name", s.Name)
}

func (w *xmlWriter) arg(arg *Arg, direction string) {
	w.element("arg", func() { w.annotations(&arg.Annotations) }, "name", arg.Name, "type", arg.Type.String(), "direction", direction)
}

func (w *xmlWriter) property(p *Property) {
	w.element("property", func() { w.annotations(&p.Annotations) }, "name", p.Name, "type", p.Type.String(), "access", p.access())
}

// access is the attribute that says what can be done with the property.
func (p *Property) access() string {
	switch {
	case !p.Writable:
		return "read"
	case !p.Readable:
		return "write"
	default:
		return "readwrite"
	}
}
