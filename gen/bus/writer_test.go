//go:build linux

package bus

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"testing"
)

// newTestWriter returns a writer on one end of a socket pair and the other end.
func newTestWriter(t *testing.T) (*writer, *net.UnixConn) {
	t.Helper()
	near, farFile, err := socketPair()
	if err != nil {
		t.Fatal(err)
	}
	farConn, err := net.FileConn(farFile)
	farFile.Close()
	if err != nil {
		t.Fatal(err)
	}
	s, err := newStream(near)
	if err != nil {
		t.Fatal(err)
	}
	s.fds = true
	w := newWriter(s, func(error) {})
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		w.run(ctx.Done())
	}()
	t.Cleanup(func() {
		cancel()
		near.Close()
		w.fail(io.ErrClosedPipe)
		<-ended
		farConn.Close()
	})
	return w, farConn.(*net.UnixConn)
}

// queue enqueues a frame that the caller keeps.
func queue(t *testing.T, w *writer, content []byte) *frame {
	t.Helper()
	f := &frame{buf: content, keep: true}
	if err := w.enqueue(f); err != nil {
		t.Fatal(err)
	}
	return f
}

func TestFramesAreWrittenWholeAndInOrder(t *testing.T) {
	w, far := newTestWriter(t)
	var want bytes.Buffer
	var frames []*frame
	for i := range 200 { // far more than the socket takes
		content := bytes.Repeat([]byte{byte(i)}, 10_000)
		want.Write(content)
		frames = append(frames, queue(t, w, content))
	}
	got := make([]byte, want.Len())
	if _, err := io.ReadFull(far, got); err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want.Bytes()) {
		t.Error("what arrives is not what was queued")
	}
	for _, f := range frames {
		if err := w.await(within(t), f); err != nil {
			t.Error(err)
		}
	}
}

// block fills the socket. It returns what is on its way.
func block(t *testing.T, w *writer) []byte {
	t.Helper()
	content := bytes.Repeat([]byte("begun"), 1<<20)
	f := queue(t, w, content)
	if w.done(f) {
		t.Fatal("the socket takes 5 MiB at once")
	}
	return content
}

func TestFrameThatIsNotBegunCanBeDropped(t *testing.T) {
	w, far := newTestWriter(t)
	want := block(t, w)
	first := queue(t, w, []byte("first"))
	ctx, cancel := context.WithCancel(t.Context())
	left := queue(t, w, []byte("left"))
	last := queue(t, w, []byte("last"))
	cancel()
	if err := w.await(ctx, left); !errors.Is(err, context.Canceled) {
		t.Errorf("left frame: %v", err)
	}
	if !w.drop(first) || w.drop(first) {
		t.Error("a frame can be dropped once")
	}
	want = append(want, "last"...)
	got := make([]byte, len(want))
	if _, err := io.ReadFull(far, got); err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Errorf("ends in %q", got[len(got)-10:])
	}
	if err := w.await(within(t), last); err != nil {
		t.Error(err)
	}
	if w.drop(last) {
		t.Error("a written frame was dropped")
	}
}

func TestFrameThatIsBegunIsFinished(t *testing.T) {
	w, far := newTestWriter(t)
	content := bytes.Repeat([]byte("x"), 5<<20)
	f := queue(t, w, content)
	if w.drop(f) {
		t.Fatal("a frame was dropped in its middle")
	}
	if n, err := io.ReadFull(far, make([]byte, len(content))); err != nil {
		t.Fatal(n, err)
	}
}

func TestDescriptorsOfFramesAreClosed(t *testing.T) {
	w, far := newTestWriter(t)
	before := openFDs(t)
	duplicates := func() []int {
		fd, err := duplicate(os.Stdin)
		if err != nil {
			t.Fatal(err)
		}
		return []int{fd}
	}
	written := &frame{buf: []byte("x"), fds: duplicates(), keep: true}
	if err := w.enqueue(written); err != nil {
		t.Fatal(err)
	}
	block(t, w)
	dropped := &frame{buf: []byte("x"), fds: duplicates(), keep: true}
	failed := &frame{buf: []byte("x"), fds: duplicates(), keep: true}
	for _, f := range []*frame{dropped, failed} {
		if err := w.enqueue(f); err != nil {
			t.Fatal(err)
		}
	}
	w.drop(dropped)
	cause := errors.New("cause")
	w.fail(cause)
	if err := w.await(within(t), failed); !errors.Is(err, cause) {
		t.Errorf("failed frame: %v", err)
	}
	late := &frame{buf: []byte("x"), fds: duplicates(), keep: true}
	if err := w.enqueue(late); !errors.Is(err, cause) {
		t.Errorf("late frame: %v", err)
	}
	far.Close() // the one that arrived
	if after := openFDs(t); after != before-1 {
		t.Errorf("%d descriptors open, %d before", after+1, before)
	}
}

func TestWriterWaitsForDepth(t *testing.T) {
	w, far := newTestWriter(t)
	size := len(block(t, w))
	for range 20 {
		queue(t, w, []byte("x"))
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	w.awaitDepth(ctx, 5) // gives up
	deep := w.depth()
	go io.CopyN(io.Discard, far, int64(size+20))
	w.awaitDepth(within(t), 5)
	if after := w.depth(); deep <= 5 || after > 5 {
		t.Errorf("%s frames wait", fmt.Sprint(deep, " then ", after))
	}
}
