package gen

import (
	"bytes"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"unicode/utf8"
)

// Limits on an introspection file. Real ones are far below them.
const (
	maxFileSize  = 8 << 20 // bytes
	maxNodeDepth = 64      // nested <node> elements
	maxErrors    = 10      // reported at once
)

// Parse reads one introspection file and checks it: its structure, names, signatures and annotations. The name is used in
// messages. The error is an [*Error], or several that are joined, each with the line and the element at fault.
func Parse(name string, data []byte) (*File, error) { return parse(name, data, false) }

func parse(name string, data []byte, overlay bool) (*File, error) {
	p := &parser{
		file:    &File{Name: name},
		overlay: overlay,
	}
	if len(data) > maxFileSize {
		return nil, &Error{Pos: Pos{name, 1}, Message: fmt.Sprintf("file of %d bytes, expected at most %d", len(data), maxFileSize)}
	}
	data = bytes.TrimPrefix(data, []byte("\ufeff"))
	if line, bad := invalidUTF8(data); bad {
		return nil, &Error{Pos: Pos{name, line}, Message: "malformed UTF-8, expected a file in UTF-8"}
	}
	p.data, p.dec = data, xml.NewDecoder(bytes.NewReader(data))
	p.dec.CharsetReader = charset
	if err := p.document(); err != nil {
		p.errs = append(p.errs, err)
	}
	if len(p.errs) > 0 {
		return nil, errors.Join(p.errs[:min(len(p.errs), maxErrors)]...)
	}
	return p.file, nil
}

// invalidUTF8 returns the line of the first byte that is not UTF-8.
func invalidUTF8(data []byte) (line int, bad bool) {
	line = 1
	for len(data) > 0 {
		r, size := utf8.DecodeRune(data)
		if r == utf8.RuneError && size == 1 {
			return line, true
		}
		if r == '\n' {
			line++
		}
		data = data[size:]
	}
	return 0, false
}

type parser struct {
	data []byte
	dec  *xml.Decoder
	file *File
	// space is the namespace of unprefixed elements, usually none.
	space string
	depth int
	errs  []error
	// stopped is set by a syntax error, after which there are no tokens.
	stopped bool
	// overlay is set if the file only adds to others, so that types and access may be left out: they are nil and false then.
	overlay bool
}

// errStop ends the parsing after a syntax error or too many others, which are in parser.errs.
var errStop = errors.New("stop")

// element is a start tag with its place.
type element struct {
	Pos
	xml.StartElement
}

// describe names the element as <name> with its name attribute, which is how people find it.
func (e element) describe() string {
	for _, attr := range e.Attr {
		if attr.Name.Local == "name" && attr.Name.Space == "" {
			return fmt.Sprintf("<%s name=%q>", e.Name.Local, attr.Value)
		}
	}
	return "<" + e.Name.Local + ">"
}

func (p *parser) fail(e element, format string, args ...any) {
	p.errs = append(p.errs, &Error{Pos: e.Pos, Element: e.describe(), Message: fmt.Sprintf(format, args...)})
}

// pos is the place of the token that is read next.
func (p *parser) pos() Pos {
	line, _ := p.dec.InputPos()
	return Pos{p.file.Name, line}
}

// token reads the next token; parent is the element that it belongs to, for messages.
func (p *parser) token(parent element) (xml.Token, Pos, error) {
	if p.stopped || len(p.errs) >= maxErrors {
		return nil, Pos{}, errStop
	}
	pos := p.pos()
	tok, err := p.dec.Token()
	if err == nil {
		return tok, pos, nil
	}
	if err == io.EOF && parent.Name.Local == "" {
		return nil, pos, io.EOF
	}
	if syntax, ok := errors.AsType[*xml.SyntaxError](err); ok {
		message := "malformed XML: " + syntax.Msg
		if strings.HasPrefix(syntax.Msg, "unexpected EOF") {
			message += ", expected " + endTag(parent)
		}
		err = &Error{Pos: Pos{p.file.Name, syntax.Line}, Message: message}
	} else {
		err = &Error{Pos: p.pos(), Message: "malformed XML: " + strings.TrimPrefix(err.Error(), "xml: ")}
	}
	if parent.Name.Local != "" {
		err.(*Error).Element = parent.describe()
	}
	p.errs = append(p.errs, err)
	p.stopped = true
	return nil, pos, errStop
}

// endTag is what a file goes on to at the latest when it ends inside parent, or outside of every element.
func endTag(parent element) string {
	if parent.Name.Local == "" {
		return "a whole <node>"
	}
	return "</" + parent.Name.Local + ">"
}

// document reads the whole file, whose root is a node.
func (p *parser) document() error {
	root := false
	for {
		tok, pos, err := p.token(element{})
		switch {
		case err == io.EOF && root:
			return nil
		case err == io.EOF:
			return &Error{Pos: pos, Message: "no element, expected <node>"}
		case err != nil:
			return nil
		}
		switch tok := tok.(type) {
		case xml.StartElement:
			e := element{pos, tok}
			if root || tok.Name.Local != "node" {
				return &Error{Pos: pos, Element: e.describe(), Message: "expected one <node> as the root element"}
			}
			root = true
			p.space = tok.Name.Space
			p.node(e)
		case xml.CharData:
			if len(bytes.TrimSpace(tok)) > 0 {
				return &Error{Pos: pos, Message: "text outside of the root element, expected <node>"}
			}
		case xml.Directive:
			if err := p.doctype(string(tok)); err != nil {
				return &Error{Pos: pos, Element: "<!DOCTYPE>", Message: err.Error()}
			}
		}
	}
}

// children reads what is inside parent and gives each element to its handler. Elements of foreign namespaces are skipped, as
// are comments and the annotation of an annotation.
func (p *parser) children(parent element, handlers map[string]func(element)) {
	text := false
	for {
		tok, pos, err := p.token(parent)
		if err != nil {
			return
		}
		switch tok := tok.(type) {
		case xml.EndElement:
			return
		case xml.CharData:
			if !text && len(bytes.TrimSpace(tok)) > 0 {
				text = true
				p.fail(parent, "text inside, expected only %s", elementList(handlers))
			}
		case xml.StartElement:
			e := element{pos, tok}
			handle, known := handlers[tok.Name.Local]
			switch {
			case tok.Name.Space != p.space:
				p.skip(e)
			case known:
				handle(e)
			default:
				p.fail(e, "unknown element inside %s, expected %s", parent.describe(), elementList(handlers))
				p.skip(e)
			}
		}
	}
}

func elementList(handlers map[string]func(element)) string {
	var names []string
	for name := range handlers {
		names = append(names, "<"+name+">")
	}
	if len(names) == 0 {
		return "nothing"
	}
	slices.Sort(names)
	return strings.Join(names, ", ")
}

func (p *parser) skip(e element) {
	for depth := 1; depth > 0; {
		tok, _, err := p.token(e)
		if err != nil {
			return
		}
		switch tok.(type) {
		case xml.StartElement:
			depth++
		case xml.EndElement:
			depth--
		}
	}
}

// attributes returns the values of the attributes that are allowed; those with a ! must be there. Attributes with a
// namespace are ignored.
func (p *parser) attributes(e element, allowed ...string) map[string]string {
	values := make(map[string]string)
	for _, attr := range e.Attr {
		name := attr.Name.Local
		switch {
		case attr.Name.Space != "" || name == "xmlns":
		case !slices.Contains(allowed, name) && !slices.Contains(allowed, name+"!"):
			p.fail(e, "unknown attribute %s, expected %s", name, strings.ReplaceAll(strings.Join(allowed, ", "), "!", ""))
		default:
			if _, twice := values[name]; twice {
				p.fail(e, "attribute %s twice, expected it once", name)
			}
			values[name] = attr.Value
		}
	}
	for _, name := range allowed {
		name, required := strings.CutSuffix(name, "!")
		if _, ok := values[name]; required && !ok && !(p.overlay && (name == "type" || name == "access")) {
			p.fail(e, "no attribute %s, expected one", name)
		}
	}
	return values
}

func (p *parser) node(e element) {
	p.attributes(e, "name")
	if p.depth++; p.depth > maxNodeDepth {
		p.fail(e, "nodes nested too deeply, expected at most %d levels", maxNodeDepth)
		p.skip(e)
		p.depth--
		return
	}
	notes := p.annotations(e, onNode)
	first := len(p.file.Interfaces)
	p.children(e, map[string]func(element){
		"node":       p.node,
		"interface":  p.iface,
		"annotation": notes.add,
	})
	notes.finish()
	// The service of a node holds for all interfaces below it that have none nearer.
	for _, iface := range p.file.Interfaces[first:] {
		if iface.Service == "" {
			iface.Service = notes.Service
		}
		iface.inherit(notes.Errors)
	}
	p.depth--
}

// inherit adds the errors of a node around the interface, except for those that something nearer describes.
func (i *Interface) inherit(errs []ErrorDoc) {
	for _, e := range errs {
		if !slices.ContainsFunc(i.Errors, func(other ErrorDoc) bool { return other.Name == e.Name }) {
			i.Errors = append(i.Errors, e)
			i.inherited = append(i.inherited, e)
		}
	}
}

func (p *parser) iface(e element) {
	attrs := p.attributes(e, "name!")
	iface := &Interface{Pos: e.Pos, Name: attrs["name"]}
	if name, ok := attrs["name"]; ok && !isInterfaceName(name) {
		p.fail(e, "expected an interface name: two or more elements of letters, digits and underscores, none beginning with a digit, "+
			"with dots between them, at most 255 bytes, such as org.example.Thing1")
	}
	seen := make(map[string]Pos)
	once := func(kind string, e element, name string, args []*Arg) {
		key := kind + " " + name + " "
		for _, arg := range args {
			if arg.Type != nil { // as in an overlay
				key += arg.Type.String()
			}
		}
		if first, twice := seen[key]; twice && name != "" {
			p.fail(e, "%s %s is in line %d already, expected each once", kind, name, first.Line)
		}
		seen[key] = e.Pos
	}
	notes := p.annotations(e, onInterface)
	p.children(e, map[string]func(element){
		"method": func(e element) {
			m := p.method(e)
			once("method", e, m.Name, m.In)
			iface.Methods = append(iface.Methods, m)
		},
		"signal": func(e element) {
			s := p.signal(e)
			once("signal", e, s.Name, s.Args)
			iface.Signals = append(iface.Signals, s)
		},
		"property": func(e element) {
			prop := p.property(e)
			once("property", e, prop.Name, nil)
			iface.Properties = append(iface.Properties, prop)
		},
		"annotation": notes.add,
	})
	iface.Annotations = notes.finish()
	p.file.Interfaces = append(p.file.Interfaces, iface)
}

func (p *parser) memberName(e element, attrs map[string]string) string {
	name, ok := attrs["name"]
	if ok && !isMemberName(name) {
		p.fail(e, "expected a member name: 1 to 255 letters, digits and underscores, not beginning with a digit")
	}
	return name
}

func (p *parser) method(e element) *Method {
	attrs := p.attributes(e, "name!")
	m := &Method{Pos: e.Pos, Name: p.memberName(e, attrs)}
	notes := p.annotations(e, onMethod)
	p.children(e, map[string]func(element){
		"arg": func(e element) {
			arg, direction := p.arg(e)
			switch direction {
			case "", "in":
				m.In = append(m.In, arg)
			case "out":
				m.Out = append(m.Out, arg)
			default:
				p.fail(e, "direction %q, expected in or out", direction)
			}
		},
		"annotation": notes.add,
	})
	m.Annotations = notes.finish()
	p.checkMethod(e, m)
	return m
}

func (p *parser) checkMethod(e element, m *Method) {
	p.checkBody(e, "in", m.In)
	p.checkBody(e, "out", m.Out)
	if m.NoReply && len(m.Out) > 0 {
		p.fail(e, "method without reply has out arguments, expected none")
	}
}

func (p *parser) signal(e element) *Signal {
	attrs := p.attributes(e, "name!")
	s := &Signal{Pos: e.Pos, Name: p.memberName(e, attrs)}
	notes := p.annotations(e, onSignal)
	p.children(e, map[string]func(element){
		"arg": func(e element) {
			// Which way they go is not in question, and files that say "in" exist.
			arg, direction := p.arg(e)
			if direction != "" && direction != "out" && direction != "in" {
				p.fail(e, "direction %q of a signal's argument, expected out or none", direction)
			}
			s.Args = append(s.Args, arg)
		},
		"annotation": notes.add,
	})
	s.Annotations = notes.finish()
	p.checkBody(e, "signal", s.Args)
	return s
}

// checkBody checks that the arguments together are still a signature. Those of an overlay are none before it is applied.
func (p *parser) checkBody(e element, what string, args []*Arg) {
	if p.overlay {
		return
	}
	if n := len(signatureOf(args)); n > maxSignature {
		p.fail(e, "%s arguments with a signature of %d bytes, expected at most %d", what, n, maxSignature)
	}
}

// signatureOf returns the signature of a message body that holds the arguments.
func signatureOf(args []*Arg) string {
	var b strings.Builder
	for _, arg := range args {
		b.WriteString(arg.Type.String())
	}
	return b.String()
}

// propertyName may be anything: D-Bus names properties in strings alone. GObject's, for instance, have dashes.
func (p *parser) propertyName(e element, attrs map[string]string) string {
	name, ok := attrs["name"]
	if ok && name == "" {
		p.fail(e, "expected a property name that is not empty")
	}
	return name
}

func (p *parser) property(e element) *Property {
	attrs := p.attributes(e, "name!", "type!", "access!")
	prop := &Property{Pos: e.Pos, Name: p.propertyName(e, attrs), Type: p.typeOf(e, attrs)}
	if access, ok := attrs["access"]; ok {
		switch access {
		case "read":
			prop.Readable = true
		case "write":
			prop.Writable = true
		case "readwrite":
			prop.Readable, prop.Writable = true, true
		default:
			p.fail(e, "access %q, expected read, write or readwrite", access)
		}
	}
	notes := p.annotations(e, onProperty)
	p.children(e, map[string]func(element){"annotation": notes.add})
	prop.Annotations = notes.finish()
	return prop
}

func (p *parser) arg(e element) (arg *Arg, direction string) {
	attrs := p.attributes(e, "name", "type!", "direction")
	arg = &Arg{Pos: e.Pos, Name: attrs["name"], Type: p.typeOf(e, attrs)}
	notes := p.annotations(e, onArg)
	p.children(e, map[string]func(element){"annotation": notes.add})
	arg.Annotations = notes.finish()
	return arg, attrs["direction"]
}

// typeOf parses the type attribute. After an error it is a byte, so that the rest of the file can be checked.
func (p *parser) typeOf(e element, attrs map[string]string) *Type {
	signature, ok := attrs["type"]
	if !ok && p.overlay {
		return nil
	}
	if !ok {
		return &Type{Code: 'y'}
	}
	t, err := ParseType(signature)
	if err != nil {
		p.fail(e, "%v", err)
		return &Type{Code: 'y'}
	}
	return t
}

// isInterfaceName tells whether name is one by the D-Bus specification: at least two elements of letters, digits and
// underscores with dots between them, none beginning with a digit.
func isInterfaceName(name string) bool {
	elements := strings.Split(name, ".")
	return len(name) <= 255 && len(elements) >= 2 && !slices.ContainsFunc(elements, func(s string) bool { return !isMemberName(s) })
}

func isMemberName(name string) bool {
	if name == "" || len(name) > 255 || name[0] >= '0' && name[0] <= '9' {
		return false
	}
	return !strings.ContainsFunc(name, func(r rune) bool {
		return !(r >= 'A' && r <= 'Z' || r >= 'a' && r <= 'z' || r >= '0' && r <= '9' || r == '_')
	})
}
