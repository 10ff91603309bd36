package wire

import (
	"os"
	"reflect"
	"slices"

	"github.com/godbus/dbus/v5"
)

// Variant reads a variant (v) of any type. The value has the type that godbus
// would give it: []byte, []string, []dbus.ObjectPath and so on for arrays,
// map[string]dbus.Variant and so on for dictionaries, []any for structs and
// [][]any for arrays of them. Unlike godbus, a UNIX_FD is an *os.File, taken as
// UnixFD takes it, and arrays of them are []*os.File.
//
// After an error the Variant is the zero Variant, and no descriptor was taken.
//
// It is for values whose type is not known beforehand. VariantOf is several times
// as fast.
func (d *Decoder) Variant() dbus.Variant {
	files := slices.Clone(d.files)
	v := d.variant(0)
	if d.err != nil {
		copy(d.files, files)
	}
	return v
}

func (d *Decoder) variant(depth int) dbus.Variant {
	sig := d.signature(d.variantSignature(depth))
	if d.err != nil {
		return dbus.Variant{}
	}
	value := d.value(sig.String(), depth+1)
	if d.err != nil {
		return dbus.Variant{}
	}
	return dbus.MakeVariantWithSignature(value, sig)
}

// value reads a value of the one complete type sig, inside depth containers. It
// is nil after an error.
func (d *Decoder) value(sig string, depth int) any {
	var v any
	switch sig[0] {
	case 'y':
		v = d.Byte()
	case 'b':
		v = d.Bool()
	case 'n':
		v = d.Int16()
	case 'q':
		v = d.Uint16()
	case 'i':
		v = d.Int32()
	case 'u':
		v = d.Uint32()
	case 'x':
		v = d.Int64()
	case 't':
		v = d.Uint64()
	case 'd':
		v = d.Double()
	case 's':
		v = d.String()
	case 'o':
		v = d.ObjectPath()
	case 'g':
		v = d.Signature()
	case 'h':
		v = d.UnixFD()
	case 'v':
		v = d.variant(depth)
	default:
		if depth >= MaxNesting {
			d.malformed(tooDeep)
			return nil
		}
		if sig[0] == '(' {
			v = d.structValue(sig, depth+1)
		} else {
			v = d.arrayValue(sig, depth+1)
		}
	}
	if d.err != nil {
		return nil
	}
	return v
}

func (d *Decoder) structValue(sig string, depth int) any {
	d.Struct()
	members := []any{}
	for i := 1; sig[i] != ')' && d.err == nil; {
		next := typeEnd(sig, i)
		members = append(members, d.value(sig[i:next], depth))
		i = next
	}
	return members
}

// arrayValue reads an array or dictionary; the types that matter on BlueZ' bus
// go without reflection.
func (d *Decoder) arrayValue(sig string, depth int) any {
	switch sig {
	case "ay":
		return d.Bytes()
	case "as":
		values := []string{}
		for end := d.Array(4); d.More(end); {
			values = append(values, d.String())
		}
		return values
	case "ao":
		values := []dbus.ObjectPath{}
		for end := d.Array(4); d.More(end); {
			values = append(values, d.ObjectPath())
		}
		return values
	case "a{sv}":
		return dictValue(d, depth, d.String)
	case "a{qv}":
		return dictValue(d, depth, d.Uint16)
	}
	if sig[1] == '{' {
		return d.mapValue(sig, depth)
	}
	slice := reflect.MakeSlice(typeOf(sig), 0, 0)
	for end := d.Array(alignment(sig[1])); d.More(end); {
		element := d.value(sig[1:], depth)
		if d.err != nil {
			return nil
		}
		slice = reflect.Append(slice, reflect.ValueOf(element))
	}
	return slice.Interface()
}

// dictValue reads a dictionary of variants.
func dictValue[K comparable](d *Decoder, depth int, key func() K) any {
	dict := map[K]dbus.Variant{}
	for end := d.Array(8); d.More(end); {
		d.Struct()
		k := key()
		dict[k] = d.variant(depth + 1)
	}
	return dict
}

func (d *Decoder) mapValue(sig string, depth int) any {
	dict := reflect.MakeMap(typeOf(sig))
	for end := d.Array(8); d.More(end); {
		if depth >= MaxNesting {
			d.malformed(tooDeep)
			return nil
		}
		d.Struct()
		key := d.value(sig[2:3], depth+1)
		value := d.value(sig[3:len(sig)-1], depth+1)
		if d.err != nil {
			return nil
		}
		dict.SetMapIndex(reflect.ValueOf(key), reflect.ValueOf(value))
	}
	return dict.Interface()
}

// typeOf returns the Go type that values of the one complete type sig have.
func typeOf(sig string) reflect.Type {
	switch sig[0] {
	case 'y':
		return reflect.TypeFor[byte]()
	case 'b':
		return reflect.TypeFor[bool]()
	case 'n':
		return reflect.TypeFor[int16]()
	case 'q':
		return reflect.TypeFor[uint16]()
	case 'i':
		return reflect.TypeFor[int32]()
	case 'u':
		return reflect.TypeFor[uint32]()
	case 'x':
		return reflect.TypeFor[int64]()
	case 't':
		return reflect.TypeFor[uint64]()
	case 'd':
		return reflect.TypeFor[float64]()
	case 's':
		return reflect.TypeFor[string]()
	case 'o':
		return reflect.TypeFor[dbus.ObjectPath]()
	case 'g':
		return reflect.TypeFor[dbus.Signature]()
	case 'h':
		return reflect.TypeFor[*os.File]()
	case 'v':
		return reflect.TypeFor[dbus.Variant]()
	case '(':
		return reflect.TypeFor[[]any]()
	}
	if sig[1] == '{' {
		return reflect.MapOf(typeOf(sig[2:3]), typeOf(sig[3:len(sig)-1]))
	}
	return reflect.SliceOf(typeOf(sig[1:]))
}
