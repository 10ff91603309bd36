package gen

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// A Package is everything that is to be emitted, with all Go names and types decided.
type Package struct {
	// Options are those that it was planned with.
	Options

	// service is the bus name that all interfaces are exported under, if there is one.
	service string
	inputs  []string
	ifaces  []*ifacePlan
	enums   []*enumPlan
	dicts   []*dictPlan
	structs []*structPlan
	errors  []*errorPlan
}

type errorPlan struct {
	name string // Go name
	wire string
	doc  string
	home *Package
}

type ifacePlan struct {
	*Interface
	style   nameStyle
	base    string // Go name
	file    string // of generated code
	methods []*methodPlan
	signals []*signalPlan
	props   []*propPlan
}

// readable returns the properties that can be read: those that the Properties struct has.
func (i *ifacePlan) readable() []*propPlan {
	return filter(i.props, func(p *propPlan) bool { return p.Readable })
}

func (i *ifacePlan) writable() []*propPlan {
	return filter(i.props, func(p *propPlan) bool { return p.Writable })
}

// served tells whether a server of the interface has anything to do but to hold properties.
func (i *ifacePlan) served() bool { return len(i.methods)+len(i.writable()) > 0 }

type methodPlan struct {
	*Method
	goName  string
	in, out []*argPlan
}

type signalPlan struct {
	*Signal
	goName   string // as in OnX and EmitX
	typeName string // the struct of its arguments
	args     []*argPlan
}

type propPlan struct {
	*Property
	goName    string
	constName string
	value     *value
	emits     Emits
}

type argPlan struct {
	*Arg
	local string // as parameter or result
	field string // in the struct of a signal
	value *value
}

type planner struct {
	pkg   *Package
	errs  []error
	enums map[string]*enumPlan
	dicts map[string]*dictPlan
	// structs are the declarations of structs, by name.
	structs map[string]*StructDecl
}

// Plan decides the Go names and types of a package that is made of the interfaces of the files. Enumerations and dictionaries
// that they refer to may be declared in context, whose interfaces are not emitted. The order of the files does not matter. They
// need not come from [Parse]; what they lack is an [*Error].
func Plan(files, context []*File, o Options) (*Package, error) {
	if err := o.check(); err != nil {
		return nil, err
	}
	if err := checkModel(slices.Concat(files, context)); err != nil {
		return nil, err
	}
	files, err := rename(files, o.Names)
	if err != nil {
		return nil, err
	}
	pl := &planner{
		pkg:     &Package{Options: o},
		enums:   make(map[string]*enumPlan),
		dicts:   make(map[string]*dictPlan),
		structs: make(map[string]*StructDecl),
	}
	files = slices.SortedFunc(slices.Values(files), func(a, b *File) int { return cmp.Compare(a.Name, b.Name) })
	for _, file := range files {
		pl.pkg.inputs = append(pl.pkg.inputs, baseName(file.Name))
		for _, iface := range file.Interfaces {
			pl.pkg.inputs = append(pl.pkg.inputs, iface.inputs()...)
		}
	}
	slices.Sort(pl.pkg.inputs)
	pl.pkg.inputs = slices.Compact(pl.pkg.inputs)

	pl.interfaces(files)
	pl.reuse()
	for _, iface := range pl.pkg.ifaces {
		pl.declarations(iface.Interface, iface)
	}
	for _, file := range context {
		for _, iface := range file.Interfaces {
			pl.declarations(iface, nil)
		}
	}
	for _, dict := range slices.Clone(pl.pkg.dicts) {
		pl.keys(dict)
	}
	for _, iface := range pl.pkg.ifaces {
		pl.members(iface)
	}
	pl.finish()
	if len(pl.errs) > 0 {
		return nil, errors.Join(pl.errs[:min(len(pl.errs), maxErrors)]...)
	}
	return pl.pkg, nil
}

func (pl *planner) fail(pos Pos, format string, args ...any) {
	pl.errs = append(pl.errs, &Error{Pos: pos, Message: fmt.Sprintf(format, args...)})
}

// interfaces sorts the interfaces by name and names them. One that several files have must be the same in all.
func (pl *planner) interfaces(files []*File) {
	byName := make(map[string]*ifacePlan)
	for _, file := range files {
		for _, iface := range file.Interfaces {
			first, twice := byName[iface.Name]
			if !twice {
				byName[iface.Name] = &ifacePlan{Interface: iface}
			} else if introspection(first.Interface) != introspection(iface) {
				pl.fail(iface.Pos, "interface %s differs from the one at %s, expected the same", iface.Name, first.Pos)
			}
		}
	}
	for _, name := range slices.Sorted(maps.Keys(byName)) {
		pl.pkg.ifaces = append(pl.pkg.ifaces, byName[name])
	}
	pl.nameInterfaces()
	services := make(map[string]bool)
	for _, iface := range pl.pkg.ifaces {
		if iface.Service != "" {
			services[iface.Service] = true
			pl.pkg.service = iface.Service
		}
	}
	if len(services) > 1 {
		pl.pkg.service = ""
	}
}

// sharedFiles are the generated files that belong to no interface, and doc.go, which is left to people.
var sharedFiles = []string{"codecs", "doc", "enums", "errors", "options"}

// members names the members of an interface and plans their types.
func (pl *planner) members(iface *ifacePlan) {
	names := memberNames(iface.Interface, iface.base)
	pl.checkMembers(iface, names)
	for i, p := range iface.Properties {
		prop := &propPlan{Property: p, goName: names.properties[i], constName: iface.base + names.constants[i]}
		prop.value = pl.typeOf(iface, p.Pos, p.Type, &p.Annotations, structNames{
			short:   iface.base + prop.goName + "Struct",
			escaped: iface.base + "Struct_P" + strings.TrimPrefix(escapedName(p.Name), "X"),
		})
		prop.emits = cmp.Or(p.EmitsChanged, iface.EmitsChanged, EmitsValue)
		iface.props = append(iface.props, prop)
	}
	for i, m := range iface.Methods {
		method := &methodPlan{Method: m, goName: names.methods[i]}
		method.in = pl.arguments(iface, m.In, "arg", structNames{iface.base + method.goName, iface.base + "Struct_I%d_" + names.spellings[i], names.spellings[i]})
		method.out = pl.arguments(iface, m.Out, "result", structNames{iface.base + method.goName, iface.base + "Struct_O%d_" + names.spellings[i], names.spellings[i]})
		distinguishResults(method)
		iface.methods = append(iface.methods, method)
	}
	for i, s := range iface.Signals {
		signal := &signalPlan{Signal: s, goName: names.signals[i], typeName: iface.base + names.signalTypes[i]}
		signal.args = pl.arguments(iface, s.Args, "arg", structNames{signal.typeName, iface.base + "Struct_S%d_" + names.signalSpellings[i], ""})
		iface.signals = append(iface.signals, signal)
	}
}

// distinguishResults renames results that have the name of an argument.
func distinguishResults(m *methodPlan) {
	taken := make(map[string]bool)
	for _, a := range slices.Concat(m.in, m.out) {
		taken[a.local] = true
	}
	for i, out := range m.out {
		if !slices.ContainsFunc(m.in, func(in *argPlan) bool { return in.local == out.local }) {
			continue
		}
		out.local += "Out"
		if taken[out.local] {
			out.local = fmt.Sprintf("%s_%d", out.local, i)
		}
	}
}

// arguments plans the arguments of a message. Names that are missing or given twice are replaced by positions. In the second
// of the struct names %d stands for the position.
func (pl *planner) arguments(iface *ifacePlan, args []*Arg, unnamed string, structs structNames) []*argPlan {
	var plans []*argPlan
	locals, fields := make(map[string]int), make(map[string]int)
	for i, arg := range args {
		position := fmt.Sprintf("%s%d", unnamed, i)
		a := &argPlan{
			Arg:   arg,
			local: localName(cmp.Or(arg.GoName, arg.Name), position),
			field: goName(cmp.Or(arg.GoName, arg.Name, position)),
		}
		if slices.ContainsFunc(pl.pkg.Reuse, func(p *Package) bool { return p.Package == a.local }) {
			a.local += "Arg"
		}
		locals[a.local]++
		fields[a.field]++
		plans = append(plans, a)
	}
	for i, a := range plans {
		if locals[a.local] > 1 {
			a.local = fmt.Sprintf("%s_%d", a.local, i)
		}
		if fields[a.field] > 1 {
			a.field = fmt.Sprintf("%s_%d", a.field, i)
		}
		a.value = pl.typeOf(iface, a.Pos, a.Type, &a.Annotations, structNames{
			short:   structs.short + a.field + "Struct",
			escaped: fmt.Sprintf(structs.escaped, i),
			scope:   structs.scope,
		})
	}
	return plans
}

// finish sorts what is shared, names the errors and checks that no two things have one name.
func (pl *planner) finish() {
	slices.SortFunc(pl.pkg.enums, func(a, b *enumPlan) int { return cmp.Compare(a.name, b.name) })
	pl.errorNames()
	pl.structNames()
	slices.SortFunc(pl.pkg.structs, func(a, b *structPlan) int { return cmp.Compare(a.name, b.name) })
	pl.checkNames()
}

func filter[T any](items []T, keep func(T) bool) []T {
	var kept []T
	for _, item := range items {
		if keep(item) {
			kept = append(kept, item)
		}
	}
	return kept
}
