package wire

import (
	"encoding/binary"
	"math"
	"os"

	"github.com/godbus/dbus/v5"
)

// A Decoder reads the body of one message, value by value. The caller knows the
// signature and calls the method for each type in turn.
//
// Errors stick: after the first one every read returns the zero value, More is
// false and Err tells. A Decoder never panics, whatever the body holds.
//
// The zero value reads an empty body; Reset gives it another. A Decoder is not
// safe for concurrent use.
type Decoder struct {
	body     []byte
	pos      int // len(body) after an error, so that every read fails of itself
	big      bool
	err      error
	files    []*os.File
	mismatch func(what, want, got string)
}

// NewDecoder returns a Decoder that stands at the beginning of body. See Reset
// for the arguments.
func NewDecoder(body []byte, order Order, files []*os.File) *Decoder {
	d := new(Decoder)
	d.Reset(body, order, files)
	return d
}

// Reset makes d stand at the beginning of another body and forget its error. The
// OnMismatch hook stays. The order is the one that the message's header names.
//
// The files are those that came with the message. Taking one ([Decoder.UnixFD],
// [Decoder.Variant]) sets its element to nil: what is left in files afterwards
// was not taken, and is still the caller's to close.
func (d *Decoder) Reset(body []byte, order Order, files []*os.File) {
	d.body = body
	d.pos = 0
	d.big = order == BigEndian
	d.err = nil
	d.files = files
}

// OnMismatch sets what VariantOf calls when a variant holds another type than
// the one asked for: what was being read, the signature wanted and the one found.
func (d *Decoder) OnMismatch(hook func(what, want, got string)) { d.mismatch = hook }

// Err returns the first error: a *[FormatError] if the body is malformed, an
// *[FDError] if it names a descriptor that is not there, or what Fail was given.
func (d *Decoder) Err() error { return d.err }

// Fail makes err the Decoder's error, unless there is one already. A reader that
// finds a well-formed value that it cannot accept stops the decoding with it.
func (d *Decoder) Fail(err error) {
	if d.err == nil {
		d.err = err
	}
	if d.err != nil {
		d.pos = len(d.body)
	}
}

// Remaining returns how many bytes are left: 0 once the whole body was read, and
// after an error.
func (d *Decoder) Remaining() int { return len(d.body) - d.pos }

// malformed fails with a FormatError at the current offset.
//
//go:noinline
func (d *Decoder) malformed(problem string) {
	if d.err == nil {
		d.Fail(&FormatError{Offset: d.pos, Problem: problem})
	}
}

// Byte reads a BYTE (y).
func (d *Decoder) Byte() byte {
	if d.pos >= len(d.body) {
		d.malformed("body ends before a byte")
		return 0
	}
	b := d.body[d.pos]
	d.pos++
	return b
}

// Bool reads a BOOLEAN (b), which is 0 or 1 in four bytes.
func (d *Decoder) Bool() bool {
	v := d.Uint32()
	if v > 1 {
		d.pos -= 4
		d.malformed("boolean is neither 0 nor 1")
		return false
	}
	return v == 1
}

// Int16 reads an INT16 (n).
func (d *Decoder) Int16() int16 { return int16(d.Uint16()) }

// Uint16 reads a UINT16 (q).
func (d *Decoder) Uint16() uint16 {
	b := d.fixed(2)
	if len(b) < 2 {
		return 0
	}
	if d.big {
		return binary.BigEndian.Uint16(b)
	}
	return binary.LittleEndian.Uint16(b)
}

// Int32 reads an INT32 (i).
func (d *Decoder) Int32() int32 { return int32(d.Uint32()) }

// Uint32 reads a UINT32 (u).
func (d *Decoder) Uint32() uint32 {
	b := d.fixed(4)
	if len(b) < 4 {
		return 0
	}
	if d.big {
		return binary.BigEndian.Uint32(b)
	}
	return binary.LittleEndian.Uint32(b)
}

// Int64 reads an INT64 (x).
func (d *Decoder) Int64() int64 { return int64(d.Uint64()) }

// Uint64 reads a UINT64 (t).
func (d *Decoder) Uint64() uint64 {
	b := d.fixed(8)
	if len(b) < 8 {
		return 0
	}
	if d.big {
		return binary.BigEndian.Uint64(b)
	}
	return binary.LittleEndian.Uint64(b)
}

// Double reads a DOUBLE (d).
func (d *Decoder) Double() float64 { return math.Float64frombits(d.Uint64()) }

// fixed returns the bytes of a fixed-size value, which aligns to its size, or
// nil after failing.
func (d *Decoder) fixed(size int) []byte {
	start := (d.pos + size - 1) &^ (size - 1)
	if start+size > len(d.body) {
		d.malformed("body ends before a number")
		return nil
	}
	if start != d.pos && !d.padding(start) {
		return nil
	}
	d.pos = start + size
	return d.body[start : start+size]
}

// padding reports whether the bytes up to start are zero, and fails if not.
func (d *Decoder) padding(start int) bool {
	for _, b := range d.body[d.pos:start] {
		if b != 0 {
			d.malformed("padding is not zero")
			return false
		}
	}
	return true
}

// align goes to the next multiple of n, 1, 2, 4 or 8.
func (d *Decoder) align(n int) {
	start := (d.pos + n - 1) &^ (n - 1)
	if start == d.pos {
		return
	}
	if start > len(d.body) {
		d.malformed("body ends inside padding")
		return
	}
	if d.padding(start) {
		d.pos = start
	}
}

// String reads a STRING (s).
func (d *Decoder) String() string { return string(d.StringView()) }

// StringView reads a STRING (s) like String, without copying it: the bytes are a
// view into the body, valid as long as the body is, and must not be changed.
func (d *Decoder) StringView() []byte {
	s := d.counted()
	if !validString(s) {
		d.malformed("string is not UTF-8 without NUL")
		return nil
	}
	return s
}

// ObjectPath reads an OBJECT_PATH (o).
func (d *Decoder) ObjectPath() dbus.ObjectPath { return dbus.ObjectPath(d.objectPathView()) }

func (d *Decoder) objectPathView() []byte {
	s := d.counted()
	if d.err == nil && !validPath(s) {
		d.malformed("object path is not valid")
		return nil
	}
	return s
}

// counted reads the bytes of a string or object path, without looking at them.
func (d *Decoder) counted() []byte {
	n := d.Uint32()
	if uint64(n) >= uint64(len(d.body)-d.pos) {
		d.malformed("body ends inside a string")
		return nil
	}
	end := d.pos + int(n)
	s := d.body[d.pos:end:end]
	if d.body[end] != 0 {
		d.malformed("string is not terminated by NUL")
		return nil
	}
	d.pos = end + 1
	return s
}

// Signature reads a SIGNATURE (g).
func (d *Decoder) Signature() dbus.Signature { return d.signature(d.SignatureView()) }

// signature makes a checked signature godbus', which accepts whatever is valid
// here.
func (d *Decoder) signature(view []byte) dbus.Signature {
	sig, err := dbus.ParseSignature(string(view))
	if err != nil {
		d.Fail(err)
	}
	return sig
}

// SignatureView reads a SIGNATURE (g) like Signature, without copying it: the
// bytes are a view into the body, valid as long as the body is, and must not be
// changed.
func (d *Decoder) SignatureView() []byte {
	sig := d.rawSignature()
	if problem := signatureProblem(sig); problem != "" {
		d.malformed("signature: " + problem)
		return nil
	}
	return sig
}

// rawSignature reads the bytes of a signature, without looking at them.
func (d *Decoder) rawSignature() []byte {
	if d.pos >= len(d.body) {
		d.malformed("body ends before a signature")
		return nil
	}
	start := d.pos + 1
	end := start + int(d.body[d.pos])
	if end >= len(d.body) {
		d.malformed("body ends inside a signature")
		return nil
	}
	if d.body[end] != 0 {
		d.malformed("signature is not terminated by NUL")
		return nil
	}
	d.pos = end + 1
	return d.body[start:end:end]
}

// UnixFD reads a UNIX_FD (h) and takes the descriptor that it stands for, which
// is the caller's from then on. A descriptor that did not come with the message,
// or that was taken before, is an *[FDError].
func (d *Decoder) UnixFD() *os.File {
	index := d.Uint32()
	if d.err != nil {
		return nil
	}
	if uint64(index) >= uint64(len(d.files)) || d.files[index] == nil {
		d.Fail(&FDError{Index: index, Count: len(d.files)})
		return nil
	}
	file := d.files[index]
	d.files[index] = nil
	return file
}

// Bytes reads an array of bytes (ay). The copy is never nil, but after an error.
func (d *Decoder) Bytes() []byte {
	view := d.BytesView()
	if d.err != nil {
		return nil
	}
	b := make([]byte, len(view))
	copy(b, view)
	return b
}

// BytesView reads an array of bytes (ay) like Bytes, without copying it: the
// bytes are a view into the body, valid as long as the body is, and must not be
// changed.
func (d *Decoder) BytesView() []byte {
	end := d.Array(1)
	if d.err != nil {
		return nil
	}
	view := d.body[d.pos:end:end]
	d.pos = end
	return view
}

// Array enters an array (a) whose elements align to 1, 2, 4 or 8 bytes: 1 for y,
// g and v; 2 for n and q; 4 for b, i, u, h, s, o and a; 8 for x, t, d, ( and {.
// It returns where the array ends, for More:
//
//	for end := d.Array(4); d.More(end); {
//		uuids = append(uuids, d.String())
//	}
func (d *Decoder) Array(align int) (end int) {
	n := d.Uint32()
	if n > MaxArray {
		d.malformed("array is longer than 64 MiB")
		return d.pos
	}
	d.align(align)
	if int(n) > len(d.body)-d.pos {
		d.malformed("body ends inside an array")
		return d.pos
	}
	return d.pos + int(n)
}

// More reports whether the array that ends at end has another element. It is
// false at the end and after any error. An element that reached beyond the end is
// one.
func (d *Decoder) More(end int) bool {
	if d.pos < end {
		return true
	}
	if d.pos > end {
		d.malformed("array element reaches beyond the end of its array")
	}
	return false
}

// Struct enters a struct or a dictionary entry, by aligning to 8 bytes. Nothing
// marks its end.
func (d *Decoder) Struct() { d.align(8) }

// VariantOf enters a variant (v). If it holds the one complete type sig, it
// returns true and the value follows. If not, it skips the variant, calls the
// OnMismatch hook, and returns false. What says which value it is, such as
// "org.bluez.Device1.RSSI"; only the hook sees it.
func (d *Decoder) VariantOf(sig, what string) bool {
	if start := d.pos + 1; d.pos < len(d.body) && int(d.body[d.pos]) == len(sig) {
		end := start + len(sig)
		if end < len(d.body) && string(d.body[start:end]) == sig && d.body[end] == 0 {
			d.pos = end + 1
			return true
		}
	}
	got := d.skipVariant(0)
	if d.err == nil && d.mismatch != nil {
		d.mismatch(what, sig, string(got))
	}
	return false
}

// variantSignature enters a variant inside depth containers and returns its
// signature, one complete type. It returns nil after failing.
func (d *Decoder) variantSignature(depth int) []byte {
	if depth >= MaxNesting {
		d.malformed(tooDeep)
		return nil
	}
	sig := d.rawSignature()
	if d.err != nil {
		return nil
	}
	if problem := singleProblem(sig); problem != "" {
		d.malformed("variant signature: " + problem)
		return nil
	}
	return sig
}

const tooDeep = "containers nested too deeply"
