package wire

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"reflect"
	"strings"
	"testing"

	"github.com/godbus/dbus/v5"
)

// These tests hold this package against godbus: random messages of random
// signatures, in both byte orders, written by one and read by the other, whole
// and damaged. Where the two disagree about damaged ones, [strictness] says why.

const basicTypes = "ybnqiuxtdsogh"

// A generator makes random types and values.
type generator struct{ *rand.Rand }

// signature returns a random signature of at most n complete types.
func (g generator) signature(n int) string {
	var sig strings.Builder
	for range g.IntN(n + 1) {
		sig.WriteString(g.completeType(4))
	}
	if sig.Len() > MaxSignature {
		return g.signature(n)
	}
	return sig.String()
}

// completeType returns a random complete type nested at most so deep.
func (g generator) completeType(depth int) string {
	if depth == 0 || g.IntN(2) == 0 {
		return string(basicTypes[g.IntN(len(basicTypes))])
	}
	switch g.IntN(4) {
	case 0:
		return "v"
	case 1:
		return "a" + g.completeType(depth-1)
	case 2:
		key := basicTypes[g.IntN(len(basicTypes))]
		for key == 'b' || key == 'g' { // godbus cannot: see strictness
			key = basicTypes[g.IntN(len(basicTypes))]
		}
		return "a{" + string(key) + g.completeType(depth-1) + "}"
	}
	var members strings.Builder
	for range 1 + g.IntN(3) {
		members.WriteString(g.completeType(depth - 1))
	}
	return "(" + members.String() + ")"
}

// nodes returns random values for a signature.
func (g generator) nodes(sig string) []node {
	var nodes []node
	for i := 0; i < len(sig); {
		next := typeEnd(sig, i)
		nodes = append(nodes, g.node(sig[i:next], 3))
		i = next
	}
	return nodes
}

// node returns a random value of the complete type sig, in which variants nest so
// deep.
func (g generator) node(sig string, variants int) node {
	n := node{sig: sig}
	switch sig[0] {
	case 'v':
		n.children = []node{g.node(g.completeType(max(0, variants-1)), variants-1)}
	case '(':
		for i := 1; sig[i] != ')'; {
			next := typeEnd(sig, i)
			n.children = append(n.children, g.node(sig[i:next], variants))
			i = next
		}
	case 'a':
		keys := map[any]bool{}
		for range g.IntN(4) {
			if sig[1] != '{' {
				n.children = append(n.children, g.node(sig[1:], variants))
				continue
			}
			key := g.node(sig[2:3], variants)
			if !keys[key.basic] {
				keys[key.basic] = true
				n.children = append(n.children, key, g.node(sig[3:len(sig)-1], variants))
			}
		}
	default:
		n.basic = g.basic(sig[0])
	}
	return n
}

func (g generator) basic(code byte) any {
	bits := g.Uint64() >> (8 * g.IntN(8)) // small numbers as well as large ones
	switch code {
	case 'y':
		return byte(bits)
	case 'b':
		return bits&1 == 1
	case 'n':
		return int16(bits)
	case 'q':
		return uint16(bits)
	case 'i':
		return int32(bits)
	case 'u':
		return uint32(bits)
	case 'x':
		return int64(bits)
	case 't':
		return bits
	case 'd':
		v := math.Float64frombits(bits)
		if math.IsNaN(v) {
			return math.Inf(-1)
		}
		return v
	case 'o':
		return dbus.ObjectPath([]string{"/", "/a", "/org/bluez/hci0", "/org/bluez/hci0/dev_00_11_22_33_44_55/service000a"}[g.IntN(4)])
	case 'g':
		return dbus.ParseSignatureMust(g.signature(2))
	case 'h':
		return dbus.UnixFDIndex(bits)
	}
	var s strings.Builder
	for range g.IntN(12) {
		s.WriteRune([]rune("abcXYZ019 /.-_\u00e9\u20ac\U0001F600")[g.IntN(17)])
	}
	return s.String()
}

// header returns a random header, but for the signature.
func (g generator) header() Header {
	h := Header{Order: LittleEndian, Type: Type(1 + g.IntN(4)), Flags: Flags(g.IntN(8)), Serial: 1 + g.Uint32N(math.MaxUint32)}
	if g.IntN(2) == 0 {
		h.Order = BigEndian
	}
	maybe := func(required bool, values ...string) []byte {
		if !required && g.IntN(2) == 0 {
			return nil
		}
		return []byte(values[g.IntN(len(values))])
	}
	addressed := h.Type == MethodCall || h.Type == Signal
	h.Path = maybe(addressed, "/", "/org/bluez/hci0", "/a/b/c/d")
	h.Interface = maybe(h.Type == Signal, "org.bluez.Device1", "org.freedesktop.DBus.Properties", "a.b")
	h.Member = maybe(addressed, "M", "PropertiesChanged", "_9")
	h.ErrorName = maybe(h.Type == Error, "org.bluez.Error.Failed", "a.b")
	h.Destination = maybe(false, "org.bluez", ":1.42")
	h.Sender = maybe(false, ":1.1", ":1.12345")
	if h.Type == MethodReturn || h.Type == Error || g.IntN(2) == 0 {
		h.ReplySerial = 1 + g.Uint32N(math.MaxUint32)
	}
	return h
}

// godbusMessage returns what godbus encodes for the header and body.
func godbusMessage(h *Header, body []node) *dbus.Message {
	msg := &dbus.Message{Type: dbus.Type(h.Type), Flags: dbus.Flags(h.Flags), Headers: map[dbus.HeaderField]dbus.Variant{}}
	for code, value := range map[dbus.HeaderField][]byte{
		dbus.FieldInterface: h.Interface, dbus.FieldMember: h.Member, dbus.FieldErrorName: h.ErrorName,
		dbus.FieldDestination: h.Destination, dbus.FieldSender: h.Sender,
	} {
		if value != nil {
			msg.Headers[code] = dbus.MakeVariant(string(value))
		}
	}
	if h.Path != nil {
		msg.Headers[dbus.FieldPath] = dbus.MakeVariant(dbus.ObjectPath(h.Path))
	}
	if h.ReplySerial != 0 {
		msg.Headers[dbus.FieldReplySerial] = dbus.MakeVariant(h.ReplySerial)
	}
	if len(h.Signature) != 0 {
		msg.Headers[dbus.FieldSignature] = dbus.MakeVariant(dbus.ParseSignatureMust(string(h.Signature)))
	}
	for _, n := range body {
		msg.Body = append(msg.Body, n.encodable().Interface())
	}
	return msg
}

// encodeByGodbus returns the message as godbus writes it. Godbus keeps serials to
// itself, so that is put in afterwards.
func encodeByGodbus(h *Header, body []node) ([]byte, error) {
	var order binary.ByteOrder = binary.LittleEndian
	if h.Order == BigEndian {
		order = binary.BigEndian
	}
	var buf bytes.Buffer
	if err := godbusMessage(h, body).EncodeTo(&buf, order); err != nil {
		return nil, err
	}
	order.PutUint32(buf.Bytes()[8:], h.Serial)
	return buf.Bytes(), nil
}

// encodeByWire returns the message as this package writes it.
func encodeByWire(h *Header, body []node) ([]byte, error) {
	e := NewEncoder(h.Order)
	for _, n := range body {
		encodeNode(e, n)
	}
	if e.Err() != nil {
		return nil, e.Err()
	}
	return AppendFrame(nil, h, e.Body())
}

// decodeByWire reads a whole message: header, body by its signature, and nothing
// left over. Skip finds the errors, with which the typed methods must agree.
func decodeByWire(frame []byte, h *Header) ([]node, error) {
	body, err := ParseFrame(frame, h)
	if err != nil {
		return nil, err
	}
	d := NewDecoder(body, h.Order, nil)
	d.Skip(string(h.Signature))
	skipped, left := d.Err(), d.Remaining()
	d.Reset(body, h.Order, nil)
	nodes := decodeNodes(d, string(h.Signature))
	switch {
	case (d.Err() == nil) != (skipped == nil) || d.Remaining() != left:
		return nil, fmt.Errorf("Skip and the typed methods do not agree: %v with %d bytes left, %v with %d", skipped, left, d.Err(), d.Remaining())
	case skipped == nil && left > 0:
		return nil, &FormatError{Problem: leftOver}
	}
	return nodes, skipped
}

const leftOver = "bytes left after the body"

// sameHeader compares what the two understood of a header.
func sameHeader(h *Header, msg *dbus.Message) error {
	want := godbusMessage(h, nil)
	got := map[dbus.HeaderField]dbus.Variant{}
	for code, value := range msg.Headers {
		if s, ok := value.Value().(dbus.Signature); ok && s.Empty() || code == dbus.FieldUnixFDs {
			continue
		}
		got[code] = value
	}
	if msg.Type != want.Type || msg.Flags != want.Flags || msg.Serial() != h.Serial || !reflect.DeepEqual(got, want.Headers) {
		return fmt.Errorf("header %v, want %v", msg, want)
	}
	return nil
}

// sameBody compares what the two understood of a body.
func sameBody(nodes []node, msg *dbus.Message) error {
	if len(nodes) != len(msg.Body) {
		return fmt.Errorf("%d values, want %d", len(nodes), len(msg.Body))
	}
	for i, n := range nodes {
		if n.any(isNaN) { // not equal to itself
			continue
		}
		if want := n.decoded(); !reflect.DeepEqual(msg.Body[i], want) {
			return fmt.Errorf("value %d of type %q: %#v, want %#v", i, n.sig, msg.Body[i], want)
		}
	}
	return nil
}

func TestRandomMessagesFromGodbus(t *testing.T) {
	for seed := range uint64(3000) {
		g := generator{rand.New(rand.NewPCG(seed, 1))}
		want := g.header()
		body := g.nodes(g.signature(4))
		want.Signature = signatureOf(body)
		frame, err := encodeByGodbus(&want, body)
		if err != nil {
			t.Fatalf("seed %d, signature %q: godbus: %v", seed, want.Signature, err)
		}
		var h Header
		nodes, err := decodeByWire(frame, &h)
		if err != nil {
			t.Fatalf("seed %d, signature %q: %v", seed, want.Signature, err)
		}
		want.BodyLen = h.BodyLen
		if !reflect.DeepEqual(h, want) {
			t.Errorf("seed %d: header %+v, want %+v", seed, h, want)
		}
		for i := range body {
			if got, want := nodes[i].decoded(), body[i].decoded(); !reflect.DeepEqual(got, want) {
				t.Errorf("seed %d, value %d of type %q: %#v, want %#v", seed, i, body[i].sig, got, want)
			}
		}

		// Written again in the same order, the body is the same bytes.
		start := len(frame) - int(h.BodyLen)
		e := NewEncoder(h.Order)
		for _, n := range nodes {
			encodeNode(e, n)
		}
		if !bytes.Equal(e.Body(), frame[start:]) || e.Err() != nil {
			t.Errorf("seed %d, signature %q: wrote %x, godbus wrote %x; error %v", seed, h.Signature, e.Body(), frame[start:], e.Err())
		}
		checkReaders(t, frame[start:], &h, nodes)
	}
}

func TestRandomMessagesToGodbus(t *testing.T) {
	for seed := range uint64(3000) {
		g := generator{rand.New(rand.NewPCG(seed, 2))}
		h := g.header()
		body := g.nodes(g.signature(4))
		h.Signature = signatureOf(body)
		frame, err := encodeByWire(&h, body)
		if err != nil {
			t.Fatalf("seed %d, signature %q: %v", seed, h.Signature, err)
		}
		msg, err := dbus.DecodeMessage(bytes.NewReader(frame))
		if err != nil {
			t.Fatalf("seed %d, signature %q: godbus: %v", seed, h.Signature, err)
		}
		if err := sameHeader(&h, msg); err != nil {
			t.Errorf("seed %d: %v", seed, err)
		}
		if err := sameBody(body, msg); err != nil {
			t.Errorf("seed %d: %v", seed, err)
		}
	}
}

// signatureOf returns the signature of a body, nil for none.
func signatureOf(body []node) []byte {
	var sig []byte
	for _, n := range body {
		sig = append(sig, n.sig...)
	}
	return sig
}

// checkReaders reads a good body with Skip and with dynamic values, which must
// agree with the typed methods.
func checkReaders(t *testing.T, body []byte, h *Header, nodes []node) {
	t.Helper()
	d := NewDecoder(body, h.Order, nil)
	d.Skip(string(h.Signature))
	if d.Err() != nil || d.Remaining() != 0 {
		t.Errorf("Skip(%q): error %v, %d bytes left", h.Signature, d.Err(), d.Remaining())
	}
	d.Reset(body, h.Order, nil)
	for _, n := range nodes {
		if n.any(hasDescriptor) { // there is none to take
			return
		}
		got := d.value(n.sig, 0)
		if d.Err() != nil {
			t.Errorf("value of type %q: %v", n.sig, d.Err())
			return
		}
		if !n.any(isNaN) && !reflect.DeepEqual(got, n.decoded()) {
			t.Errorf("value of type %q: %#v, want %#v", n.sig, got, n.decoded())
		}
	}
}

func TestDescriptorsAreThoseThatGodbusSees(t *testing.T) {
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	defer w.Close()
	for _, order := range []Order{LittleEndian, BigEndian} {
		h := Header{Order: order, Type: MethodReturn, Serial: 1, ReplySerial: 1, Signature: []byte("hqhh"), UnixFDs: 2}
		frame, err := encodeByWire(&h, []node{
			{sig: "h", basic: dbus.UnixFDIndex(1)}, {sig: "q", basic: uint16(512)},
			{sig: "h", basic: dbus.UnixFDIndex(0)}, {sig: "h", basic: dbus.UnixFDIndex(2)},
		})
		if err != nil {
			t.Fatal(err)
		}
		msg, err := dbus.DecodeMessageWithFDs(bytes.NewReader(frame), []int{100, 101})
		if err != nil {
			t.Fatal(err)
		}
		if want := []any{dbus.UnixFD(101), uint16(512), dbus.UnixFD(100), dbus.UnixFDIndex(2)}; !reflect.DeepEqual(msg.Body, want) {
			t.Errorf("%v: godbus read %v, want %v", order, msg.Body, want)
		}
		body, err := ParseFrame(frame, &h)
		if err != nil || h.UnixFDs != 2 {
			t.Fatalf("%v: %d descriptors, error %v", order, h.UnixFDs, err)
		}
		d := NewDecoder(body, order, []*os.File{r, w})
		if d.UnixFD() != w || d.Uint16() != 512 || d.UnixFD() != r || d.Err() != nil {
			t.Errorf("%v: not the descriptors that godbus sees, error %v", order, d.Err())
		}
		if d.UnixFD() != nil || !errors.Is(d.Err(), ErrNoFD) {
			t.Errorf("%v: error %v for an index that godbus leaves alone", order, d.Err())
		}
	}
}
