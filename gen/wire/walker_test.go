package wire

import (
	"errors"
	"fmt"
	"math"
	"reflect"
	"strings"

	"github.com/godbus/dbus/v5"
)

// A node is a value of any type, as the walkers below read and write it over the
// typed methods of Decoder and Encoder. Unlike a Go map it keeps the order of a
// dictionary, so that what was read can be written again byte by byte.
type node struct {
	sig      string
	basic    any    // of a basic type; the index of a descriptor
	children []node // of an array, struct or variant; keys and values of a dictionary in turn
}

// decodeNodes reads a whole body by its signature.
func decodeNodes(d *Decoder, sig string) []node {
	var nodes []node
	for i := 0; i < len(sig); {
		next := typeEnd(sig, i)
		nodes = append(nodes, decodeNode(d, sig[i:next], 0))
		i = next
	}
	return nodes
}

func decodeNode(d *Decoder, sig string, depth int) node {
	n := node{sig: sig}
	if (sig == "v" || len(sig) > 1) && depth >= MaxNesting {
		d.Fail(&FormatError{Problem: tooDeep})
		return n
	}
	switch sig[0] {
	case 'y':
		n.basic = d.Byte()
	case 'b':
		n.basic = d.Bool()
	case 'n':
		n.basic = d.Int16()
	case 'q':
		n.basic = d.Uint16()
	case 'i':
		n.basic = d.Int32()
	case 'u':
		n.basic = d.Uint32()
	case 'x':
		n.basic = d.Int64()
	case 't':
		n.basic = d.Uint64()
	case 'd':
		n.basic = d.Double()
	case 's':
		n.basic = d.String()
	case 'o':
		n.basic = d.ObjectPath()
	case 'g':
		n.basic = d.Signature()
	case 'h':
		n.basic = dbus.UnixFDIndex(d.Uint32())
	case 'v':
		inner := string(d.SignatureView())
		if d.Err() != nil {
			return n
		}
		if singleProblem(inner) != "" {
			d.Fail(&FormatError{Problem: "variant signature"})
			return n
		}
		n.children = []node{decodeNode(d, inner, depth+1)}
	case '(':
		d.Struct()
		for i := 1; sig[i] != ')'; {
			next := typeEnd(sig, i)
			n.children = append(n.children, decodeNode(d, sig[i:next], depth+1))
			i = next
		}
	case 'a':
		for end := d.Array(alignment(sig[1])); d.More(end); {
			if sig[1] != '{' {
				n.children = append(n.children, decodeNode(d, sig[1:], depth+1))
				continue
			}
			if depth+1 >= MaxNesting {
				d.Fail(&FormatError{Problem: tooDeep})
				continue
			}
			d.Struct()
			n.children = append(n.children, decodeNode(d, sig[2:3], depth+2), decodeNode(d, sig[3:len(sig)-1], depth+2))
		}
	}
	return n
}

func encodeNode(e *Encoder, n node) {
	switch v := n.basic.(type) {
	case byte:
		e.Byte(v)
	case bool:
		e.Bool(v)
	case int16:
		e.Int16(v)
	case uint16:
		e.Uint16(v)
	case int32:
		e.Int32(v)
	case uint32:
		e.Uint32(v)
	case int64:
		e.Int64(v)
	case uint64:
		e.Uint64(v)
	case float64:
		e.Double(v)
	case string:
		e.String(v)
	case dbus.ObjectPath:
		e.ObjectPath(v)
	case dbus.Signature:
		e.Signature(v)
	case dbus.UnixFDIndex:
		e.Uint32(uint32(v))
	default:
		encodeContainer(e, n)
	}
}

func encodeContainer(e *Encoder, n node) {
	switch n.sig[0] {
	case 'v':
		e.VariantOf(n.children[0].sig)
		encodeNode(e, n.children[0])
	case '(':
		e.Struct()
		for _, child := range n.children {
			encodeNode(e, child)
		}
	case 'a':
		mark := e.Array(alignment(n.sig[1]))
		for i, child := range n.children {
			if n.sig[1] == '{' && i%2 == 0 {
				e.Struct()
			}
			encodeNode(e, child)
		}
		e.EndArray(mark)
	}
}

// decoded returns what godbus decodes a node to.
func (n node) decoded() any {
	switch {
	case n.basic != nil:
		return n.basic
	case n.sig == "v":
		child := n.children[0]
		return dbus.MakeVariantWithSignature(child.decoded(), dbus.ParseSignatureMust(child.sig))
	case n.sig[0] == '(':
		members := []any{}
		for _, child := range n.children {
			members = append(members, child.decoded())
		}
		return members
	case n.sig[1] == '{':
		dict := reflect.MakeMap(godbusType(n.sig))
		for i := 0; i < len(n.children); i += 2 {
			dict.SetMapIndex(reflect.ValueOf(n.children[i].decoded()), reflect.ValueOf(n.children[i+1].decoded()))
		}
		return dict.Interface()
	}
	slice := reflect.MakeSlice(godbusType(n.sig), 0, len(n.children))
	for _, child := range n.children {
		slice = reflect.Append(slice, reflect.ValueOf(child.decoded()))
	}
	return slice.Interface()
}

// godbusType is the type that godbus decodes sig to: typeOf, but for descriptors.
func godbusType(sig string) reflect.Type {
	switch {
	case sig == "h":
		return reflect.TypeFor[dbus.UnixFDIndex]()
	case sig[0] == 'a' && sig[1] == '{':
		return reflect.MapOf(godbusType(sig[2:3]), godbusType(sig[3:len(sig)-1]))
	case sig[0] == 'a':
		return reflect.SliceOf(godbusType(sig[1:]))
	}
	return typeOf(sig)
}

// encodable returns what godbus encodes as a node: structs are Go structs.
func (n node) encodable() reflect.Value {
	switch {
	case n.basic != nil:
		return reflect.ValueOf(n.basic)
	case n.sig == "v":
		child := n.children[0]
		return reflect.ValueOf(dbus.MakeVariantWithSignature(child.encodable().Interface(), dbus.ParseSignatureMust(child.sig)))
	case n.sig[0] == '(':
		v := reflect.New(encodableType(n.sig)).Elem()
		for i, child := range n.children {
			v.Field(i).Set(child.encodable())
		}
		return v
	case n.sig[1] == '{':
		dict := reflect.MakeMap(encodableType(n.sig))
		for i := 0; i < len(n.children); i += 2 {
			dict.SetMapIndex(n.children[i].encodable(), n.children[i+1].encodable())
		}
		return dict
	}
	slice := reflect.MakeSlice(encodableType(n.sig), 0, len(n.children))
	for _, child := range n.children {
		slice = reflect.Append(slice, child.encodable())
	}
	return slice
}

func encodableType(sig string) reflect.Type {
	switch {
	case sig[0] == '(':
		var fields []reflect.StructField
		for i := 1; sig[i] != ')'; {
			next := typeEnd(sig, i)
			fields = append(fields, reflect.StructField{Name: fmt.Sprintf("F%d", i), Type: encodableType(sig[i:next])})
			i = next
		}
		return reflect.StructOf(fields)
	case sig[0] == 'a' && sig[1] == '{':
		return reflect.MapOf(encodableType(sig[2:3]), encodableType(sig[3:len(sig)-1]))
	case sig[0] == 'a':
		return reflect.SliceOf(encodableType(sig[1:]))
	}
	return godbusType(sig)
}

// any reports whether f is true of n or of a node in it.
func (n node) any(f func(node) bool) bool {
	if f(n) {
		return true
	}
	for _, child := range n.children {
		if child.any(f) {
			return true
		}
	}
	return false
}

func hasDescriptor(n node) bool { return strings.Contains(n.sig, "h") }

func isNaN(n node) bool {
	v, ok := n.basic.(float64)
	return ok && math.IsNaN(v)
}

// problemOf returns the problem of a FormatError in err, else err's text.
func problemOf(err error) string {
	var format *FormatError
	if errors.As(err, &format) {
		return format.Problem
	}
	return err.Error()
}
