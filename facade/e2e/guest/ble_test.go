//go:build e2e

package guest

import (
	"context"
	"encoding/json"
	"errors"
	"os/exec"
	"strings"
	"testing"

	"github.com/gobluez/bluez/facade/e2e/world"
)

// ble runs the command-line tool and returns what it prints and its exit status.
func ble(t *testing.T, ctx context.Context, args ...string) (string, int) {
	t.Helper()
	cmd := exec.CommandContext(ctx, "ble", args...)
	var said strings.Builder
	cmd.Stderr = &said
	out, err := cmd.Output()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	if said.Len() > 0 {
		t.Logf("ble %s: %s", strings.Join(args, " "), said.String())
	}
	return string(out), cmd.ProcessState.ExitCode()
}

func TestCommand(t *testing.T) {
	ctx, _ := setup(t)
	const testCharacteristic = "12345678-1234-5678-1234-56789abcdef1"
	for _, test := range []struct {
		args   []string
		status int
		want   []string // each is in the output
	}{
		{[]string{"adapters"}, 0, []string{"hci0", "hci1", "hci2", world.Central().Address}},
		{[]string{"scan", "--duration", "5s"}, 0, []string{world.ExampleName, world.OwnName}},
		{[]string{"scan", "--duration", "3s", "--name", "nobody"}, 0, nil},
		{[]string{"inspect", world.ExampleName}, 0, []string{"service 180d", "characteristic 2a37"}},
		{[]string{"read", world.Example().Address, "2a38"}, 0, []string{"01"}},
		{[]string{"write", world.Example().Address, testCharacteristic, "48656c6c6f"}, 0, nil},
		{[]string{"read", world.ExampleName, testCharacteristic, "--format", "utf8"}, 0, []string{"Hello"}},
		{[]string{"notify", world.ExampleName, "2a37", "--count", "2"}, 0, nil},
		{[]string{"read", world.ExampleName, "1234"}, 4, nil},
		{[]string{"read", "C0:FF:EE:00:00:01", "2a38", "--timeout", "3s"}, 4, nil},
		{[]string{"read"}, 2, nil},
	} {
		t.Run(strings.Join(test.args, " "), func(t *testing.T) {
			out, status := ble(t, ctx, test.args...)
			if status != test.status {
				t.Errorf("exit status %d, want %d", status, test.status)
			}
			for _, text := range test.want {
				if !strings.Contains(out, text) {
					t.Errorf("the output lacks %q:\n%s", text, out)
				}
			}
		})
	}
}

func TestCommandPrintsJSON(t *testing.T) {
	ctx, _ := setup(t)
	for _, args := range [][]string{
		{"adapters", "--json"},
		{"scan", "--json", "--duration", "5s"},
		{"inspect", "--json", world.ExampleName},
		{"read", "--json", world.ExampleName, "2a38"},
		{"notify", "--json", world.ExampleName, "2a37", "--count", "1"},
	} {
		t.Run(args[0], func(t *testing.T) {
			out, status := ble(t, ctx, args...)
			if status != 0 || out == "" {
				t.Errorf("exit status %d, output %q", status, out)
			}
			for line := range strings.Lines(out) {
				if !json.Valid([]byte(line)) {
					t.Errorf("a line is not JSON: %s", line)
				}
			}
		})
	}
}
