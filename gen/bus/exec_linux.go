package bus

import (
	"bytes"
	"errors"
	"fmt"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"time"
)

// A child is the process of a unixexec address.
type child struct {
	cmd    *exec.Cmd
	stderr *tail
	exited chan struct{} // closed once cmd.Wait has returned
	err    error         // of cmd.Wait, valid then
}

// childPatience is how long a child may take to end once its socket is closed,
// before it is asked to, and again before it is killed.
const childPatience = time.Second

// dialExec starts the program of a unixexec address with one end of a socket pair
// as its standard input and output.
func dialExec(a address) (*stream, error) {
	path, argv, err := a.command()
	if err != nil {
		return nil, err
	}
	conn, far, err := socketPair()
	if err != nil {
		return nil, err
	}
	defer far.Close()
	stderr := new(tail)
	cmd := exec.Command(path)
	cmd.Args = argv
	cmd.Stdin, cmd.Stdout, cmd.Stderr = far, far, stderr
	cmd.WaitDelay = childPatience
	if err := cmd.Start(); err != nil {
		conn.Close()
		return nil, err
	}
	s, err := newStream(conn)
	c := &child{cmd: cmd, stderr: stderr, exited: make(chan struct{})}
	go c.wait()
	if err != nil {
		conn.Close()
		return nil, errors.Join(err, c.end(childPatience, childPatience))
	}
	s.child = c
	return s, nil
}

func (c *child) wait() {
	c.err = c.cmd.Wait()
	close(c.exited)
}

// end waits for the process, whose socket is closed, to end. It asks it to if that
// takes longer than patience, and kills it if that does not help within mercy. If
// the process failed by itself, the error has what it wrote to its standard error.
func (c *child) end(patience, mercy time.Duration) error {
	if c.endsWithin(patience) {
		return c.failure()
	}
	_ = c.cmd.Process.Signal(syscall.SIGTERM)
	if !c.endsWithin(mercy) {
		_ = c.cmd.Process.Kill()
		<-c.exited
	}
	return nil
}

func (c *child) endsWithin(patience time.Duration) bool {
	timer := time.NewTimer(patience)
	defer timer.Stop()
	select {
	case <-c.exited:
		return true
	case <-timer.C:
		return false
	}
}

// failure returns the error of a process that has ended.
func (c *child) failure() error {
	if c.err == nil {
		return nil
	}
	if said := c.stderr.String(); said != "" {
		return fmt.Errorf("%s: %w: %s", c.cmd.Path, c.err, said)
	}
	return fmt.Errorf("%s: %w", c.cmd.Path, c.err)
}

// A tail keeps the end of what is written to it.
type tail struct {
	mu    sync.Mutex
	bytes []byte
}

const tailSize = 1 << 10

func (t *tail) Write(p []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.bytes = append(t.bytes, p...)
	if extra := len(t.bytes) - tailSize; extra > 0 {
		t.bytes = bytes.Clone(t.bytes[extra:])
	}
	return len(p), nil
}

func (t *tail) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return strings.TrimSpace(string(t.bytes))
}
