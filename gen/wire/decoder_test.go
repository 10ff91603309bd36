package wire

import (
	"errors"
	"math"
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/godbus/dbus/v5"
)

func TestDecodeBasicTypesInBothOrders(t *testing.T) {
	tests := []struct {
		name        string
		little, big string
		read        func(*Decoder) any
		want        any
	}{
		{"byte", "\x2a", "\x2a", func(d *Decoder) any { return d.Byte() }, byte(42)},
		{"true", "\x01\x00\x00\x00", "\x00\x00\x00\x01", func(d *Decoder) any { return d.Bool() }, true},
		{"false", "\x00\x00\x00\x00", "\x00\x00\x00\x00", func(d *Decoder) any { return d.Bool() }, false},
		{"int16", "\xbd\xff", "\xff\xbd", func(d *Decoder) any { return d.Int16() }, int16(-67)},
		{"uint16", "\x34\x12", "\x12\x34", func(d *Decoder) any { return d.Uint16() }, uint16(0x1234)},
		{"int32", "\xfe\xff\xff\xff", "\xff\xff\xff\xfe", func(d *Decoder) any { return d.Int32() }, int32(-2)},
		{"uint32", "\x78\x56\x34\x12", "\x12\x34\x56\x78", func(d *Decoder) any { return d.Uint32() }, uint32(0x12345678)},
		{"int64", "\xfe\xff\xff\xff\xff\xff\xff\xff", "\xff\xff\xff\xff\xff\xff\xff\xfe", func(d *Decoder) any { return d.Int64() }, int64(-2)},
		{"uint64", "\x08\x07\x06\x05\x04\x03\x02\x01", "\x01\x02\x03\x04\x05\x06\x07\x08", func(d *Decoder) any { return d.Uint64() }, uint64(0x0102030405060708)},
		{"double", "\x00\x00\x00\x00\x00\x00\xf8\x3f", "\x3f\xf8\x00\x00\x00\x00\x00\x00", func(d *Decoder) any { return d.Double() }, 1.5},
		{"string", "\x02\x00\x00\x00hi\x00", "\x00\x00\x00\x02hi\x00", func(d *Decoder) any { return d.String() }, "hi"},
		{"empty string", "\x00\x00\x00\x00\x00", "\x00\x00\x00\x00\x00", func(d *Decoder) any { return d.String() }, ""},
		{"object path", "\x02\x00\x00\x00/a\x00", "\x00\x00\x00\x02/a\x00", func(d *Decoder) any { return d.ObjectPath() }, dbus.ObjectPath("/a")},
		{"signature", "\x02ay\x00", "\x02ay\x00", func(d *Decoder) any { return d.Signature() }, dbus.ParseSignatureMust("ay")},
		{"empty signature", "\x00\x00", "\x00\x00", func(d *Decoder) any { return d.Signature() }, dbus.Signature{}},
		{"bytes", "\x02\x00\x00\x00\x01\x02", "\x00\x00\x00\x02\x01\x02", func(d *Decoder) any { return d.Bytes() }, []byte{1, 2}},
		{"no bytes", "\x00\x00\x00\x00", "\x00\x00\x00\x00", func(d *Decoder) any { return d.Bytes() }, []byte{}},
		{"variant", "\x01q\x00\x00\x34\x12", "\x01q\x00\x00\x12\x34", func(d *Decoder) any { return d.Variant() }, dbus.MakeVariant(uint16(0x1234))},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			for _, order := range []Order{LittleEndian, BigEndian} {
				body := test.little
				if order == BigEndian {
					body = test.big
				}
				d := NewDecoder([]byte(body), order, nil)
				if got := test.read(d); !reflect.DeepEqual(got, test.want) {
					t.Errorf("%v: got %#v, want %#v", order, got, test.want)
				}
				if d.Err() != nil || d.Remaining() != 0 {
					t.Errorf("%v: error %v, %d bytes left", order, d.Err(), d.Remaining())
				}
			}
		})
	}
}

func TestDecodeAlignsFromTheBeginningOfTheBody(t *testing.T) {
	body := []byte{
		1, 0, 2, 0, // y, padding to 2, q
		3, 0, 0, 0, // y, padding to 8
		4, 0, 0, 0, // u
		5, 0, 0, 0, // y, padding to 16
		6, 0, 0, 0, 0, 0, 0, 0, // x
		7, 0, 0, 0, 0, 0, 0, 0, // y, padding to 32
		8, // y in a struct
	}
	d := NewDecoder(body, LittleEndian, nil)
	got := []int{int(d.Byte()), int(d.Uint16()), int(d.Byte()), int(d.Uint32()), int(d.Byte()), int(d.Uint64()), int(d.Byte())}
	d.Struct()
	got = append(got, int(d.Byte()))
	if want := []int{1, 2, 3, 4, 5, 6, 7, 8}; !slices.Equal(got, want) || d.Err() != nil || d.Remaining() != 0 {
		t.Errorf("got %v, want %v; error %v, %d bytes left", got, want, d.Err(), d.Remaining())
	}
}

func TestMalformedBodies(t *testing.T) {
	tests := []struct {
		name, sig, body string
		offset          int
		problem         string
	}{
		{"no byte", "y", "", 0, "body ends before a byte"},
		{"short number", "u", "\x01\x00\x00", 0, "body ends before a number"},
		{"no number after padding", "yu", "\x01\x00\x00\x00", 1, "body ends before a number"},
		{"padding before a number", "yq", "\x01\x01\x00\x00", 1, "padding is not zero"},
		{"last byte of padding", "yx", "\x01\x00\x00\x00\x00\x00\x00\x01\x00\x00\x00\x00\x00\x00\x00\x00", 1, "padding is not zero"},
		{"padding before a struct", "y(y)", "\x01\x00\x00\x00\x01\x00\x00\x00\x00", 1, "padding is not zero"},
		{"body ends in padding of a struct", "y(y)", "\x01\x00\x00\x00", 1, "body ends inside padding"},
		{"boolean 2", "b", "\x02\x00\x00\x00", 0, "boolean is neither 0 nor 1"},
		{"boolean 256", "b", "\x00\x01\x00\x00", 0, "boolean is neither 0 nor 1"},
		{"short string", "s", "\x05\x00\x00\x00abc\x00", 4, "body ends inside a string"},
		{"string without room for its NUL", "s", "\x03\x00\x00\x00abc", 4, "body ends inside a string"},
		{"string of 4 GiB", "s", "\xff\xff\xff\xffabc\x00", 4, "body ends inside a string"},
		{"string not terminated", "s", "\x03\x00\x00\x00abcd", 4, "string is not terminated by NUL"},
		{"string with NUL", "s", "\x03\x00\x00\x00a\x00c\x00", 8, "string is not UTF-8 without NUL"},
		{"string not UTF-8", "s", "\x03\x00\x00\x00a\xffc\x00", 8, "string is not UTF-8 without NUL"},
		{"object path", "o", "\x02\x00\x00\x00ab\x00", 7, "object path is not valid"},
		{"empty object path", "o", "\x00\x00\x00\x00\x00", 5, "object path is not valid"},
		{"no signature", "g", "", 0, "body ends before a signature"},
		{"short signature", "g", "\x02y", 0, "body ends inside a signature"},
		{"signature without room for its NUL", "g", "\x02yy", 0, "body ends inside a signature"},
		{"signature not terminated", "g", "\x01yy", 0, "signature is not terminated by NUL"},
		{"signature of no type", "g", "\x01z\x00", 3, "signature: unknown or misplaced type code"},
		{"array longer than the body", "ay", "\x03\x00\x00\x00\x01\x02", 4, "body ends inside an array"},
		{"array of 4 GiB", "ay", "\xff\xff\xff\xff\x01\x02", 4, "array is longer than 64 MiB"},
		{"array of 64 MiB and one byte", "ay", "\x01\x00\x00\x04", 4, "array is longer than 64 MiB"},
		{"array of 64 MiB that is not there", "ay", "\x00\x00\x00\x04", 4, "body ends inside an array"},
		{"padding of an empty array missing", "a(y)", "\x00\x00\x00\x00", 4, "body ends inside padding"},
		{"padding of an empty array not zero", "a(y)", "\x00\x00\x00\x00\x00\x01\x00\x00", 4, "padding is not zero"},
		{"element beyond the end of its array", "as", "\x06\x00\x00\x00\x02\x00\x00\x00ab\x00", 11, "array element reaches beyond the end of its array"},
		{"struct beyond the end of its array", "a(yq)", "\x03\x00\x00\x00\x00\x00\x00\x00\x01\x00\x02\x00", 12, "array element reaches beyond the end of its array"},
		{"inner array beyond the end of its array", "aay", "\x05\x00\x00\x00\x02\x00\x00\x00ab", 10, "array element reaches beyond the end of its array"},
		{"array of half a number", "au", "\x06\x00\x00\x00\x01\x00\x00\x00\x02\x00\x00\x00", 4, "array is not a whole number of elements"},
		{"array of half a boolean", "ab", "\x06\x00\x00\x00\x01\x00\x00\x00\x01\x00\x00\x00", 12, "array element reaches beyond the end of its array"},
		{"variant of nothing", "v", "\x00\x00", 2, "variant signature: ends inside a type"},
		{"variant of two types", "v", "\x02yy\x00\x01\x02", 4, "variant signature: more than one complete type"},
		{"variant of no type", "v", "\x01z\x00", 3, "variant signature: unknown or misplaced type code"},
		{"variant without value", "v", "\x01y\x00", 3, "body ends before a byte"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			d := NewDecoder([]byte(test.body), LittleEndian, nil)
			d.Skip(test.sig)
			var format *FormatError
			if !errors.As(d.Err(), &format) {
				t.Fatalf("Skip(%q): error %v, want a *FormatError", test.sig, d.Err())
			}
			if format.Problem != test.problem || format.Offset != test.offset {
				t.Errorf("Skip(%q): %v, want %q at byte %d", test.sig, format, test.problem, test.offset)
			}
			if d.Remaining() != 0 {
				t.Errorf("%d bytes remain after an error", d.Remaining())
			}

			// The typed methods and Variant refuse what Skip refuses.
			d.Reset([]byte(test.body), LittleEndian, nil)
			decodeNodes(d, test.sig)
			if !errors.As(d.Err(), &format) {
				t.Errorf("typed methods: error %v, want a *FormatError", d.Err())
			}
			d.Reset([]byte(test.body), LittleEndian, nil)
			for i := 0; i < len(test.sig); {
				next := typeEnd(test.sig, i)
				if v := d.value(test.sig[i:next], 0); d.Err() != nil && v != nil {
					t.Errorf("dynamic value after an error: %#v", v)
				}
				i = next
			}
			if !errors.As(d.Err(), &format) {
				t.Errorf("dynamic value: error %v, want a *FormatError", d.Err())
			}
		})
	}
}

func TestErrorsStick(t *testing.T) {
	first := errors.New("first")
	body := []byte{9, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9}
	file, _, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	d := NewDecoder(body, LittleEndian, []*os.File{file})
	d.OnMismatch(func(what, want, got string) { t.Error("mismatch reported after an error") })
	d.Fail(first)
	d.Fail(errors.New("second"))
	end := d.Array(4)
	zero := map[string]bool{
		"Byte":          d.Byte() == 0,
		"Bool":          !d.Bool(),
		"Int16":         d.Int16() == 0,
		"Uint16":        d.Uint16() == 0,
		"Int32":         d.Int32() == 0,
		"Uint32":        d.Uint32() == 0,
		"Int64":         d.Int64() == 0,
		"Uint64":        d.Uint64() == 0,
		"Double":        d.Double() == 0,
		"String":        d.String() == "",
		"StringView":    d.StringView() == nil,
		"ObjectPath":    d.ObjectPath() == "",
		"Signature":     d.Signature() == dbus.Signature{},
		"SignatureView": d.SignatureView() == nil,
		"UnixFD":        d.UnixFD() == nil,
		"Bytes":         d.Bytes() == nil,
		"BytesView":     d.BytesView() == nil,
		"More":          !d.More(end) && !d.More(len(body)) && !d.More(0),
		"VariantOf":     !d.VariantOf("y", ""),
		"Variant":       d.Variant() == dbus.Variant{},
		"Remaining":     d.Remaining() == 0,
	}
	d.Struct()
	d.SkipVariant()
	d.Skip("ya{sv}(yy)")
	for method, ok := range zero {
		if !ok {
			t.Errorf("%s after an error is not zero", method)
		}
	}
	if d.Err() != first {
		t.Errorf("error is %v, want the first one", d.Err())
	}

	d.Fail(nil)
	d.Reset(body, BigEndian, nil)
	d.Fail(nil)
	if d.Err() != nil || d.Uint16() != 0x0909 {
		t.Errorf("after Reset: error %v", d.Err())
	}
}

func TestSkipOfWhatIsNoSignature(t *testing.T) {
	d := NewDecoder([]byte{1}, LittleEndian, nil)
	d.Skip("a")
	var format *FormatError
	if d.Err() == nil || errors.As(d.Err(), &format) {
		t.Errorf("error %v, want one that does not blame the body", d.Err())
	}
}

func TestNestingLimit(t *testing.T) {
	// around returns a body of n variants, each in the last, around a value.
	around := func(n int, inner node) []byte {
		var e Encoder
		for range n - 1 {
			e.VariantOf("v")
		}
		e.VariantOf(inner.sig)
		encodeNode(&e, inner)
		return e.Body()
	}
	number := node{sig: "y", basic: byte(7)}
	variants := func(n int) []byte { return around(n, number) }
	array := node{sig: "ay", children: []node{number}}
	texts := node{sig: "as", children: []node{{sig: "s", basic: "seven"}}}
	structure := node{sig: "(y)", children: []node{number}}
	dict := node{sig: "a{yy}", children: []node{number, number}}
	properties := node{sig: "a{qv}", children: []node{{sig: "q", basic: uint16(7)}, {sig: "v", children: []node{number}}}}
	// mixed returns a body of type v: 31 times a variant that holds an array with
	// one struct, or with one dictionary entry, that holds the next one: 93
	// containers for 31 rounds.
	mixed := func(rounds int, sig string) []byte {
		e := NewEncoder(LittleEndian)
		var marks []ArrayMark
		for range rounds {
			e.VariantOf(sig)
			marks = append(marks, e.Array(8))
			e.Struct()
			if sig[1] == '{' {
				e.Byte(1)
			}
		}
		e.VariantOf("y")
		e.Byte(7)
		slices.Reverse(marks)
		for _, mark := range marks {
			e.EndArray(mark)
		}
		return e.Body()
	}
	tests := []struct {
		name string
		body []byte
		ok   bool
	}{
		{"64 variants", variants(64), true},
		{"65 variants", variants(65), false},
		{"21 arrays of structs and 22 variants", mixed(21, "a(v)"), true},
		{"22 arrays of structs and 23 variants", mixed(22, "a(v)"), false},
		{"21 dictionaries and 22 variants", mixed(21, "a{yv}"), true},
		{"22 dictionaries and 23 variants", mixed(22, "a{yv}"), false},
		{"1000000 variants", variants(1000000), false},
		{"63 variants and an array", around(63, array), true},
		{"64 variants and an array", around(64, array), false},
		{"63 variants and an array of strings", around(63, texts), true},
		{"64 variants and an array of strings", around(64, texts), false},
		{"63 variants and a struct", around(63, structure), true},
		{"64 variants and a struct", around(64, structure), false},
		{"62 variants and a dictionary", around(62, dict), true},
		{"63 variants and a dictionary", around(63, dict), false},
		{"61 variants and a dictionary of variants", around(61, properties), true},
		{"62 variants and a dictionary of variants", around(62, properties), false},
	}
	for _, test := range tests {
		for reader, read := range map[string]func(*Decoder){
			"SkipVariant": func(d *Decoder) { d.SkipVariant() },
			"Skip":        func(d *Decoder) { d.Skip("v") },
			"Variant":     func(d *Decoder) { d.Variant() },
			"VariantOf":   func(d *Decoder) { d.VariantOf("s", "") },
		} {
			d := NewDecoder(test.body, LittleEndian, nil)
			read(d)
			var format *FormatError
			if test.ok && (d.Err() != nil || d.Remaining() != 0) {
				t.Errorf("%s of %s: %v", reader, test.name, d.Err())
			}
			if !test.ok && (!errors.As(d.Err(), &format) || format.Problem != tooDeep) {
				t.Errorf("%s of %s: error %v, want %q", reader, test.name, d.Err(), tooDeep)
			}
		}
	}
}

func TestWhatIsMalformedReadsAsZero(t *testing.T) {
	bad := []byte("\xff\xff\xff\xff\xff\xff\xff")
	tests := map[string]func(*Decoder) bool{
		"Bool":          func(d *Decoder) bool { return !d.Bool() },
		"Uint64":        func(d *Decoder) bool { return d.Uint64() == 0 },
		"String":        func(d *Decoder) bool { return d.String() == "" },
		"StringView":    func(d *Decoder) bool { return d.StringView() == nil },
		"ObjectPath":    func(d *Decoder) bool { return d.ObjectPath() == "" },
		"Signature":     func(d *Decoder) bool { return d.Signature().Empty() },
		"SignatureView": func(d *Decoder) bool { return d.SignatureView() == nil },
		"Bytes":         func(d *Decoder) bool { return d.Bytes() == nil },
		"BytesView":     func(d *Decoder) bool { return d.BytesView() == nil },
		"Array":         func(d *Decoder) bool { return !d.More(d.Array(1)) },
		"Variant":       func(d *Decoder) bool { return d.Variant() == dbus.Variant{} },
		"VariantOf":     func(d *Decoder) bool { return !d.VariantOf("y", "") },
	}
	for method, zero := range tests {
		d := NewDecoder(bad, LittleEndian, nil)
		if !zero(d) || d.Err() == nil {
			t.Errorf("%s of what is malformed is not zero, or no error: %v", method, d.Err())
		}
	}
}

func TestVariantsCutAnywhere(t *testing.T) {
	const whole = "\x02an\x00\x02\x00\x00\x00\x01\x00"
	for n := range len(whole) {
		for name, read := range map[string]func(*Decoder){
			"VariantOf of its type": func(d *Decoder) {
				if d.VariantOf("an", "") {
					for end := d.Array(2); d.More(end); {
						d.Int16()
					}
				}
			},
			"VariantOf of another type": func(d *Decoder) { d.VariantOf("as", "") },
			"Variant":                   func(d *Decoder) { d.Variant() },
			"SkipVariant":               func(d *Decoder) { d.SkipVariant() },
		} {
			d := NewDecoder([]byte(whole)[:n:n], LittleEndian, nil)
			read(d)
			var format *FormatError
			if !errors.As(d.Err(), &format) {
				t.Errorf("%s cut to %d bytes: error %v", name, n, d.Err())
			}
		}
	}
}

func TestVariantOfMatches(t *testing.T) {
	d := NewDecoder([]byte("\x01n\x00\x00\xbd\xff"), LittleEndian, nil)
	d.OnMismatch(func(what, want, got string) { t.Error("mismatch reported") })
	if !d.VariantOf("n", "RSSI") || d.Int16() != -67 || d.Err() != nil {
		t.Errorf("variant not read: %v", d.Err())
	}
}

func TestVariantOfSkipsAndReportsAnotherType(t *testing.T) {
	e := NewEncoder(LittleEndian)
	e.Variant(dbus.MakeVariant(map[string]dbus.Variant{"key": dbus.MakeVariant([]string{"a", "b"})}))
	e.Byte(42)
	var reports [][3]string
	d := NewDecoder(e.Body(), LittleEndian, nil)
	d.OnMismatch(func(what, want, got string) { reports = append(reports, [3]string{what, want, got}) })
	for range 2 { // the hook outlives Reset
		if d.VariantOf("a{qv}", "org.example.Property") {
			t.Fatal("VariantOf of another type: true")
		}
		if got := d.Byte(); got != 42 || d.Err() != nil || d.Remaining() != 0 {
			t.Errorf("what follows is %d, error %v", got, d.Err())
		}
		d.Reset(e.Body(), LittleEndian, nil)
	}
	if want := [3]string{"org.example.Property", "a{qv}", "a{sv}"}; !slices.Equal(reports, [][3]string{want, want}) {
		t.Errorf("reports %q, want twice %q", reports, want)
	}
}

func TestViewsCannotGrowIntoTheBody(t *testing.T) {
	d := NewDecoder([]byte("\x01\x00\x00\x00a\x00\x00\x00\x01\x00\x00\x00b\x01y\x00"), LittleEndian, nil)
	for name, view := range map[string][]byte{"string": d.StringView(), "bytes": d.BytesView(), "signature": d.SignatureView()} {
		if d.Err() != nil || len(view) != 1 || cap(view) != 1 {
			t.Errorf("view of %s: %q with capacity %d, error %v", name, view, cap(view), d.Err())
		}
	}
}

func TestBytesIsACopy(t *testing.T) {
	body := []byte("\x01\x00\x00\x00b")
	b := NewDecoder(body, LittleEndian, nil).Bytes()
	body[4] = 'x'
	if string(b) != "b" {
		t.Errorf("the copy changed to %q with the body", b)
	}
}

func TestDescriptorsAreTakenOnce(t *testing.T) {
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	defer w.Close()
	files := []*os.File{r, w}
	d := NewDecoder([]byte{1, 0, 0, 0, 1, 0, 0, 0}, LittleEndian, files)
	if d.UnixFD() != w || d.Err() != nil {
		t.Fatalf("descriptor 1 not taken: %v", d.Err())
	}
	if files[0] != r || files[1] != nil {
		t.Error("the slice does not say what was taken")
	}
	if d.UnixFD() != nil || d.Err() == nil {
		t.Error("descriptor 1 taken twice")
	}
	if want := "descriptor 1 of 2: already taken"; d.Err().Error() != want {
		t.Errorf("error %q, want %q", d.Err(), want)
	}
}

func TestMissingDescriptorConcernsTheBodyOnly(t *testing.T) {
	for _, index := range []string{"\x00\x00\x00\x00", "\xff\xff\xff\xff"} {
		d := NewDecoder([]byte(index), LittleEndian, nil)
		if d.UnixFD() != nil {
			t.Error("a descriptor from nowhere")
		}
		var missing *FDError
		var format *FormatError
		if !errors.Is(d.Err(), ErrNoFD) || !errors.As(d.Err(), &missing) || errors.As(d.Err(), &format) {
			t.Errorf("error %v, want an *FDError only", d.Err())
		}
		if !strings.Contains(d.Err().Error(), "did not come with the message") {
			t.Errorf("error %q", d.Err())
		}
	}
}

func TestSkipTakesNoDescriptor(t *testing.T) {
	d := NewDecoder([]byte("\x07\x00\x00\x00\x01h\x00\x00\x07\x00\x00\x00"), LittleEndian, nil)
	d.Skip("hv")
	if d.Err() != nil {
		t.Error(d.Err())
	}
}

func TestErrorsDoNotQuoteValues(t *testing.T) {
	for _, sig := range []string{"s", "o"} {
		d := NewDecoder([]byte("\x07\x00\x00\x00secret\xff\x00"), LittleEndian, nil)
		d.Skip(sig)
		if d.Err() == nil || strings.Contains(d.Err().Error(), "secret") {
			t.Errorf("error of %q: %v", sig, d.Err())
		}
	}
}

func TestDoublesKeepTheirBits(t *testing.T) {
	for _, v := range []float64{0, math.Copysign(0, -1), math.Inf(1), math.MaxFloat64, math.SmallestNonzeroFloat64, math.NaN()} {
		e := NewEncoder(BigEndian)
		e.Double(v)
		if got := NewDecoder(e.Body(), BigEndian, nil).Double(); math.Float64bits(got) != math.Float64bits(v) {
			t.Errorf("%v became %v", v, got)
		}
	}
}
