// Ble talks to Bluetooth Low Energy devices from the command line: it lists adapters, scans, shows what a device offers,
// reads and writes characteristics, and follows their notifications. It needs Linux with BlueZ.
//
//	ble scan --service 180d --duration 10s
//	ble inspect C0:FF:EE:00:00:01
//	ble read C0:FF:EE:00:00:01 2a19 --format u8
//	ble notify C0:FF:EE:00:00:01 2a37 --count 5
//
// Run "ble --help" for its arguments, exit codes and environment.
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"
)

func main() {
	// A reader that leaves (ble scan | head) makes writes fail instead of killing the process: links are then closed properly.
	signal.Ignore(syscall.SIGPIPE)
	signals := []os.Signal{os.Interrupt, syscall.SIGTERM}
	if !signal.Ignored(syscall.SIGHUP) { // nohup
		signals = append(signals, syscall.SIGHUP)
	}
	ctx, stop := signal.NotifyContext(context.Background(), signals...)
	context.AfterFunc(ctx, stop) // a second Ctrl-C does not wait
	os.Exit(run(ctx, os.Args[1:], os.Stdin, os.Stdout, os.Stderr))
}
