package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"syscall"

	"github.com/gobluez/bluez/facade"
)

// The exit codes, as --help explains them.
const (
	exitDone        = 0
	exitFailed      = 1
	exitUsage       = 2
	exitUnavailable = 3
	exitNotFound    = 4
	exitTimeout     = 5
	exitInterrupted = 130
)

// usageError is a mistake in the command line.
type usageError struct{ error }

func (e usageError) Unwrap() error { return e.error }

// A commandError says that a command that was run ended with an exit code other than 0. It has said itself why.
type commandError struct{ code int }

func (e commandError) Error() string { return fmt.Sprintf("exit code %d", e.code) }

// errNotHere says that this system has no BlueZ.
var errNotHere = errors.New("no Bluetooth on this system: ble needs Linux with BlueZ")

// exitCode returns what err, with which a command ended, means to who started it. ctx is the command's whole context: it
// ends when the user interrupts.
func exitCode(ctx context.Context, err error) int {
	var usage usageError
	var command commandError
	switch {
	case err == nil:
		return exitDone
	case errors.As(err, &command):
		return command.code
	case errors.As(err, &usage):
		return exitUsage
	case ctx.Err() != nil:
		return exitInterrupted
	case errors.Is(err, syscall.EPIPE):
		return exitDone // the reader has had enough, as in ble scan | head
	case errors.Is(err, facade.ErrUnavailable), errors.Is(err, errNotHere):
		return exitUnavailable
	case errors.Is(err, facade.ErrNotFound), errors.Is(err, facade.ErrAmbiguous):
		return exitNotFound // before the deadline: a search ends with it
	case errors.Is(err, context.DeadlineExceeded):
		return exitTimeout
	default:
		return exitFailed
	}
}

// complaint returns what to tell the user about err, one line, or nothing.
func complaint(code int, err error) string {
	var command commandError
	if code == exitDone || code == exitInterrupted || errors.As(err, &command) {
		return ""
	}
	text := strings.ReplaceAll(err.Error(), context.DeadlineExceeded.Error(), "no answer in time")
	if code == exitTimeout {
		text += " (--timeout waits longer)"
	}
	return showText(strings.ReplaceAll(text, "\n", "; ")) // errors that are joined are lines
}
