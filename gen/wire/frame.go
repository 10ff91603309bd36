package wire

import (
	"encoding/binary"
	"fmt"
)

const (
	protocolVersion = 1
	// fixedHeader is the size of what every header begins with: byte order, type,
	// flags, version, body length, serial, length of the field array.
	fixedHeader = 16
)

// FrameSize returns the size in bytes of the message that begins with prefix, of
// which it needs the first 16 bytes. An unknown byte order or protocol version, or
// a length beyond [MaxMessage] or [MaxArray], is a *[FormatError]: the stream
// cannot be followed any further.
func FrameSize(prefix []byte) (size int, err error) {
	_, size, err = frameLayout(prefix)
	return size, err
}

// frameLayout returns where the body begins and where the message ends.
func frameLayout(prefix []byte) (body, size int, err error) {
	if len(prefix) < fixedHeader {
		return 0, 0, &FormatError{Offset: len(prefix), Problem: "message ends before byte 16"}
	}
	var order binary.ByteOrder
	switch Order(prefix[0]) {
	case LittleEndian:
		order = binary.LittleEndian
	case BigEndian:
		order = binary.BigEndian
	default:
		return 0, 0, &FormatError{Offset: 0, Problem: "unknown byte order"}
	}
	if prefix[3] != protocolVersion {
		return 0, 0, &FormatError{Offset: 3, Problem: "unknown protocol version"}
	}
	fields := order.Uint32(prefix[12:])
	if fields > MaxArray {
		return 0, 0, &FormatError{Offset: 12, Problem: "header fields are longer than 64 MiB"}
	}
	length := order.Uint32(prefix[4:])
	header := fixedHeader + (int(fields)+7)&^7
	if length > MaxMessage || header+int(length) > MaxMessage {
		return 0, 0, &FormatError{Offset: 4, Problem: "message is longer than 128 MiB"}
	}
	return header, header + int(length), nil
}

// ParseFrame reads the header of one whole message into h and returns its body,
// a view into frame. The header is checked in full: byte order, version, lengths,
// type and grammar of each field, fields that the message type requires, padding.
// Unknown fields are skipped. Errors are *[FormatError]. The body is
// not looked at; that is for whoever decodes it.
//
// It does not allocate.
func ParseFrame(frame []byte, h *Header) (body []byte, err error) {
	*h = Header{}
	start, size, err := frameLayout(frame)
	if err != nil {
		return nil, err
	}
	if len(frame) != size {
		return nil, &FormatError{Offset: len(frame), Problem: fmt.Sprintf("message of %d bytes in a frame of %d", size, len(frame))}
	}
	d := Decoder{body: frame[:start], pos: 4, big: Order(frame[0]) == BigEndian}
	h.Order, h.Type, h.Flags = Order(frame[0]), Type(frame[1]), Flags(frame[2])
	h.BodyLen = d.Uint32()
	h.Serial = d.Uint32()
	h.parseFields(&d)
	d.align(8)
	if problem := h.problem(size - start); problem != "" {
		d.malformed(problem)
	}
	if d.err != nil {
		*h = Header{}
		return nil, d.err
	}
	return frame[start:], nil
}

// parseFields reads the array of header fields, a(yv).
func (h *Header) parseFields(d *Decoder) {
	seen := 0
	for end := d.Array(8); d.More(end); {
		d.Struct()
		code := d.Byte()
		if code == 0 {
			d.malformed("header field 0")
			return
		}
		if code > fieldUnixFDs {
			d.skipVariant(2)
			continue
		}
		if seen&(1<<code) != 0 {
			d.malformed("header field appears twice")
			return
		}
		seen |= 1 << code
		sig := d.rawSignature()
		if d.err == nil && string(sig) != fieldTypes[code:code+1] {
			d.malformed("header field of wrong type")
			return
		}
		h.parseField(d, code)
	}
}

// fieldTypes has the type of each header field at the index of its code.
const fieldTypes = " osssussgu"

func (h *Header) parseField(d *Decoder, code byte) {
	switch code {
	case fieldPath:
		h.Path = d.objectPathView()
	case fieldInterface:
		h.Interface = d.counted()
		d.require(validInterface(h.Interface), "interface name is not valid")
	case fieldMember:
		h.Member = d.counted()
		d.require(validMember(h.Member), "member name is not valid")
	case fieldErrorName:
		h.ErrorName = d.counted()
		d.require(validInterface(h.ErrorName), "error name is not valid")
	case fieldReplySerial:
		h.ReplySerial = d.Uint32()
		d.require(h.ReplySerial != 0, "reply serial is 0")
	case fieldDestination:
		h.Destination = d.counted()
		d.require(validBusName(h.Destination), "destination is not a valid bus name")
	case fieldSender:
		h.Sender = d.counted()
		d.require(validBusName(h.Sender), "sender is not a valid bus name")
	case fieldSignature:
		h.Signature = d.SignatureView()
	case fieldUnixFDs:
		h.UnixFDs = d.Uint32()
	}
}

// require fails unless ok.
func (d *Decoder) require(ok bool, problem string) {
	if !ok {
		d.malformed(problem)
	}
}

// AppendFrame appends to dst the message that h and body make, and returns the
// longer slice. The body was encoded in h.Order and has the signature
// h.Signature; h.BodyLen is ignored. A header that ParseFrame would refuse is an
// error, and so are more than [MaxUnixFDs] descriptors; dst is then returned as
// it was. h is not changed.
func AppendFrame(dst []byte, h *Header, body []byte) ([]byte, error) {
	order := h.Order
	if order == 0 {
		order = LittleEndian
	}
	if problem := h.writeProblem(len(body)); problem != "" {
		return dst, fmt.Errorf("encode %s message: %s", h.Type, problem)
	}
	e := Encoder{buf: dst, base: len(dst), big: order == BigEndian}
	e.buf = append(e.buf, byte(order), byte(h.Type), byte(h.Flags), protocolVersion)
	e.Uint32(uint32(len(body)))
	e.Uint32(h.Serial)
	fields := e.Array(8)
	e.field(fieldPath, h.Path)
	e.field(fieldInterface, h.Interface)
	e.field(fieldMember, h.Member)
	e.field(fieldErrorName, h.ErrorName)
	e.numberField(fieldReplySerial, h.ReplySerial)
	e.field(fieldDestination, h.Destination)
	e.field(fieldSender, h.Sender)
	e.field(fieldSignature, h.Signature)
	e.numberField(fieldUnixFDs, h.UnixFDs)
	e.EndArray(fields)
	e.align(8)
	if len(e.buf)-e.base+len(body) > MaxMessage {
		return dst, fmt.Errorf("encode %s message: longer than 128 MiB", h.Type)
	}
	return append(e.buf, body...), nil
}

// writeProblem returns what forbids sending the header with a body of so many
// bytes, or "".
func (h *Header) writeProblem(body int) string {
	switch {
	case h.Order != 0 && h.Order != LittleEndian && h.Order != BigEndian:
		return "unknown byte order"
	case h.UnixFDs > MaxUnixFDs:
		return "too many descriptors"
	case h.Path != nil && !validPath(h.Path):
		return "path is not valid"
	case h.Interface != nil && !validInterface(h.Interface):
		return "interface name is not valid"
	case h.Member != nil && !validMember(h.Member):
		return "member name is not valid"
	case h.ErrorName != nil && !validInterface(h.ErrorName):
		return "error name is not valid"
	case h.Destination != nil && !validBusName(h.Destination):
		return "destination is not a valid bus name"
	case h.Sender != nil && !validBusName(h.Sender):
		return "sender is not a valid bus name"
	}
	if problem := signatureProblem(h.Signature); problem != "" {
		return "signature: " + problem
	}
	return h.problem(body)
}

// field writes a header field of text, if there is one.
func (e *Encoder) field(code byte, value []byte) {
	if len(value) == 0 {
		return
	}
	e.Struct()
	e.Byte(code)
	e.VariantOf(fieldTypes[code : code+1])
	if code == fieldSignature {
		appendSignature(e, value)
		return
	}
	e.Uint32(uint32(len(value)))
	e.buf = append(e.buf, value...)
	e.buf = append(e.buf, 0)
}

// numberField writes a header field of a number, if it is not 0.
func (e *Encoder) numberField(code byte, value uint32) {
	if value == 0 {
		return
	}
	e.Struct()
	e.Byte(code)
	e.VariantOf(fieldTypes[code : code+1])
	e.Uint32(value)
}
