//go:build linux

package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"

	"github.com/gobluez/bluez/facade/bench/workload"
)

// module is the path of the packages that are built.
const module = "github.com/gobluez/bluez/facade/bench"

// A client is one of those that are compared.
type client struct {
	name, title string
	modes       []workload.Mode
	source      string // directory below clients, if it is built by Go
	command     []string
	missing     string // why it cannot run
}

var basic = []workload.Mode{workload.Scan, workload.Read, workload.Write, workload.Notify, workload.Connect}

// allClients returns the clients in the order of the tables.
func allClients() []*client {
	return []*client{
		{name: "facade", title: "this library: facade", source: "facade", modes: append(slices.Clone(basic), workload.Acquire)},
		{name: "bluezgen", title: "this library: bluezgen alone", source: "bluezgen",
			modes: append(slices.Clone(basic), workload.WriteMany, workload.AcquireWrite, workload.Acquire)},
		{name: "floor", title: "C on libdbus", modes: append(slices.Clone(basic), workload.AcquireWrite, workload.Acquire)},
		{name: "bleak", title: "Bleak 0.20.2 (Debian 12's python3-bleak)", modes: basic},
		{name: "godbus", title: "plain godbus v5.2.4", source: "godbus", modes: append(slices.Clone(basic), workload.AcquireWrite, workload.Acquire)},
		{name: "tinygo", title: "tinygo.org/x/bluetooth v0.16.0", source: "tinygo", modes: basic},
	}
}

// A bench has what all runs share.
type bench struct {
	dir     string // of the programs
	address string // of the bus
	pid     int    // of the bus
	scale   float64
	log     *os.File
}

// build builds the service and the clients. One that cannot be built is missing.
func (b *bench) build(ctx context.Context, clients []*client) error {
	here, err := output(ctx, "go", "list", "-f", "{{.Dir}}", module)
	if err != nil {
		return err
	}
	if err := b.goBuild(ctx, here, "service"); err != nil {
		return err
	}
	for _, c := range clients {
		c.command = []string{filepath.Join(b.dir, c.name)}
		switch c.name {
		case "floor":
			err = b.compileFloor(ctx, here)
		case "bleak":
			// Debian's Python: another one in PATH would not have Debian's packages.
			const python = "/usr/bin/python3"
			c.command = []string{python, filepath.Join(here, "clients", "bleak", "client.py")}
			if _, err = output(ctx, python, "-c", "import bleak"); err != nil {
				err = fmt.Errorf("apt-get install python3-bleak bluez: %w", err)
			}
		case "tinygo":
			err = b.goBuild(ctx, filepath.Join(here, "clients", c.source), ".")
		default:
			if err := b.goBuild(ctx, here, "clients/"+c.source); err != nil {
				return err
			}
		}
		if err != nil {
			c.missing = err.Error()
		}
	}
	return nil
}

// goBuild builds a package in a module.
func (b *bench) goBuild(ctx context.Context, dir, path string) error {
	name := filepath.Base(path)
	if path == "." {
		name = filepath.Base(dir)
	}
	_, err := output(ctx, "go", "-C", dir, "build", "-o", filepath.Join(b.dir, name), "./"+path)
	return err
}

func (b *bench) compileFloor(ctx context.Context, here string) error {
	flags, err := output(ctx, "pkg-config", "--cflags", "--libs", "dbus-1")
	if err == nil {
		args := append([]string{"-O2", "-o", filepath.Join(b.dir, "floor"), filepath.Join(here, "clients", "floor", "floor.c")}, strings.Fields(flags)...)
		_, err = output(ctx, "gcc", args...)
	}
	if err != nil {
		return fmt.Errorf("apt-get install gcc libc6-dev pkg-config libdbus-1-dev: %w", err)
	}
	return nil
}

// output runs a program and returns what it prints, less the last newline.
func output(ctx context.Context, name string, args ...string) (string, error) {
	cmd := exec.CommandContext(ctx, name, args...)
	var complaint strings.Builder
	cmd.Stderr = &complaint
	out, err := cmd.Output()
	if err != nil {
		return "", fmt.Errorf("%s: %w: %s", name, err, strings.TrimSpace(complaint.String()))
	}
	return strings.TrimSuffix(string(out), "\n"), nil
}
