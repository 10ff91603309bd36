package bustest

import (
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"syscall"
)

// A place is where something listens. On Linux it is an abstract socket, which is no
// file and goes with the process that listens. Only this network namespace sees it.
type place struct {
	name string
}

func newPlace() (place, error) { return place{name: "bustest-" + rand.Text()}, nil }

// address returns the place's D-Bus address.
func (p place) address() string { return "unix:abstract=" + p.name }

// socketName returns the place as package net names it.
func (p place) socketName() string { return "@" + p.name }

// vacate makes room for the next one to listen.
func (p place) vacate() {}

// close leaves the place for good.
func (p place) close() error { return nil }

// configFD is the number that the configuration has in the daemon.
const configFD = 4

// configure returns a configuration file to hand to the daemon as configFD, and its
// name there. The file has no name otherwise.
func (p place) configure(text string) (f *os.File, name string, err error) {
	if f, err = unnamedFile(); err != nil {
		return nil, "", err
	}
	if _, err := f.WriteString(text); err != nil {
		return nil, "", errors.Join(err, f.Close())
	}
	return f, fmt.Sprintf("/proc/self/fd/%d", configFD), nil
}

// unnamedFile returns a file that is in no directory.
func unnamedFile() (*os.File, error) {
	const tmpfile = 0x400000 | syscall.O_DIRECTORY // O_TMPFILE, which package syscall lacks
	if f, err := os.OpenFile(os.TempDir(), os.O_RDWR|tmpfile, 0o600); err == nil {
		return f, nil
	}
	f, err := os.CreateTemp("", "bustest") // not each file system can do the above
	if err != nil {
		return nil, err
	}
	if err := os.Remove(f.Name()); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return f, nil
}

// endWithThread makes a process end when the thread that starts it does.
func endWithThread(cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
}
