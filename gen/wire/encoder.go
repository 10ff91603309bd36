package wire

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"os"
	"strings"
	"unicode/utf8"

	"github.com/godbus/dbus/v5"
)

// An Encoder appends values to the body of one message. The caller calls the
// method for each type in turn, as the signature has them.
//
// Errors stick: the first is kept for Err, and Body is nil from then on.
//
// The zero value writes a little endian body. An Encoder is not safe for
// concurrent use.
type Encoder struct {
	buf   []byte
	base  int // where the message begins in buf: alignment counts from here
	big   bool
	err   error
	files []*os.File
}

// NewEncoder returns an Encoder of an empty body.
func NewEncoder(order Order) *Encoder {
	return &Encoder{big: order == BigEndian}
}

// Reset begins another body in the memory of the last one. What Body returned
// before is overwritten.
func (e *Encoder) Reset(order Order) {
	clear(e.files)
	*e = Encoder{buf: e.buf[:0], big: order == BigEndian, files: e.files[:0]}
}

// Body returns what was written, or nil after an error. It is valid until the
// next call of Reset.
func (e *Encoder) Body() []byte {
	if e.err != nil {
		return nil
	}
	return e.buf
}

// Files returns the descriptors that were written, in the order of their indices.
// They remain the property of whoever passed them to UnixFD. The slice is valid
// until the next call of Reset.
func (e *Encoder) Files() []*os.File { return e.files }

// Err returns the first error.
func (e *Encoder) Err() error { return e.err }

// Fail makes err the Encoder's error, unless there is one already.
func (e *Encoder) Fail(err error) {
	if e.err == nil {
		e.err = err
	}
}

// align appends zeros up to the next multiple of n, 1, 2, 4 or 8.
func (e *Encoder) align(n int) {
	for (len(e.buf)-e.base)&(n-1) != 0 {
		e.buf = append(e.buf, 0)
	}
}

// Byte writes a BYTE (y).
func (e *Encoder) Byte(v byte) { e.buf = append(e.buf, v) }

// Bool writes a BOOLEAN (b).
func (e *Encoder) Bool(v bool) {
	if v {
		e.Uint32(1)
	} else {
		e.Uint32(0)
	}
}

// Int16 writes an INT16 (n).
func (e *Encoder) Int16(v int16) { e.Uint16(uint16(v)) }

// Uint16 writes a UINT16 (q).
func (e *Encoder) Uint16(v uint16) {
	e.align(2)
	if e.big {
		e.buf = binary.BigEndian.AppendUint16(e.buf, v)
	} else {
		e.buf = binary.LittleEndian.AppendUint16(e.buf, v)
	}
}

// Int32 writes an INT32 (i).
func (e *Encoder) Int32(v int32) { e.Uint32(uint32(v)) }

// Uint32 writes a UINT32 (u).
func (e *Encoder) Uint32(v uint32) {
	e.align(4)
	if e.big {
		e.buf = binary.BigEndian.AppendUint32(e.buf, v)
	} else {
		e.buf = binary.LittleEndian.AppendUint32(e.buf, v)
	}
}

// Int64 writes an INT64 (x).
func (e *Encoder) Int64(v int64) { e.Uint64(uint64(v)) }

// Uint64 writes a UINT64 (t).
func (e *Encoder) Uint64(v uint64) {
	e.align(8)
	if e.big {
		e.buf = binary.BigEndian.AppendUint64(e.buf, v)
	} else {
		e.buf = binary.LittleEndian.AppendUint64(e.buf, v)
	}
}

// Double writes a DOUBLE (d).
func (e *Encoder) Double(v float64) { e.Uint64(math.Float64bits(v)) }

// String writes a STRING (s). One that is not UTF-8, or that holds a NUL, is an
// error.
func (e *Encoder) String(s string) {
	if !utf8.ValidString(s) || strings.IndexByte(s, 0) >= 0 {
		e.Fail(errors.New("encode string: not UTF-8 without NUL"))
		return
	}
	e.counted(s)
}

// ObjectPath writes an OBJECT_PATH (o). One that is not valid is an error.
func (e *Encoder) ObjectPath(p dbus.ObjectPath) {
	if !validPath(string(p)) {
		e.Fail(fmt.Errorf("encode object path %q: not a valid path", string(p)))
		return
	}
	e.counted(string(p))
}

// counted writes a string or object path that was checked.
func (e *Encoder) counted(s string) {
	e.Uint32(uint32(len(s)))
	e.buf = append(e.buf, s...)
	e.buf = append(e.buf, 0)
}

// Signature writes a SIGNATURE (g).
func (e *Encoder) Signature(s dbus.Signature) { e.signature(s.String()) }

func (e *Encoder) signature(sig string) {
	if err := ValidSignature(sig); err != nil {
		e.Fail(fmt.Errorf("encode %w", err))
		return
	}
	appendSignature(e, sig)
}

// appendSignature writes a signature that was checked.
func appendSignature[T text](e *Encoder, sig T) {
	e.buf = append(e.buf, byte(len(sig)))
	e.buf = append(e.buf, sig...)
	e.buf = append(e.buf, 0)
}

// UnixFD writes a UNIX_FD (h) and adds the file to Files. The file remains the
// caller's, who closes it once the message was sent; package bus does that for the
// results of served methods. More than [MaxUnixFDs] in one message are an error,
// and so is nil.
func (e *Encoder) UnixFD(file *os.File) {
	if file == nil {
		e.Fail(errors.New("encode descriptor: nil file"))
		return
	}
	if len(e.files) == MaxUnixFDs {
		e.Fail(fmt.Errorf("encode descriptor: more than %d in one message", MaxUnixFDs))
		return
	}
	e.Uint32(uint32(len(e.files)))
	e.files = append(e.files, file)
}

// Bytes writes an array of bytes (ay), at most [MaxArray] of them.
func (e *Encoder) Bytes(b []byte) {
	if len(b) > MaxArray {
		e.Fail(errArrayTooLong)
		return
	}
	e.Uint32(uint32(len(b)))
	e.buf = append(e.buf, b...)
}

var errArrayTooLong = errors.New("encode array: longer than 64 MiB")

// An ArrayMark is an array that was begun with Array and waits for EndArray.
type ArrayMark struct {
	length int // where the array's length goes
	start  int // where its elements begin
}

// Array begins an array (a) whose elements align to 1, 2, 4 or 8 bytes, as listed
// at [Decoder.Array]. The elements follow, then EndArray:
//
//	mark := e.Array(4)
//	for _, uuid := range uuids {
//		e.String(uuid)
//	}
//	e.EndArray(mark)
func (e *Encoder) Array(align int) ArrayMark {
	e.Uint32(0)
	mark := ArrayMark{length: len(e.buf) - 4}
	e.align(align)
	mark.start = len(e.buf)
	return mark
}

// EndArray ends the array that Array began. One longer than [MaxArray] is an
// error.
func (e *Encoder) EndArray(mark ArrayMark) {
	n := len(e.buf) - mark.start
	if n > MaxArray {
		e.Fail(errArrayTooLong)
		return
	}
	if e.big {
		binary.BigEndian.PutUint32(e.buf[mark.length:], uint32(n))
	} else {
		binary.LittleEndian.PutUint32(e.buf[mark.length:], uint32(n))
	}
}

// Struct begins a struct or a dictionary entry, by aligning to 8 bytes. Nothing
// marks its end.
func (e *Encoder) Struct() { e.align(8) }

// VariantOf begins a variant (v) that holds the one complete type sig. The value
// follows.
func (e *Encoder) VariantOf(sig string) {
	if problem := singleProblem(sig); problem != "" {
		e.Fail(fmt.Errorf("encode variant of %q: %s", sig, problem))
		return
	}
	appendSignature(e, sig)
}
