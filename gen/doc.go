// Package gen turns D-Bus introspection XML into Go: proxies that call objects, skeletons that serve them, and types for what
// they exchange. The command bluezgen runs it, for BlueZ's interfaces and for anybody else's.
//
// It has three layers, one way, each usable alone: [Parse] reads a file into a checked model, [Plan] decides the Go names and
// types of a package, and [Package.Emit] writes its source. [Generate] does all three, and [Compare] and [Apply] bring a directory
// up to date. The same inputs give the same bytes, whatever their order.
//
// Any introspection file will do: several interfaces and nested nodes, DTDs with entities, elements and attributes of foreign
// namespaces, properties with names that are none in Go, methods that differ in their arguments alone. What the D-Bus specification
// forbids is refused, with the file, the line and the element at fault, and what was expected instead.
//
// Annotations, which package introspection describes, add what XML alone cannot say: units and errors in documentation, string
// enumerations, dictionaries with known keys, the types inside variants. Between [Parse] and [Plan] stand two more steps for files
// that belong to somebody else: [Annotate] adds the annotations of an [Overlay], and [FormatXML] writes a file to be kept.
//
// [Options] say which side of the interfaces is generated, into how many files and under which names, and which packages have types
// that are used instead of generated again.
//
// # Names
//
// Generated names are a promise. They follow from the D-Bus names alone, never from the order of members or files:
//
//   - An interface is called what follows the bus name of its service, or else its first two elements, without the dots: Device1,
//     BearerLE1. Where two of a package would need the same Go name, the one with the longer name, or both if these are equally
//     long, are called by their full names: OrgFreedesktopDBusProperties beside DBus.
//   - A member is called as D-Bus spells it, with an upper-case first letter and the letters after underscores in upper case.
//     Words that are in lower case altogether become capitals if Go spells them so: uuid becomes UUID.
//   - A property keeps its name: Name and SetName are its getter and setter. A method that has the name of one of these, or of a
//     method of bus.Object, gets Call before it. A signal X is followed by OnX, sent by EmitX, and its type is the interface's name
//     and X, or OnX if that is a property.
//   - Of members that differ only in case or underscores, the one that D-Bus spells exactly like the Go name has it. For others, and
//     where the rule above does not help, X_ stands before the spelling of D-Bus; U_ if that has more than letters, digits and
//     underscores.
//   - Of methods or signals that D-Bus calls alike, those with arguments get their signature after the name: Close_sb. In it S and D
//     open a struct and a dictionary, and Z closes them.
//   - Arguments begin in lower case. Those with a name that Go or generated code has another use for get Arg after it; those without
//     a name, or with one twice, are numbered.
//
// An annotation GoName overrules all of that, and the Names of [Options] overrule it in turn. A derived name gives way to one of
// these, a property's by Property after it. If generated code or another of them needs the name as well, that is an [*Error].
package gen
