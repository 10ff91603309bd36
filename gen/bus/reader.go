package bus

import (
	"fmt"
	"io"
	"os"

	"github.com/gobluez/bluez/gen/wire"
)

// A source is what a reader reads: a stream, or bytes in a test.
type source interface {
	// read reads at most len(p) bytes and appends the descriptors that came with
	// them to fds.
	read(p []byte, fds []int) (int, []int, error)
}

// A reader cuts a stream into messages. It reads in large chunks, so that one
// system call carries many messages, and finds for each message the descriptors
// that were sent with it.
type reader struct {
	source source
	drain  func() // called before each read, nil in tests
	buf    []byte
	start  int    // of what is not consumed yet
	end    int    // of what was read
	offset uint64 // of buf[start] in the stream

	fds     []arrival // not taken yet, in order of arrival
	scratch []int
	bytes   uint64 // read so far
}

// An arrival is a descriptor and where in the stream the read ended that it came
// with. It belongs to a message that has bytes of that read: descriptors are sent
// after the first byte of their message and before its last (D-Bus Specification,
// "Header Fields", UNIX_FDS).
type arrival struct {
	fd int
	to uint64
}

const (
	readSize = 64 << 10 // bytes asked for at once
	keepSize = 1 << 20  // a larger buffer is given back once it is empty
)

func newReader(s source) *reader {
	return &reader{source: s, buf: make([]byte, readSize)}
}

// A message is what the reader returns. Everything in it but the files is a view,
// valid until the next message is read.
type message struct {
	header wire.Header
	frame  []byte
	body   []byte
	files  []*os.File // fewer than header.UnixFDs if not all arrived
	arg0   []byte     // of PropertiesChanged, set by the router
}

// complete reports whether all descriptors arrived that the message claims.
func (m *message) complete() bool { return len(m.files) == int(m.header.UnixFDs) }

// close closes the descriptors that nobody took.
func (m *message) close() {
	closeFiles(m.files)
	m.files = nil
}

func closeFiles(files []*os.File) {
	for i, f := range files {
		if f != nil {
			f.Close()
			files[i] = nil
		}
	}
}

// next reads the next message into m. Malformed data is a *[wire.FormatError], end
// of file io.EOF, or io.ErrUnexpectedEOF inside a message.
func (r *reader) next(m *message) error {
	size, err := r.fill()
	if err != nil {
		return err
	}
	m.frame = r.buf[r.start : r.start+size]
	if m.body, err = wire.ParseFrame(m.frame, &m.header); err != nil {
		return err
	}
	r.start += size
	r.offset += uint64(size)
	m.files = nil
	if m.header.UnixFDs > 0 || len(r.fds) > 0 {
		m.files = r.take(int(m.header.UnixFDs))
	}
	return nil
}

// fill reads until a whole message is in the buffer, and returns its size.
func (r *reader) fill() (size int, err error) {
	for {
		have := r.end - r.start
		if have >= 16 {
			if size, err = wire.FrameSize(r.buf[r.start:r.end]); err != nil {
				return 0, err
			}
			if have >= size {
				return size, nil
			}
		}
		if err := r.read(); err != nil {
			if err == io.EOF && have > 0 {
				err = io.ErrUnexpectedEOF
			}
			return 0, err
		}
	}
}

// read reads another chunk behind what is there. The buffer grows as bytes
// arrive, never because a header claims that they will.
func (r *reader) read() error {
	have := r.end - r.start
	switch {
	case have == 0 && len(r.buf) > keepSize:
		r.buf = make([]byte, readSize)
	case have == len(r.buf):
		larger := make([]byte, 2*len(r.buf))
		copy(larger, r.buf[r.start:r.end])
		r.buf = larger
	default:
		copy(r.buf, r.buf[r.start:r.end])
	}
	r.start, r.end = 0, have
	if r.drain != nil {
		r.drain()
	}
	n, fds, err := r.source.read(r.buf[r.end:], r.scratch[:0])
	r.scratch = fds
	for _, fd := range fds {
		r.fds = append(r.fds, arrival{fd: fd, to: r.offset + uint64(have+n)})
	}
	r.end += n
	r.bytes += uint64(n)
	if n > 0 {
		return nil // an error comes again
	}
	if err == nil {
		err = io.ErrNoProgress
	}
	return err
}

// take returns the descriptors of the message that ends at r.offset and claims n:
// all of them, or those that arrived. It closes those that no message can claim
// any more.
func (r *reader) take(n int) []*os.File {
	end := r.offset
	have := len(r.fds) // all came before end, or nothing would have been read since
	if have > 0 && r.fds[have-1].to > end {
		have = max(0, have-r.claimed(r.fds[have-1].to))
	}
	var files []*os.File
	for _, a := range r.fds[:min(n, have)] {
		files = append(files, os.NewFile(uintptr(a.fd), fmt.Sprintf("descriptor %d from D-Bus", a.fd)))
	}
	r.fds = r.fds[len(files):]
	for len(r.fds) > 0 && r.fds[0].to <= end {
		closeFDs([]int{r.fds[0].fd})
		r.fds = r.fds[1:]
	}
	return files
}

// claimed returns how many descriptors the whole messages claim that follow in
// the buffer, up to the stream offset to: where a message lies, the ones behind it
// keep theirs.
func (r *reader) claimed(to uint64) (n int) {
	rest := r.buf[r.start:min(r.end, r.start+int(to-r.offset))]
	for len(rest) >= 16 {
		size, err := wire.FrameSize(rest)
		if err != nil || size > len(rest) {
			break
		}
		var h wire.Header
		if _, err := wire.ParseFrame(rest[:size], &h); err != nil {
			break
		}
		n += int(min(h.UnixFDs, scmLimit))
		rest = rest[size:]
	}
	return n
}

// scmLimit is more than the descriptors that any system sends at once.
const scmLimit = 1 << 10

// close closes the descriptors that no message took.
func (r *reader) close() {
	for _, a := range r.fds {
		closeFDs([]int{a.fd})
	}
	r.fds = nil
}
