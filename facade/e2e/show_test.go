//go:build e2e

package e2e

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"strings"
	"testing"
)

// checks is the guest's test whose subtests are shown as if they were tests of their own.
const checks = "TestChecks"

// event is a line of go tool test2json.
type event struct {
	Action, Test, Output string
}

// show turns what a test binary prints with -test.v=test2json into subtests of t, as it comes.
func show(t *testing.T, output io.Reader) error {
	cmd := exec.Command("go", "tool", "test2json")
	cmd.Stdin = output
	stream, err := cmd.StdoutPipe()
	if err != nil {
		return err
	}
	if err := cmd.Start(); err != nil {
		return err
	}
	lines := bufio.NewScanner(stream)
	lines.Buffer(nil, 1<<20)
	events := func() (event, bool) {
		if !lines.Scan() {
			return event{}, false
		}
		var e event
		if err := json.Unmarshal(lines.Bytes(), &e); err != nil {
			t.Errorf("test2json printed %q: %v", lines.Bytes(), err)
		}
		return e, true
	}
	relay(t, "", events)
	return errors.Join(lines.Err(), cmd.Wait())
}

// relay reads events until the guest's test of that name has ended. The guest runs one test at a time,
// so events between its beginning and its end are its own or its subtests'.
func relay(t *testing.T, name string, next func() (event, bool)) {
	for {
		e, ok := next()
		if !ok {
			if name != "" {
				t.Error("the guest ended in the middle of this test")
			}
			return
		}
		switch e.Action {
		case "run":
			if e.Test == checks {
				relay(t, checks, next)
				continue
			}
			t.Run(strings.TrimPrefix(e.Test, name+"/"), func(t *testing.T) { relay(t, e.Test, next) })
		case "output":
			if !isFraming(e.Output) {
				fmt.Fprint(t.Output(), e.Output)
			}
		case "fail":
			if e.Test == name {
				t.Fail()
				return
			}
		case "pass":
			if e.Test == name {
				return
			}
		case "skip":
			if e.Test == name {
				t.Skip("skipped in the guest")
			}
		}
	}
}

// isFraming reports whether a line only says what the subtests say themselves.
func isFraming(line string) bool {
	line = strings.TrimLeft(line, " ")
	for _, prefix := range []string{"=== ", "--- ", "PASS", "FAIL"} {
		if strings.HasPrefix(line, prefix) {
			return true
		}
	}
	return false
}
