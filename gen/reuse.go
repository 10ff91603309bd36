package gen

import (
	"slices"
	"strings"
)

// reuse makes known what the packages to be reused have.
func (pl *planner) reuse() {
	for _, pkg := range pl.pkg.Reuse {
		for _, enum := range pkg.enums {
			if _, ok := pl.enums[enum.decl.Name]; !ok {
				pl.enums[enum.decl.Name] = enum
			}
		}
		for _, dict := range pkg.dicts {
			if _, ok := pl.dicts[dict.decl.Name]; !ok {
				pl.dicts[dict.decl.Name] = dict
			}
		}
	}
}

// sameEnum tells whether two declarations make the same enumeration, whatever they say about it.
func sameEnum(a, b *EnumDecl) bool {
	return slices.EqualFunc(a.Values, b.Values, func(a, b EnumValue) bool { return a.Wire == b.Wire && a.Suffix == b.Suffix })
}

// sameDict tells whether two declarations make the same struct of a dictionary.
func sameDict(a, b *DictDecl) bool {
	return slices.EqualFunc(a.Keys, b.Keys, func(a, b DictKey) bool {
		return a.Name == b.Name && a.GoName == b.GoName && a.Type.String() == b.Type.String() &&
			(a.Variant == nil) == (b.Variant == nil) && (a.Variant == nil || a.Variant.String() == b.Variant.String()) &&
			slices.EqualFunc(a.Enums, b.Enums, func(a, b *EnumDecl) bool { return a.Name == b.Name }) &&
			slices.EqualFunc(a.Dicts, b.Dicts, func(a, b *DictDecl) bool { return a.Name == b.Name })
	})
}

// reusedStruct returns the struct of a package to be reused that an annotation has given the same name and fields, or nil.
func (pl *planner) reusedStruct(s *structPlan) *structPlan {
	if s.escaped != "" {
		return nil
	}
	for _, pkg := range pl.pkg.Reuse {
		for _, other := range pkg.structs {
			if other.escaped == "" && other.unprefixed() == s.unprefixed() && sameStruct(other, s) {
				return other
			}
		}
	}
	return nil
}

func sameStruct(a, b *structPlan) bool {
	return a.sig == b.sig && slices.EqualFunc(a.fields, b.fields, func(a, b fieldPlan) bool {
		return a.name == b.name && a.value.identity() == b.value.identity()
	})
}

// unprefixed is the name of the struct without the prefix of its package.
func (s *structPlan) unprefixed() string { return strings.TrimPrefix(s.name, s.home.Prefix) }

// reusedError returns the error of a package to be reused that has a D-Bus name, or nil.
func (pkg *Package) reusedError(wire string) *errorPlan {
	for _, reused := range pkg.Reuse {
		for _, e := range reused.errors {
			if e.wire == wire {
				return e
			}
		}
	}
	return nil
}
