package wire

import (
	"bytes"
	"encoding/binary"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/godbus/dbus/v5"
)

// wireStricter lists what this package refuses although godbus accepts it, by the
// problem that it reports. Each is a rule of the D-Bus specification.
var wireStricter = map[string]struct {
	reason  string
	example []byte
}{
	"padding is not zero": {
		"alignment padding must be made up of NUL bytes; godbus does not look at it",
		example("yu", "\x01\x00\x00\x01\x02\x00\x00\x00"),
	},
	"string is not terminated by NUL": {
		"a string is followed by a NUL byte; godbus drops the byte unseen",
		example("s", "\x01\x00\x00\x00ab"),
	},
	"string is not UTF-8 without NUL": {
		"strings are UTF-8 without NUL; godbus checks what it writes, not what it reads",
		example("s", "\x01\x00\x00\x00\xff\x00"),
	},
	"object path is not valid": {
		"object paths have a grammar; godbus checks only the path in a header",
		example("o", "\x01\x00\x00\x00a\x00"),
	},
	"signature is not terminated by NUL": {
		"a signature is followed by a NUL byte; godbus drops the byte unseen",
		example("g", "\x01yy"),
	},
	"signature: struct without members": {
		"empty structs are not allowed; godbus accepts them",
		example("g", "\x02()\x00"),
	},
	"variant signature: struct without members": {
		"empty structs are not allowed; godbus accepts them, and does not return from an array of them",
		example("v", "\x02()\x00\x00\x00\x00\x00"),
	},
	"signature: dictionary key is not a basic type": {
		"dictionary keys are of basic types; godbus accepts a variant in a signature",
		example("g", "\x05a{vy}\x00"),
	},
	"variant signature: dictionary key is not a basic type": {
		"dictionary keys are of basic types; godbus accepts a variant while the dictionary is empty",
		example("v", "\x05a{vy}\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00"),
	},
	"array element reaches beyond the end of its array": {
		"an array is exactly as long as its length says; godbus lets the last element end later",
		example("as", "\x05\x00\x00\x00\x01\x00\x00\x00a\x00"),
	},
	"array is not a whole number of elements": {
		"the same, found before the elements are looked at",
		example("au", "\x05\x00\x00\x00\x01\x00\x00\x00\x01\x00\x00\x00"),
	},
	leftOver: {
		"the body is what its signature says; godbus drops the rest",
		example("y", "\x01\x00"),
	},
	"signature and body do not agree on whether there is a body": {
		"without a signature the body must be empty; godbus drops it",
		rawFrame(MethodReturn, 1, "\x00", numberField(fieldReplySerial, 1)),
	},
	"header field appears twice": {
		"a header has each field once; godbus takes the last, so that two readers may see two messages",
		rawFrame(MethodReturn, 1, "", numberField(fieldReplySerial, 1), numberField(fieldReplySerial, 2)),
	},
	"header field of wrong type": {
		"a known field has its type; of two, godbus looks only at the last",
		rawFrame(MethodReturn, 1, "", stringField(fieldReplySerial, "1"), numberField(fieldReplySerial, 2)),
	},
	"interface name is not valid": {
		"interface names have a grammar; of two, godbus looks only at the last",
		rawFrame(MethodReturn, 1, "", numberField(fieldReplySerial, 1), stringField(fieldInterface, "a"), stringField(fieldInterface, "a.b")),
	},
	"member name is not valid": {
		"member names have a grammar; of two, godbus looks only at the last",
		rawFrame(MethodReturn, 1, "", numberField(fieldReplySerial, 1), stringField(fieldMember, "a.b"), stringField(fieldMember, "a")),
	},
	"error name is not valid": {
		"error names have a grammar; of two, godbus looks only at the last",
		rawFrame(MethodReturn, 1, "", numberField(fieldReplySerial, 1), stringField(fieldErrorName, "a"), stringField(fieldErrorName, "a.b")),
	},
	"serial is 0": {
		"a serial must not be zero; godbus does not look at it",
		rawFrame(MethodReturn, 0, "", numberField(fieldReplySerial, 1)),
	},
	"reply serial is 0": {
		"no message has serial 0, so none is a reply to it; godbus does not look at it",
		rawFrame(MethodReturn, 1, "", numberField(fieldReplySerial, 0)),
	},
	"unknown protocol version": {
		"another major version cannot be understood; godbus does not look at it",
		edited(example("", ""), 3, 2),
	},
	"destination is not a valid bus name": {
		"bus names have a grammar; godbus does not check them",
		rawFrame(MethodReturn, 1, "", numberField(fieldReplySerial, 1), stringField(fieldDestination, "org")),
	},
	"sender is not a valid bus name": {
		"bus names have a grammar; godbus does not check them",
		rawFrame(MethodReturn, 1, "", numberField(fieldReplySerial, 1), stringField(fieldSender, ":1")),
	},
	"reserved path or interface org.freedesktop.DBus.Local": {
		"the names of a library's own signals must not come from outside; godbus does not check them",
		rawFrame(MethodReturn, 1, "", numberField(fieldReplySerial, 1), stringField(fieldInterface, localInterface)),
	},
}

// godbusStricter lists what godbus refuses although it is well-formed, by a part
// of godbus' error. None of it may be passed on to godbus by who reads with this
// package.
var godbusStricter = map[string]struct {
	reason  string
	example []byte
}{
	"invalid flags": {
		"unknown flags must be ignored, says the specification",
		edited(example("", ""), 2, 0x08),
	},
	"invalid message type": {
		"unknown message types must be ignored",
		edited(example("", ""), 1, 5),
	},
	"invalid header": {
		"unknown header fields must be ignored",
		rawFrame(MethodReturn, 1, "", numberField(fieldReplySerial, 1), numberField(10, 0)),
	},
	"invalid type map[bool]": {
		"a boolean may be a dictionary key",
		example("a{by}", "\x05\x00\x00\x00\x00\x00\x00\x00\x01\x00\x00\x00\x07"),
	},
	"invalid type map[dbus.Signature]": {
		"a signature may be a dictionary key",
		example("a{gy}", "\x03\x00\x00\x00\x00\x00\x00\x00\x00\x00\x07"),
	},
	"container depth limit": {
		"64 containers may nest; godbus wants room for two even if a dictionary is empty",
		example("v", strings.Repeat("\x01v\x00", 62)+"\x05a{yv}\x00"+"\x00\x00\x00"+"\x00\x00\x00\x00"),
	},
}

// example returns a method return with a body.
func example(sig, body string) []byte {
	fields := []field{numberField(fieldReplySerial, 1)}
	if sig != "" {
		fields = append(fields, field{fieldSignature, "g", func(e *Encoder) { appendSignature(e, sig) }})
	}
	return rawFrame(MethodReturn, 1, body, fields...)
}

func edited(frame []byte, at int, b byte) []byte {
	frame[at] = b
	return frame
}

func TestStricterThanGodbus(t *testing.T) {
	for problem, row := range wireStricter {
		t.Run(problem, func(t *testing.T) {
			var h Header
			if _, err := decodeByWire(row.example, &h); err == nil || problemOf(err) != problem {
				t.Errorf("error %v, want %q, for %s", err, problem, row.reason)
			}
			if _, err := dbus.DecodeMessage(bytes.NewReader(row.example)); err != nil {
				t.Errorf("godbus refuses it too: %v", err)
			}
		})
	}
}

func TestLessStrictThanGodbus(t *testing.T) {
	for problem, row := range godbusStricter {
		t.Run(problem, func(t *testing.T) {
			var h Header
			if _, err := decodeByWire(row.example, &h); err != nil {
				t.Errorf("error %v, although %s", err, row.reason)
			}
			if _, err := dbus.DecodeMessage(bytes.NewReader(row.example)); err == nil || !strings.Contains(err.Error(), problem) {
				t.Errorf("godbus: error %v, want one with %q", err, problem)
			}
		})
	}
}

// Messages with one or two bytes changed, or cut with their lengths mended, get
// the same verdict and the same values from both, but for what the tables list.
func TestDamagedMessages(t *testing.T) {
	for seed := range uint64(20000) {
		g := generator{rand.New(rand.NewPCG(seed, 3))}
		h := g.header()
		body := g.nodes(g.signature(3))
		h.Signature = signatureOf(body)
		frame, err := encodeByWire(&h, body)
		if err != nil {
			t.Fatal(err)
		}
		compare(t, seed, g.damage(frame, &h))
	}
}

// damage returns the frame with something wrong.
func (g generator) damage(frame []byte, h *Header) []byte {
	frame = slices.Clone(frame)
	var order binary.ByteOrder = binary.LittleEndian
	if h.Order == BigEndian {
		order = binary.BigEndian
	}
	switch body := order.Uint32(frame[4:]); {
	case body > 0 && g.IntN(4) == 0: // a shorter body
		cut := 1 + g.Uint32N(body)
		order.PutUint32(frame[4:], body-cut)
		return frame[:len(frame)-int(cut)]
	case g.IntN(8) == 0:
		return frame[:g.IntN(len(frame))]
	}
	for range 1 + g.IntN(2) {
		at := g.IntN(len(frame))
		switch g.IntN(3) {
		case 0:
			frame[at] ^= 1 << g.IntN(8)
		case 1:
			frame[at] = byte(g.Uint32())
		case 2:
			frame[at] = (basicTypes + "va(){}\x00\x01\x04\x08")[g.IntN(len(basicTypes)+10)]
		}
	}
	return frame
}

// compare gives one frame to both readers.
func compare(t *testing.T, seed uint64, frame []byte) {
	t.Helper()
	var h Header
	nodes, err := decodeByWire(frame, &h)
	if err != nil {
		if strings.Contains(problemOf(err), "struct without members") {
			return // godbus may read an array of them for ever
		}
		if size, _ := FrameSize(append(slices.Clone(frame), make([]byte, 16)...)); size != len(frame) {
			return // of a stream, godbus reads what it wants
		}
		if _, godbus := dbus.DecodeMessage(bytes.NewReader(frame)); godbus == nil && wireStricter[problemOf(err)].reason == "" {
			t.Errorf("seed %d: refused for %q, godbus accepts %q", seed, problemOf(err), frame)
		}
		return
	}
	msg, err := dbus.DecodeMessage(bytes.NewReader(frame))
	if err != nil {
		for known := range godbusStricter {
			if strings.Contains(err.Error(), known) {
				return
			}
		}
		t.Errorf("seed %d: accepted, godbus: %v of %q", seed, err, frame)
		return
	}
	if err := sameHeader(&h, msg); err != nil {
		t.Errorf("seed %d: %v", seed, err)
	}
	if err := sameBody(nodes, msg); err != nil {
		t.Errorf("seed %d: %v", seed, err)
	}
}
