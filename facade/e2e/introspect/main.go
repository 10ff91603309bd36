//go:build linux

// Command introspect records what bluetoothd says of its own D-Bus API: the introspection XML of one object
// of each kind, with and without --experimental. The interfaces in package introspection are held against it.
//
//	introspect DIR
//
// It boots the VM once for each mode, runs itself there, and writes DIR/bluetoothd-VERSION/{normal,experimental}/*.xml,
// each file named after its object's path.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"time"

	"github.com/gobluez/bluez/facade/e2e/vm"
)

func main() {
	ctx, cancel := signal.NotifyContext(context.Background(), os.Interrupt)
	defer cancel()
	if err := run(ctx); err != nil {
		fmt.Fprintln(os.Stderr, "introspect:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context) error {
	experimental := flag.Bool("experimental", false, "inside of the VM: record bluetoothd --experimental")
	flag.Parse()
	if os.Getenv(vm.InsideEnv) != "" {
		return record(ctx, *experimental)
	}
	if flag.NArg() != 1 {
		return errors.New("usage: introspect DIR")
	}
	image, err := vm.Build(ctx, os.Stderr)
	if err != nil {
		return err
	}
	version, _, _ := strings.Cut(image.Versions.BlueZ, "-")
	dir := filepath.Join(flag.Arg(0), "bluetoothd-"+version)
	for mode, args := range map[string][]string{"normal": nil, "experimental": {"-experimental"}} {
		if err := boot(ctx, image, filepath.Join(dir, mode), args); err != nil {
			return fmt.Errorf("record %s: %w", mode, err)
		}
	}
	return nil
}

// boot records one mode into a directory, whose former content goes.
func boot(ctx context.Context, image *vm.Image, dir string, args []string) error {
	ctx, cancel := context.WithTimeout(ctx, 3*time.Minute)
	defer cancel()
	work, err := os.MkdirTemp("", "introspect-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(work)
	self := filepath.Join(work, "introspect")
	if err := vm.GoBuild(ctx, self, "github.com/gobluez/bluez/facade/e2e/introspect"); err != nil {
		return err
	}
	if err := image.Run(ctx, vm.Job{
		Command: vm.Command{Args: append([]string{"introspect"}, args...)},
		Files:   map[string]string{"introspect": self},
		Output:  os.Stderr,
		OutDir:  work,
	}); err != nil {
		return err
	}
	recorded, err := filepath.Glob(filepath.Join(work, "*.xml"))
	if err != nil {
		return err
	}
	if err := os.RemoveAll(dir); err != nil {
		return err
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	for _, file := range recorded {
		xml, err := os.ReadFile(file)
		if err != nil {
			return err
		}
		if err := os.WriteFile(filepath.Join(dir, filepath.Base(file)), xml, 0o644); err != nil {
			return err
		}
	}
	fmt.Printf("%s: %d objects\n", dir, len(recorded))
	return nil
}
