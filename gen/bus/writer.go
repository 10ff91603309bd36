package bus

import (
	"context"
	"fmt"
	"sync"
)

// A frame is one outgoing message on its way to the socket.
type frame struct {
	buf   []byte
	names []byte // memory for encoding the header
	fds   []int  // the frame's own, closed when it is written or dropped
	keep  bool   // its sender still uses it; else it is recycled once finished

	// Guarded by the writer's mutex.
	written  int
	finished bool // written, failed or dropped: the writer has let go of it
	err      error
	waiter   chan struct{} // closed when finished, if somebody waits
}

var framePool = sync.Pool{New: func() any { return new(frame) }}

// maxPooled is the largest buffer that is kept for reuse, in bytes.
const maxPooled = 64 << 10

func newFrame() *frame { return framePool.Get().(*frame) }

// recycle gives up a frame that is finished.
func (f *frame) recycle() {
	if cap(f.buf) > maxPooled {
		return
	}
	*f = frame{buf: f.buf[:0], names: f.names[:0], fds: f.fds[:0]}
	framePool.Put(f)
}

// A writer puts frames on the socket, in the order in which they were queued,
// each as a whole. Whoever queues a frame writes it right away if the socket is
// free and takes it; what does not fit is left to the writer's own goroutine.
// A frame of which no byte was written can be dropped.
type writer struct {
	stream  *stream
	failed  func(error)           // told when writing fails
	wake    chan struct{}         // cap 1: work for the goroutine
	attempt func(fd uintptr) bool // try, bound once

	mu      sync.Mutex
	queue   []*frame // frames from head on
	head    int
	busy    bool // somebody is writing the first frame, or about to
	err     error
	current *frame // what attempt writes
	wait    bool   // attempt waits until the socket takes bytes
	blocked bool   // attempt gave up because it would have to wait
}

func newWriter(s *stream, failed func(error)) *writer {
	w := &writer{stream: s, failed: failed, wake: make(chan struct{}, 1)}
	w.attempt = w.try
	return w
}

// enqueue takes over f and its descriptors. It does not block. After an error the
// frame is finished.
func (w *writer) enqueue(f *frame) error {
	w.mu.Lock()
	if w.err != nil {
		err := w.err
		w.finish(f, err)
		w.mu.Unlock()
		return err
	}
	if w.head > len(w.queue)/2 {
		n := copy(w.queue, w.queue[w.head:])
		clear(w.queue[n:])
		w.queue, w.head = w.queue[:n], 0
	}
	w.queue = append(w.queue, f)
	if w.busy {
		w.mu.Unlock()
		return nil
	}
	w.busy = true
	w.mu.Unlock()
	w.writeFirst(false)
	return nil
}

// run is the writer's goroutine: it writes what others could not. It ends with done.
func (w *writer) run(done <-chan struct{}) {
	for {
		select {
		case <-w.wake:
			for w.writeFirst(true) {
			}
		case <-done:
			return
		}
	}
}

// writeFirst writes the first frame of the queue; the caller has set busy. It
// reports whether there are more and it is still the caller's turn. If it may not
// wait, it passes the turn to the goroutine.
func (w *writer) writeFirst(wait bool) (more bool) {
	w.mu.Lock()
	for w.head < len(w.queue) && w.queue[w.head].finished {
		w.pop()
	}
	if w.head == len(w.queue) {
		w.busy = false
		w.mu.Unlock()
		return false
	}
	w.current, w.wait, w.blocked = w.queue[w.head], wait, false
	w.mu.Unlock()

	err := w.stream.write(w.attempt)

	w.mu.Lock()
	w.current = nil
	if err != nil {
		err = fmt.Errorf("%w: write: %w", ErrClosed, err)
	} else {
		err = w.err
	}
	more = err == nil && (w.blocked || w.head < len(w.queue))
	w.busy = more
	w.mu.Unlock()
	if err != nil {
		w.fail(err)
		w.failed(err)
		return false
	}
	if more && !wait {
		select {
		case w.wake <- struct{}{}:
		default:
		}
		return false
	}
	return more
}

// try sends what the socket takes of the current frame. It reports whether the
// attempt is over: false waits until the socket is writable.
func (w *writer) try(fd uintptr) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	f := w.current
	for !f.finished {
		fds := f.fds
		if f.written > 0 {
			fds = nil
		}
		n, err := send(fd, f.buf[f.written:], fds)
		if err != nil {
			w.err = fmt.Errorf("%w: write: %w", ErrClosed, err)
			return true
		}
		if n == 0 {
			w.blocked = !w.wait
			return !w.wait
		}
		f.written += n
		if f.written == len(f.buf) {
			w.pop()
			w.finish(f, nil)
			return true
		}
	}
	return true
}

// pop removes the first frame of the queue.
func (w *writer) pop() {
	w.queue[w.head] = nil
	w.head++
	if w.head == len(w.queue) {
		w.queue, w.head = w.queue[:0], 0
	}
}

// finish lets go of f.
func (w *writer) finish(f *frame, err error) {
	if f.finished {
		return
	}
	f.finished, f.err = true, err
	closeFDs(f.fds)
	f.fds = f.fds[:0]
	keep := f.keep // a sender that waits may recycle f at once
	if f.waiter != nil {
		close(f.waiter)
	}
	if !keep {
		f.recycle()
	}
}

// drop takes back a frame and reports whether that was in time: no byte of it was
// written, nor will be.
func (w *writer) drop(f *frame) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	if f.written > 0 || f.finished {
		return false
	}
	w.finish(f, context.Canceled)
	return true
}

// await waits until f, which its sender keeps, is written, and returns the error
// that prevented it. At the end of ctx it drops the frame if it can and returns
// ctx' error.
func (w *writer) await(ctx context.Context, f *frame) error {
	w.mu.Lock()
	if f.finished {
		defer w.mu.Unlock()
		return f.err
	}
	if f.waiter == nil {
		f.waiter = make(chan struct{})
	}
	waiter := f.waiter
	w.mu.Unlock()
	select {
	case <-waiter:
		return f.err
	case <-ctx.Done():
		w.drop(f)
		return ctx.Err()
	}
}

// awaitDepth waits until no more than depth frames wait, or until ctx ends.
func (w *writer) awaitDepth(ctx context.Context, depth int) {
	w.mu.Lock()
	waiting := len(w.queue) - w.head
	if waiting <= depth {
		w.mu.Unlock()
		return
	}
	f := w.queue[w.head+waiting-depth-1] // once it is written, that many are left
	if f.waiter == nil {
		f.waiter = make(chan struct{})
	}
	waiter := f.waiter
	w.mu.Unlock()
	select {
	case <-waiter:
	case <-ctx.Done():
	}
}

// done reports whether the writer has let go of f.
func (w *writer) done(f *frame) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return f.finished
}

// fail finishes everything that is queued, or will be, with err.
func (w *writer) fail(err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.err == nil {
		w.err = err
	}
	for w.head < len(w.queue) {
		f := w.queue[w.head]
		w.pop()
		w.finish(f, w.err)
	}
}

// depth returns how many frames wait.
func (w *writer) depth() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return len(w.queue) - w.head
}
