//go:build linux

package world

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"sync"
	"syscall"
)

// process is one daemon or peripheral. A nil process is one that never started: ending it is no error.
type process struct {
	cmd    *exec.Cmd
	log    *os.File
	output *watcher
	ended  chan struct{}
	err    error // of Wait, once ended is closed
}

// launch starts a process with its output in a log. If ready is not empty, launch returns when the
// process has printed it.
func launch(ctx context.Context, name, ready string, args ...string) (*process, error) {
	log, err := os.OpenFile(logFile(name), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		return nil, err
	}
	output := &watcher{log: log}
	seen := output.await(ready)
	p := &process{cmd: exec.Command(args[0], args[1:]...), log: log, output: output, ended: make(chan struct{})}
	p.cmd.Stdout, p.cmd.Stderr = output, output
	if err := p.cmd.Start(); err != nil {
		return nil, errors.Join(fmt.Errorf("start %s: %w", name, err), log.Close())
	}
	go func() {
		defer close(p.ended)
		p.err = p.cmd.Wait()
	}()
	select {
	case <-seen:
		return p, nil
	case <-p.ended:
		return nil, errors.Join(fmt.Errorf("%s ended before it said %q (%v): %s", name, ready, p.err, output.last()), log.Close())
	case <-ctx.Done():
		return nil, errors.Join(fmt.Errorf("%s did not say %q: %w: %s", name, ready, ctx.Err(), output.last()), p.Kill())
	}
}

// says returns a channel that is closed when the process prints a text from now on; at once if there is no process.
func (p *process) says(text string) <-chan struct{} {
	if p == nil {
		text, p = "", &process{output: &watcher{}}
	}
	return p.output.await(text)
}

// Kill ends the process at once and waits for its end.
func (p *process) Kill() error { return p.Stop(context.Background(), syscall.SIGKILL) }

// Stop sends a signal and waits for the end of the process.
func (p *process) Stop(ctx context.Context, signal syscall.Signal) error {
	if p == nil {
		return nil
	}
	if err := p.cmd.Process.Signal(signal); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return err
	}
	select {
	case <-p.ended:
	case <-ctx.Done():
		return fmt.Errorf("%s did not end on %v: %w", p.cmd.Path, signal, ctx.Err())
	}
	if err := p.log.Close(); err != nil && !errors.Is(err, os.ErrClosed) {
		return err
	}
	return nil
}

// watcher copies a process's output to its log and tells when a text appears in it.
type watcher struct {
	mu    sync.Mutex
	log   *os.File
	text  []byte // all output since ready is awaited
	ready []byte // what is awaited, nil when nothing is
	seen  chan struct{}
}

// await returns a channel that is closed when the text is printed from now on, at once if it is empty.
func (w *watcher) await(text string) <-chan struct{} {
	w.mu.Lock()
	defer w.mu.Unlock()
	seen := make(chan struct{})
	if text == "" {
		close(seen)
		return seen
	}
	w.text, w.ready, w.seen = nil, []byte(text), seen
	return seen
}

func (w *watcher) Write(p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.ready != nil {
		w.text = append(w.text, p...)
		if bytes.Contains(w.text, w.ready) {
			w.ready, w.text = nil, nil
			close(w.seen)
		}
	}
	return w.log.Write(p)
}

func (w *watcher) last() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return string(w.text)
}
