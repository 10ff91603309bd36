package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"

	"github.com/gobluez/bluez/facade"
)

// A terminal is the user who answers while a device pairs: on standard output and standard input, or, because standard output
// is for JSON then, on standard error with --json.
type terminal struct {
	tool *tool

	mu      sync.Mutex // held while a question is asked
	input   *bufio.Scanner
	pending chan bool // gets whether there is another line; nil while nobody reads
}

// errNoAnswer is the end of the input.
var errNoAnswer = errors.New("no answer on standard input")

// errNotTheSame is a user who says no.
var errNotTheSame = errors.New("the user says that the passkeys differ")

func (u *terminal) say(format string, args ...any) {
	w := u.tool.stdout
	if u.tool.json {
		w = u.tool.stderr
	}
	_, _ = fmt.Fprintf(w, format, args...) // the question is then not answered either
}

// ask prints a question and returns the line that answers it.
func (u *terminal) ask(ctx context.Context, format string, args ...any) (string, error) {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.say(format, args...)
	if u.pending == nil {
		u.read()
	}
	select {
	case more := <-u.pending:
		u.pending = nil
		if !more {
			return "", errNoAnswer
		}
		return strings.TrimSpace(u.input.Text()), nil
	case <-ctx.Done():
		u.say("\n")
		return "", ctx.Err()
	}
}

// read begins to read a line. That cannot be interrupted: it ends with a line, with the input or with the program, and
// what was typed too late answers the next question.
func (u *terminal) read() {
	if u.input == nil {
		u.input = bufio.NewScanner(u.tool.stdin)
	}
	pending := make(chan bool, 1)
	u.pending = pending
	go func() { pending <- u.input.Scan() }()
}

func (u *terminal) requestPasskey(ctx context.Context, d facade.Device) (facade.Passkey, error) {
	for {
		line, err := u.ask(ctx, "Enter the passkey that %s shows: ", showDevice(d))
		if err != nil {
			return 0, err
		}
		passkey, err := facade.ParsePasskey(line)
		if err == nil {
			return passkey, nil
		}
		u.say("A passkey is six digits.\n")
	}
}

func (u *terminal) displayPasskey(_ context.Context, d facade.Device, passkey facade.Passkey, entered int) {
	if entered == 0 { // digits that follow need no line of their own
		u.say("Enter this passkey on %s: %v\n", showDevice(d), passkey)
	}
}

func (u *terminal) confirm(ctx context.Context, d facade.Device, passkey facade.Passkey) error {
	line, err := u.ask(ctx, "Does %s show %v? [y/N] ", showDevice(d), passkey)
	switch {
	case err != nil:
		return err
	case strings.EqualFold(line, "y"), strings.EqualFold(line, "yes"):
		return nil
	}
	return errNotTheSame
}

func (u *terminal) requestPIN(ctx context.Context, d facade.Device) (string, error) {
	return u.ask(ctx, "Enter the PIN of %s: ", showDevice(d))
}

func (u *terminal) displayPIN(_ context.Context, d facade.Device, pin string) {
	u.say("Enter this PIN on %s: %s\n", showDevice(d), showText(pin))
}

// showDevice names a device in a question.
func showDevice(d facade.Device) string {
	if d.Name == "" {
		return d.Address.String()
	}
	return fmt.Sprintf("%s (%s)", showText(d.Name), d.Address)
}
