package wire

import (
	"bytes"
	"encoding/binary"
	"math/rand/v2"
	"os"
	"strings"
	"testing"

	"github.com/godbus/dbus/v5"
)

// FuzzFrame reads whole messages. What is accepted means the same to godbus, and
// is the same when it is written again.
func FuzzFrame(f *testing.F) {
	f.Add(signalFrame(advertisementBody()))
	for seed := range uint64(4) {
		g := generator{rand.New(rand.NewPCG(seed, 4))}
		h := g.header()
		body := g.nodes(g.signature(3))
		h.Signature = signatureOf(body)
		frame, err := encodeByWire(&h, body)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(frame)
	}
	for _, row := range wireStricter {
		f.Add(row.example)
	}
	for _, row := range godbusStricter {
		f.Add(row.example)
	}
	f.Fuzz(func(t *testing.T, frame []byte) {
		var h Header
		if _, err := ParseFrame(frame, &h); err == nil {
			checkHeader(t, frame)
		}
		nodes, err := decodeByWire(frame, &h)
		if err != nil {
			if strings.HasPrefix(err.Error(), "Skip and") {
				t.Error(err)
			}
			return
		}
		checkReaders(t, frame[len(frame)-int(h.BodyLen):], &h, nodes)
		compare(t, 0, frame)
	})
}

// checkHeader writes the header of a good frame again and parses that. The bytes
// may differ, for fields come in any order and unknown ones are dropped.
func checkHeader(t *testing.T, frame []byte) {
	t.Helper()
	var h, again Header
	body, err := ParseFrame(frame, &h)
	if err != nil {
		t.Fatal(err)
	}
	if size, err := FrameSize(frame[:fixedHeader]); err != nil || size != len(frame) {
		t.Errorf("FrameSize = %d, %v; want %d", size, err, len(frame))
	}
	if h.UnixFDs > MaxUnixFDs {
		return
	}
	written, err := AppendFrame(nil, &h, body)
	if err != nil {
		t.Fatalf("accepted header %+v cannot be written: %v", h, err)
	}
	bodyAgain, err := ParseFrame(written, &again)
	if err != nil || !bytes.Equal(body, bodyAgain) {
		t.Fatalf("header %+v written again: %v", h, err)
	}
	third, err := AppendFrame(nil, &again, bodyAgain)
	if err != nil || !bytes.Equal(third, written) {
		t.Errorf("header %+v became %+v", h, again)
	}
}

// FuzzBody reads a body by its signature in all three ways, which must agree. What
// is accepted and written again is the same bytes: each value has one encoding.
func FuzzBody(f *testing.F) {
	f.Add("sa{sv}as", advertisementBody(), false)
	f.Add("sa{sv}as", notificationBody(20), false)
	for seed := range uint64(16) {
		g := generator{rand.New(rand.NewPCG(seed, 5))}
		body := g.nodes(g.signature(4))
		e := NewEncoder([]Order{LittleEndian, BigEndian}[seed%2])
		for _, n := range body {
			encodeNode(e, n)
		}
		f.Add(string(signatureOf(body)), e.Body(), seed%2 == 1)
	}
	f.Fuzz(func(t *testing.T, sig string, body []byte, big bool) {
		if ValidSignature(sig) != nil {
			return
		}
		h := Header{Order: LittleEndian, Signature: []byte(sig)}
		if big {
			h.Order = BigEndian
		}
		d := NewDecoder(body, h.Order, nil)
		d.Skip(sig)
		skipped, left := d.Err(), d.Remaining()
		d.Reset(body, h.Order, nil)
		nodes := decodeNodes(d, sig)
		if (d.Err() == nil) != (skipped == nil) || d.Remaining() != left {
			t.Fatalf("Skip and the typed methods do not agree: %v with %d bytes left, %v with %d", skipped, left, d.Err(), d.Remaining())
		}
		if skipped != nil {
			d.Reset(body, h.Order, make([]*os.File, 1))
			for i := 0; i < len(sig); {
				next := typeEnd(sig, i)
				d.value(sig[i:next], 0)
				i = next
			}
			if d.Err() == nil {
				t.Fatalf("Skip fails, the dynamic value does not: %v", skipped)
			}
			return
		}
		e := NewEncoder(h.Order)
		for _, n := range nodes {
			encodeNode(e, n)
		}
		if whole := body[:len(body)-left]; e.Err() != nil || !bytes.Equal(e.Body(), whole) {
			t.Fatalf("%q written again is %x, was %x; error %v", sig, e.Body(), whole, e.Err())
		}
		checkReaders(t, body[:len(body)-left], &h, nodes)
		checkVariants(t, nodes)
	})
}

// checkVariants writes each value as a dynamic variant and reads it back.
func checkVariants(t *testing.T, nodes []node) {
	t.Helper()
	for _, n := range nodes {
		if n.any(hasDescriptor) || n.any(isNaN) {
			continue
		}
		e := NewEncoder(BigEndian)
		e.Variant(dbus.MakeVariantWithSignature(n.decoded(), dbus.ParseSignatureMust(n.sig)))
		if e.Err() != nil {
			if e.Err() == errTooDeep { // by the one variant around it
				continue
			}
			t.Fatalf("%q as variant: %v", n.sig, e.Err())
		}
		d := NewDecoder(e.Body(), BigEndian, nil)
		if d.SkipVariant(); d.Err() != nil || d.Remaining() != 0 {
			t.Fatalf("%q as variant: %v", n.sig, d.Err())
		}
	}
}

// FuzzCalls makes any calls in any order on any body: nothing panics, every loop
// ends, and errors stick.
func FuzzCalls(f *testing.F) {
	f.Add([]byte("\x0a\x10\x15\x0a\x13\x02\x10\x15\x0a\x14"), advertisementBody())
	f.Add([]byte("\x00\x01\x02\x03\x04\x05\x06\x07\x08\x09\x0a\x0b\x0c\x0d\x0e\x0f\x10\x11\x12\x13\x14\x15\x16\x17\x18\x19"), make([]byte, 256))
	f.Fuzz(func(t *testing.T, program, body []byte) {
		order := LittleEndian
		if len(program)%2 == 1 {
			order = BigEndian
		}
		d := NewDecoder(body, order, make([]*os.File, 2))
		d.OnMismatch(func(what, want, got string) {
			if want == got {
				t.Errorf("mismatch of %q with itself", got)
			}
		})
		var ends []int
		for _, op := range program {
			before, failed := d.Remaining(), d.Err()
			call(d, op, &ends)
			if d.Remaining() > before || d.Remaining() < 0 {
				t.Fatalf("call %d went back: %d bytes left, before %d", op, d.Remaining(), before)
			}
			if failed != nil && d.Err() != failed {
				t.Fatalf("call %d replaced the error %v by %v", op, failed, d.Err())
			}
			if d.Err() != nil && d.Remaining() != 0 {
				t.Fatalf("%d bytes left after %v", d.Remaining(), d.Err())
			}
		}
	})
}

// call makes the call that op stands for. The ends are those of the arrays
// entered and not yet left.
func call(d *Decoder, op byte, ends *[]int) {
	switch op % 24 {
	case 0:
		d.Byte()
	case 1:
		d.Bool()
	case 2:
		d.Int16()
	case 3:
		d.Uint16()
	case 4:
		d.Int32()
	case 5:
		d.Uint32()
	case 6:
		d.Int64()
	case 7:
		d.Uint64()
	case 8:
		d.Double()
	case 9:
		_ = d.String()
	case 10:
		d.StringView()
	case 11:
		d.ObjectPath()
	case 12:
		d.Signature()
	case 13:
		d.SignatureView()
	case 14:
		d.UnixFD()
	case 15:
		d.Bytes()
	case 16, 17, 18, 19:
		*ends = append(*ends, d.Array(1<<(op%4)))
	case 20:
		if n := len(*ends); n > 0 && !d.More((*ends)[n-1]) {
			*ends = (*ends)[:n-1]
		}
	case 21:
		d.Struct()
	case 22:
		d.VariantOf(string(basicTypes[int(op)/24]), "value")
	case 23:
		d.Variant()
	}
}

// FuzzSignature holds the grammar of signatures against godbus', which accepts
// more: all that is valid here exists there.
func FuzzSignature(f *testing.F) {
	for _, sig := range []string{"", basicTypes, "sa{sv}as", "a{oa{sa{sv}}}", "((y)a(yv))", "a{(", "a{vs}", "()", strings.Repeat("a", 32) + strings.Repeat("(", 33)} {
		f.Add(sig)
	}
	f.Fuzz(func(t *testing.T, sig string) {
		err := ValidSignature(sig)
		if (signatureProblem([]byte(sig)) == "") != (err == nil) {
			t.Fatalf("%q: string and bytes do not agree", sig)
		}
		if _, godbus := dbus.ParseSignature(sig); err == nil && godbus != nil {
			t.Fatalf("%q: godbus: %v", sig, godbus)
		} else if err != nil && godbus == nil && !strings.Contains(sig, "()") && !strings.Contains(sig, "{v") {
			t.Fatalf("%q: %v; godbus accepts it", sig, err)
		}
		if err != nil {
			return
		}
		// Types follow one another to the end, and each stands alone.
		for i := 0; i < len(sig); {
			next := typeEnd(sig, i)
			if problem := singleProblem(sig[i:next]); problem != "" {
				t.Fatalf("type %q of %q: %s", sig[i:next], sig, problem)
			}
			i = next
		}
	})
}

// FuzzStream follows a stream of messages as a reader of a socket does. Sizes are
// never below what a header needs, so it always comes to an end.
func FuzzStream(f *testing.F) {
	one := signalFrame(notificationBody(20))
	f.Add(append(append([]byte(nil), one...), one...))
	f.Add(binary.LittleEndian.AppendUint32([]byte("l\x01\x00\x01\xff\xff\xff\xff\x01\x00\x00\x00"), MaxArray))
	f.Fuzz(func(t *testing.T, stream []byte) {
		var h Header
		for len(stream) >= fixedHeader {
			size, err := FrameSize(stream[:fixedHeader])
			if err != nil {
				return
			}
			if size < fixedHeader || size > MaxMessage {
				t.Fatalf("size %d", size)
			}
			if size > len(stream) {
				if _, err := ParseFrame(stream, &h); err == nil {
					t.Fatal("half a message is accepted")
				}
				return
			}
			if body, err := ParseFrame(stream[:size], &h); err == nil && len(body) != int(h.BodyLen) {
				t.Fatalf("body of %d bytes, header says %d", len(body), h.BodyLen)
			}
			stream = stream[size:]
		}
	})
}
