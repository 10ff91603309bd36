package introspection_test

import (
	"regexp"
	"slices"
	"strings"
	"testing"
)

// A rule says where an annotation may stand and what it may say. The order of
// the rules is the order in which annotations stand in an element.
type rule struct {
	name  string
	on    string         // tags, separated by spaces
	value *regexp.Regexp // of the whole value
	many  bool
}

const (
	goName   = `[A-Z][A-Za-z0-9]*`
	sentence = `[A-Z0-9].*\.` // or several, on one line
	sig      = `[a-z(){}]+`
)

var rules = []rule{
	{name: docString, on: "interface method signal property arg", value: whole(sentence)},
	{name: since, on: "interface method signal property", value: whole(`5\.[1-9][0-9]`)},
	{name: "org.freedesktop.DBus.Deprecated", on: "interface method signal property", value: whole(`true`)},
	{name: "org.freedesktop.DBus.Method.NoReply", on: "method", value: whole(`true`)},
	{name: "org.freedesktop.DBus.Property.EmitsChangedSignal", on: "interface property", value: whole(`true|invalidates|const|false`)},
	{name: own + "Service", on: "node", value: whole(`org(\.[A-Za-z]+)+`)},
	{name: own + "Document", on: "interface", value: whole(`org\.bluez\.[A-Za-z1.]+\(5\)|doc/mesh-api\.txt|D-Bus Specification, .+`)},
	{name: own + "Role", on: "interface method signal property", value: whole(`service|client|both`)},
	{name: own + "Path", on: "interface", value: whole(`(/[A-Za-z0-9_]+)+`)},
	{name: own + "GoName", on: "interface method signal property arg", value: whole(goName)},
	{name: own + "Optional", on: "property", value: whole(`true`)},
	{name: own + "Experimental", on: "interface method signal property", value: whole(`true`)},
	{name: own + "Priority", on: "method", value: whole(`true`)},
	{name: own + "Error", on: "method property", value: whole(`org\.(bluez(\.obex|\.mesh)?|freedesktop\.DBus)\.Error(\.[A-Z][A-Za-z0-9]+)+ ` + sentence), many: true},
	{name: own + "Variant", on: "property arg", value: whole(sig)},
	{name: own + "Enum", on: "interface property arg", value: whole(goName + `( ` + sentence + `)?`), many: true},
	{name: own + "Value", on: "interface property arg", value: whole(`("[^"]+"|[^ "=]+)(=[A-Za-z0-9]+)? ` + sentence), many: true},
	{name: own + "Dict", on: "interface property arg", value: whole(goName + `( ` + sentence + `)?`), many: true},
	{name: own + "Key", on: "interface property arg", value: keyGrammar, many: true},
	{name: own + "Struct", on: "interface property arg", value: whole(goName + `(( ` + goName + `)+: ` + sentence + `)?`), many: true},
	{name: own + "Field", on: "interface property arg", value: whole(goName + ` ` + sentence), many: true},
}

// keyGrammar matches the key, the signature, the attributes and the
// description of a Key annotation.
var keyGrammar = whole(`([A-Za-z][A-Za-z0-9_-]*) (` + sig + `) (?:\{([^}]+)\} )?(` + sentence + `)`)

func whole(expression string) *regexp.Regexp {
	return regexp.MustCompile(`^(?:` + expression + `)$`)
}

// walk calls f for an element and all below it.
func (e *element) walk(f func(*element)) {
	f(e)
	for _, c := range e.children {
		c.walk(f)
	}
}

// everyElement calls f for each element of all files.
func everyElement(t *testing.T, f func(*element)) {
	t.Helper()
	for _, node := range contract(t) {
		node.walk(f)
	}
}

// isOwn tells whether an element is about BlueZ rather than the D-Bus
// specification.
func isOwn(e *element) bool { return !strings.HasPrefix(e.where, "freedesktop/") }

func TestAnnotationsAreKnownAndWellFormed(t *testing.T) {
	everyElement(t, func(e *element) {
		if e.tag != "annotation" {
			return
		}
		name, value := e.name(), e.attr("value")
		i := slices.IndexFunc(rules, func(r rule) bool { return r.name == name })
		switch {
		case i < 0:
			t.Errorf("%s: unknown annotation %s", e.where, name)
		case !slices.Contains(strings.Fields(rules[i].on), e.parent.tag):
			t.Errorf("%s: %s does not belong on a %s", e.where, name, e.parent.tag)
		case !rules[i].value.MatchString(value):
			t.Errorf("%s: the value of %s is malformed: %q", e.where, name, value)
		case !rules[i].many && len(e.parent.annotations(name)) > 1:
			t.Errorf("%s: %s is repeated", e.where, name)
		case strings.Contains(value, "  "):
			t.Errorf("%s: two spaces in %q", e.where, value)
		}
	})
}

func TestAnnotationsComeInOrderAndFirst(t *testing.T) {
	position := func(a *element) int {
		return slices.IndexFunc(rules, func(r rule) bool {
			// What is declared follows its declaration, so they count as one.
			name := strings.NewReplacer(own+"Value", own+"Enum", own+"Key", own+"Dict", own+"Field", own+"Struct").Replace(a.name())
			return r.name == name
		})
	}
	everyElement(t, func(e *element) {
		if !slices.IsSortedFunc(e.all("annotation"), func(a, b *element) int { return position(a) - position(b) }) {
			t.Errorf("%s: the annotations of %s %s are not in the order of the rules", e.where, e.tag, e.name())
		}
		others := false
		for _, c := range e.children {
			if c.tag != "annotation" {
				others = true
			} else if others {
				t.Errorf("%s: an annotation stands behind other elements", c.where)
			}
		}
	})
}

func TestEverythingIsDocumented(t *testing.T) {
	everyElement(t, func(e *element) {
		switch e.tag {
		case "interface", "method", "signal", "property", "arg":
			if e.annotation(docString) == "" {
				t.Errorf("%s: %s %s has no description", e.where, e.tag, e.name())
			}
			if e.name() == "" {
				t.Errorf("%s: %s without a name", e.where, e.tag)
			}
		}
		if e.tag == "interface" && (e.annotation(own+"Document") == "" || e.annotation(own+"Role") == "") {
			t.Errorf("%s: %s needs a Document and a Role", e.where, e.name())
		}
	})
}

// Generated documentation puts the Go name and a verb before a description, so
// descriptions have the form that allows it.
func TestDescriptionsContinueASentence(t *testing.T) {
	verb := regexp.MustCompile(`^[A-Z][a-z]+s `)
	noun := regexp.MustCompile(`^(A|An|The|Whether|How|What|Which|When|Where|Who|Why) `)
	form := map[string]*regexp.Regexp{"method": verb, "signal": verb, "interface": noun, "property": noun}
	everyElement(t, func(e *element) {
		if want := form[e.tag]; want != nil && isOwn(e) && !want.MatchString(e.annotation(docString)) {
			t.Errorf("%s: the description of %s %s does not match %v: %q", e.where, e.tag, e.name(), want, e.annotation(docString))
		}
		for _, d := range e.declarations(t) {
			if d.doc != "" && !noun.MatchString(d.doc) {
				t.Errorf("%s: the description of %s %s does not match %v: %q", d.where, d.kind, d.name, noun, d.doc)
			}
		}
	})
}

func TestTheServiceIsNamedWhereBlueZExports(t *testing.T) {
	everyElement(t, func(e *element) {
		if e.tag != "interface" || !isOwn(e) {
			return
		}
		service := e.parent.annotation(own + "Service")
		if client := e.annotation(own+"Role") == "client"; client != (service == "") {
			t.Errorf("%s: %s has the service %q and the role %q", e.where, e.name(), service, e.annotation(own+"Role"))
		}
	})
}

func TestRolesOfMembersAreNarrowerThanTheInterfaces(t *testing.T) {
	everyElement(t, func(e *element) {
		if e.tag == "interface" || e.annotation(own+"Role") == "" {
			return
		}
		if e.annotation(own+"Role") == "both" || e.parent.annotation(own+"Role") != "both" {
			t.Errorf("%s: the role of %s says nothing that the interface's does not", e.where, e.name())
		}
	})
}

func TestErrorsAreListedOnce(t *testing.T) {
	everyElement(t, func(e *element) {
		seen := make(map[string]bool)
		for _, value := range e.annotations(own + "Error") {
			name, _, _ := strings.Cut(value, " ")
			if seen[name] {
				t.Errorf("%s: %s lists %s twice", e.where, e.name(), name)
			}
			seen[name] = true
		}
	})
}

func TestMemberNamesAreUnique(t *testing.T) {
	everyElement(t, func(e *element) {
		seen := make(map[string]bool)
		for _, c := range e.children {
			if c.tag == "annotation" {
				continue
			}
			name := c.tag + " " + c.attr("direction") + " " + c.name()
			if seen[name] {
				t.Errorf("%s: a second %s", c.where, name)
			}
			seen[name] = true
		}
	})
}

func TestCallsThatEndSomethingHavePriority(t *testing.T) {
	ends := regexp.MustCompile(`^(Disconnect|Stop|Cancel|Unregister|Remove|Hangup|Destroy)|^(Release|ReleaseName|RequestDisconnection|ClearConfiguration)$|Cancel$`)
	everyElement(t, func(e *element) {
		if e.tag != "method" {
			return
		}
		if got, want := e.annotation(own+"Priority") == "true", ends.MatchString(e.name()); got != want {
			t.Errorf("%s: %s: Priority is %t, want %t", e.where, e.name(), got, want)
		}
	})
}
