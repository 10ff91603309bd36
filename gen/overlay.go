package gen

import (
	"cmp"
	"encoding/xml"
	"errors"
	"slices"
	"strings"
)

// An Overlay is what a second introspection file says about interfaces whose own files belong to somebody else.
type Overlay struct{ file *File }

// ParseOverlay reads an overlay. It is an introspection file that has, of the interfaces that it is about, only those members
// and arguments that it says something of; types and access may be left out. Errors are like those of [Parse].
func ParseOverlay(name string, data []byte) (*Overlay, error) {
	file, err := parse(name, data, true)
	if err != nil {
		return nil, err
	}
	return &Overlay{file}, nil
}

// Annotate returns files as the overlays describe them, one overlay after the other; files itself stays as it is.
//
// The annotations of an overlay join those that an element has, and replace the ones with the same name; an Enum with its
// Values counts as one annotation, and so do a Dict with its Keys and a Struct with its Fields. A type, or the access of a
// property, is corrected. An argument is found by its name; if the file or the overlay gives it none, by its place among those of
// the same direction, and it takes the name that there is.
//
// What an overlay names must be there: an interface, member or argument that is not is an [*Error]. To add or to remove members,
// keep a corrected copy of the file instead.
func Annotate(files []*File, overlays ...*Overlay) ([]*File, error) {
	if len(overlays) == 0 {
		return files, nil
	}
	var copies []*File
	for _, file := range files {
		copies = append(copies, file.clone())
	}
	var errs []error
	for _, o := range overlays {
		p := &parser{file: o.file}
		for _, over := range o.file.Interfaces {
			p.overlayFiles(copies, over)
		}
		errs = append(errs, p.errs...)
	}
	if len(errs) > 0 {
		return nil, errors.Join(errs[:min(len(errs), maxErrors)]...)
	}
	return copies, nil
}

// clone returns a copy that can be changed.
func (f *File) clone() *File {
	c := *f
	c.Interfaces = nil
	for _, iface := range f.Interfaces {
		c.Interfaces = append(c.Interfaces, iface.clone())
	}
	return &c
}

// clone returns a copy that can be changed.
func (i *Interface) clone() *Interface {
	c := *i
	c.Methods, c.Signals, c.Properties = pointees(i.Methods), pointees(i.Signals), pointees(i.Properties)
	for _, m := range c.Methods {
		m.In, m.Out = pointees(m.In), pointees(m.Out)
	}
	for _, s := range c.Signals {
		s.Args = pointees(s.Args)
	}
	return &c
}

// pointees copies what the pointers point to.
func pointees[T any](items []*T) []*T {
	items = slices.Clone(items)
	for i, item := range items {
		c := *item
		items[i] = &c
	}
	return items
}

// at makes the element that messages speak of.
func at(pos Pos, tag, name string) element {
	e := element{pos, xml.StartElement{Name: xml.Name{Local: tag}}}
	if name != "" {
		e.Attr = []xml.Attr{{Name: xml.Name{Local: "name"}, Value: name}}
	}
	return e
}

// overlayFiles says what over says of an interface, in each file that has it.
func (p *parser) overlayFiles(files []*File, over *Interface) {
	found := false
	var names []string
	for _, file := range files {
		for _, iface := range file.Interfaces {
			names = append(names, iface.Name)
			if iface.Name == over.Name {
				found = true
				p.overlayInterface(iface, over)
			}
		}
	}
	if !found {
		p.fail(at(over.Pos, "interface", over.Name), "the inputs have no such interface, expected %s", oneOfNames(names))
	}
}

// oneOfNames lists what could have been meant.
func oneOfNames(names []string) string {
	slices.Sort(names)
	names = slices.Compact(names)
	const most = 8
	switch {
	case len(names) == 0:
		return "none"
	case len(names) == 1:
		return names[0]
	case len(names) > most:
		names = append(names[:most:most], "...")
	}
	return "one of " + strings.Join(names, ", ")
}

func (p *parser) overlayInterface(iface, over *Interface) {
	iface.overlays = append(slices.Clip(iface.overlays), over.File)
	service, inherited := cmp.Or(over.Service, iface.Service), slices.Concat(over.inherited, iface.inherited)
	iface.Annotations = p.join(at(over.Pos, "interface", over.Name), onInterface, iface.given, over.given)
	iface.Service, iface.inherited = service, nil
	iface.inherit(inherited)

	for _, over := range over.Methods {
		e := at(over.Pos, "method", over.Name)
		m := member(p, e, iface, iface.Methods, func(m *Method) (string, []*Arg) { return m.Name, m.In }, over)
		if m == nil {
			continue
		}
		m.Annotations = p.join(e, onMethod, m.given, over.given)
		p.overlayArgs(m.In, over.In, "in argument of method "+m.Name)
		p.overlayArgs(m.Out, over.Out, "out argument of method "+m.Name)
		p.checkMethod(e, m)
	}
	for _, over := range over.Signals {
		e := at(over.Pos, "signal", over.Name)
		s := member(p, e, iface, iface.Signals, func(s *Signal) (string, []*Arg) { return s.Name, s.Args }, over)
		if s == nil {
			continue
		}
		s.Annotations = p.join(e, onSignal, s.given, over.given)
		p.overlayArgs(s.Args, over.Args, "argument of signal "+s.Name)
		p.checkBody(e, "signal", s.Args)
	}
	for _, over := range over.Properties {
		e := at(over.Pos, "property", over.Name)
		prop := member(p, e, iface, iface.Properties, func(p *Property) (string, []*Arg) { return p.Name, nil }, over)
		if prop == nil {
			continue
		}
		prop.Annotations = p.join(e, onProperty, prop.given, over.given)
		if over.Type != nil {
			prop.Type = over.Type
		}
		if over.Readable || over.Writable {
			prop.Readable, prop.Writable = over.Readable, over.Writable
		}
	}
}

// member finds the member that an overlay means by its name and, among those of one name, by the types of its arguments. It
// reports that there is none.
func member[T any](p *parser, e element, iface *Interface, members []*T, describe func(*T) (string, []*Arg), over *T) *T {
	var names []string
	var called []*T
	want, overArgs := describe(over)
	for _, m := range members {
		name, _ := describe(m)
		names = append(names, name)
		if name == want {
			called = append(called, m)
		}
	}
	if len(called) > 1 {
		called = filter(called, func(m *T) bool {
			_, args := describe(m)
			return slices.EqualFunc(args, overArgs, func(a, b *Arg) bool { return b.Type != nil && a.Type.String() == b.Type.String() })
		})
		if len(called) == 0 {
			p.fail(e, "interface %s has several with this name, expected the types of all arguments of one", iface.Name)
			return nil
		}
	}
	if len(called) == 0 {
		p.fail(e, "interface %s has no such %s, expected %s", iface.Name, e.Name.Local, oneOfNames(names))
		return nil
	}
	return called[0]
}

func (p *parser) overlayArgs(args, overs []*Arg, what string) {
	for i, over := range overs {
		e := at(over.Pos, "arg", over.Name)
		arg := findArg(args, over.Name, i)
		if arg == nil {
			var names []string
			for _, a := range args {
				names = append(names, a.Name)
			}
			p.fail(e, "no such %s, expected %s", what, oneOfNames(names))
			continue
		}
		if arg.Name == "" {
			arg.Name = over.Name
		}
		if over.Type != nil {
			arg.Type = over.Type
		}
		arg.Annotations = p.join(e, onArg, arg.given, over.given)
	}
}

func findArg(args []*Arg, name string, place int) *Arg {
	for _, arg := range args {
		if arg.Name == name && name != "" {
			return arg
		}
	}
	if place < len(args) && (name == "" || args[place].Name == "") {
		return args[place]
	}
	return nil
}

// groups are the annotations that go with the one before them.
var groups = map[string]string{
	ownNamespace + "Value": ownNamespace + "Enum",
	ownNamespace + "Key":   ownNamespace + "Dict",
	ownNamespace + "Field": ownNamespace + "Struct",
}

func groupOf(a annotation) string {
	if group, ok := groups[a.name]; ok {
		return group
	}
	return a.name
}

// join returns what annotations say together; those of over replace those of base with the same name.
func (p *parser) join(owner element, on place, base, over []annotation) Annotations {
	kept := slices.DeleteFunc(slices.Clone(base), func(a annotation) bool {
		return slices.ContainsFunc(over, func(b annotation) bool { return groupOf(a) == groupOf(b) })
	})
	n := p.annotations(owner, on)
	for _, a := range append(kept, over...) {
		n.given = append(n.given, a)
		n.take(at(a.Pos, "annotation", a.name), a)
	}
	return n.finish()
}
