package wire

import (
	"errors"
	"fmt"
	"os"
	"reflect"

	"github.com/godbus/dbus/v5"
)

// Variant writes a variant (v) of any type that godbus can hold. The value must
// fit the variant's signature: structs may be Go structs, as godbus encodes them,
// or []any, as [Decoder.Variant] returns them. A UNIX_FD is an *os.File, treated
// as by UnixFD; a dbus.UnixFD is refused, for it says nothing about who closes it.
func (e *Encoder) Variant(v dbus.Variant) { e.variant(v, 0) }

func (e *Encoder) variant(v dbus.Variant, depth int) {
	if depth >= MaxNesting {
		e.Fail(errTooDeep)
		return
	}
	sig := v.Signature().String()
	e.VariantOf(sig)
	if e.err == nil {
		e.value(sig, reflect.ValueOf(v.Value()), depth+1)
	}
}

var errTooDeep = errors.New("encode value: " + tooDeep)

// value writes v as the one complete type sig, inside depth containers.
func (e *Encoder) value(sig string, v reflect.Value, depth int) {
	v = indirect(v)
	if !v.IsValid() {
		e.Fail(fmt.Errorf("encode %q: no value", sig))
		return
	}
	switch sig[0] {
	case 'v':
		e.variantValue(v, depth)
	case '(':
		e.structValue(sig, v, depth)
	case 'a':
		e.arrayValue(sig, v, depth)
	default:
		e.basicValue(sig, v)
	}
}

// indirect returns what is behind interfaces and pointers, but for *os.File. It
// gives up on pointers that may go round in a circle.
func indirect(v reflect.Value) reflect.Value {
	for range MaxNesting {
		switch {
		case v.Kind() == reflect.Interface:
		case v.Kind() == reflect.Pointer && v.Type() != reflect.TypeFor[*os.File]():
		default:
			return v
		}
		v = v.Elem()
	}
	return reflect.Value{}
}

func (e *Encoder) basicValue(sig string, v reflect.Value) {
	kind := v.Kind()
	switch c := sig[0]; {
	case c == 'y' && kind == reflect.Uint8:
		e.Byte(byte(v.Uint()))
	case c == 'b' && kind == reflect.Bool:
		e.Bool(v.Bool())
	case c == 'n' && kind == reflect.Int16:
		e.Int16(int16(v.Int()))
	case c == 'q' && kind == reflect.Uint16:
		e.Uint16(uint16(v.Uint()))
	case c == 'i' && (kind == reflect.Int32 || kind == reflect.Int) && v.Type() != reflect.TypeFor[dbus.UnixFD]():
		if v.Int() != int64(int32(v.Int())) {
			e.Fail(errors.New("encode int as INT32: out of range"))
			return
		}
		e.Int32(int32(v.Int()))
	case c == 'u' && (kind == reflect.Uint32 || kind == reflect.Uint) && v.Type() != reflect.TypeFor[dbus.UnixFDIndex]():
		if v.Uint() != uint64(uint32(v.Uint())) {
			e.Fail(errors.New("encode uint as UINT32: out of range"))
			return
		}
		e.Uint32(uint32(v.Uint()))
	case c == 'x' && kind == reflect.Int64:
		e.Int64(v.Int())
	case c == 't' && kind == reflect.Uint64:
		e.Uint64(v.Uint())
	case c == 'd' && kind == reflect.Float64:
		e.Double(v.Float())
	case c == 's' && kind == reflect.String:
		e.String(v.String())
	case c == 'o' && kind == reflect.String:
		e.ObjectPath(dbus.ObjectPath(v.String()))
	case c == 'g' && v.Type() == reflect.TypeFor[dbus.Signature]():
		e.Signature(v.Interface().(dbus.Signature))
	case c == 'h' && v.Type() == reflect.TypeFor[*os.File]():
		e.UnixFD(v.Interface().(*os.File))
	default:
		e.unfit(sig, v)
	}
}

// variantValue writes v as a variant: one already, or the variant that godbus
// would make of it.
func (e *Encoder) variantValue(v reflect.Value, depth int) {
	variant, ok := v.Interface().(dbus.Variant)
	if !ok {
		var err error
		if variant, err = makeVariant(v.Interface()); err != nil {
			e.Fail(err)
			return
		}
	}
	e.variant(variant, depth)
}

// makeVariant is dbus.MakeVariant with an error instead of a panic.
func makeVariant(v any) (variant dbus.Variant, err error) {
	defer func() {
		if recover() != nil {
			err = fmt.Errorf("encode %T as variant: no such D-Bus type", v)
		}
	}()
	return dbus.MakeVariant(v), nil
}

func (e *Encoder) structValue(sig string, v reflect.Value, depth int) {
	if depth >= MaxNesting {
		e.Fail(errTooDeep)
		return
	}
	var members []reflect.Value
	switch v.Kind() {
	case reflect.Slice, reflect.Array:
		for i := range v.Len() {
			members = append(members, v.Index(i))
		}
	case reflect.Struct:
		for i := range v.NumField() {
			if field := v.Type().Field(i); field.IsExported() && field.Tag.Get("dbus") != "-" {
				members = append(members, v.Field(i))
			}
		}
	}
	e.Struct()
	for i := 1; sig[i] != ')'; {
		if len(members) == 0 {
			e.unfit(sig, v)
			return
		}
		next := typeEnd(sig, i)
		e.value(sig[i:next], members[0], depth+1)
		i, members = next, members[1:]
	}
	if len(members) > 0 {
		e.unfit(sig, v)
	}
}

func (e *Encoder) arrayValue(sig string, v reflect.Value, depth int) {
	if depth >= MaxNesting {
		e.Fail(errTooDeep)
		return
	}
	if sig[1] == '{' {
		e.mapValue(sig, v, depth+1)
		return
	}
	if v.Kind() != reflect.Slice && v.Kind() != reflect.Array {
		e.unfit(sig, v)
		return
	}
	if b, ok := v.Interface().([]byte); ok && sig == "ay" {
		e.Bytes(b)
		return
	}
	mark := e.Array(alignment(sig[1]))
	for i := 0; i < v.Len() && e.err == nil; i++ {
		e.value(sig[1:], v.Index(i), depth+1)
	}
	e.EndArray(mark)
}

func (e *Encoder) mapValue(sig string, v reflect.Value, depth int) {
	if v.Kind() != reflect.Map {
		e.unfit(sig, v)
		return
	}
	if depth >= MaxNesting && v.Len() > 0 {
		e.Fail(errTooDeep)
		return
	}
	mark := e.Array(8)
	for entries := v.MapRange(); entries.Next() && e.err == nil; {
		e.Struct()
		e.value(sig[2:3], entries.Key(), depth+1)
		e.value(sig[3:len(sig)-1], entries.Value(), depth+1)
	}
	e.EndArray(mark)
}

func (e *Encoder) unfit(sig string, v reflect.Value) {
	e.Fail(fmt.Errorf("encode %s as %q: the value does not fit the signature", v.Type(), sig))
}
