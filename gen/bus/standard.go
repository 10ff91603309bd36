package bus

import (
	"context"
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/godbus/dbus/v5"

	"github.com/gobluez/bluez/gen/wire"
)

// A target is what an incoming call is for.
type target struct {
	export *Export // nil for standard interfaces
	sig    string  // of the arguments
	now    bool    // serve runs on the reader goroutine, with no decoder
	serve  func(ctx context.Context, call *incoming, d *wire.Decoder) error
	err    error // what to reply instead
}

// target returns what a call is for, or nil if it is for godbus.
func (t *exportTable) target(m *message) *target {
	h := &m.header
	path, iface, member := dbus.ObjectPath(h.Path), string(h.Interface), string(h.Member)
	t.mu.Lock()
	defer t.mu.Unlock()
	objects := t.objects[path]
	mine := len(objects) > 0 || t.managers[path] != nil
	switch {
	case iface == peerInterface:
		return peerTarget(member)
	case iface == introspectInterface && (mine || len(t.below(path)) > 0):
		return t.introspectTarget(path, member)
	case iface == objectManagerInterface && t.managers[path] != nil:
		return t.managerTarget(t.managers[path], member)
	case iface == propertiesInterface && len(objects) > 0:
		return t.propertiesTarget(m, path, member)
	}
	for _, x := range objects {
		for _, s := range x.served {
			if s.description.Name == iface || iface == "" && s.methods[member] != nil {
				return s.target(member, string(h.Signature))
			}
		}
	}
	switch {
	case t.conn.side.serves(path, iface, member):
		return nil
	case mine:
		return &target{err: ErrUnknownInterface.With(fmt.Sprintf("%s has no interface %s", path, iface))}
	}
	return &target{err: ErrUnknownObject.With(fmt.Sprintf("there is no object %s", path))}
}

func unknownMethod(iface, member string) *target {
	return &target{err: ErrUnknownMethod.With(fmt.Sprintf("interface %s has no method %s", iface, member))}
}

// target returns a method of a served interface. Of several that are called alike it is the one with the signature.
func (s *served) target(member, sig string) *target {
	method := s.methods[member]
	for i := range s.description.Methods {
		if m := &s.description.Methods[i]; m.Name == member && m.In == sig {
			method = m
		}
	}
	if method == nil {
		unknown := unknownMethod(s.description.Name, member)
		unknown.export = s.export
		return unknown
	}
	return &target{export: s.export, sig: method.In, serve: func(ctx context.Context, call *incoming, d *wire.Decoder) error {
		out, err := method.Serve(ctx, d)
		if err != nil || d.Err() != nil {
			return err
		}
		e := newEncoder()
		defer putEncoder(e)
		if out != nil {
			out(e)
		}
		defer func() {
			for _, f := range e.Files() {
				f.Close()
			}
		}()
		return call.reply(method.Out, e)
	}}
}

// propertiesTarget returns a method of Properties. Whose interface it is about
// serves it in turn with its methods.
func (t *exportTable) propertiesTarget(m *message, path dbus.ObjectPath, member string) *target {
	var serve func(s *served, ctx context.Context, call *incoming, d *wire.Decoder) error
	var sig string
	switch member {
	case "Get":
		sig, serve = "ss", (*served).get
	case "GetAll":
		sig, serve = "s", (*served).getAll
	case "Set":
		sig, serve = "ssv", (*served).set
	default:
		return unknownMethod(propertiesInterface, member)
	}
	if string(m.header.Signature) != sig {
		return &target{sig: sig}
	}
	d := wire.NewDecoder(m.body, m.header.Order, nil)
	iface := d.String()
	s := t.lookup(path, iface)
	if s == nil {
		return &target{err: ErrUnknownInterface.With(fmt.Sprintf("%s has no interface %s", path, iface))}
	}
	return &target{export: s.export, sig: sig, serve: func(ctx context.Context, call *incoming, d *wire.Decoder) error {
		d.StringView()
		return serve(s, ctx, call, d)
	}}
}

func (s *served) get(_ context.Context, call *incoming, d *wire.Decoder) error {
	name := d.String()
	return s.replyLocked(call, "v", func(e *wire.Encoder) error {
		if s.description.Properties == nil {
			return ErrUnknownProperty.With(name)
		}
		return s.description.Properties.Encode(name, e)
	})
}

func (s *served) getAll(_ context.Context, call *incoming, _ *wire.Decoder) error {
	return s.replyLocked(call, "a{sv}", func(e *wire.Encoder) error {
		s.encodeAll(e)
		return nil
	})
}

func (s *served) set(ctx context.Context, call *incoming, d *wire.Decoder) error {
	name := d.String()
	if s.description.Properties == nil {
		return ErrUnknownProperty.With(name)
	}
	if err := s.description.Properties.Set(ctx, name, d); err != nil || d.Err() != nil {
		return err
	}
	e := newEncoder()
	defer putEncoder(e)
	return call.reply("", e)
}

// replyLocked encodes and queues a reply with the Emitter locked, so that no
// change comes between.
func (s *served) replyLocked(call *incoming, sig string, encode func(*wire.Encoder) error) error {
	e := newEncoder()
	defer putEncoder(e)
	if emitter := s.description.Emitter; emitter != nil {
		emitter.mu.Lock()
		defer emitter.mu.Unlock()
	}
	if err := encode(e); err != nil {
		return err
	}
	return call.reply(sig, e)
}

// encodeAll writes the properties as a{sv}.
func (s *served) encodeAll(e *wire.Encoder) {
	mark := e.Array(8)
	if s.description.Properties != nil {
		s.description.Properties.EncodeAll(e)
	}
	e.EndArray(mark)
}

// peerTarget returns a method of Peer, which every path has.
func peerTarget(member string) *target {
	switch member {
	case "Ping":
		return &target{now: true, serve: func(_ context.Context, call *incoming, _ *wire.Decoder) error {
			e := newEncoder()
			defer putEncoder(e)
			return call.reply("", e)
		}}
	case "GetMachineId":
		return &target{now: true, serve: func(_ context.Context, call *incoming, _ *wire.Decoder) error {
			id, err := os.ReadFile("/etc/machine-id")
			if err != nil {
				return err
			}
			e := newEncoder()
			defer putEncoder(e)
			e.String(strings.TrimSpace(string(id)))
			return call.reply("s", e)
		}}
	}
	return unknownMethod(peerInterface, member)
}

// introspectTarget describes a path. The table is locked.
func (t *exportTable) introspectTarget(path dbus.ObjectPath, member string) *target {
	if member != "Introspect" {
		return unknownMethod(introspectInterface, member)
	}
	xml := t.describe(path)
	return &target{now: true, serve: func(_ context.Context, call *incoming, _ *wire.Decoder) error {
		e := newEncoder()
		defer putEncoder(e)
		e.String(xml)
		return call.reply("s", e)
	}}
}

// describe returns the introspection XML of a path. The table is locked.
func (t *exportTable) describe(path dbus.ObjectPath) string {
	var b strings.Builder
	b.WriteString(`<!DOCTYPE node PUBLIC "-//freedesktop//DTD D-BUS Object Introspection 1.0//EN"` + "\n" +
		` "http://www.freedesktop.org/standards/dbus/1.0/introspect.dtd">` + "\n<node>\n")
	properties := false
	for _, x := range t.objects[path] {
		for _, s := range x.served {
			b.WriteString(strings.TrimSpace(s.description.XML) + "\n")
			properties = properties || s.description.Properties != nil
		}
	}
	b.WriteString(introspectXML + peerXML)
	if properties {
		b.WriteString(propertiesXML)
	}
	if t.managers[path] != nil {
		b.WriteString(objectManagerXML)
	}
	var children []string
	for _, x := range t.below(path) {
		child, _, _ := strings.Cut(strings.TrimPrefix(strings.TrimPrefix(string(x.path), string(path)), "/"), "/")
		children = append(children, child)
	}
	slices.Sort(children)
	for _, child := range slices.Compact(children) {
		b.WriteString(`  <node name="` + child + `"/>` + "\n")
	}
	b.WriteString("</node>\n")
	return b.String()
}

// The standard interfaces, as the D-Bus Specification has them.
const (
	introspectXML = `  <interface name="org.freedesktop.DBus.Introspectable">
    <method name="Introspect"><arg name="xml_data" type="s" direction="out"/></method>
  </interface>
`
	peerXML = `  <interface name="org.freedesktop.DBus.Peer">
    <method name="Ping"/>
    <method name="GetMachineId"><arg name="machine_uuid" type="s" direction="out"/></method>
  </interface>
`
	propertiesXML = `  <interface name="org.freedesktop.DBus.Properties">
    <method name="Get">
      <arg name="interface_name" type="s" direction="in"/>
      <arg name="property_name" type="s" direction="in"/>
      <arg name="value" type="v" direction="out"/>
    </method>
    <method name="GetAll">
      <arg name="interface_name" type="s" direction="in"/>
      <arg name="props" type="a{sv}" direction="out"/>
    </method>
    <method name="Set">
      <arg name="interface_name" type="s" direction="in"/>
      <arg name="property_name" type="s" direction="in"/>
      <arg name="value" type="v" direction="in"/>
    </method>
    <signal name="PropertiesChanged">
      <arg name="interface_name" type="s"/>
      <arg name="changed_properties" type="a{sv}"/>
      <arg name="invalidated_properties" type="as"/>
    </signal>
  </interface>
`
	objectManagerXML = `  <interface name="org.freedesktop.DBus.ObjectManager">
    <method name="GetManagedObjects">
      <arg name="objects" type="a{oa{sa{sv}}}" direction="out"/>
    </method>
    <signal name="InterfacesAdded">
      <arg name="object_path" type="o"/>
      <arg name="interfaces_and_properties" type="a{sa{sv}}"/>
    </signal>
    <signal name="InterfacesRemoved">
      <arg name="object_path" type="o"/>
      <arg name="interfaces" type="as"/>
    </signal>
  </interface>
`
)
