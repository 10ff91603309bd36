package gen

import (
	"cmp"
	"crypto/sha256"
	"fmt"
	"iter"
	"maps"
	"slices"
	"strings"
	"unicode"
)

// nameInterfaces gives the interfaces short names. Of those that would then claim the same identifier, the one with the longest
// name, or all that have it, are named in full instead, and if that does not help either, by their D-Bus spelling. So of Device1 and
// Device1Set the first, whose set has the name of the second, stays what it is.
func (pl *planner) nameInterfaces() {
	for again := true; again; {
		owners := map[string][]*ifacePlan{pl.pkg.Prefix + "Service": {nil}, pl.pkg.Prefix + "Codecs": {nil}}
		for _, iface := range pl.pkg.ifaces {
			iface.setName(pl.pkg.Prefix)
			for _, name := range append(identifiers(iface), iface.file) {
				owners[name] = append(owners[name], iface)
			}
		}
		again = false
		crowded := make(map[*ifacePlan]bool)
		for _, claimants := range owners {
			if len(claimants) == 1 {
				continue
			}
			claimants = filter(claimants, func(iface *ifacePlan) bool {
				return iface != nil && iface.GoName == "" && iface.style < escapedStyle
			})
			longest := 0
			for _, iface := range claimants {
				longest = max(longest, len(iface.base))
			}
			for _, iface := range claimants {
				if len(iface.base) == longest {
					crowded[iface] = true
				}
			}
		}
		for iface := range crowded {
			iface.style++
			again = true
		}
	}
}

// nameStyle is how long the Go name of an interface is.
type nameStyle int

const (
	shortStyle   nameStyle = iota // Device1
	fullStyle                     // OrgBluezDevice1
	escapedStyle                  // X_org_1bluez_1Device1_, which no other interface has
)

// maxFileName is how long the name of a file becomes, without what is put behind it. D-Bus names have up to 255 bytes, and so do
// file names on most systems.
const maxFileName = 200

// setName names the interface, and its file after that. Files have lower-case names, for some file systems know no others.
func (iface *ifacePlan) setName(prefix string) {
	switch {
	case iface.GoName != "":
		iface.base = prefix + iface.GoName
	case iface.style == shortStyle:
		iface.base = prefix + interfaceName(iface.Name, iface.Service)
	case iface.style == fullStyle:
		iface.base = prefix + goName(iface.Name)
	default:
		iface.base = prefix + "X_" + strings.NewReplacer("_", "__", ".", "_1").Replace(iface.Name) + "_"
	}
	iface.file = strings.ToLower(iface.base)
	if iface.style == escapedStyle {
		// Upper case matters here, but for the first letter.
		iface.file = strings.ToLower(iface.base[:1])
		for _, r := range iface.base[1:] {
			if unicode.IsUpper(r) {
				iface.file += "-"
			}
			iface.file += string(unicode.ToLower(r))
		}
	}
	if len(iface.file) > maxFileName {
		sum := sha256.Sum256([]byte(iface.Name))
		iface.file = fmt.Sprintf("%s-%x", iface.file[:maxFileName-17], sum[:8])
	}
	// What follows an underscore may be the name of an operating system to the go command.
	if slices.Contains(sharedFiles, iface.file) || strings.Contains(iface.file, "_") {
		iface.file += "_interface"
	}
	iface.file += ".go"
}

// identifiers are what an interface claims in the package, except for the names of its structs.
func identifiers(iface *ifacePlan) []string {
	names := memberNames(iface.Interface, iface.base)
	ids := []string{iface.base, "New" + iface.base, "New" + iface.base + "Skeleton", "Unimplemented" + iface.base + "Server"}
	for _, suffix := range slices.Concat(typeSuffixes, names.constants, names.signalTypes) {
		ids = append(ids, iface.base+suffix)
	}
	return ids
}

// structNames gives structs that no annotation names, and whose names something else has too, names of their own.
func (pl *planner) structNames() {
	claims := make(map[string]int)
	for name := range pl.claims() {
		claims[name]++
	}
	for _, s := range pl.pkg.structs {
		claims[s.name]++
	}
	for _, s := range pl.pkg.structs {
		if s.escaped != "" && claims[s.name] > 1 {
			s.name = s.escaped
		}
	}
}

// errorNames names the errors that the annotations speak of. Those of the bus itself are in package bus.
func (pl *planner) errorNames() {
	docs := make(map[string]string)
	add := func(errs []ErrorDoc, doc bool) {
		for _, e := range errs {
			if strings.HasPrefix(e.Name, busErrorPrefix) || pl.pkg.reusedError(e.Name) != nil {
				continue
			}
			if doc {
				docs[e.Name] = cmp.Or(docs[e.Name], e.Doc)
			} else if _, ok := docs[e.Name]; !ok {
				docs[e.Name] = ""
			}
		}
	}
	for _, iface := range pl.pkg.ifaces {
		add(iface.Errors, true)
		for _, m := range iface.Methods {
			add(m.Errors, false)
		}
		for _, p := range iface.Properties {
			add(p.Errors, false)
		}
	}
	short := make(map[string]int)
	for name := range docs {
		short[errorName(name)]++
	}
	for _, name := range slices.Sorted(maps.Keys(docs)) {
		e := &errorPlan{name: errorName(name), wire: name, doc: docs[name], home: pl.pkg}
		if short[e.name] > 1 {
			e.name = "Err" + goName(name)
		}
		e.name = "Err" + pl.pkg.Prefix + strings.TrimPrefix(e.name, "Err")
		pl.pkg.errors = append(pl.pkg.errors, e)
	}
}

// busErrorPrefix begins the names of the errors that package bus has sentinels for.
const busErrorPrefix = "org.freedesktop.DBus.Error."

// errorName is the Go name of an error: what follows ".Error." or else its last element.
func errorName(wire string) string {
	if _, rest, ok := strings.Cut(wire, ".Error."); ok {
		return "Err" + goName(rest)
	}
	return "Err" + goName(wire[strings.LastIndexByte(wire, '.')+1:])
}

// claim is a thing that wants an identifier of the package.
type claim struct {
	what string
	pos  Pos
}

// String says what it is, and where if that is a place in a file.
func (c claim) String() string {
	if c.pos.File == "" {
		return c.what
	}
	return c.what + " at " + c.pos.String()
}

// claims iterates over the identifiers of the package and who wants them, except for structs.
func (pl *planner) claims() iter.Seq2[string, claim] {
	return func(yield func(string, claim) bool) {
		ok := yield(pl.pkg.Prefix+"Service", claim{what: "the package"}) && yield(pl.pkg.Prefix+"Codecs", claim{what: "the package"})
		take := func(pos Pos, what string, names ...string) {
			for _, name := range names {
				ok = ok && yield(name, claim{what, pos})
			}
		}
		for _, iface := range pl.pkg.ifaces {
			take(iface.Pos, "interface "+iface.Name, identifiers(iface)...)
		}
		for _, enum := range pl.pkg.enums {
			take(enum.decl.Pos, "enumeration "+enum.name, enum.name)
			for _, v := range enum.values {
				take(enum.decl.Pos, "value "+v.wire, v.name)
			}
		}
		for _, dict := range pl.pkg.dicts {
			take(dict.decl.Pos, "dictionary "+dict.name, dict.name)
		}
		for _, e := range pl.pkg.errors {
			take(Pos{}, "error "+e.wire, e.name)
		}
	}
}

// checkNames reports identifiers of the package that two things claim.
func (pl *planner) checkNames() {
	claims := make(map[string]claim)
	take := func(name string, c claim) {
		if first, taken := claims[name]; taken {
			pl.fail(c.pos, "%s has the Go name %s of %s, expected an annotation %sGoName or another name", c.what, name, first, ownNamespace)
		}
		claims[name] = c
	}
	for name, c := range pl.claims() {
		take(name, c)
	}
	for _, s := range pl.pkg.structs {
		take(s.name, claim{"struct " + s.name, s.pos})
	}
}

// checkMembers reports names of members that annotations give and that cannot be had.
func (pl *planner) checkMembers(iface *ifacePlan, n names) {
	owners := make(map[string]string)
	take := func(pos Pos, member, name string) {
		if other, taken := owners[name]; taken {
			pl.fail(pos, "%s has the Go name %s of %s, expected an annotation %sGoName with another", member, name, other, ownNamespace)
		}
		owners[name] = member
	}
	for i, p := range iface.Properties {
		member := "property " + p.Name
		pl.checkChosen(p.Pos, member, p.GoName, n.properties[i])
		if p.Readable {
			take(p.Pos, member, n.properties[i])
		}
		if p.Writable {
			take(p.Pos, member, "Set"+n.properties[i])
		}
	}
	for i, s := range iface.Signals {
		member := "signal " + s.Name
		pl.checkChosen(s.Pos, member, s.GoName, n.signals[i])
		take(s.Pos, member, "On"+n.signals[i])
	}
	for i, m := range iface.Methods {
		member := "method " + m.Name
		pl.checkChosen(m.Pos, member, m.GoName, n.methods[i])
		take(m.Pos, member, n.methods[i])
	}
}

// checkChosen reports that something could not be called as an annotation says.
func (pl *planner) checkChosen(pos Pos, what, chosen, name string) {
	if chosen != "" && name != chosen {
		pl.fail(pos, "%s cannot have the Go name %s, which something else has, expected another", what, chosen)
	}
}
