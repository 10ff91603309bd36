//go:build linux

// Command demo shows the command ble at work: it boots the VM with BlueZ's example peripheral, runs a few commands there, and
// prints each of them and what it prints.
package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
	"time"

	"github.com/gobluez/bluez/facade/e2e/vm"
	"github.com/gobluez/bluez/facade/e2e/world"
)

func main() {
	ctx, cancel := signal.NotifyContext(context.Background(), os.Interrupt)
	defer cancel()
	ctx, cancel = context.WithTimeout(ctx, 5*time.Minute)
	defer cancel()
	run := boot
	if os.Getenv(vm.InsideEnv) != "" {
		run = show
	}
	if err := run(ctx); err != nil {
		fmt.Fprintln(os.Stderr, "demo:", err)
		os.Exit(1)
	}
}

// boot runs this command again, inside of the VM.
func boot(ctx context.Context) error {
	image, err := vm.Build(ctx, os.Stderr)
	if err != nil {
		return err
	}
	bin, err := os.MkdirTemp("", "demo-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(bin)
	files := map[string]string{}
	for name, pkg := range map[string]string{
		"demo": "github.com/gobluez/bluez/facade/e2e/demo",
		"ble":  "github.com/gobluez/bluez/facade/cmd/ble",
	} {
		files[name] = filepath.Join(bin, name)
		if err := vm.GoBuild(ctx, files[name], pkg); err != nil {
			return err
		}
	}
	fmt.Fprintf(os.Stderr, "demo: booting BlueZ %s on Linux %s\n", image.Versions.BlueZ, image.Versions.Kernel)
	return image.Run(ctx, vm.Job{Command: vm.Command{Args: []string{"demo"}}, Files: files, Output: os.Stdout})
}

// show runs the commands.
func show(ctx context.Context) error {
	w, err := world.Start(ctx, world.Options{Example: true})
	if err != nil {
		return err
	}
	defer w.Close()
	const device, characteristic = world.ExampleName, "12345678-1234-5678-1234-56789abcdef1"
	for _, args := range [][]string{
		{"adapters"},
		{"scan", "--duration", "3s"},
		{"scan", "--duration", "3s", "--service", "180d", "--json"},
		{"inspect", device},
		{"read", device, "2a38", "--format", "u8"},
		{"write", device, characteristic, "hello", "--format", "utf8"},
		{"read", device, characteristic, "--format", "utf8"},
		{"notify", device, "2a37", "--count", "3"},
	} {
		fmt.Printf("$ ble %s\n", strings.Join(args, " "))
		cmd := exec.CommandContext(ctx, "ble", args...)
		cmd.Stdout, cmd.Stderr = os.Stdout, os.Stdout
		if err := cmd.Run(); err != nil {
			return fmt.Errorf("ble %s: %w", strings.Join(args, " "), err)
		}
		fmt.Println()
	}
	return nil
}
