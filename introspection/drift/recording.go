package drift

import (
	"encoding/xml"
	"fmt"
	"slices"
	"strings"

	"github.com/godbus/dbus/v5/introspect"
)

// A Recording is what the objects of one running service print of themselves.
// Its fields say which service it is, and have to be set.
type Recording struct {
	// Service is the bus name, such as introspection.Bluetoothd.
	Service string
	// Release is the version of BlueZ, such as 5.82.
	Release string
	// Experimental tells whether the service runs with --experimental.
	Experimental bool

	interfaces map[string]*printed
}

// printed is what all objects together print of an interface: each member, such
// as "method Connect", and its signatures, of which there should be one.
type printed struct {
	members map[string][]string
}

// Add adds what one object prints when its method Introspect is called. The
// child nodes are skipped. It fails when the text is no introspection XML.
func (r *Recording) Add(text []byte) error {
	var node introspect.Node
	if err := xml.Unmarshal(text, &node); err != nil {
		return fmt.Errorf("read introspection XML: %w", err)
	}
	if r.interfaces == nil {
		r.interfaces = make(map[string]*printed)
	}
	for _, iface := range node.Interfaces {
		p := r.interfaces[iface.Name]
		if p == nil {
			p = &printed{members: make(map[string][]string)}
			r.interfaces[iface.Name] = p
		}
		for _, m := range membersOf(&iface) {
			if !slices.Contains(p.members[m.name], m.signature) {
				p.members[m.name] = append(p.members[m.name], m.signature)
			}
		}
	}
	return nil
}

// Has tells whether an object prints the interface.
func (r *Recording) Has(iface string) bool { return r.interfaces[iface] != nil }

// A member is a method, signal or property of an interface.
type member struct {
	name        string // with its kind, such as "method Connect"
	signature   string
	annotations []introspect.Annotation
}

func membersOf(iface *introspect.Interface) []member {
	var members []member
	for _, m := range iface.Methods {
		members = append(members, member{"method " + m.Name, signature("method", m.Args, "in"), m.Annotations})
	}
	for _, s := range iface.Signals {
		members = append(members, member{"signal " + s.Name, signature("signal", s.Args, "out"), s.Annotations})
	}
	for _, p := range iface.Properties {
		members = append(members, member{"property " + p.Name, p.Access + " " + p.Type, p.Annotations})
	}
	return members
}

// signature says what a method or signal looks like on the bus.
func signature(kind string, args []introspect.Arg, direction string) string {
	types := make([]string, 0, len(args))
	for _, a := range args {
		d := a.Direction
		if d == "" {
			d = direction
		}
		types = append(types, d+" "+a.Type)
	}
	return kind + "(" + strings.Join(types, ", ") + ")"
}
