package introspection_test

import (
	"regexp"
	"strings"
	"testing"
)

// A declaration is an Enum, Dict or Struct with what follows it.
type declaration struct {
	kind, name, doc string
	fields          []string // of a Struct, in order
	items           []string // Values, Keys or Fields
	on              *element
	where           string
}

// declarations groups the annotations of an element.
func (e *element) declarations(t *testing.T) []declaration {
	t.Helper()
	item := map[string]string{own + "Value": "Enum", own + "Key": "Dict", own + "Field": "Struct"}
	var found []declaration
	for _, a := range e.all("annotation") {
		value := a.attr("value")
		switch kind := strings.TrimPrefix(a.name(), own); kind {
		case "Enum", "Dict", "Struct":
			d := declaration{kind: kind, on: e, where: a.where}
			if kind == "Struct" {
				value, d.doc, _ = strings.Cut(value, ": ")
				words := strings.Fields(value)
				d.name, d.fields = words[0], words[1:]
			} else {
				d.name, d.doc, _ = strings.Cut(value, " ")
			}
			found = append(found, d)
		default:
			of := item[a.name()]
			if of == "" {
				continue
			}
			if len(found) == 0 || found[len(found)-1].kind != of {
				t.Errorf("%s: %s without %s before it", a.where, kind, of)
				continue
			}
			last := &found[len(found)-1]
			last.items = append(last.items, value)
		}
	}
	return found
}

// attributes reads those of a Key annotation.
func attributes(key string) map[string]string {
	m := keyGrammar.FindStringSubmatch(key)
	if m == nil || m[3] == "" {
		return nil
	}
	attributes := make(map[string]string)
	for a := range strings.SplitSeq(m[3], ",") {
		name, value, _ := strings.Cut(a, "=")
		attributes[name] = value
	}
	return attributes
}

func TestDeclarationsAreMadeOnceAndUsed(t *testing.T) {
	declared := make(map[string]declaration) // by name: kinds share Go's name space
	used := make(map[string]string)          // "Enum Transport" to the first use
	everyElement(t, func(e *element) {
		for _, d := range e.declarations(t) {
			if e.tag != "interface" {
				used[d.kind+" "+d.name] = d.where
			}
			for _, item := range d.items {
				for kind, name := range attributes(item) {
					if kind == "enum" || kind == "dict" || kind == "struct" {
						used[strings.ToUpper(kind[:1])+kind[1:]+" "+name] = d.where
					}
				}
			}
			if len(d.items) == 0 && d.doc == "" {
				continue
			}
			if len(d.items) == 0 || d.doc == "" {
				t.Errorf("%s: %s %s needs a description and items, or neither", d.where, d.kind, d.name)
			}
			if first, twice := declared[d.name]; twice {
				t.Errorf("%s: %s is declared already at %s", d.where, d.name, first.where)
			}
			declared[d.name] = d
		}
	})
	for use, where := range used {
		kind, name, _ := strings.Cut(use, " ")
		if d, ok := declared[name]; !ok || d.kind != kind {
			t.Errorf("%s: %s is not declared", where, use)
		}
	}
	for name, d := range declared {
		if used[d.kind+" "+name] == "" {
			t.Errorf("%s: %s %s is used nowhere", d.where, d.kind, name)
		}
	}
}

func TestItemsOfDeclarations(t *testing.T) {
	known := map[string]*regexp.Regexp{
		"enum": whole(goName), "dict": whole(goName), "struct": whole(goName), "variant": whole(sig), "role": whole(`service|client`),
		"since": whole(`5\.[1-9][0-9]`), "go": whole(goName), "experimental": whole(``),
	}
	everyElement(t, func(e *element) {
		for _, d := range e.declarations(t) {
			seen := make(map[string]bool)
			for _, item := range d.items {
				name, _, _ := strings.Cut(item, " ")
				if seen[name] {
					t.Errorf("%s: %s %s has %s twice", d.where, d.kind, d.name, name)
				}
				seen[name] = true
				if m := keyGrammar.FindStringSubmatch(item); d.kind == "Dict" && m != nil && strings.Contains(m[2], "(") && attributes(item)["struct"] == "" {
					t.Errorf("%s: key %s of type %s needs the attribute struct", e.where, name, m[2])
				}
				for name, value := range attributes(item) {
					if known[name] == nil || !known[name].MatchString(value) {
						t.Errorf("%s: %s: attribute %s with value %q", d.where, item, name, value)
					}
				}
			}
			if len(d.fields) > 0 && len(d.fields) != len(d.items) {
				t.Errorf("%s: %s has %d fields and describes %d", d.where, d.name, len(d.fields), len(d.items))
			}
		}
	})
}

func TestAnnotationsSuitTheType(t *testing.T) {
	everyElement(t, func(e *element) {
		if e.tag != "property" && e.tag != "arg" {
			return
		}
		typ := e.attr("type")
		isText := map[string]bool{"s": true, "as": true}
		suits := map[string]bool{
			"Enum":    isText[typ] || isText[e.annotation(own+"Variant")],
			"Dict":    strings.Contains(typ, "a{sv}"),
			"Struct":  strings.Contains(typ, "("),
			"Variant": strings.Contains(typ, "v"),
		}
		for kind, ok := range suits {
			if !ok && e.annotation(own+kind) != "" {
				t.Errorf("%s: %s of type %s has the annotation %s", e.where, e.name(), typ, kind)
			}
		}
		typed := e.annotation(own+"Dict") != "" || e.annotation(own+"Variant") != ""
		if isOwn(e) && strings.Contains(typ, "v") && !typed && !untyped[e.name()] {
			t.Errorf("%s: %s of type %s needs the annotation Dict or Variant", e.where, e.name(), typ)
		}
		if strings.Contains(typ, "(") && e.annotation(own+"Struct") == "" {
			t.Errorf("%s: %s of type %s needs the annotation Struct", e.where, e.name(), typ)
		}
	})
}

// Arguments that are dictionaries without any key that is known, or that are of
// more than one type.
var untyped = map[string]bool{"options": true, "destination": true}
