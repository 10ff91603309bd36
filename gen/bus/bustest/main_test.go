//go:build linux

package bustest

import (
	"errors"
	"fmt"
	"os"
	"testing"

	"go.uber.org/goleak"
)

// TestMain makes the test binary a program that uses this package too: as
// "test world END" it starts a daemon and a relay, tells of them, and ends in a bad
// way once its standard input says so.
func TestMain(m *testing.M) {
	if len(os.Args) == 3 && os.Args[1] == "world" {
		if err := world(os.Args[2]); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	goleak.VerifyTestMain(m)
}

func world(end string) error {
	d, err := Launch()
	if err != nil {
		return err
	}
	r, err := NewRelay(d.Address())
	if err != nil {
		return err
	}
	fmt.Println(d.daemon.cmd.Process.Pid, d.Address(), r.Address())
	go func() {
		_, _ = os.Stdin.Read(make([]byte, 1))
		switch end {
		case "panic":
			panic("in another goroutine")
		case "exit":
			os.Exit(3)
		}
	}()
	select {} // until a signal ends it, or the above
}

// A failure is what a recorder panics with in Fatalf.
type failure struct{ error }

// A recorder is a TB that remembers.
type recorder struct {
	cleanups []func()
	errors   []string
}

func (r *recorder) Helper()          {}
func (r *recorder) Cleanup(f func()) { r.cleanups = append(r.cleanups, f) }
func (r *recorder) Errorf(format string, args ...any) {
	r.errors = append(r.errors, fmt.Sprintf(format, args...))
}
func (r *recorder) Fatalf(format string, args ...any) { panic(failure{fmt.Errorf(format, args...)}) }

// fatal returns what f failed with.
func fatal(f func()) (err error) {
	defer func() {
		if failed, ok := recover().(failure); ok {
			err = failed.error
		}
	}()
	f()
	return errors.New("did not fail")
}
