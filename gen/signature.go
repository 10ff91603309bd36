package gen

import (
	"errors"
	"fmt"
	"strings"
)

// Limits of the D-Bus specification on signatures.
const (
	maxSignature   = 255
	maxArrayDepth  = 32
	maxStructDepth = 32
)

// Type is one complete type of a D-Bus signature.
type Type struct {
	// Code is the type code: a basic type's letter, 'v' for a variant, 'a' for an array, '(' for a struct,
	// '{' for a dictionary, which is an array of dictionary entries.
	Code byte
	// Elem is the element of an array, or the value of a dictionary.
	Elem *Type
	// Key is the key of a dictionary.
	Key *Type
	// Fields are the members of a struct.
	Fields []*Type
}

// String returns the signature of the type.
func (t *Type) String() string {
	switch t.Code {
	case 'a':
		return "a" + t.Elem.String()
	case '{':
		return "a{" + t.Key.String() + t.Elem.String() + "}"
	case '(':
		var b strings.Builder
		b.WriteByte('(')
		for _, field := range t.Fields {
			b.WriteString(field.String())
		}
		b.WriteByte(')')
		return b.String()
	default:
		return string(t.Code)
	}
}

// ParseType parses a signature that has to be one complete type, which is what the type of an argument or a property is.
func ParseType(signature string) (*Type, error) {
	if len(signature) > maxSignature {
		return nil, fmt.Errorf("signature of %d bytes, expected at most %d", len(signature), maxSignature)
	}
	p := signatureParser{text: signature}
	t, err := p.complete(0, 0)
	if err != nil {
		return nil, fmt.Errorf("signature %q: %w", signature, err)
	}
	if p.at < len(signature) {
		return nil, fmt.Errorf("signature %q: expected one complete type, found %q after it", signature, signature[p.at:])
	}
	return t, nil
}

type signatureParser struct {
	text string
	at   int
}

// next returns the byte at the cursor, or 0 at the end.
func (p *signatureParser) next() byte {
	if p.at == len(p.text) {
		return 0
	}
	return p.text[p.at]
}

func (p *signatureParser) complete(arrays, structs int) (*Type, error) {
	code := p.next()
	switch {
	case code == 0:
		return nil, errors.New("expected a type, found the end")
	case code == 'v' || isBasic(code):
		p.at++
		return &Type{Code: code}, nil
	case code == 'a':
		p.at++
		if arrays++; arrays > maxArrayDepth {
			return nil, fmt.Errorf("expected at most %d nested arrays", maxArrayDepth)
		}
		if p.next() == '{' {
			return p.dictionary(arrays, structs)
		}
		elem, err := p.complete(arrays, structs)
		if err != nil {
			return nil, err
		}
		return &Type{Code: 'a', Elem: elem}, nil
	case code == '(':
		return p.structure(arrays, structs)
	case code == '{':
		return nil, errors.New("expected a dictionary entry only as the element of an array")
	default:
		return nil, fmt.Errorf("expected a type, found %q", code)
	}
}

func (p *signatureParser) structure(arrays, structs int) (*Type, error) {
	p.at++
	if structs++; structs > maxStructDepth {
		return nil, fmt.Errorf("expected at most %d nested structs", maxStructDepth)
	}
	t := &Type{Code: '('}
	for p.next() != ')' {
		field, err := p.complete(arrays, structs)
		if err != nil {
			return nil, err
		}
		t.Fields = append(t.Fields, field)
	}
	p.at++
	if len(t.Fields) == 0 {
		return nil, errors.New("expected a struct with at least one member")
	}
	return t, nil
}

func (p *signatureParser) dictionary(arrays, structs int) (*Type, error) {
	p.at++
	// An entry counts as a struct, for it is one on the wire.
	if structs++; structs > maxStructDepth {
		return nil, fmt.Errorf("expected at most %d nested structs", maxStructDepth)
	}
	if !isBasic(p.next()) {
		return nil, errors.New("expected a basic type as the key of a dictionary")
	}
	key := &Type{Code: p.next()}
	p.at++
	elem, err := p.complete(arrays, structs)
	if err != nil {
		return nil, err
	}
	if p.next() != '}' {
		return nil, errors.New("expected } after the key and the value of a dictionary")
	}
	p.at++
	return &Type{Code: '{', Key: key, Elem: elem}, nil
}

func isBasic(code byte) bool {
	return code != 0 && strings.IndexByte("ybnqiuxtdsogh", code) >= 0
}
