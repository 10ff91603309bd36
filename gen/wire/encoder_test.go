package wire

import (
	"bytes"
	"os"
	"strings"
	"testing"

	"github.com/godbus/dbus/v5"
)

func TestEncodeInBothOrders(t *testing.T) {
	tests := []struct {
		name        string
		write       func(*Encoder)
		little, big string
	}{
		{"byte", func(e *Encoder) { e.Byte(42) }, "\x2a", "\x2a"},
		{"true", func(e *Encoder) { e.Bool(true) }, "\x01\x00\x00\x00", "\x00\x00\x00\x01"},
		{"false", func(e *Encoder) { e.Bool(false) }, "\x00\x00\x00\x00", "\x00\x00\x00\x00"},
		{"int16", func(e *Encoder) { e.Int16(-67) }, "\xbd\xff", "\xff\xbd"},
		{"uint16", func(e *Encoder) { e.Uint16(0x1234) }, "\x34\x12", "\x12\x34"},
		{"int32", func(e *Encoder) { e.Int32(-2) }, "\xfe\xff\xff\xff", "\xff\xff\xff\xfe"},
		{"uint32", func(e *Encoder) { e.Uint32(0x12345678) }, "\x78\x56\x34\x12", "\x12\x34\x56\x78"},
		{"int64", func(e *Encoder) { e.Int64(-2) }, "\xfe\xff\xff\xff\xff\xff\xff\xff", "\xff\xff\xff\xff\xff\xff\xff\xfe"},
		{"uint64", func(e *Encoder) { e.Uint64(1) }, "\x01\x00\x00\x00\x00\x00\x00\x00", "\x00\x00\x00\x00\x00\x00\x00\x01"},
		{"double", func(e *Encoder) { e.Double(1.5) }, "\x00\x00\x00\x00\x00\x00\xf8\x3f", "\x3f\xf8\x00\x00\x00\x00\x00\x00"},
		{"string", func(e *Encoder) { e.String("hi") }, "\x02\x00\x00\x00hi\x00", "\x00\x00\x00\x02hi\x00"},
		{"object path", func(e *Encoder) { e.ObjectPath("/a") }, "\x02\x00\x00\x00/a\x00", "\x00\x00\x00\x02/a\x00"},
		{"signature", func(e *Encoder) { e.Signature(dbus.ParseSignatureMust("ay")) }, "\x02ay\x00", "\x02ay\x00"},
		{"bytes", func(e *Encoder) { e.Bytes([]byte{1, 2}) }, "\x02\x00\x00\x00\x01\x02", "\x00\x00\x00\x02\x01\x02"},
		{"no bytes", func(e *Encoder) { e.Bytes(nil) }, "\x00\x00\x00\x00", "\x00\x00\x00\x00"},
		{"empty array of structs", func(e *Encoder) { e.EndArray(e.Array(8)) }, "\x00\x00\x00\x00\x00\x00\x00\x00", "\x00\x00\x00\x00\x00\x00\x00\x00"},
		{
			"array length without the padding before its first element",
			func(e *Encoder) {
				mark := e.Array(8)
				e.Struct()
				e.Byte(7)
				e.EndArray(mark)
			},
			"\x01\x00\x00\x00\x00\x00\x00\x00\x07", "\x00\x00\x00\x01\x00\x00\x00\x00\x07",
		},
		{
			"variant after a byte",
			func(e *Encoder) {
				e.Byte(1)
				e.VariantOf("q")
				e.Uint16(0x1234)
			},
			"\x01\x01q\x00\x34\x12", "\x01\x01q\x00\x12\x34",
		},
		{
			"padding before every alignment",
			func(e *Encoder) {
				e.Byte(1)
				e.Uint16(2)
				e.Byte(3)
				e.Uint32(4)
				e.Byte(5)
				e.Struct()
				e.Byte(6)
			},
			"\x01\x00\x02\x00\x03\x00\x00\x00\x04\x00\x00\x00\x05\x00\x00\x00\x06",
			"\x01\x00\x00\x02\x03\x00\x00\x00\x00\x00\x00\x04\x05\x00\x00\x00\x06",
		},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			var e Encoder
			for order, want := range map[Order]string{0: test.little, LittleEndian: test.little, BigEndian: test.big} {
				e.Reset(order)
				test.write(&e)
				if e.Err() != nil || string(e.Body()) != want {
					t.Errorf("%v: wrote %x, want %x; error %v", order, e.Body(), want, e.Err())
				}
			}
		})
	}
}

func TestEncoderRefusesWhatIsNotValid(t *testing.T) {
	tooLong := make([]byte, MaxArray+1)
	tests := []struct {
		name  string
		write func(*Encoder)
		want  string
	}{
		{"string with NUL", func(e *Encoder) { e.String("a\x00b") }, "encode string: not UTF-8 without NUL"},
		{"string that begins with NUL", func(e *Encoder) { e.String("\x00") }, "encode string: not UTF-8 without NUL"},
		{"string not UTF-8", func(e *Encoder) { e.String("\xff") }, "encode string: not UTF-8 without NUL"},
		{"object path", func(e *Encoder) { e.ObjectPath("/a/") }, `encode object path "/a/": not a valid path`},
		{"signature that godbus lets through", func(e *Encoder) { e.Signature(dbus.ParseSignatureMust("()")) }, `encode signature "()": struct without members`},
		{"variant of two types", func(e *Encoder) { e.VariantOf("yy") }, `encode variant of "yy": more than one complete type`},
		{"variant of nothing", func(e *Encoder) { e.VariantOf("") }, `encode variant of "": ends inside a type`},
		{"bytes beyond 64 MiB", func(e *Encoder) { e.Bytes(tooLong) }, "encode array: longer than 64 MiB"},
		{
			"array beyond 64 MiB",
			func(e *Encoder) {
				mark := e.Array(4)
				e.Bytes(tooLong[:MaxArray])
				e.EndArray(mark)
			},
			"encode array: longer than 64 MiB",
		},
		{"nil descriptor", func(e *Encoder) { e.UnixFD(nil) }, "encode descriptor: nil file"},
		{
			"17 descriptors",
			func(e *Encoder) {
				for range MaxUnixFDs + 1 {
					e.UnixFD(os.Stdin)
				}
			},
			"encode descriptor: more than 16 in one message",
		},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			e := NewEncoder(LittleEndian)
			test.write(e)
			e.Byte(1)
			e.String("\xff")
			if e.Err() == nil || e.Err().Error() != test.want {
				t.Errorf("error %v, want %q", e.Err(), test.want)
			}
			if e.Body() != nil {
				t.Error("a body in spite of the error")
			}
			if e.Reset(LittleEndian); e.Err() != nil || e.Body() == nil && len(e.Files()) != 0 {
				t.Errorf("after Reset: error %v", e.Err())
			}
		})
	}
}

func TestEncoderFailKeepsTheFirstError(t *testing.T) {
	var e Encoder
	e.Fail(nil)
	e.Fail(os.ErrInvalid)
	e.Fail(os.ErrClosed)
	if e.Err() != os.ErrInvalid {
		t.Errorf("error %v, want the first", e.Err())
	}
}

func TestDescriptorsAreIndexedInTheOrderOfWriting(t *testing.T) {
	e := NewEncoder(LittleEndian)
	e.UnixFD(os.Stdin)
	e.UnixFD(os.Stdout)
	if want := []byte{0, 0, 0, 0, 1, 0, 0, 0}; !bytes.Equal(e.Body(), want) {
		t.Errorf("wrote %x, want %x", e.Body(), want)
	}
	files := e.Files()
	if len(files) != 2 || files[0] != os.Stdin || files[1] != os.Stdout {
		t.Errorf("files %v", files)
	}
	if e.Reset(LittleEndian); len(e.Files()) != 0 || files[0] != nil {
		t.Error("Reset keeps descriptors alive")
	}
}

func TestLongestArray(t *testing.T) {
	e := NewEncoder(LittleEndian)
	mark := e.Array(1)
	e.buf = append(e.buf, make([]byte, MaxArray)...)
	e.EndArray(mark)
	if e.Err() != nil {
		t.Fatal(e.Err())
	}
	d := NewDecoder(e.Body(), LittleEndian, nil)
	view := d.BytesView()
	if len(view) != MaxArray || d.Err() != nil {
		t.Errorf("read %d bytes, error %v", len(view), d.Err())
	}
	if e.Reset(LittleEndian); e.Err() != nil {
		t.Fatal(e.Err())
	}
	if e.Bytes(view); e.Err() != nil || len(e.Body()) != 4+MaxArray {
		t.Errorf("wrote %d bytes, error %v", len(e.Body()), e.Err())
	}
}

func TestEncoderErrorsDoNotQuoteStrings(t *testing.T) {
	var e Encoder
	e.String("secret\xff")
	if strings.Contains(e.Err().Error(), "secret") {
		t.Errorf("error %q", e.Err())
	}
}
