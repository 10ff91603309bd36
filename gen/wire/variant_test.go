package wire

import (
	"errors"
	"math"
	"os"
	"reflect"
	"strconv"
	"strings"
	"testing"

	"github.com/godbus/dbus/v5"
)

func TestVariantsSurviveEncodingAndDecoding(t *testing.T) {
	type pair struct {
		Name   string
		Count  uint32
		hidden int
		Left   bool `dbus:"-"`
	}
	number := int16(7)
	signed := func(sig string, v any) dbus.Variant {
		return dbus.MakeVariantWithSignature(v, dbus.ParseSignatureMust(sig))
	}
	tests := []struct {
		name string
		in   dbus.Variant
		out  any
	}{
		{"byte", dbus.MakeVariant(byte(1)), byte(1)},
		{"boolean", dbus.MakeVariant(true), true},
		{"int16", dbus.MakeVariant(int16(-1)), int16(-1)},
		{"uint16", dbus.MakeVariant(uint16(1)), uint16(1)},
		{"int32", dbus.MakeVariant(int32(-1)), int32(-1)},
		{"int", dbus.MakeVariant(-1), int32(-1)},
		{"uint32", dbus.MakeVariant(uint32(1)), uint32(1)},
		{"uint", dbus.MakeVariant(uint(1)), uint32(1)},
		{"int64", dbus.MakeVariant(int64(-1)), int64(-1)},
		{"uint64", dbus.MakeVariant(uint64(1)), uint64(1)},
		{"double", dbus.MakeVariant(1.5), 1.5},
		{"string", dbus.MakeVariant("s"), "s"},
		{"object path", dbus.MakeVariant(dbus.ObjectPath("/o")), dbus.ObjectPath("/o")},
		{"signature", dbus.MakeVariant(dbus.ParseSignatureMust("a{sv}")), dbus.ParseSignatureMust("a{sv}")},
		{"variant", dbus.MakeVariant(dbus.MakeVariant("s")), dbus.MakeVariant("s")},
		{"bytes", dbus.MakeVariant([]byte{1, 2}), []byte{1, 2}},
		{"no bytes", dbus.MakeVariant([]byte(nil)), []byte{}},
		{"fixed array of bytes", dbus.MakeVariant([2]byte{1, 2}), []byte{1, 2}},
		{"strings", dbus.MakeVariant([]string{"a", "b"}), []string{"a", "b"}},
		{"no strings", dbus.MakeVariant([]string{}), []string{}},
		{"object paths", dbus.MakeVariant([]dbus.ObjectPath{"/a", "/b"}), []dbus.ObjectPath{"/a", "/b"}},
		{"numbers", dbus.MakeVariant([]int64{1, 2}), []int64{1, 2}},
		{"arrays of strings", dbus.MakeVariant([][]string{{"a"}, {}}), [][]string{{"a"}, {}}},
		{"variants", dbus.MakeVariant([]dbus.Variant{dbus.MakeVariant("s")}), []dbus.Variant{dbus.MakeVariant("s")}},
		{"interfaces", dbus.MakeVariant([]any{"s", byte(1)}), []dbus.Variant{dbus.MakeVariant("s"), dbus.MakeVariant(byte(1))}},
		{"struct", dbus.MakeVariant(pair{"a", 1, 2, true}), []any{"a", uint32(1)}},
		{"pointer to a struct", dbus.MakeVariant(&pair{"a", 1, 2, true}), []any{"a", uint32(1)}},
		{"struct as slice", signed("(sn)", []any{"a", &number}), []any{"a", int16(7)}},
		{"structs", dbus.MakeVariant([]pair{{"a", 1, 2, true}}), [][]any{{"a", uint32(1)}}},
		{"structs as slices", signed("a(su)", [][]any{{"a", uint32(1)}}), [][]any{{"a", uint32(1)}}},
		{"properties", dbus.MakeVariant(map[string]dbus.Variant{"RSSI": dbus.MakeVariant(int16(-67))}), map[string]dbus.Variant{"RSSI": dbus.MakeVariant(int16(-67))}},
		{"interfaces by string", dbus.MakeVariant(map[string]any{"RSSI": int16(-67)}), map[string]dbus.Variant{"RSSI": dbus.MakeVariant(int16(-67))}},
		{"manufacturer data", dbus.MakeVariant(map[uint16]dbus.Variant{76: dbus.MakeVariant([]byte{1})}), map[uint16]dbus.Variant{76: dbus.MakeVariant([]byte{1})}},
		{"dictionary by byte", dbus.MakeVariant(map[byte][]string{1: {"a"}}), map[byte][]string{1: {"a"}}},
		{"dictionary by object path", dbus.MakeVariant(map[dbus.ObjectPath]map[string]int32{"/a": {"b": 1}}), map[dbus.ObjectPath]map[string]int32{"/a": {"b": 1}}},
		{"dictionary by boolean", signed("a{bs}", map[bool]string{true: "a"}), map[bool]string{true: "a"}},
		{"dictionary by signature", signed("a{gs}", map[dbus.Signature]string{{}: "a"}), map[dbus.Signature]string{{}: "a"}},
		{"dictionary of structs", signed("a{s(y)}", map[string][]any{"a": {byte(1)}}), map[string][]any{"a": {byte(1)}}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			for _, order := range []Order{LittleEndian, BigEndian} {
				e := NewEncoder(order)
				e.Byte(0)
				e.Variant(test.in)
				if e.Err() != nil {
					t.Fatal(e.Err())
				}
				d := NewDecoder(e.Body(), order, nil)
				d.Byte()
				got := d.Variant()
				if d.Err() != nil || d.Remaining() != 0 {
					t.Fatalf("%v: error %v, %d bytes left", order, d.Err(), d.Remaining())
				}
				if !reflect.DeepEqual(got.Value(), test.out) || got.Signature() != test.in.Signature() {
					t.Errorf("%v: got %q %#v, want %q %#v", order, got.Signature(), got.Value(), test.in.Signature(), test.out)
				}
			}
		})
	}
}

func TestVariantsWithDescriptors(t *testing.T) {
	signed := func(sig string, v any) dbus.Variant {
		return dbus.MakeVariantWithSignature(v, dbus.ParseSignatureMust(sig))
	}
	for _, v := range []dbus.Variant{
		signed("h", os.Stdin),
		signed("ah", []*os.File{os.Stdin, os.Stdout}),
		signed("(hy)", []any{os.Stdin, byte(1)}),
		signed("a{sh}", map[string]*os.File{"in": os.Stdin}),
	} {
		e := NewEncoder(LittleEndian)
		e.Variant(v)
		if e.Err() != nil {
			t.Errorf("%q: %v", v.Signature(), e.Err())
			continue
		}
		files := append([]*os.File(nil), e.Files()...)
		d := NewDecoder(e.Body(), LittleEndian, files)
		if got := d.Variant(); !reflect.DeepEqual(got, v) {
			t.Errorf("%q: got %v, want %v; error %v", v.Signature(), got, v, d.Err())
		}
		for i, file := range files {
			if file != nil {
				t.Errorf("%q: descriptor %d was not taken", v.Signature(), i)
			}
		}
		d.Reset(e.Body(), LittleEndian, nil)
		if d.Variant(); !errors.Is(d.Err(), ErrNoFD) {
			t.Errorf("%q without descriptors: error %v", v.Signature(), d.Err())
		}
	}
}

func TestVariantTakesAllDescriptorsOrNone(t *testing.T) {
	files := []*os.File{os.Stdin}
	d := NewDecoder([]byte("\x04(hh)\x00\x00\x00\x00\x00\x00\x00\x01\x00\x00\x00"), LittleEndian, files)
	if v := d.Variant(); !errors.Is(d.Err(), ErrNoFD) || v != (dbus.Variant{}) {
		t.Errorf("got %v, error %v", v, d.Err())
	}
	if files[0] != os.Stdin {
		t.Error("a descriptor was taken by a variant that could not be read")
	}
}

func TestEncoderRefusesUnfitVariants(t *testing.T) {
	type loop *loop
	var circle loop
	circle = &circle
	deep := dbus.MakeVariant(byte(1))
	for range MaxNesting {
		deep = dbus.MakeVariant(deep)
	}
	signed := func(sig string, v any) dbus.Variant {
		return dbus.MakeVariantWithSignature(v, dbus.ParseSignatureMust(sig))
	}
	var nilFile *os.File
	type refusal struct {
		name string
		v    dbus.Variant
		want string
	}
	tests := []refusal{
		{"zero variant", dbus.Variant{}, `variant of ""`},
		{"two types", signed("yy", byte(1)), "more than one complete type"},
		{"nil", signed("s", nil), "no value"},
		{"nil pointer", signed("s", (*string)(nil)), "no value"},
		{"circle of pointers", signed("s", circle), "no value"},
		{"nil in a struct", signed("(s)", []any{nil}), "no value"},
		{"nil in variants", signed("av", []any{nil}), "no value"},
		{"another basic type", signed("y", "s"), `encode string as "y"`},
		{"string as array", signed("as", "s"), `encode string as "as"`},
		{"array as dictionary", signed("a{sv}", []string{}), `encode []string as "a{sv}"`},
		{"element of another type", signed("as", []byte{1}), `encode uint8 as "s"`},
		{"value of another type", signed("a{sy}", map[string]string{"a": "b"}), `encode string as "y"`},
		{"too few members", signed("(yy)", []any{byte(1)}), `as "(yy)"`},
		{"too many members", signed("(y)", []any{byte(1), byte(2)}), `as "(y)"`},
		{"number as struct", signed("(y)", byte(1)), `encode uint8 as "(y)"`},
		{"string as signature", signed("g", "y"), `encode string as "g"`},
		{"number of a descriptor", dbus.MakeVariant(dbus.UnixFD(0)), `encode dbus.UnixFD as "h"`},
		{"index of a descriptor", dbus.MakeVariant(dbus.UnixFDIndex(0)), `encode dbus.UnixFDIndex as "h"`},
		{"descriptor as int32", signed("i", dbus.UnixFD(0)), `encode dbus.UnixFD as "i"`},
		{"index as uint32", signed("u", dbus.UnixFDIndex(0)), `encode dbus.UnixFDIndex as "u"`},
		{"nil descriptor", signed("h", nilFile), "nil file"},
		{"no D-Bus type", signed("av", []any{make(chan int)}), "encode chan int as variant: no such D-Bus type"},
		{"string not UTF-8", dbus.MakeVariant("\xff"), "not UTF-8"},
		{"65 variants", deep, "nested too deeply"},
	}
	if strconv.IntSize == 64 {
		largest, largestUnsigned := math.MaxInt32, uint(math.MaxUint32)
		tests = append(tests, []refusal{
			{"int too large", signed("i", largest+1), "out of range"},
			{"uint too large", signed("u", largestUnsigned+1), "out of range"},
		}...)
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			var e Encoder
			e.Variant(test.v)
			if e.Err() == nil || !strings.Contains(e.Err().Error(), test.want) {
				t.Errorf("error %v, want one with %q", e.Err(), test.want)
			}
		})
	}
}

func TestEncoderRefusesEveryBasicTypeAsAnother(t *testing.T) {
	values := map[byte]any{
		'y': byte(1), 'b': true, 'n': int16(1), 'q': uint16(1), 'i': int32(1), 'u': uint32(1), 'x': int64(1), 't': uint64(1),
		'd': 1.5, 's': "/s", 'g': dbus.ParseSignatureMust("s"), 'h': os.Stdin,
	}
	for code := range values {
		for other, v := range values {
			var e Encoder
			e.Variant(dbus.MakeVariantWithSignature(v, dbus.ParseSignatureMust(string(code))))
			if (e.Err() == nil) != (code == other) {
				t.Errorf("%T as %q: error %v", v, code, e.Err())
			}
		}
	}
}

func TestEncoderNestingLimit(t *testing.T) {
	// Each round is a variant, and a struct or a dictionary entry in an array.
	arrays := func(rounds int) dbus.Variant {
		v := dbus.MakeVariant(byte(1))
		for range rounds {
			v = dbus.MakeVariantWithSignature([][]any{{v}}, dbus.ParseSignatureMust("a(v)"))
		}
		return v
	}
	dicts := func(rounds int) dbus.Variant {
		v := dbus.MakeVariant(byte(1))
		for range rounds {
			v = dbus.MakeVariant(map[string]dbus.Variant{"k": v})
		}
		return v
	}
	around := func(n int, v any, sig string) dbus.Variant {
		variant := dbus.MakeVariantWithSignature(v, dbus.ParseSignatureMust(sig))
		for range n - 1 {
			variant = dbus.MakeVariant(variant)
		}
		return variant
	}
	for sig, limit := range map[string]struct {
		variants int
		value    any
	}{
		"y":     {64, byte(1)},
		"as":    {63, []string{"a"}},
		"(y)":   {63, []any{byte(1)}},
		"a{yy}": {62, map[byte]byte{1: 1}},
		"a{ys}": {63, map[byte]string{}},
		"a(y)":  {62, [][]any{{byte(1)}}},
	} {
		var e Encoder
		if e.Variant(around(limit.variants, limit.value, sig)); e.Err() != nil {
			t.Errorf("%q in %d variants: error %v", sig, limit.variants, e.Err())
		}
		e.Reset(LittleEndian)
		if e.Variant(around(limit.variants+1, limit.value, sig)); e.Err() != errTooDeep {
			t.Errorf("%q in %d variants: error %v", sig, limit.variants+1, e.Err())
		}
	}
	for name, nested := range map[string]func(int) dbus.Variant{"arrays of structs": arrays, "dictionaries": dicts} {
		for rounds, ok := range map[int]bool{21: true, 22: false} {
			var e Encoder
			e.Variant(nested(rounds))
			if (e.Err() == nil) != ok {
				t.Errorf("%d %s: error %v", rounds, name, e.Err())
			}
			if !ok {
				continue
			}
			d := NewDecoder(e.Body(), LittleEndian, nil)
			if got := d.Variant(); d.Err() != nil || !reflect.DeepEqual(got, nested(rounds)) {
				t.Errorf("%d %s: not read back, error %v", rounds, name, d.Err())
			}
		}
	}
}

func TestEmptyDictionaryAtTheNestingLimit(t *testing.T) {
	// 63 variants and an empty dictionary are 64 containers.
	body := strings.Repeat("\x01v\x00", 62) + "\x05a{yv}\x00"
	for len(body)%4 != 0 {
		body += "\x00"
	}
	body += "\x00\x00\x00\x00"
	for len(body)%8 != 0 {
		body += "\x00"
	}
	d := NewDecoder([]byte(body), LittleEndian, nil)
	d.Variant()
	if d.Err() != nil || d.Remaining() != 0 {
		t.Errorf("Variant: error %v, %d bytes left", d.Err(), d.Remaining())
	}
	d.Reset([]byte(body), LittleEndian, nil)
	if d.SkipVariant(); d.Err() != nil || d.Remaining() != 0 {
		t.Errorf("SkipVariant: error %v, %d bytes left", d.Err(), d.Remaining())
	}
}
