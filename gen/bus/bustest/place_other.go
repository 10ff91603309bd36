//go:build !linux

package bustest

import (
	"os"
	"os/exec"
	"path/filepath"
)

// A place is where something listens. Other than on Linux it is a socket in a
// directory of its own.
type place struct {
	dir string
}

func newPlace() (place, error) {
	dir, err := os.MkdirTemp("", "bustest")
	return place{dir: dir}, err
}

// address returns the place's D-Bus address.
func (p place) address() string { return "unix:path=" + p.socketName() }

// socketName returns the place as package net names it.
func (p place) socketName() string { return filepath.Join(p.dir, "socket") }

// vacate makes room for the next one to listen.
func (p place) vacate() { _ = os.Remove(p.socketName()) }

// close leaves the place for good.
func (p place) close() error { return os.RemoveAll(p.dir) }

// configure returns the daemon's configuration file, and its name.
func (p place) configure(text string) (f *os.File, name string, err error) {
	name = filepath.Join(p.dir, "bus.conf")
	if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
		return nil, "", err
	}
	f, err = os.Open(name)
	return f, name, err
}

func endWithThread(*exec.Cmd) {}
