package gen

import (
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// docWidth is how long a comment line becomes, // included.
const docWidth = 100

// doc is the documentation of one declaration: paragraphs and lists.
type doc struct {
	parts []docPart
}

// docPart is a paragraph, or the items of a list under the heading text.
type docPart struct {
	text  string
	items []string
}

func newDoc(text string) *doc { return new(doc).para(text) }

// para adds paragraphs; an empty line divides them. Empty text adds nothing.
func (d *doc) para(text string) *doc {
	for p := range strings.SplitSeq(strings.ReplaceAll(text, "\r\n", "\n"), "\n\n") {
		if p = oneLine(p); p != "" {
			d.parts = append(d.parts, docPart{text: p})
		}
	}
	return d
}

// list adds a list under a heading, unless it is empty.
func (d *doc) list(heading string, items []string) *doc {
	if len(items) > 0 {
		d.parts = append(d.parts, docPart{text: heading, items: items})
	}
	return d
}

// lines returns the comment, wrapped.
func (d *doc) lines() []string {
	var lines []string
	for i, part := range d.parts {
		if i > 0 {
			lines = append(lines, "//")
		}
		lines = append(lines, wrap("// ", "// ", part.text)...)
		for _, item := range part.items {
			lines = append(lines, wrap("//   - ", "//     ", item)...)
		}
	}
	return lines
}

// wrap breaks text into lines of at most docWidth bytes; a longer word has a line of its own.
func wrap(first, next, text string) []string {
	var lines []string
	line, prefix := "", first
	for word := range strings.FieldsSeq(text) {
		if line != "" && len(line)+1+len(word) > docWidth {
			lines = append(lines, line)
			line, prefix = "", next
		}
		if line == "" {
			line = prefix + word
		} else {
			line += " " + word
		}
	}
	if line != "" {
		lines = append(lines, line)
	}
	return lines
}

// oneLine makes text one line of printable characters.
func oneLine(text string) string {
	text = strings.Map(func(r rune) rune {
		if r != '\n' && !unicode.IsPrint(r) {
			return ' '
		}
		return r
	}, text)
	return strings.Join(strings.Fields(text), " ")
}

// articles begin noun phrases that can go on in the middle of a sentence.
var articles = []string{"A", "An", "The", "Whether", "How", "What", "Which", "When", "Where", "Who", "Why"}

func firstWord(text string) string {
	word, _, _ := strings.Cut(text, " ")
	return strings.TrimRight(word, ",.;:")
}

// lowerFirst makes text go on in the middle of a sentence.
func lowerFirst(text string) string {
	r, size := utf8.DecodeRuneInString(text)
	return string(unicode.ToLower(r)) + text[size:]
}

// phrase makes a sentence go on after a colon: its first word is lowered, unless it looks like a name.
func phrase(text string) string {
	text = oneLine(text)
	word := firstWord(text)
	if word == "" || word[1:] != strings.ToLower(word[1:]) || slices.Contains(properNouns, word) {
		return text
	}
	return lowerFirst(text)
}

// properNouns keep their upper case anywhere.
var properNouns = []string{"Bluetooth", "Linux"}

// nameDoc begins the documentation of a member: "RSSI returns the received signal strength". It joins the doc string to name
// where the doc string's grammar allows that, and otherwise says plainly what name is before it.
func nameDoc(name, verb, plain, text string) *doc {
	first, rest, _ := strings.Cut(text, "\n\n")
	first = oneLine(first)
	switch word := firstWord(first); {
	case first == "":
		return newDoc(name + " " + plain + ".")
	case word == name:
		return newDoc(text)
	case verb == "":
		// A sentence without a subject: "Opens a session."
		if isVerb(word) {
			return newDoc(name + " " + lowerFirst(first)).para(rest)
		}
	case word == "Whether":
		if verb == "returns" {
			verb = "reports"
		}
		return newDoc(name + " " + verb + " " + lowerFirst(first)).para(rest)
	case slices.Contains(articles, word):
		return newDoc(name + " " + verb + " " + lowerFirst(first)).para(rest)
	}
	return newDoc(name + " " + plain + ". " + first).para(rest)
}

// isVerb tells whether a capitalized word looks like a verb in the third person.
func isVerb(word string) bool {
	return len(word) > 2 && strings.HasSuffix(word, "s") && word[1:] == strings.ToLower(word[1:]) && word != "This"
}

// status adds what is said of any member: since when, experimental, optional, on which side, deprecated.
func (d *doc) status(iface *Interface, notes *Annotations) *doc {
	var s []string
	if notes.Since != "" {
		s = append(s, "Since "+product(iface)+oneLine(notes.Since)+".")
	}
	if notes.Experimental {
		s = append(s, "Experimental"+experimentalMeans(iface)+".")
	}
	if notes.Role != iface.Role {
		switch notes.Role {
		case RoleService:
			s = append(s, "Only "+serviceName(iface)+" has it.")
		case RoleClient:
			s = append(s, "Only applications have it.")
		}
	}
	if notes.Optional {
		s = append(s, "Optional: not every object has it.")
	}
	d.para(strings.Join(s, " "))
	if notes.Deprecated {
		d.para("Deprecated: " + serviceName(iface) + " has deprecated or removed it.")
	}
	return d
}

// isBlueZ tells whether the interface is of BlueZ, whose versions and modes have names.
func isBlueZ(iface *Interface) bool { return strings.HasPrefix(iface.Name, "org.bluez.") }

// product is what stands before a version.
func product(iface *Interface) string {
	if isBlueZ(iface) {
		return "BlueZ "
	}
	return "version "
}

func serviceName(iface *Interface) string {
	if isBlueZ(iface) {
		return "BlueZ"
	}
	return "the service"
}

func experimentalMeans(iface *Interface) string {
	switch {
	case strings.HasPrefix(iface.Name, "org.bluez.obex."):
		return ": obexd has it only when run with --experimental"
	case isBlueZ(iface):
		return ": bluetoothd has it only when run with --experimental"
	}
	return ""
}
