package live

import (
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"reflect"
	"slices"
	"strings"
	"syscall"
	"testing"
	"unsafe"

	"github.com/godbus/dbus/v5"
)

// source makes random values of any type that generated code has.
type source struct {
	*rand.Rand
	t *testing.T
	// files is how many more the arrays of a message may have. Others in a message are few.
	files int
	depth int // of arrays
}

const maxFiles = 8

var (
	fileType      = reflect.TypeFor[*os.File]()
	variantType   = reflect.TypeFor[dbus.Variant]()
	pathType      = reflect.TypeFor[dbus.ObjectPath]()
	signatureType = reflect.TypeFor[dbus.Signature]()
)

// values returns one random value of each type.
func (s *source) values(types ...reflect.Type) []reflect.Value {
	s.files = maxFiles
	var values []reflect.Value
	for _, typ := range types {
		values = append(values, s.value(typ))
	}
	return values
}

func (s *source) value(typ reflect.Type) reflect.Value {
	v := reflect.New(typ).Elem()
	s.fill(v)
	return v
}

func (s *source) fill(v reflect.Value) {
	switch v.Type() {
	case fileType:
		v.Set(reflect.ValueOf(s.file()))
		return
	case variantType:
		v.Set(reflect.ValueOf(s.variant()))
		return
	case pathType:
		v.SetString([]string{"/", "/a", "/org/bluez/hci0/dev_00_11"}[s.IntN(3)])
		return
	case signatureType:
		v.Set(reflect.ValueOf(dbus.ParseSignatureMust([]string{"", "y", "a{sv}", "ssa(yyay)"}[s.IntN(4)])))
		return
	}
	if strings.HasPrefix(v.Type().Name(), "Opt[") {
		if s.IntN(2) == 0 {
			s.fill(exported(v.Field(0)))
			exported(v.Field(1)).SetBool(true)
		}
		return
	}
	switch v.Kind() {
	case reflect.Bool:
		v.SetBool(s.IntN(2) == 0)
	case reflect.Int16, reflect.Int32, reflect.Int64:
		v.SetInt([]int64{0, -1, math.MinInt16, math.MaxInt16, s.Int64N(1 << 15)}[s.IntN(5)])
	case reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		v.SetUint(s.Uint64() >> s.IntN(64) & (1<<v.Type().Bits() - 1))
	case reflect.Float64:
		v.SetFloat([]float64{0, math.Copysign(0, -1), math.Inf(-1), math.MaxFloat64, s.Float64()}[s.IntN(5)])
	case reflect.String:
		v.SetString([]string{"", "x", "Bär \U0001F43B", strings.Repeat("long ", 100), fmt.Sprint(s.Uint64())}[s.IntN(5)])
	case reflect.Slice:
		n := s.length(v.Type().Elem())
		s.depth++
		v.Set(reflect.MakeSlice(v.Type(), n, n))
		for i := range n {
			s.fill(v.Index(i))
		}
		s.depth--
	case reflect.Map:
		v.Set(reflect.MakeMap(v.Type()))
		n := s.length(v.Type())
		s.depth++
		for range n {
			v.SetMapIndex(s.value(v.Type().Key()), s.value(v.Type().Elem()))
		}
		s.depth--
	case reflect.Struct:
		for i := range v.NumField() {
			s.fill(v.Field(i))
		}
	default:
		s.t.Fatalf("no random values of type %v", v.Type())
	}
}

// length returns how long an array of elements of a type becomes.
func (s *source) length(elem reflect.Type) int {
	n := s.IntN(4)
	if s.depth > 4 {
		n = min(n, 1) // or else there would be millions
	}
	if hasFiles(elem) {
		n = min(n, s.files/2)
		s.files -= n * 2
	}
	return n
}

func hasFiles(typ reflect.Type) bool {
	switch typ.Kind() {
	case reflect.Pointer:
		return typ == fileType
	case reflect.Slice:
		return hasFiles(typ.Elem())
	case reflect.Map:
		return hasFiles(typ.Key()) || hasFiles(typ.Elem())
	case reflect.Struct:
		for f := range fields(typ) {
			if hasFiles(f.Type) {
				return true
			}
		}
	}
	return false
}

func fields(typ reflect.Type) func(yield func(reflect.StructField) bool) {
	return func(yield func(reflect.StructField) bool) {
		for i := range typ.NumField() {
			if !yield(typ.Field(i)) {
				return
			}
		}
	}
}

// exported makes a field that is not exported one that can be set.
func exported(v reflect.Value) reflect.Value {
	return reflect.NewAt(v.Type(), unsafe.Pointer(v.UnsafeAddr())).Elem()
}

// file returns a file that no other is.
func (s *source) file() *os.File {
	r, w, err := os.Pipe()
	if err != nil {
		s.t.Fatal(err)
	}
	w.Close()
	s.t.Cleanup(func() { r.Close() })
	return r
}

// variant returns a variant whose value has the type that decoding it gives.
func (s *source) variant() dbus.Variant {
	signatures := []string{"y", "b", "n", "i", "x", "t", "d", "s", "o", "g", "v", "ay", "as", "ao", "aai", "a{sv}", "a{qv}", "a{uas}", "(yb)", "a(sv)", "(i(as)a{sd})"}
	sig := signatures[s.IntN(len(signatures))]
	return dbus.MakeVariantWithSignature(s.signed(sig).Interface(), dbus.ParseSignatureMust(sig))
}

// signed returns a value of a complete type, as variants hold it: structs are []any.
func (s *source) signed(sig string) reflect.Value {
	if sig[0] == '(' {
		var members []any
		for rest := sig[1 : len(sig)-1]; rest != ""; {
			n := completeType(rest)
			members = append(members, s.signed(rest[:n]).Interface())
			rest = rest[n:]
		}
		return reflect.ValueOf(members)
	}
	v := reflect.New(variantValue(sig)).Elem()
	switch {
	case sig == "v":
		return reflect.ValueOf(dbus.MakeVariant("inner"))
	case strings.HasPrefix(sig, "a{"):
		v.Set(reflect.MakeMap(v.Type()))
		for range s.IntN(3) {
			v.SetMapIndex(s.signed(sig[2:3]), s.signed(sig[3:len(sig)-1]))
		}
	case sig[0] == 'a':
		v.Set(reflect.MakeSlice(v.Type(), 0, 0))
		for range s.IntN(3) {
			v.Set(reflect.Append(v, s.signed(sig[1:])))
		}
	default:
		s.fill(v)
	}
	return v
}

func variantValue(sig string) reflect.Type {
	basic := map[byte]reflect.Type{
		'y': reflect.TypeFor[byte](), 'b': reflect.TypeFor[bool](), 'n': reflect.TypeFor[int16](), 'q': reflect.TypeFor[uint16](),
		'i': reflect.TypeFor[int32](), 'u': reflect.TypeFor[uint32](), 'x': reflect.TypeFor[int64](), 't': reflect.TypeFor[uint64](),
		'd': reflect.TypeFor[float64](), 's': reflect.TypeFor[string](), 'o': pathType, 'g': signatureType, 'v': variantType,
		'(': reflect.TypeFor[[]any](),
	}
	switch {
	case strings.HasPrefix(sig, "a{"):
		return reflect.MapOf(basic[sig[2]], variantValue(sig[3:len(sig)-1]))
	case sig[0] == 'a':
		return reflect.SliceOf(variantValue(sig[1:]))
	default:
		return basic[sig[0]]
	}
}

// completeType returns the length of the first complete type of a signature.
func completeType(sig string) int {
	depth := 0
	for i := range len(sig) {
		switch sig[i] {
		case '(', '{':
			depth++
		case ')', '}':
			depth--
		}
		if depth == 0 && sig[i] != 'a' {
			return i + 1
		}
	}
	return len(sig)
}

// dump returns a text that is the same for equal values and no others. Files are equal if they are the same file. What is nil is
// like what is empty, for D-Bus knows no difference.
func dump(values ...reflect.Value) string {
	var b strings.Builder
	for _, v := range values {
		write(&b, v)
		b.WriteByte('\n')
	}
	return b.String()
}

func write(b *strings.Builder, v reflect.Value) {
	switch v.Type() {
	case fileType:
		var stat syscall.Stat_t
		if err := rawStat(v.Interface().(*os.File), &stat); err != nil {
			fmt.Fprintf(b, "no file: %v", err)
			return
		}
		fmt.Fprintf(b, "file %d:%d", stat.Dev, stat.Ino)
		return
	case variantType:
		variant := v.Interface().(dbus.Variant)
		if variant.Value() == nil {
			b.WriteString("no variant")
			return
		}
		fmt.Fprintf(b, "<%s ", variant.Signature())
		write(b, reflect.ValueOf(variant.Value()))
		b.WriteByte('>')
		return
	case signatureType:
		fmt.Fprintf(b, "signature %s", v.Interface())
		return
	}
	if strings.HasPrefix(v.Type().Name(), "Opt[") {
		if got := v.MethodByName("Get").Call(nil); got[1].Bool() {
			write(b, got[0])
		} else {
			b.WriteString("unset")
		}
		return
	}
	switch v.Kind() {
	case reflect.Float64:
		fmt.Fprintf(b, "%x", math.Float64bits(v.Float()))
	case reflect.Slice:
		b.WriteByte('[')
		for i := range v.Len() {
			write(b, v.Index(i))
			b.WriteByte(' ')
		}
		b.WriteByte(']')
	case reflect.Map:
		var entries []string
		for key, value := range v.Seq2() {
			entries = append(entries, strings.ReplaceAll(dump(key, value), "\n", ":"))
		}
		slices.Sort(entries)
		fmt.Fprintf(b, "%q", entries)
	case reflect.Struct:
		b.WriteByte('(')
		for i := range v.NumField() {
			write(b, v.Field(i))
			b.WriteByte(' ')
		}
		b.WriteByte(')')
	case reflect.Interface:
		write(b, v.Elem())
	default:
		fmt.Fprintf(b, "%#v", v.Interface())
	}
}

func rawStat(f *os.File, stat *syscall.Stat_t) error {
	if f == nil {
		return os.ErrInvalid
	}
	raw, err := f.SyscallConn()
	if err != nil {
		return err
	}
	var statErr error
	if err := raw.Control(func(fd uintptr) { statErr = syscall.Fstat(int(fd), stat) }); err != nil {
		return err
	}
	return statErr
}
