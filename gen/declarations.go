package gen

import (
	"cmp"
	"fmt"
	"slices"
)

// declarations collects the enumerations, dictionaries and structs that an interface declares. Those of the context have no plan.
func (pl *planner) declarations(iface *Interface, plan *ifacePlan) {
	collect := func(notes *Annotations) {
		for _, decl := range notes.Enums {
			if len(decl.Values) > 0 {
				pl.declareEnum(decl, plan != nil)
			}
		}
		for _, decl := range notes.Dicts {
			if len(decl.Keys) > 0 {
				pl.declareDict(decl, plan)
			}
		}
		for _, decl := range notes.Structs {
			// More than one are compared where they are used.
			if _, twice := pl.structs[decl.Name]; !twice && len(decl.Fields) > 0 {
				pl.structs[decl.Name] = decl
			}
		}
	}
	collect(&iface.Annotations)
	for _, m := range iface.Methods {
		for _, arg := range slices.Concat(m.In, m.Out) {
			collect(&arg.Annotations)
		}
	}
	for _, s := range iface.Signals {
		for _, arg := range s.Args {
			collect(&arg.Annotations)
		}
	}
	for _, p := range iface.Properties {
		collect(&p.Annotations)
	}
}

func (pl *planner) declareEnum(decl *EnumDecl, emit bool) {
	switch first, known := pl.enums[decl.Name]; {
	case !known:
	case !emit:
		return
	case first.home != pl.pkg:
		if sameEnum(first.decl, decl) {
			return
		}
	default:
		if first.decl.Pos != decl.Pos {
			pl.fail(decl.Pos, "enumeration %s has values at %s already, expected them once", decl.Name, first.decl.Pos)
		}
		return
	}
	enum := &enumPlan{name: pl.pkg.Prefix + decl.Name, doc: decl.Doc, decl: decl, home: pl.pkg}
	wires, names := make(map[string]bool), make(map[string]bool)
	for _, v := range decl.Values {
		name := enum.name + cmp.Or(v.Suffix, goSuffix(v.Wire))
		if wires[v.Wire] {
			pl.fail(v.Pos, "value %q of enumeration %s twice, expected it once", v.Wire, decl.Name)
		} else if name == enum.name {
			pl.fail(v.Pos, "value %q of enumeration %s has no letter or digit that a Go name could have, expected =Name after it", v.Wire, decl.Name)
		} else if names[name] {
			pl.fail(v.Pos, "value %q of enumeration %s has the Go name %s of another, expected =Name after it", v.Wire, decl.Name, name)
		}
		wires[v.Wire], names[name] = true, true
		enum.values = append(enum.values, enumValuePlan{name: name, wire: v.Wire, doc: v.Doc})
	}
	pl.enums[decl.Name] = enum
	if emit {
		pl.pkg.enums = append(pl.pkg.enums, enum)
	}
}

func (pl *planner) declareDict(decl *DictDecl, owner *ifacePlan) {
	switch first, known := pl.dicts[decl.Name]; {
	case !known:
	case owner == nil:
		return
	case first.home != pl.pkg:
		if sameDict(first.decl, decl) {
			return
		}
	default:
		if first.decl.Pos != decl.Pos {
			pl.fail(decl.Pos, "dictionary %s has keys at %s already, expected them once", decl.Name, first.decl.Pos)
		}
		return
	}
	dict := &dictPlan{name: pl.pkg.Prefix + decl.Name, doc: decl.Doc, decl: decl, home: pl.pkg, owner: owner}
	pl.dicts[decl.Name] = dict
	if owner != nil {
		pl.pkg.dicts = append(pl.pkg.dicts, dict)
	}
}

// enum returns the enumeration that a declaration names. One of the context becomes part of the package by being used.
func (pl *planner) enum(decl *EnumDecl) *enumPlan {
	enum, ok := pl.enums[decl.Name]
	if !ok {
		pl.fail(decl.Pos, "enumeration %s has no values anywhere, expected %sValue annotations at one place", decl.Name, ownNamespace)
		enum = &enumPlan{name: pl.pkg.Prefix + decl.Name, decl: decl, home: pl.pkg}
		pl.enums[decl.Name] = enum
	}
	if enum.home == pl.pkg && !slices.Contains(pl.pkg.enums, enum) {
		pl.pkg.enums = append(pl.pkg.enums, enum)
	}
	return enum
}

// dict returns the dictionary that a declaration names, in the same way.
func (pl *planner) dict(decl *DictDecl) *dictPlan {
	dict, ok := pl.dicts[decl.Name]
	if !ok {
		pl.fail(decl.Pos, "dictionary %s has no keys anywhere, expected %sKey annotations at one place", decl.Name, ownNamespace)
		dict = &dictPlan{name: pl.pkg.Prefix + decl.Name, decl: decl, home: pl.pkg}
		pl.dicts[decl.Name] = dict
	}
	if dict.home == pl.pkg && !slices.Contains(pl.pkg.dicts, dict) {
		pl.pkg.dicts = append(pl.pkg.dicts, dict)
	}
	if dict.planning {
		pl.fail(decl.Pos, "dictionary %s contains itself, expected one that ends", decl.Name)
		return dict
	}
	pl.keys(dict)
	return dict
}

// structDecl returns the declaration that has the fields of a struct: the given one, or that of the same name elsewhere.
func (pl *planner) structDecl(decl *StructDecl) *StructDecl {
	if declared, ok := pl.structs[decl.Name]; ok && len(decl.Fields) == 0 {
		return declared
	}
	return decl
}

// keys plans the fields of a dictionary, unless that was done.
func (pl *planner) keys(dict *dictPlan) {
	if dict.keys != nil {
		return
	}
	dict.planning = true
	defer func() { dict.planning = false }()
	seen := make(map[string]bool)
	var names, chosen []string
	for i := range dict.decl.Keys {
		key := &dict.decl.Keys[i]
		if seen[key.Name] {
			pl.fail(key.Pos, "key %q of dictionary %s twice, expected it once", key.Name, dict.name)
			return
		}
		seen[key.Name] = true
		names = append(names, cmp.Or(key.GoName, goName(key.Name)))
		chosen = append(chosen, key.GoName)
	}
	escapeDoubles(names, chosen, func(i int) string { return dict.decl.Keys[i].Name },
		func(i int) string { return escapedName(dict.decl.Keys[i].Name) })
	for i, name := range names {
		key := &dict.decl.Keys[i]
		pl.checkChosen(key.Pos, fmt.Sprintf("key %q of dictionary %s", key.Name, dict.name), key.GoName, name)
		dict.keys = append(dict.keys, keyPlan{
			decl:  key,
			field: name,
			value: pl.typeOf(dict.owner, key.Pos, key.Type, &key.Annotations, structNames{
				short:   dict.name + name + "Struct",
				escaped: fmt.Sprintf("%sStruct_%d", dict.name, i),
			}),
		})
	}
}

// addStruct gives a struct to the package, unless it has it. Two that annotations call the same have to be the same.
func (pl *planner) addStruct(s *structPlan) *structPlan {
	if other := pl.reusedStruct(s); other != nil {
		return other
	}
	for _, other := range pl.pkg.structs {
		if other.name != s.name || (other.escaped == "") != (s.escaped == "") {
			continue
		}
		same := sameStruct(other, s)
		switch {
		case s.escaped != "":
			if same && s.owner == other.owner && s.scope != "" && s.scope == other.scope {
				return other
			}
		case !same:
			pl.fail(s.pos, "struct %s differs from the one at %s, expected the same", s.name, other.pos)
			return other
		default:
			return other
		}
	}
	pl.pkg.structs = append(pl.pkg.structs, s)
	return s
}
