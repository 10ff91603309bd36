package bustest

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/gobluez/bluez/gen/wire"
)

const (
	// bufferSize is what a lane reads at once, in bytes.
	bufferSize = 64 << 10
	// maxKept is how many bytes of frames a lane keeps before it stops reading.
	maxKept = 16 << 20
	// maxStray is how many descriptors may arrive that no message has claimed.
	maxStray = 1024
	// frameStart is how many bytes tell the size of a frame.
	frameStart = 16
)

// A lane is one direction of a relayed connection. Its own goroutine reads, and
// writes before it reads again: a slow receiver slows the sender.
type lane struct {
	conn      *RelayedConn
	direction Direction
	from, to  *net.UnixConn // set before run

	buffer     []byte // of run, as are these:
	start, end int    // what was read and not yet passed on
	oob        []byte // memory for readMsg
	fds        []int  // that arrived and that no frame has claimed yet

	framed  atomic.Bool // frames pass now, so there are boundaries between them
	writing sync.Mutex  // held while a frame is written

	mu         sync.Mutex
	kept       map[*Frame]struct{}
	keptBytes  int
	room       sync.Cond     // keptBytes fell, or the connection ended
	queue      []lateFrame   // the kept frames that have a time, by it
	delivering bool          // deliver runs
	earlier    chan struct{} // the queue begins with another frame
}

// A lateFrame is a frame that passes at a time.
type lateFrame struct {
	frame *Frame
	due   time.Time
}

func newLane(c *RelayedConn, d Direction) *lane {
	l := &lane{conn: c, direction: d, kept: make(map[*Frame]struct{}), earlier: make(chan struct{}, 1)}
	l.room.L = &l.mu
	return l
}

// run passes on what comes until either side hangs up, and then tells the other.
func (l *lane) run() {
	l.buffer, l.oob = make([]byte, bufferSize), make([]byte, controlSize)
	err := l.passDialogue()
	if err == nil {
		l.framed.Store(true)
		err = l.passFrames()
	}
	l.framed.Store(false)
	if errors.Is(err, io.EOF) && l.start < l.end { // the sender ended in mid-frame
		_ = l.forward(l.end-l.start, l.fds)
	}
	closeFDs(l.fds)
	_ = l.conn.relay.awaitRunning(l.conn.ctx) // if it fails, both are closed already
	_ = l.to.CloseWrite()                     // what was written before is still read
	_ = l.from.CloseRead()                    // and what comes now is refused
}

// passDialogue passes the lines of the authentication. The client ends it with BEGIN.
// The first message of the bus is known by its byte order, l or B, with which no
// answer of a server begins.
func (l *lane) passDialogue() error {
	for {
		pending := l.buffer[l.start:l.end]
		if l.direction == ToClient && len(pending) > 0 && (pending[0] == 'l' || pending[0] == 'B') {
			return nil
		}
		length := bytes.IndexByte(pending, '\n') + 1
		if length == 0 {
			if len(pending) == len(l.buffer) {
				return errors.New("line too long")
			}
			if err := l.fill(); err != nil {
				return err
			}
			continue
		}
		line := pending[:length]
		if err := l.forward(length, nil); err != nil {
			return err
		}
		word, _, _ := bytes.Cut(bytes.TrimSpace(line), []byte(" "))
		if l.direction == ToBus && string(word) == "BEGIN" {
			return nil
		}
	}
}

// passFrames passes frames until either side hangs up. What has no frames any more,
// because the sender errs, passes as it is: the receiver is to judge.
func (l *lane) passFrames() error {
	for {
		whole, err := l.wholeFrames()
		switch {
		case err != nil:
			l.framed.Store(false)
			err = l.passRest()
		case whole == 0:
			err = l.fill()
		case l.plain():
			err = l.forward(whole, nil)
		default:
			err = l.inspect(whole)
		}
		if err != nil {
			return err
		}
	}
}

// wholeFrames returns how many bytes of whole frames come next in the buffer. It fails
// if what comes next is no frame.
func (l *lane) wholeFrames() (int, error) {
	whole := 0
	for {
		pending := l.buffer[l.start+whole : l.end]
		if len(pending) < frameStart {
			return whole, nil
		}
		size, err := wire.FrameSize(pending)
		if err != nil && whole == 0 {
			return 0, err
		}
		if err != nil || size > len(pending) {
			return whole, nil
		}
		whole += size
	}
}

// plain reports whether nobody needs to know what passes.
func (l *lane) plain() bool {
	return len(l.fds) == 0 && l.conn.name.Load() != nil && l.conn.relay.filter.Load() == nil
}

// inspect passes the whole frames in so many bytes of the buffer one by one.
func (l *lane) inspect(whole int) error {
	for whole > 0 {
		frame := l.buffer[l.start : l.start+whole]
		size, err := wire.FrameSize(frame)
		if err != nil {
			return err
		}
		frame, whole = frame[:size], whole-size
		var h wire.Header
		body, err := wire.ParseFrame(frame, &h)
		claimed := int(h.UnixFDs)
		if err != nil {
			claimed = len(l.fds)
		}
		fds := l.claim(claimed)
		l.conn.learn(l.direction, &h, body)
		if filter := l.conn.relay.filter.Load(); filter != nil {
			l.start += size
			err = l.judge(*filter, newFrame(l, frame, fds))
		} else {
			err = l.forward(size, fds)
			closeFDs(fds)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// claim takes the next descriptors, fewer if there are fewer.
func (l *lane) claim(n int) []int {
	n = min(n, len(l.fds))
	fds := slices.Clone(l.fds[:n])
	l.fds = slices.Delete(l.fds, 0, n)
	return fds
}

// forward passes the next bytes of the buffer on, once the relay is not paused.
func (l *lane) forward(n int, fds []int) error {
	p := l.buffer[l.start : l.start+n]
	l.start += n
	if err := l.conn.relay.awaitRunning(l.conn.ctx); err != nil {
		return err
	}
	return l.write(p, fds)
}

// passRest passes whatever comes.
func (l *lane) passRest() error {
	for {
		if l.start == l.end {
			if err := l.fill(); err != nil {
				return err
			}
		}
		fds := l.claim(len(l.fds))
		err := l.forward(l.end-l.start, fds)
		closeFDs(fds)
		if err != nil {
			return err
		}
	}
}

// fill waits for more bytes and descriptors. It makes the buffer larger for a frame that
// fills it, and small again after that.
func (l *lane) fill() error {
	l.end = copy(l.buffer, l.buffer[l.start:l.end])
	l.start = 0
	switch {
	case l.end == 0 && len(l.buffer) > bufferSize:
		l.buffer = make([]byte, bufferSize)
	case l.end == len(l.buffer):
		l.buffer = slices.Grow(l.buffer, len(l.buffer))[:2*len(l.buffer)]
	}
	n, fds, err := readMsg(l.from, l.buffer[l.end:], l.oob)
	l.end += n
	l.fds = append(l.fds, fds...)
	if err == nil && len(l.fds) > maxStray {
		err = errors.New("more descriptors than messages claim")
	}
	return err
}

// write sends frames that belong together, as nothing else comes between. The
// descriptors go with the first byte.
func (l *lane) write(p []byte, fds []int) error {
	l.writing.Lock()
	defer l.writing.Unlock()
	if l.direction == ToClient && l.conn.cutNext.Load() && l.framed.Load() {
		_ = writeMsg(l.to, p[:firstFrame(p)/2], fds)
		l.conn.Cut()
		return fmt.Errorf("write: %w", net.ErrClosed)
	}
	return writeMsg(l.to, p, fds)
}

// firstFrame returns the size of the frame that begins p, all of p if that is none.
func firstFrame(p []byte) int {
	if len(p) < frameStart {
		return len(p)
	}
	size, err := wire.FrameSize(p)
	if err != nil || size > len(p) {
		return len(p)
	}
	return size
}
