package wire

import (
	"bytes"
	"encoding/binary"
	"errors"
	"reflect"
	"strings"
	"testing"

	"github.com/godbus/dbus/v5"
)

// callHeader is the header of a method call with all that one may have.
func callHeader() Header {
	return Header{
		Order:       LittleEndian,
		Type:        MethodCall,
		Flags:       NoReplyExpected | AllowInteractiveAuthorization,
		Serial:      0x80000001,
		UnixFDs:     2,
		Path:        []byte("/org/bluez/hci0"),
		Interface:   []byte("org.bluez.Adapter1"),
		Member:      []byte("ConnectDevice"),
		Destination: []byte("org.bluez"),
		Sender:      []byte(":1.42"),
		Signature:   []byte("yq"),
	}
}

func TestFramesSurviveEncodingAndParsing(t *testing.T) {
	headers := map[string]Header{
		"method call":           callHeader(),
		"shortest method call":  {Type: MethodCall, Serial: 1, Path: []byte("/"), Member: []byte("M")},
		"method return":         {Type: MethodReturn, Serial: 2, ReplySerial: 1, Signature: []byte("yq")},
		"empty method return":   {Type: MethodReturn, Serial: 2, ReplySerial: 1},
		"error":                 {Type: Error, Serial: 3, ReplySerial: 0xffffffff, ErrorName: []byte("org.bluez.Error.Failed"), Signature: []byte("yq")},
		"signal":                {Type: Signal, Serial: 4, Path: []byte("/"), Interface: []byte("a.b"), Member: []byte("S")},
		"type of a later day":   {Type: 200, Serial: 5, Signature: []byte("yq")},
		"flags of a later day":  {Type: MethodReturn, Flags: 0xff, Serial: 6, ReplySerial: 1},
		"signal in reply to it": {Type: Signal, Serial: 7, ReplySerial: 1, Path: []byte("/"), Interface: []byte("a.b"), Member: []byte("S")},
	}
	for name, h := range headers {
		for _, order := range []Order{LittleEndian, BigEndian} {
			t.Run(name+", "+order.String(), func(t *testing.T) {
				e := NewEncoder(order)
				if h.Signature != nil {
					e.Byte(1)
					e.Uint16(2)
				}
				h := h
				h.Order = order
				prefix := []byte("odd") // the frame need not begin at a multiple of 8
				frame, err := AppendFrame(prefix, &h, e.Body())
				if err != nil {
					t.Fatal(err)
				}
				frame, ok := bytes.CutPrefix(frame, prefix)
				if !ok {
					t.Fatal("AppendFrame changed what was there")
				}
				if size, err := FrameSize(frame[:16]); err != nil || size != len(frame) {
					t.Errorf("FrameSize = %d, %v; want %d", size, err, len(frame))
				}
				var got Header
				body, err := ParseFrame(frame, &got)
				if err != nil {
					t.Fatal(err)
				}
				h.BodyLen = uint32(len(e.Body()))
				if !reflect.DeepEqual(got, h) {
					t.Errorf("header is\n%+v, want\n%+v", got, h)
				}
				if !bytes.Equal(body, e.Body()) {
					t.Errorf("body is %x, want %x", body, e.Body())
				}
			})
		}
	}
}

// The bytes of one message, written out by hand from the specification.
func TestFrameBytes(t *testing.T) {
	const want = "l\x04\x01\x01" + "\x04\x00\x00\x00" + "\x07\x00\x00\x00" + "\x37\x00\x00\x00" +
		"\x01\x01o\x00" + "\x02\x00\x00\x00" + "/a\x00" + "\x00\x00\x00\x00\x00" +
		"\x02\x01s\x00" + "\x03\x00\x00\x00" + "a.b\x00" + "\x00\x00\x00\x00" +
		"\x03\x01s\x00" + "\x01\x00\x00\x00" + "S\x00" + "\x00\x00\x00\x00\x00\x00" +
		"\x08\x01g\x00" + "\x01u\x00" + "\x00" +
		"\x2a\x00\x00\x00"
	frame, err := AppendFrame(nil, &Header{
		Type: Signal, Flags: NoReplyExpected, Serial: 7,
		Path: []byte("/a"), Interface: []byte("a.b"), Member: []byte("S"), Signature: []byte("u"),
	}, []byte{42, 0, 0, 0})
	if err != nil || string(frame) != want {
		t.Errorf("frame is\n%q, want\n%q; error %v", frame, want, err)
	}
}

// A field is one element of a header's array of fields: its code, the signature
// of its variant and what writes the value.
type field struct {
	code  byte
	sig   string
	value func(*Encoder)
}

func stringField(code byte, s string) field {
	return field{code, "s", func(e *Encoder) { e.String(s) }}
}

func numberField(code byte, n uint32) field {
	return field{code, "u", func(e *Encoder) { e.Uint32(n) }}
}

// rawFrame writes a message without checking anything.
func rawFrame(typ Type, serial uint32, body string, fields ...field) []byte {
	var e Encoder
	e.buf = append(e.buf, 'l', byte(typ), 0, 1)
	e.Uint32(uint32(len(body)))
	e.Uint32(serial)
	mark := e.Array(8)
	for _, f := range fields {
		e.Struct()
		e.Byte(f.code)
		appendSignature(&e, f.sig)
		f.value(&e)
	}
	e.EndArray(mark)
	e.align(8)
	return append(e.buf, body...)
}

func TestMalformedFrames(t *testing.T) {
	var (
		path      = field{1, "o", func(e *Encoder) { e.counted("/a") }}
		iface     = stringField(2, "a.b")
		member    = stringField(3, "M")
		errorName = stringField(4, "a.E")
		reply     = numberField(5, 1)
		signature = field{8, "g", func(e *Encoder) { appendSignature(e, "y") }}
	)
	edit := func(at int, b ...byte) []byte {
		frame := rawFrame(Signal, 1, "", path, iface, member)
		copy(frame[at:], b)
		return frame
	}
	signal := func(extra field) []byte { return rawFrame(Signal, 1, "", path, iface, member, extra) }
	tests := []struct {
		name    string
		frame   []byte
		problem string // "" for a frame that is accepted
	}{
		{"signal", edit(0), ""},
		{"unknown field", signal(field{10, "(sv)", func(e *Encoder) { e.Struct(); e.String("x"); e.VariantOf("y"); e.Byte(1) }}), ""},
		{"unknown field twice", rawFrame(MethodReturn, 1, "", reply, numberField(255, 1), numberField(255, 1)), ""},
		{"fields of other types of message", rawFrame(Signal, 1, "", path, iface, member, errorName, reply), ""},
		{"method call without interface", rawFrame(MethodCall, 1, "", path, member), ""},

		{"empty", nil, "message ends before byte 16"},
		{"15 bytes", edit(0)[:15], "message ends before byte 16"},
		{"cut", edit(0)[:48], "message of 64 bytes in a frame of 48"},
		{"too long", append(edit(0), 0), "message of 64 bytes in a frame of 65"},
		{"byte order", edit(0, 'L'), "unknown byte order"},
		{"byte order 0", edit(0, 0), "unknown byte order"},
		{"message type 0", edit(1, 0), "message type is 0"},
		{"protocol version 0", edit(3, 0), "unknown protocol version"},
		{"protocol version 2", edit(3, 2), "unknown protocol version"},
		{"body of 4 GiB", edit(4, 0xff, 0xff, 0xff, 0xff), "message is longer than 128 MiB"},
		{"body of 128 MiB", edit(4, 0, 0, 0, 8), "message is longer than 128 MiB"},
		{"serial 0", edit(8, 0, 0, 0, 0), "serial is 0"},
		{"fields of 4 GiB", edit(12, 0xff, 0xff, 0xff, 0xff), "header fields are longer than 64 MiB"},
		{"fields of 64 MiB and one byte", edit(12, 1, 0, 0, 4), "header fields are longer than 64 MiB"},
		{"last field beyond the array", edit(12, 0x29), "array element reaches beyond the end of its array"},
		{"bytes after the last field", edit(12, 0x2b), "body ends before a byte"},
		{"padding between fields", edit(31, 1), "padding is not zero"},
		{"padding before the body", edit(63, 1), "padding is not zero"},
		{"field 0", signal(numberField(0, 1)), "header field 0"},
		{"path of type s", rawFrame(Signal, 1, "", stringField(1, "/a"), iface, member), "header field of wrong type"},
		{"interface of type o", rawFrame(Signal, 1, "", path, field{2, "o", func(e *Encoder) { e.counted("/a") }}, member), "header field of wrong type"},
		{"reply serial of type i", rawFrame(MethodReturn, 1, "", field{5, "i", reply.value}), "header field of wrong type"},
		{"signature of type s", signal(stringField(8, "y")), "header field of wrong type"},
		{"number of descriptors of type y", signal(field{9, "y", func(e *Encoder) { e.Byte(1) }}), "header field of wrong type"},
		{"unknown field malformed", signal(field{10, "b", func(e *Encoder) { e.Uint32(2) }}), "boolean is neither 0 nor 1"},
		{"unknown field of two types", signal(field{10, "yy", func(e *Encoder) { e.Uint16(0) }}), "variant signature: more than one complete type"},
		{"field twice", signal(member), "header field appears twice"},
		{"path", rawFrame(Signal, 1, "", field{1, "o", func(e *Encoder) { e.counted("a") }}, iface, member), "object path is not valid"},
		{"interface", rawFrame(Signal, 1, "", path, stringField(2, "a"), member), "interface name is not valid"},
		{"member", rawFrame(Signal, 1, "", path, iface, stringField(3, "a.b")), "member name is not valid"},
		{"empty member", rawFrame(Signal, 1, "", path, iface, stringField(3, "")), "member name is not valid"},
		{"error name", signal(stringField(4, "E")), "error name is not valid"},
		{"reply serial 0", rawFrame(MethodReturn, 1, "", numberField(5, 0)), "reply serial is 0"},
		{"destination", signal(stringField(6, "org")), "destination is not a valid bus name"},
		{"sender", signal(stringField(7, "1.2")), "sender is not a valid bus name"},
		{"signature", signal(field{8, "g", func(e *Encoder) { appendSignature(e, "a") }}), "signature: ends inside a type"},
		{"body without signature", rawFrame(Signal, 1, "x", path, iface, member), "signature and body do not agree on whether there is a body"},
		{"signature without body", signal(signature), "signature and body do not agree on whether there is a body"},
		{"reserved path", rawFrame(Signal, 1, "", field{1, "o", func(e *Encoder) { e.counted(localPath) }}, iface, member), "reserved path or interface org.freedesktop.DBus.Local"},
		{"reserved interface", rawFrame(Signal, 1, "", path, stringField(2, localInterface), member), "reserved path or interface org.freedesktop.DBus.Local"},
		{"method call without path", rawFrame(MethodCall, 1, "", iface, member), "method call without path or member"},
		{"method call without member", rawFrame(MethodCall, 1, "", path, iface), "method call without path or member"},
		{"method return without reply serial", rawFrame(MethodReturn, 1, "", path, iface, member), "method return without reply serial"},
		{"error without name", rawFrame(Error, 1, "", reply), "error without error name or reply serial"},
		{"error without reply serial", rawFrame(Error, 1, "", errorName), "error without error name or reply serial"},
		{"signal without path", rawFrame(Signal, 1, "", iface, member), "signal without path, interface or member"},
		{"signal without interface", rawFrame(Signal, 1, "", path, member), "signal without path, interface or member"},
		{"signal without member", rawFrame(Signal, 1, "", path, iface), "signal without path, interface or member"},
		{"no fields at all", rawFrame(Signal, 1, ""), "signal without path, interface or member"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			h := Header{Member: []byte("stale")}
			_, err := ParseFrame(test.frame, &h)
			if test.problem == "" {
				if err != nil {
					t.Error(err)
				}
				return
			}
			var format *FormatError
			if !errors.As(err, &format) || format.Problem != test.problem {
				t.Errorf("error %v, want %q", err, test.problem)
			}
			if !reflect.DeepEqual(h, Header{}) {
				t.Errorf("header after an error: %+v", h)
			}
		})
	}
}

func TestFramesCutAnywhere(t *testing.T) {
	h := callHeader()
	frame, err := AppendFrame(nil, &h, []byte{1, 0, 2, 0})
	if err != nil {
		t.Fatal(err)
	}
	for n := range len(frame) {
		if _, err := ParseFrame(frame[:n], &h); err == nil {
			t.Errorf("cut to %d bytes: accepted", n)
		}
	}
}

// Moving the border between fields and body is only accepted where it leaves
// whole fields: what was understood is what is there.
func TestFieldLengthsThatLie(t *testing.T) {
	h := callHeader()
	frame, err := AppendFrame(nil, &h, []byte{1, 0, 2, 0})
	if err != nil {
		t.Fatal(err)
	}
	accepted := 0
	for n := range len(frame) - 16 {
		lie := bytes.Clone(frame)
		binary.LittleEndian.PutUint32(lie[12:], uint32(n))
		binary.LittleEndian.PutUint32(lie[4:], uint32(len(frame)-16-(n+7)&^7))
		body, err := ParseFrame(lie, &h)
		if err != nil {
			continue
		}
		accepted++
		if again, err := AppendFrame(nil, &h, body); err != nil || !bytes.Equal(again, lie) {
			t.Errorf("fields of %d bytes are %+v, error %v", n, h, err)
		}
	}
	if accepted != 2 { // the truth, and without the last field
		t.Errorf("%d lengths were accepted, want 2", accepted)
	}
}

func TestFrameSizeLimits(t *testing.T) {
	prefix := func(order Order, body, fields uint32) []byte {
		p := []byte{byte(order), byte(Signal), 0, 1}
		var put binary.AppendByteOrder = binary.LittleEndian
		if order == BigEndian {
			put = binary.BigEndian
		}
		p = put.AppendUint32(p, body)
		p = put.AppendUint32(p, 1)
		return put.AppendUint32(p, fields)
	}
	tests := []struct {
		body, fields uint32
		size         int // 0 for too long
	}{
		{0, 0, 16},
		{3, 1, 16 + 8 + 3},
		{3, 8, 16 + 8 + 3},
		{MaxMessage - 16, 0, MaxMessage},
		{MaxMessage - 15, 0, 0},
		{MaxMessage - 16, 1, 0},
		{MaxMessage - MaxArray - 16, MaxArray, MaxMessage},
		{0, MaxArray + 1, 0},
		{0xffffffff, 0xffffffff, 0},
		{0xfffffff0, 0, 0},
	}
	for _, test := range tests {
		for _, order := range []Order{LittleEndian, BigEndian} {
			size, err := FrameSize(prefix(order, test.body, test.fields))
			if size != test.size || (err == nil) != (test.size != 0) {
				t.Errorf("%v, body %d, fields %d: size %d, error %v; want %d", order, test.body, test.fields, size, err, test.size)
			}
		}
	}
}

func TestAppendFrameRefusesWhatParseFrameWould(t *testing.T) {
	tests := []struct {
		name string
		edit func(*Header)
		want string
	}{
		{"byte order", func(h *Header) { h.Order = 'x' }, "unknown byte order"},
		{"message type", func(h *Header) { h.Type = 0 }, "message type is 0"},
		{"serial", func(h *Header) { h.Serial = 0 }, "serial is 0"},
		{"path", func(h *Header) { h.Path = []byte("/a/") }, "path is not valid"},
		{"empty path", func(h *Header) { h.Path = []byte{} }, "path is not valid"},
		{"interface", func(h *Header) { h.Interface = []byte("a") }, "interface name is not valid"},
		{"member", func(h *Header) { h.Member = []byte("a.b") }, "member name is not valid"},
		{"error name", func(h *Header) { h.ErrorName = []byte("a") }, "error name is not valid"},
		{"destination", func(h *Header) { h.Destination = []byte("a") }, "destination is not a valid bus name"},
		{"sender", func(h *Header) { h.Sender = []byte("a") }, "sender is not a valid bus name"},
		{"signature", func(h *Header) { h.Signature = []byte("a") }, "signature: ends inside a type"},
		{"no signature", func(h *Header) { h.Signature = nil }, "do not agree"},
		{"no path", func(h *Header) { h.Path = nil }, "method call without path or member"},
		{"reserved path", func(h *Header) { h.Path = []byte(localPath) }, "reserved"},
		{"reserved interface", func(h *Header) { h.Interface = []byte(localInterface) }, "reserved"},
		{"descriptors", func(h *Header) { h.UnixFDs = MaxUnixFDs + 1 }, "too many descriptors"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			h := callHeader()
			test.edit(&h)
			dst, err := AppendFrame([]byte("before"), &h, []byte{1, 0, 2, 0})
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("error %v, want one with %q", err, test.want)
			}
			if string(dst) != "before" {
				t.Errorf("dst is %q", dst)
			}
		})
	}
}

func TestLongestMessage(t *testing.T) {
	h := Header{Type: MethodReturn, Serial: 1, ReplySerial: 1, Signature: []byte("ay")}
	const header = 16 + 8 + 8
	body := make([]byte, MaxMessage-header+1)
	if dst, err := AppendFrame(nil, &h, body); err == nil || dst != nil {
		t.Errorf("one byte more than 128 MiB: error %v", err)
	}
	prefix := []byte("before")
	frame, err := AppendFrame(prefix, &h, body[1:])
	if err != nil || len(frame) != len(prefix)+MaxMessage {
		t.Fatalf("128 MiB: %d bytes, error %v", len(frame), err)
	}
	if got, err := ParseFrame(frame[len(prefix):], &h); err != nil || len(got) != len(body)-1 {
		t.Errorf("128 MiB: body of %d bytes, error %v", len(got), err)
	}
}

func TestMostDescriptors(t *testing.T) {
	h := callHeader()
	h.UnixFDs = MaxUnixFDs
	frame, err := AppendFrame(nil, &h, []byte{1, 0, 2, 0})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := ParseFrame(frame, &h); err != nil || h.UnixFDs != MaxUnixFDs {
		t.Errorf("%d descriptors, error %v", h.UnixFDs, err)
	}
}

func TestFrameErrorsSayWhere(t *testing.T) {
	prefix := "l\x04\x01\x01" + "\x04\x00\x00\x00" + "\x07\x00\x00\x00" + "\x37\x00\x00\x00"
	for offset, bad := range map[int]string{
		0:  "x" + prefix[1:],
		3:  prefix[:3] + "\x02" + prefix[4:],
		4:  prefix[:4] + "\xff\xff\xff\xff" + prefix[8:],
		12: prefix[:12] + "\xff\xff\xff\xff",
		15: prefix[:15],
	} {
		_, err := FrameSize([]byte(bad))
		var format *FormatError
		if !errors.As(err, &format) || format.Offset != offset {
			t.Errorf("error %v, want one at byte %d", err, offset)
		}
	}
}

func TestCodesAreThoseOfGodbus(t *testing.T) {
	for typ, want := range map[Type]dbus.Type{MethodCall: dbus.TypeMethodCall, MethodReturn: dbus.TypeMethodReply, Error: dbus.TypeError, Signal: dbus.TypeSignal} {
		if byte(typ) != byte(want) {
			t.Errorf("%v is %d, want %d", typ, byte(typ), byte(want))
		}
	}
	for flag, want := range map[Flags]dbus.Flags{
		NoReplyExpected:               dbus.FlagNoReplyExpected,
		NoAutoStart:                   dbus.FlagNoAutoStart,
		AllowInteractiveAuthorization: dbus.FlagAllowInteractiveAuthorization,
	} {
		if byte(flag) != byte(want) {
			t.Errorf("flag %d, want %d", byte(flag), byte(want))
		}
	}
}

func TestTypesAndOrdersHaveNames(t *testing.T) {
	for typ, want := range map[Type]string{MethodCall: "method_call", MethodReturn: "method_return", Error: "error", Signal: "signal", 0: "unknown", 5: "unknown"} {
		if typ.String() != want {
			t.Errorf("type %d is %q, want %q", byte(typ), typ, want)
		}
	}
	for order, want := range map[Order]string{LittleEndian: "little endian", BigEndian: "big endian", 0: "unknown byte order"} {
		if order.String() != want {
			t.Errorf("order %d is %q, want %q", byte(order), order, want)
		}
	}
}
