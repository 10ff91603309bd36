package gen

import (
	"fmt"
	"strconv"
	"strings"
)

// kind tells how a value is represented in Go.
type kind int

const (
	kindBasic   kind = iota // a basic type, or ay
	kindVariant             // a variant of any type
	kindTyped               // a variant whose inner type is known: it is represented by that alone
	kindEnum
	kindSlice
	kindMap
	kindStruct
	kindDict // an a{sv} with known keys
)

// value is a D-Bus type together with its representation in Go.
type value struct {
	kind kind
	// sig is the signature on the wire, "v" for a variant.
	sig string
	// key and elem are those of a slice or map; elem also is what a typed variant holds.
	key, elem *value
	enum      *enumPlan
	dict      *dictPlan
	structure *structPlan
}

// enumPlan is a string enumeration to emit.
type enumPlan struct {
	name, doc string
	values    []enumValuePlan
	decl      *EnumDecl
	home      *Package // that declares it in Go
}

type enumValuePlan struct {
	name, wire, doc string
}

// dictPlan is an a{sv} with known keys to emit as a struct.
type dictPlan struct {
	name, doc string
	keys      []keyPlan
	decl      *DictDecl
	home      *Package
	owner     *ifacePlan // nil if only the context declares it
	planning  bool       // while the keys are being planned
}

type keyPlan struct {
	decl  *DictKey
	field string
	value *value
}

// structPlan is a D-Bus struct to emit.
type structPlan struct {
	name, doc, sig string
	escaped        string // another name if that is taken, empty if an annotation gave it
	scope          string // as in structNames
	fields         []fieldPlan
	home           *Package
	owner          *ifacePlan
	pos            Pos
}

type fieldPlan struct {
	name, doc string
	value     *value
}

// typeBuilder finds the representation of one type under the annotations that go with it.
type typeBuilder struct {
	pl    *planner
	owner *ifacePlan
	pos   Pos
	notes *Annotations
	// names is how structs are called that no annotation names.
	names   structNames
	unnamed int
	named   int // how many of notes.Structs are used

	insideVariant                   bool
	usedVariant, usedEnum, usedDict bool
}

// structNames are what to call a struct that no annotation names: as a person would, and, if that name is taken, by the D-Bus
// spelling of what it belongs to, which nothing else has.
type structNames struct {
	short, escaped string
	// scope is the member that it belongs to, whose argument and result of one name may share a struct.
	scope string
}

// typeOf plans the representation of a type.
func (pl *planner) typeOf(owner *ifacePlan, pos Pos, t *Type, notes *Annotations, names structNames) *value {
	b := &typeBuilder{pl: pl, owner: owner, pos: pos, notes: notes, names: names}
	v := b.build(t)
	switch {
	case notes.Variant != nil && !b.usedVariant:
		pl.fail(pos, "Variant annotation on type %s, expected a type with a variant", t)
	case len(notes.Dicts) > 0 && !b.usedDict:
		pl.fail(pos, "Dict annotation on type %s, expected a type with a{sv}", t)
	case len(notes.Enums) > 0 && !b.usedEnum:
		pl.fail(pos, "Enum annotation on type %s, expected a type with a string", t)
	case b.named < len(notes.Structs):
		pl.fail(pos, "Struct annotation %s on type %s, which has only %d structs", notes.Structs[b.named].Name, t, b.named)
	}
	return v
}

func (b *typeBuilder) build(t *Type) *value {
	v := &value{sig: t.String()}
	switch {
	case t.Code == 'v' && b.notes.Variant != nil && !b.insideVariant:
		b.usedVariant, b.insideVariant = true, true
		v.kind, v.elem = kindTyped, b.build(b.notes.Variant)
		b.insideVariant = false
	case t.Code == 'v':
		v.kind = kindVariant
	case t.Code == 's' && len(b.notes.Enums) > 0:
		b.usedEnum = true
		v.kind, v.enum = kindEnum, b.pl.enum(b.notes.Enums[0])
	case v.sig == "a{sv}" && len(b.notes.Dicts) > 0 && (b.notes.Variant == nil || b.insideVariant):
		b.usedDict = true
		v.kind, v.dict = kindDict, b.pl.dict(b.notes.Dicts[0])
	case v.sig == "ay", isBasic(t.Code):
		v.kind = kindBasic
	case t.Code == 'a':
		v.kind, v.elem = kindSlice, b.build(t.Elem)
	case t.Code == '{':
		v.kind, v.key, v.elem = kindMap, &value{sig: t.Key.String()}, b.build(t.Elem)
	default:
		v.kind, v.structure = kindStruct, b.structure(t)
	}
	return v
}

func (b *typeBuilder) structure(t *Type) *structPlan {
	s := &structPlan{sig: t.String(), home: b.pl.pkg, owner: b.owner, pos: b.pos}
	var decl *StructDecl
	if b.named < len(b.notes.Structs) {
		decl = b.pl.structDecl(b.notes.Structs[b.named])
		s.name, s.doc, s.pos = b.pl.pkg.Prefix+decl.Name, decl.Doc, decl.Pos
		b.named++
		if len(decl.Fields) == 0 {
			b.pl.fail(decl.Pos, "struct %s has no fields anywhere, expected a %sStruct annotation with their names at one place", decl.Name, ownNamespace)
			decl = nil
		} else if len(decl.Fields) != len(t.Fields) {
			b.pl.fail(decl.Pos, "struct %s with %d fields for %s, expected %d", decl.Name, len(decl.Fields), t, len(t.Fields))
			decl = nil
		}
	} else {
		s.name, s.escaped, s.scope = b.names.short, b.names.escaped, b.names.scope
		if b.unnamed++; b.unnamed > 1 {
			s.name += strconv.Itoa(b.unnamed)
			s.escaped = strings.Replace(s.escaped, "Struct_", fmt.Sprintf("Struct%d_", b.unnamed), 1)
		}
	}
	for i, field := range t.Fields {
		f := fieldPlan{name: fmt.Sprintf("Field%d", i), value: b.build(field)}
		if decl != nil {
			f.name, f.doc = decl.Fields[i].Name, decl.Fields[i].Doc
		}
		s.fields = append(s.fields, f)
	}
	return b.pl.addStruct(s)
}

// basic is what there is to know about the basic types and ay.
type basic struct {
	goType string // without package
	method string // of wire.Decoder and wire.Encoder
	align  int
}

var basics = map[string]basic{
	"y":  {"byte", "Byte", 1},
	"b":  {"bool", "Bool", 4},
	"n":  {"int16", "Int16", 2},
	"q":  {"uint16", "Uint16", 2},
	"i":  {"int32", "Int32", 4},
	"u":  {"uint32", "Uint32", 4},
	"x":  {"int64", "Int64", 8},
	"t":  {"uint64", "Uint64", 8},
	"d":  {"float64", "Double", 8},
	"s":  {"string", "String", 4},
	"o":  {"ObjectPath", "ObjectPath", 4},
	"g":  {"Signature", "Signature", 1},
	"h":  {"File", "UnixFD", 4},
	"ay": {"[]byte", "Bytes", 4},
}

// align returns the alignment of the value on the wire, in bytes.
func (v *value) align() int {
	switch v.sig[0] {
	case 'v':
		return 1
	case 'a':
		return 4
	case '(':
		return 8
	default:
		return basics[v.sig].align
	}
}

// scalar tells whether the zero value cannot stand for "not there" in an option dictionary.
func (v *value) scalar() bool {
	switch v.kind {
	case kindTyped:
		return v.elem.scalar()
	case kindStruct, kindDict:
		return true
	case kindBasic:
		switch v.sig {
		case "s", "o", "g", "h", "ay":
			return false
		}
		return true
	default:
		return false
	}
}

// codecName names the functions that read and write the value: decode and encode, followed by it.
func (v *value) codecName() string {
	switch v.kind {
	case kindVariant:
		return "Variant"
	case kindTyped:
		return "VariantOf" + v.elem.codecName()
	case kindEnum:
		return v.enum.decl.Name
	case kindDict:
		return v.dict.decl.Name
	case kindStruct:
		return v.structure.unprefixed()
	case kindSlice:
		return v.elem.codecName() + "Slice"
	case kindMap:
		return "Map" + basics[v.key.sig].method + v.elem.codecName()
	default:
		return basics[v.sig].method
	}
}

// identity is the same for values of the same representation, and no others.
func (v *value) identity() string {
	switch v.kind {
	case kindEnum:
		return v.enum.home.Path + "." + v.enum.name
	case kindDict:
		return v.dict.home.Path + "." + v.dict.name
	case kindStruct:
		return v.structure.home.Path + "." + v.structure.name
	case kindTyped:
		return "v<" + v.elem.identity() + ">"
	case kindSlice:
		return "a<" + v.elem.identity() + ">"
	case kindMap:
		return "a{" + v.key.sig + v.elem.identity() + "}"
	default:
		return v.sig
	}
}

// mismatches tells whether reading the value may find a variant of another type than expected, which is reported by name.
func (v *value) mismatches() bool {
	switch v.kind {
	case kindTyped:
		return true
	case kindSlice, kindMap:
		return v.elem.mismatches()
	default:
		// Structs and dictionaries name their members themselves.
		return false
	}
}
