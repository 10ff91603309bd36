//go:build linux

package bus

import (
	"bytes"
	"errors"
	"io"
	"os"
	"syscall"
	"testing"

	"github.com/gobluez/bluez/gen/wire"
)

// A chunk is what one read returns.
type chunk struct {
	bytes []byte
	fds   []int
}

// chunks is a source of prepared reads.
type chunks []chunk

func (c *chunks) read(p []byte, fds []int) (int, []int, error) {
	if len(*c) == 0 {
		return 0, fds, io.EOF
	}
	first := &(*c)[0]
	n := copy(p, first.bytes)
	fds = append(fds, first.fds...)
	first.bytes, first.fds = first.bytes[n:], nil
	if len(first.bytes) == 0 {
		*c = (*c)[1:]
	}
	return n, fds, nil
}

// signalFrame returns a signal with a string, claiming descriptors.
func signalFrame(t testing.TB, order wire.Order, s string, fds uint32) []byte {
	t.Helper()
	e := wire.NewEncoder(order)
	e.String(s)
	frame, err := wire.AppendFrame(nil, &wire.Header{
		Order: order, Type: wire.Signal, Serial: 1, UnixFDs: fds,
		Path: []byte("/"), Interface: []byte("a.b"), Member: []byte("C"), Signature: []byte("s"),
	}, e.Body())
	if err != nil {
		t.Fatal(err)
	}
	return frame
}

// readAll reads all messages and returns their strings, "!" for a missing
// descriptor.
func readAll(t testing.TB, s source) (got []string, err error) {
	t.Helper()
	r := newReader(s)
	defer r.close()
	for {
		var m message
		if err := r.next(&m); err != nil {
			if err == io.EOF {
				err = nil
			}
			return got, err
		}
		text := wire.NewDecoder(m.body, m.header.Order, nil).String()
		if !m.complete() {
			text += "!"
		}
		for _, f := range m.files {
			name, err := io.ReadAll(f)
			if err != nil {
				t.Error(err)
			}
			text += "+" + string(name)
		}
		m.close()
		got = append(got, text)
	}
}

// named returns a descriptor that a name can be read from.
func named(t testing.TB, name string) int {
	t.Helper()
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	io.WriteString(w, name)
	w.Close()
	defer r.Close()
	fd, err := syscall.Dup(int(r.Fd()))
	if err != nil {
		t.Fatal(err)
	}
	return fd
}

func TestMessagesSurviveEveryCut(t *testing.T) {
	a, b := signalFrame(t, wire.LittleEndian, "first", 0), signalFrame(t, wire.BigEndian, "second", 0)
	stream := append(bytes.Clone(a), b...)
	for cut := range stream {
		got, err := readAll(t, &chunks{{bytes: bytes.Clone(stream[:cut])}, {bytes: bytes.Clone(stream[cut:])}})
		if cut == 0 {
			got, err = readAll(t, &chunks{{bytes: stream}})
		}
		if err != nil || len(got) != 2 || got[0] != "first" || got[1] != "second" {
			t.Fatalf("cut at %d: %q, %v", cut, got, err)
		}
	}
	single := &chunks{}
	for _, c := range stream {
		*single = append(*single, chunk{bytes: []byte{c}})
	}
	if got, err := readAll(t, single); err != nil || len(got) != 2 {
		t.Fatalf("byte by byte: %q, %v", got, err)
	}
}

func TestStreamThatEndsInsideAMessageIsAnError(t *testing.T) {
	frame := signalFrame(t, wire.LittleEndian, "x", 0)
	for cut := 1; cut < len(frame); cut++ {
		if _, err := readAll(t, &chunks{{bytes: frame[:cut]}}); err != io.ErrUnexpectedEOF {
			t.Fatalf("cut at %d: %v", cut, err)
		}
	}
}

func TestMalformedStreamIsAFormatError(t *testing.T) {
	good := signalFrame(t, wire.LittleEndian, "x", 0)
	for name, spoil := range map[string]func([]byte){
		"byte order":    func(f []byte) { f[0] = 'x' },
		"version":       func(f []byte) { f[3] = 9 },
		"body length":   func(f []byte) { f[7] = 0xff },
		"fields length": func(f []byte) { f[15] = 0xff },
		"type":          func(f []byte) { f[1] = 0 },
		"serial":        func(f []byte) { f[8] = 0 },
		"path":          func(f []byte) { f[bytes.IndexByte(f, '/')] = '?' },
	} {
		bad := bytes.Clone(good)
		spoil(bad)
		_, err := readAll(t, &chunks{{bytes: append(bad, good...)}})
		if _, ok := errors.AsType[*wire.FormatError](err); !ok {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestBufferGrowsWithBytesNotWithClaims(t *testing.T) {
	big := signalFrame(t, wire.LittleEndian, string(bytes.Repeat([]byte{'x'}, 3<<20)), 0)
	r := newReader(&chunks{{bytes: big}, {bytes: signalFrame(t, wire.LittleEndian, "after", 0)}})
	var m message
	if err := r.next(&m); err != nil || len(m.frame) != len(big) {
		t.Fatal(len(m.frame), err)
	}
	if err := r.next(&m); err != nil || len(r.buf) != readSize {
		t.Errorf("buffer of %d bytes kept, %v", len(r.buf), err)
	}

	claim := bytes.Clone(big[:100])
	claim[7] = 0x07 // 117 MiB
	r = newReader(&chunks{{bytes: claim}})
	if err := r.next(&m); err != io.ErrUnexpectedEOF || len(r.buf) > readSize {
		t.Errorf("%v, buffer of %d bytes", err, len(r.buf))
	}
}

func TestDescriptorsGoToTheirMessage(t *testing.T) {
	before := openFDs(t)
	frame := func(s string, fds uint32) []byte { return signalFrame(t, wire.LittleEndian, s, fds) }
	join := func(parts ...[]byte) []byte { return bytes.Join(parts, nil) }
	a, b := frame("a", 1), frame("b", 1)
	for _, test := range []struct {
		name   string
		chunks func() chunks
		want   string
	}{
		{"whole", func() chunks { return chunks{{a, []int{named(t, "1")}}, {b, []int{named(t, "2")}}} }, "a+1 b+2"},
		{"cut, with the first half", func() chunks {
			return chunks{{a[:20], []int{named(t, "1")}}, {join(a[20:], b[:9]), []int{named(t, "2")}}, {b[9:], nil}}
		}, "a+1 b+2"},
		{"cut, with the second half", func() chunks {
			return chunks{{a[:20], nil}, {join(a[20:]), []int{named(t, "1")}}, {b, []int{named(t, "2")}}}
		}, "a+1 b+2"},
		{"two messages in one read", func() chunks {
			return chunks{{join(a, b), []int{named(t, "1"), named(t, "2")}}}
		}, "a+1 b+2"},
		{"behind one without", func() chunks {
			return chunks{{join(frame("n", 0), a), []int{named(t, "1")}}}
		}, "n a+1"},
		{"the first lies", func() chunks { return chunks{{join(a, b), []int{named(t, "2")}}} }, "a! b+2"},
		{"the first lies, apart", func() chunks { return chunks{{a, nil}, {b, []int{named(t, "2")}}} }, "a! b+2"},
		{"the last lies", func() chunks { return chunks{{a, []int{named(t, "1")}}, {b, nil}} }, "a+1 b!"},
		{"one too many", func() chunks {
			return chunks{{a, []int{named(t, "1"), named(t, "x")}}, {b, []int{named(t, "2")}}}
		}, "a+1 b+2"},
		{"with one that claims none", func() chunks {
			return chunks{{frame("n", 0), []int{named(t, "x")}}, {b, []int{named(t, "2")}}}
		}, "n b+2"},
		{"at the end of the stream", func() chunks { return chunks{{a[:30], []int{named(t, "x")}}} }, ""},
	} {
		input := test.chunks()
		got, _ := readAll(t, &input)
		if text := joined(got); text != test.want {
			t.Errorf("%s: %q, want %q", test.name, text, test.want)
		}
	}
	if after := openFDs(t); after != before {
		t.Errorf("%d descriptors open, %d before", after, before)
	}
}

func joined(parts []string) string {
	var b []byte
	for i, p := range parts {
		if i > 0 {
			b = append(b, ' ')
		}
		b = append(b, p...)
	}
	return string(b)
}

// FuzzReader cuts arbitrary bytes into messages: no panic, no message that is not
// one, and the same messages however the bytes arrive.
func FuzzReader(f *testing.F) {
	a, b := signalFrame(f, wire.LittleEndian, "first", 0), signalFrame(f, wire.BigEndian, "second", 2)
	f.Add(a, uint8(1))
	f.Add(append(bytes.Clone(a), b...), uint8(7))
	f.Add(append(bytes.Clone(b), a[:40]...), uint8(64))
	f.Fuzz(func(t *testing.T, data []byte, step uint8) {
		read := func(step int) (frames [][]byte, problem string) {
			source := &chunks{}
			for rest := data; len(rest) > 0; {
				n := min(len(rest), step)
				*source = append(*source, chunk{bytes: bytes.Clone(rest[:n])})
				rest = rest[n:]
			}
			r := newReader(source)
			for {
				var m message
				if err := r.next(&m); err != nil {
					return frames, err.Error()
				}
				frames = append(frames, bytes.Clone(m.frame))
			}
		}
		whole, wholeEnd := read(max(1, len(data)))
		parts, partsEnd := read(int(step) + 1)
		if len(whole) != len(parts) || wholeEnd != partsEnd {
			t.Fatalf("%d messages and %q at once, %d and %q in pieces", len(whole), wholeEnd, len(parts), partsEnd)
		}
		if joined := bytes.Join(whole, nil); !bytes.HasPrefix(data, joined) {
			t.Fatal("messages are not the bytes that came")
		}
	})
}
