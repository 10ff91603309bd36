// Command demo shows the command ble at work, in the simulated neighbourhood of package bluetest: it runs a few commands there
// and prints each of them and what it prints. It needs dbus-daemon, but no Bluetooth, no root and no VM.
package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/gobluez/bluez/facade/bluetest"
)

func main() {
	os.Exit(run(os.Stdout, os.Stderr))
}

// run shows the demo until it ends or somebody ends it, and returns the exit code.
func run(stdout, stderr io.Writer) int {
	ctx, cancel := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer cancel()
	if err := demo(ctx, stdout, stderr); err != nil {
		fmt.Fprintln(stderr, "demo:", err)
		return 1
	}
	return 0
}

func demo(ctx context.Context, stdout, stderr io.Writer) error {
	dir, err := os.MkdirTemp("", "demo-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	ble := filepath.Join(dir, "ble")
	build := exec.CommandContext(ctx, "go", "build", "-o", ble, "github.com/gobluez/bluez/facade/cmd/ble")
	build.Stderr = stderr
	if err := build.Run(); err != nil {
		return fmt.Errorf("build ble: %w", err)
	}
	world, err := bluetest.New(ctx, bluetest.Neighbourhood(), bluetest.Delays{Disconnect: 50 * time.Millisecond})
	if err != nil {
		return err
	}
	defer world.Close()
	const sensor, uart = "C0:FF:EE:00:00:01", "UART"
	for _, args := range [][]string{
		{"adapters"},
		{"scan", "--duration", "1s"},
		{"scan", "--duration", "500ms", "--service", "180d", "--json"},
		{"inspect", sensor},
		{"read", sensor, "2a19", "--format", "u8"},
		{"read", sensor, "2a29", "--format", "utf8"},
		{"write", uart, bluetest.UARTReceive, "hello", "--format", "utf8"},
		{"notify", sensor, "2a37", "--count", "3"},
	} {
		fmt.Fprintf(stdout, "$ ble %s\n", strings.Join(args, " "))
		cmd := exec.CommandContext(ctx, ble, args...)
		cmd.Env = append(os.Environ(), "DBUS_SYSTEM_BUS_ADDRESS="+world.Address())
		cmd.Stdout, cmd.Stderr = stdout, stdout
		if err := cmd.Run(); err != nil {
			return fmt.Errorf("ble %s: %w", strings.Join(args, " "), err)
		}
		fmt.Fprintln(stdout)
	}
	return nil
}
