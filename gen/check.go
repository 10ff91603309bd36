package gen

import (
	"errors"
	"slices"
)

// checkModel reports what a model that people have made, rather than [Parse], lacks to be planned.
func checkModel(files []*File) error {
	var c modelCheck
	for _, file := range files {
		for _, iface := range file.Interfaces {
			c.iface(iface)
		}
	}
	return errors.Join(c.errs[:min(len(c.errs), maxErrors)]...)
}

type modelCheck struct{ errs []error }

func (c *modelCheck) fail(e element, message string) {
	c.errs = append(c.errs, &Error{Pos: e.Pos, Element: e.describe(), Message: message})
}

func (c *modelCheck) iface(iface *Interface) {
	e := at(iface.Pos, "interface", iface.Name)
	if !isInterfaceName(iface.Name) {
		c.fail(e, "expected an interface name")
	}
	c.annotations(e, &iface.Annotations)
	for _, m := range iface.Methods {
		c.member(at(m.Pos, "method", m.Name), m.Name, slices.Concat(m.In, m.Out))
	}
	for _, s := range iface.Signals {
		c.member(at(s.Pos, "signal", s.Name), s.Name, s.Args)
	}
	for _, p := range iface.Properties {
		e := at(p.Pos, "property", p.Name)
		if p.Name == "" || !p.Readable && !p.Writable {
			c.fail(e, "expected a property with a name that can be read or written")
		}
		c.typ(e, p.Type)
		c.annotations(e, &p.Annotations)
	}
}

func (c *modelCheck) member(e element, name string, args []*Arg) {
	if !isMemberName(name) {
		c.fail(e, "expected a member name")
	}
	for _, arg := range args {
		e := at(arg.Pos, "arg", arg.Name)
		c.typ(e, arg.Type)
		c.annotations(e, &arg.Annotations)
	}
}

// annotations checks the types in annotations.
func (c *modelCheck) annotations(e element, notes *Annotations) {
	if notes.Variant != nil {
		c.typ(e, notes.Variant)
	}
	for _, dict := range notes.Dicts {
		for i := range dict.Keys {
			key := &dict.Keys[i]
			c.typ(at(key.Pos, "annotation", ownNamespace+"Key"), key.Type)
			if key.Variant != nil {
				c.typ(at(key.Pos, "annotation", ownNamespace+"Key"), key.Variant)
			}
		}
	}
}

func (c *modelCheck) typ(e element, t *Type) {
	if !t.whole() {
		c.fail(e, "expected a type with all its parts")
	} else if _, err := ParseType(t.String()); err != nil {
		c.fail(e, err.Error())
	}
}

// whole tells whether a type has all the parts that its code asks for.
func (t *Type) whole() bool {
	switch {
	case t == nil:
		return false
	case t.Code == 'a':
		return t.Elem.whole()
	case t.Code == '{':
		return t.Key.whole() && t.Elem.whole()
	case t.Code == '(':
		return !slices.ContainsFunc(t.Fields, func(field *Type) bool { return !field.whole() })
	}
	return true
}
