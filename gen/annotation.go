package gen

import (
	"errors"
	"fmt"
	"slices"
	"strings"
)

// place is a set of elements that may carry an annotation.
type place int

const (
	onNode place = 1 << iota
	onInterface
	onMethod
	onSignal
	onProperty
	onArg

	onMember = onMethod | onSignal | onProperty
	onType   = onProperty | onArg
	onAny    = onNode | onInterface | onMember | onArg
)

func (p place) String() string {
	var names []string
	for i, name := range []string{"<node>", "<interface>", "<method>", "<signal>", "<property>", "<arg>"} {
		if p&(1<<i) != 0 {
			names = append(names, name)
		}
	}
	return strings.Join(names, ", ")
}

// ownNamespace is the prefix of the annotations that this generator defines. An unknown one there is a mistake, while those of
// others are none of its business.
const ownNamespace = "io.github.gobluez."

// annotationRule says where an annotation may stand, whether it may be repeated, and what it does.
type annotationRule struct {
	on     place
	repeat bool
	apply  func(n *notes, value string) error
}

// annotationRules are the annotations that have a meaning here, by name.
var annotationRules = map[string]annotationRule{
	"org.gtk.GDBus.DocString": {onAny, false, func(n *notes, value string) error {
		n.Doc = value
		return nil
	}},
	"org.gtk.GDBus.Since": {onAny, false, func(n *notes, value string) error {
		n.Since = value
		return nil
	}},
	"org.freedesktop.DBus.Deprecated": {onAny, false, func(n *notes, value string) error {
		return parseBool(value, &n.Deprecated)
	}},
	"org.freedesktop.DBus.Method.NoReply": {onMethod, false, func(n *notes, value string) error {
		return parseBool(value, &n.NoReply)
	}},
	// On an interface it is the default of the properties.
	"org.freedesktop.DBus.Property.EmitsChangedSignal": {onProperty | onInterface, false, func(n *notes, value string) error {
		n.EmitsChanged = Emits(value)
		return oneOf(n.EmitsChanged, EmitsValue, EmitsInvalidates, EmitsConst, EmitsNothing)
	}},

	ownNamespace + "Service": {onNode, false, func(n *notes, value string) error {
		n.Service = value
		if !isBusName(value) {
			return errors.New("expected a well-known bus name, such as org.example")
		}
		return nil
	}},
	ownNamespace + "Role": {onInterface | onMember, false, func(n *notes, value string) error {
		n.Role = Role(value)
		return oneOf(n.Role, RoleService, RoleClient, RoleBoth)
	}},
	ownNamespace + "Path": {onInterface, false, func(n *notes, value string) error {
		n.Path = value
		if !isObjectPath(value) {
			return errors.New("expected an object path, such as /org/example")
		}
		return nil
	}},
	ownNamespace + "Document": {onInterface, false, func(n *notes, value string) error {
		n.Document = value
		return nil
	}},
	ownNamespace + "Experimental": {onInterface | onMember, false, func(n *notes, value string) error {
		return parseBool(value, &n.Experimental)
	}},
	ownNamespace + "Optional": {onMethod | onSignal | onProperty, false, func(n *notes, value string) error {
		return parseBool(value, &n.Optional)
	}},
	ownNamespace + "Priority": {onMethod, false, func(n *notes, value string) error {
		return parseBool(value, &n.Priority)
	}},
	ownNamespace + "GoName": {onInterface | onMember | onArg, false, func(n *notes, value string) error {
		n.GoName = value
		return checkGoName(value)
	}},
	ownNamespace + "Error": {onNode | onInterface | onMethod | onProperty, true, func(n *notes, value string) error {
		name, doc, _ := strings.Cut(value, " ")
		if !isInterfaceName(name) {
			return errors.New("expected a D-Bus error name, then a space and when it is returned")
		}
		if slices.ContainsFunc(n.Errors, func(e ErrorDoc) bool { return e.Name == name }) {
			return fmt.Errorf("error %s twice, expected it once", name)
		}
		n.Errors = append(n.Errors, ErrorDoc{Name: name, Doc: strings.TrimSpace(doc)})
		return nil
	}},

	ownNamespace + "Variant": {onType, false, func(n *notes, value string) (err error) {
		n.Variant, err = ParseType(value)
		return err
	}},
	ownNamespace + "Enum": {onType | onInterface, true, func(n *notes, value string) error {
		name, doc, err := declaration(value)
		n.Enums = append(n.Enums, &EnumDecl{Pos: n.pos, Name: name, Doc: doc})
		return cmpErr(err, n.single(len(n.Enums)))
	}},
	ownNamespace + "Value": {onType | onInterface, true, func(n *notes, value string) error {
		if len(n.Enums) == 0 {
			return fmt.Errorf("expected after an %sEnum", ownNamespace)
		}
		v, err := parseEnumValue(value)
		v.Pos = n.pos
		enum := n.Enums[len(n.Enums)-1]
		enum.Values = append(enum.Values, v)
		return err
	}},
	ownNamespace + "Dict": {onType | onInterface, true, func(n *notes, value string) error {
		name, doc, err := declaration(value)
		n.Dicts = append(n.Dicts, &DictDecl{Pos: n.pos, Name: name, Doc: doc})
		return cmpErr(err, n.single(len(n.Dicts)))
	}},
	ownNamespace + "Key": {onType | onInterface, true, func(n *notes, value string) error {
		if len(n.Dicts) == 0 {
			return fmt.Errorf("expected after a %sDict", ownNamespace)
		}
		key, err := parseDictKey(value, n.pos)
		dict := n.Dicts[len(n.Dicts)-1]
		dict.Keys = append(dict.Keys, key)
		return err
	}},
	ownNamespace + "Struct": {onType | onInterface, true, func(n *notes, value string) error {
		names, doc, _ := strings.Cut(value, ": ")
		words := strings.Fields(names)
		if len(words) == 0 {
			return errors.New("expected the name of the struct and, where it is declared, the names of its fields")
		}
		decl := &StructDecl{Pos: n.pos, Name: words[0], Doc: strings.TrimSpace(doc)}
		for _, field := range words[1:] {
			decl.Fields = append(decl.Fields, FieldDecl{Name: field})
		}
		n.Structs = append(n.Structs, decl)
		for i, word := range words {
			if err := checkGoName(word); err != nil {
				return err
			}
			if i > 0 && slices.Contains(words[1:i], word) {
				return fmt.Errorf("field %s twice, expected it once", word)
			}
		}
		return nil
	}},
	ownNamespace + "Field": {onType | onInterface, true, func(n *notes, value string) error {
		if len(n.Structs) == 0 {
			return fmt.Errorf("expected after a %sStruct", ownNamespace)
		}
		decl := n.Structs[len(n.Structs)-1]
		name, doc, _ := strings.Cut(value, " ")
		for i := range decl.Fields {
			if decl.Fields[i].Name == name {
				decl.Fields[i].Doc = strings.TrimSpace(doc)
				return nil
			}
		}
		return fmt.Errorf("expected a field of struct %s, then a space and its documentation", decl.Name)
	}},
}

// notes collects the annotations of one element.
type notes struct {
	Annotations
	p     *parser
	owner element
	on    place
	seen  map[string]bool
	pos   Pos // of the annotation being read
}

func (p *parser) annotations(owner element, on place) *notes {
	return &notes{p: p, owner: owner, on: on, seen: make(map[string]bool)}
}

// add reads an <annotation>.
func (n *notes) add(e element) {
	attrs := n.p.attributes(e, "name!", "value!")
	n.p.children(e, map[string]func(element){"annotation": n.p.skip})
	name, ok := attrs["name"]
	if !ok {
		return
	}
	a := annotation{e.Pos, name, attrs["value"]}
	n.given = append(n.given, a)
	n.take(e, a)
}

// take lets an annotation, which e is for messages, say what it says.
func (n *notes) take(e element, a annotation) {
	name := a.name
	rule, known := annotationRules[name]
	switch {
	case !known && strings.HasPrefix(name, ownNamespace):
		n.p.fail(e, "unknown annotation, expected %s", ownAnnotations(n.on))
		return
	case !known:
		return
	case rule.on&n.on == 0:
		// Annotations of others are only looked at where they mean something.
		if strings.HasPrefix(name, ownNamespace) {
			n.p.fail(e, "annotation of %s, expected only on %s", n.owner.describe(), rule.on)
		}
		return
	case n.seen[name] && !rule.repeat:
		n.p.fail(e, "annotation of %s twice, expected it once", n.owner.describe())
		return
	}
	n.seen[name] = true
	n.pos = e.Pos
	if err := rule.apply(n, a.value); err != nil {
		n.p.fail(e, "value %q of %s: %v", a.value, n.owner.describe(), err)
	}
}

// finish returns what the annotations said.
func (n *notes) finish() Annotations { return n.Annotations }

// single reports an error if a type, unlike an interface, has more than one declaration of a kind.
func (n *notes) single(count int) error {
	if count > 1 && n.on != onInterface {
		return fmt.Errorf("a second one on %s, expected one", n.owner.describe())
	}
	return nil
}

func ownAnnotations(on place) string {
	var names []string
	for name, rule := range annotationRules {
		if rule.on&on != 0 && strings.HasPrefix(name, ownNamespace) {
			names = append(names, strings.TrimPrefix(name, ownNamespace))
		}
	}
	slices.Sort(names)
	return ownNamespace + "{" + strings.Join(names, ",") + "}"
}

func cmpErr(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

func parseBool(value string, to *bool) error {
	*to = value == "true"
	return oneOf(value, "true", "false")
}

func oneOf[T ~string](value T, allowed ...T) error {
	if slices.Contains(allowed, value) {
		return nil
	}
	var names []string
	for _, a := range allowed {
		names = append(names, string(a))
	}
	return fmt.Errorf("expected one of %s", strings.Join(names, ", "))
}

// declaration splits "Transport The radio to scan with." into a Go name and its documentation.
func declaration(value string) (name, doc string, err error) {
	name, doc, _ = strings.Cut(value, " ")
	return name, strings.TrimSpace(doc), checkGoName(name)
}

// parseEnumValue parses "wire", "wire=Suffix" or "wire doc", where wire is in quotes if it has a space or is empty.
func parseEnumValue(value string) (v EnumValue, err error) {
	rest := value
	if quoted, ok := strings.CutPrefix(value, `"`); ok {
		var closed bool
		v.Wire, rest, closed = strings.Cut(quoted, `"`)
		if !closed {
			return v, errors.New(`expected a closing " after the string`)
		}
	} else if end := strings.IndexAny(value, "= "); end >= 0 {
		v.Wire, rest = value[:end], value[end:]
	} else {
		v.Wire, rest = value, ""
	}
	if v.Wire == "" && rest == value {
		return v, errors.New(`expected a string, or "" for the empty one`)
	}
	suffix, doc, _ := strings.Cut(rest, " ")
	v.Doc = strings.TrimSpace(doc)
	if suffix == "" {
		if v.Wire == "" {
			return v, errors.New(`expected =Name after the empty string`)
		}
		return v, nil
	}
	var ok bool
	if v.Suffix, ok = strings.CutPrefix(suffix, "="); !ok {
		return v, errors.New("expected a space, or = and the end of the Go name, after the string")
	}
	return v, checkGoName("X" + v.Suffix)
}

// parseDictKey parses "Transport s {enum=Transport,since=5.1} doc".
func parseDictKey(value string, pos Pos) (key DictKey, err error) {
	key = DictKey{Pos: pos, Type: &Type{Code: 'y'}}
	name, rest, _ := strings.Cut(value, " ")
	signature, rest, _ := strings.Cut(rest, " ")
	key.Name = name
	if name == "" || signature == "" {
		return key, errors.New("expected a key, a signature, optionally {attributes}, and the documentation")
	}
	if key.Type, err = ParseType(signature); err != nil {
		return key, err
	}
	if attrs, ok := strings.CutPrefix(rest, "{"); ok {
		end := closingBrace(attrs)
		if end < 0 {
			return key, errors.New("expected } after the attributes")
		}
		attrs, rest = attrs[:end], attrs[end+1:]
		for attr := range strings.SplitSeq(attrs, ",") {
			if err := key.attribute(strings.TrimSpace(attr)); err != nil {
				return key, err
			}
		}
	}
	key.Doc = strings.TrimSpace(rest)
	return key, nil
}

// closingBrace returns where the brace is closed that stands before text, or -1. There are braces in signatures, too.
func closingBrace(text string) int {
	depth := 1
	for i, r := range text {
		switch r {
		case '{':
			depth++
		case '}':
			if depth--; depth == 0 {
				return i
			}
		}
	}
	return -1
}

func (k *DictKey) attribute(attr string) (err error) {
	name, value, _ := strings.Cut(attr, "=")
	switch name {
	case "enum":
		k.Enums = []*EnumDecl{{Pos: k.Pos, Name: value}}
		return checkGoName(value)
	case "dict":
		k.Dicts = []*DictDecl{{Pos: k.Pos, Name: value}}
		return checkGoName(value)
	case "struct":
		k.Structs = append(k.Structs, &StructDecl{Pos: k.Pos, Name: value})
		return checkGoName(value)
	case "variant":
		k.Variant, err = ParseType(value)
		return err
	case "role":
		k.Role = Role(value)
		return oneOf(k.Role, RoleService, RoleClient, RoleBoth)
	case "since":
		k.Since = value
		return nil
	case "go":
		k.GoName = value
		return checkGoName(value)
	case "experimental":
		k.Experimental = true
		return nil
	default:
		return fmt.Errorf("attribute %q, expected enum=NAME, dict=NAME, struct=NAME, variant=SIGNATURE, role=ROLE, since=VERSION, go=NAME or experimental", attr)
	}
}

// isBusName tells whether name is a well-known bus name by the D-Bus specification, which is an interface name that may also
// have dashes.
func isBusName(name string) bool {
	return isInterfaceName(strings.ReplaceAll(name, "-", "_"))
}

func isObjectPath(path string) bool {
	if path == "/" {
		return true
	}
	rest, ok := strings.CutPrefix(path, "/")
	if !ok {
		return false
	}
	for element := range strings.SplitSeq(rest, "/") {
		// An element is a member name that may also begin with a digit.
		if !isMemberName("_"+element) || element == "" {
			return false
		}
	}
	return true
}

// checkGoName checks that a name given by an annotation is an exported Go identifier.
func checkGoName(name string) error {
	if !isMemberName(name) || name[0] < 'A' || name[0] > 'Z' {
		return errors.New("expected a Go name: an upper-case letter, then letters, digits and underscores")
	}
	return nil
}
