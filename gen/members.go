package gen

import (
	"cmp"
	"slices"
	"strings"
)

// typeSuffixes follow the Go name of an interface in the names of what is made for it. A property or signal that is called
// like one of them is called otherwise at the level of the package. The list is part of the promise that names are stable.
var typeSuffixes = []string{"Interface", "Path", "Property", "Properties", "Set", "SetOf", "Update", "Codec", "Server", "Skeleton"}

// reservedProperties are names that a property cannot have, since getter and field of that name would hide what generated
// types have anyway.
var reservedProperties = []string{
	"Object", "GetAll", "OnPropertiesChanged",
	"Has", "Add", "Remove", "Empty", "Intersects", "All",
	"Load", "Apply", "Changed", "Invalidated",
}

// reservedMethods are names that a method cannot have, for they are those of bus.Object and of the generated proxy.
var reservedMethods = []string{
	"Object", "Conn", "Path", "Service", "Call", "Get", "Set", "GetAll", "Subscribe", "SubscribeProperties",
	"Introspect", "Ping",
	"OnPropertiesChanged",
}

// names are the Go names of the members of an interface, by position.
type names struct {
	properties []string // of the getter and the field; the setter has Set before it
	constants  []string // follow the name of the interface
	signals    []string // follow On and Emit
	// signalTypes follow the name of the interface.
	signalTypes []string
	methods     []string
	// Spellings tell methods apart, and signals: what D-Bus calls them, with the signature where that is needed.
	spellings, signalSpellings []string
}

// memberNames settles the names of the members of an interface that is called base. It goes by their kind, never by their
// order: a property keeps its name, a method that would collide gets Call before it, a signal On. Where that does not help, and
// for names that differ only in case or underscores, the D-Bus spelling follows an X_, which is in no other name. Names that
// annotations give come before derived ones; where one cannot be had, the result has another, for the planner to report.
func memberNames(iface *Interface, base string) names {
	var n names
	n.nameProperties(iface, base)
	n.nameSignals(iface)
	n.nameMethods(iface)
	return n
}

func (n *names) nameProperties(iface *Interface, base string) {
	setters := make(map[string]bool)
	var chosen []string
	for _, p := range iface.Properties {
		name := cmp.Or(p.GoName, goName(p.Name))
		if p.Writable {
			setters["Set"+name] = true
		}
		n.properties = append(n.properties, name)
		chosen = append(chosen, p.GoName)
	}
	methods := chosenMethods(iface)
	for i, name := range n.properties {
		derived, writable := chosen[i] == "", iface.Properties[i].Writable
		if slices.Contains(reservedProperties, name) || setters[name] || name == base+"Set" || name == base+"Properties" ||
			derived && (methods[name] || writable && methods["Set"+name]) {
			n.properties[i] += "Property"
		}
	}
	escapeDoubles(n.properties, chosen, func(i int) string { return iface.Properties[i].Name },
		func(i int) string { return escapedName(iface.Properties[i].Name) })

	for i, name := range n.properties {
		if slices.Contains(typeSuffixes, name) {
			name += "Property"
			if slices.Contains(n.properties, name) {
				name = escapedName(iface.Properties[i].Name)
			}
		}
		n.constants = append(n.constants, name)
	}
}

func (n *names) nameSignals(iface *Interface) {
	var calls []overload
	for _, s := range iface.Signals {
		n.signals = append(n.signals, s.GoName)
		calls = append(calls, overload{s.Name, signatureOf(s.Args)})
	}
	chosen, methods := slices.Clone(n.signals), chosenMethods(iface)
	n.signalSpellings = nameOverloads(n.signals, calls)
	escaped := func(i int) string { return escapedOverload(calls, i) }
	escapeDoubles(n.signals, chosen, func(i int) string { return calls[i].name }, escaped)
	for i, name := range n.signals {
		if slices.Contains(n.properties, "On"+name) || name == "PropertiesChanged" || chosen[i] == "" && methods["On"+name] {
			n.signals[i] = escaped(i)
		}
	}
	taken := slices.Concat(typeSuffixes, n.constants)
	for i, name := range n.signals {
		if slices.Contains(taken, name) {
			name = "On" + name
			if slices.Contains(taken, name) || slices.Contains(n.signals, name) {
				name = "On" + escaped(i)
			}
		}
		n.signalTypes = append(n.signalTypes, name)
	}
}

func (n *names) nameMethods(iface *Interface) {
	taken := make(map[string]bool)
	for _, name := range reservedMethods {
		taken[name] = true
	}
	for i, name := range n.properties {
		if iface.Properties[i].Readable {
			taken[name] = true
		}
		if iface.Properties[i].Writable {
			taken["Set"+name] = true
		}
	}
	for _, name := range n.signals {
		taken["On"+name] = true
	}
	var calls []overload
	for _, m := range iface.Methods {
		n.methods = append(n.methods, m.GoName)
		calls = append(calls, overload{m.Name, signatureOf(m.In)})
	}
	chosen := slices.Clone(n.methods)
	n.spellings = nameOverloads(n.methods, calls)
	escaped := func(i int) string { return escapedOverload(calls, i) }
	escapeDoubles(n.methods, chosen, func(i int) string { return calls[i].name }, escaped)
	own := slices.Clone(n.methods)
	for i, name := range own {
		if !taken[name] {
			continue
		}
		n.methods[i] = "Call" + name
		if taken["Call"+name] || slices.Contains(own, "Call"+name) {
			n.methods[i] = "Call" + escaped(i)
		}
	}
}

// chosenMethods are the names that annotations give methods.
func chosenMethods(iface *Interface) map[string]bool {
	chosen := make(map[string]bool)
	for _, m := range iface.Methods {
		chosen[m.GoName] = true
	}
	return chosen
}

// escapeDoubles makes the names distinct: of those that are the same, the one that is chosen, or else the one that D-Bus spells
// exactly so, keeps it, and the others escape their D-Bus spelling. Names that are not chosen are empty in chosen.
func escapeDoubles(names, chosen []string, spelling, escaped func(i int) string) {
	count, choices := make(map[string]int), make(map[string]int)
	for i, name := range names {
		count[name]++
		if chosen[i] != "" {
			choices[name]++
		}
	}
	for i, name := range slices.Clone(names) {
		keeps := choices[name] == 1 && chosen[i] != "" || choices[name] == 0 && spelling(i) == name
		if count[name] > 1 && !keeps {
			names[i] = escaped(i)
		}
	}
}

// overload is what tells methods or signals of an interface from each other. The D-Bus specification does not say that their
// names do; Qt's programs have methods that only differ in what they take.
type overload struct{ name, signature string }

// nameOverloads fills in the names that are empty, and returns how to spell each. Those that D-Bus calls alike have their
// signature behind the name.
func nameOverloads(names []string, calls []overload) (spellings []string) {
	for i, call := range calls {
		name, spelling := goName(call.name), call.name
		if isOverloaded(calls, i) {
			suffix := strings.TrimRight("_"+signatureName.Replace(call.signature), "_")
			name, spelling = name+suffix, spelling+suffix
		}
		names[i] = cmp.Or(names[i], name)
		spellings = append(spellings, spelling)
	}
	return spellings
}

func isOverloaded(calls []overload, i int) bool {
	return slices.IndexFunc(calls, func(o overload) bool { return o.name == calls[i].name && o != calls[i] }) >= 0
}

// escapedOverload escapes the name of a method or signal. V_ is in no other name.
func escapedOverload(calls []overload, i int) string {
	if isOverloaded(calls, i) {
		return "V_" + calls[i].name + "_" + signatureName.Replace(calls[i].signature)
	}
	return escapedName(calls[i].name)
}
