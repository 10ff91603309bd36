package checks

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os/exec"
	"slices"
	"strings"
	"testing"

	"github.com/gobluez/bluez/facade"
	"github.com/gobluez/bluez/facade/e2e/world"
)

// ble runs the command-line tool and returns what it prints and its exit status.
func (b *bench) ble(t *testing.T, ctx context.Context, args ...string) (string, int) {
	t.Helper()
	cmd := exec.CommandContext(ctx, b.BLE(), args...)
	cmd.Env = b.environment()
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

func (b *bench) testCommand(t *testing.T) {
	ctx, central := b.setup(t)
	const testCharacteristic = "12345678-1234-5678-1234-56789abcdef1"
	const any = -1
	round := b.Round().String()
	for _, test := range []struct {
		args   []string
		status int
		lines  int      // of the output, or any
		want   []string // each is in the output
		lacks  []string // none is
	}{
		{[]string{"adapters"}, 0, len(world.Controllers()), []string{"hci0", "hci1", "hci2", world.Central().Address}, nil},
		{[]string{"scan", "--duration", round}, 0, any, []string{world.ExampleName, world.OwnName}, nil},
		{[]string{"scan", "--duration", round, "--service", "180d"}, 0, any, []string{world.ExampleName}, []string{world.Own().Address}},
		{[]string{"scan", "--duration", round, "--service", "1234", "--service", world.ServiceUUID}, 0, any, []string{world.OwnName}, []string{world.Example().Address}},
		{[]string{"scan", "--duration", round, "--name", "nobody"}, 0, 0, nil, nil},
		{[]string{"inspect", world.ExampleName}, 0, any, []string{"service 180d", "characteristic 2a37"}, nil},
		{[]string{"read", world.Example().Address, "2a38"}, 0, 1, []string{"01"}, nil},
		{[]string{"read", world.Example().Address, b.handle(t, ctx, central, facade.UUID16(0x2A38))}, 0, 1, []string{"01"}, nil},
		{[]string{"write", world.Example().Address, testCharacteristic, "48656c6c6f"}, 0, 0, nil, nil},
		{[]string{"read", world.ExampleName, testCharacteristic, "--format", "utf8"}, 0, 1, []string{"Hello"}, nil},
		{[]string{"write", world.Own().Address, world.CommandUUID, "c0ffee", "--no-response"}, 0, 0, nil, nil},
		{[]string{"read", world.Own().Address, world.CommandUUID}, 0, 1, []string{"c0ffee"}, nil},
		{[]string{"notify", world.ExampleName, "2a37", "--count", "2"}, 0, 2, nil, nil},
		{[]string{"read", world.ExampleName, "1234"}, 4, 0, nil, nil},
		{[]string{"read", "C0:FF:EE:00:00:01", "2a38", "--timeout", round}, 4, 0, nil, nil},
		{[]string{"read"}, 2, 0, nil, nil},
	} {
		t.Run(strings.Join(test.args, " "), func(t *testing.T) {
			out, status := b.ble(t, ctx, test.args...)
			if status != test.status {
				t.Errorf("exit status %d, want %d", status, test.status)
			}
			if lines := strings.Count(out, "\n"); test.lines != any && lines != test.lines || out != "" && !strings.HasSuffix(out, "\n") {
				t.Errorf("%d lines, want %d:\n%s", lines, test.lines, out)
			}
			for _, text := range test.want {
				if !strings.Contains(out, text) {
					t.Errorf("the output lacks %q:\n%s", text, out)
				}
			}
			for _, text := range test.lacks {
				if strings.Contains(out, text) {
					t.Errorf("%q is in the output:\n%s", text, out)
				}
			}
		})
	}
}

// handle returns how a characteristic of the example is named by its handle.
func (b *bench) handle(t *testing.T, ctx context.Context, central *facade.Central, which facade.UUID) string {
	t.Helper()
	client := b.connect(t, ctx, central, world.Example())
	c, err := client.Characteristic(which)
	if err != nil {
		t.Fatal(err)
	}
	if err := client.Close(); err != nil {
		t.Fatal(err)
	}
	b.device(t, ctx, world.Example(), "the end of the link", linkDown)
	return fmt.Sprintf("handle:%04x", uint16(c.Handle))
}

func (b *bench) testCommandPrintsJSON(t *testing.T) {
	ctx, _ := b.setup(t)
	for _, test := range []struct {
		args []string
		keys []string // of each line's object
	}{
		{[]string{"adapters", "--json"}, nil},
		{[]string{"scan", "--json", "--duration", b.Round().String()}, []string{"time", "adapter", "address", "address_type", "name", "rssi", "tx_power",
			"service_uuids", "manufacturer_data", "service_data"}},
		{[]string{"inspect", "--json", world.ExampleName}, []string{"address", "services"}},
		{[]string{"read", "--json", world.ExampleName, "2a38"}, []string{"value"}},
		{[]string{"notify", "--json", world.ExampleName, "2a37", "--count", "1"}, []string{"value"}},
	} {
		t.Run(test.args[0], func(t *testing.T) {
			out, status := b.ble(t, ctx, test.args...)
			if status != 0 || out == "" {
				t.Errorf("exit status %d, output %q", status, out)
			}
			for line := range strings.Lines(out) {
				var object map[string]any
				if err := json.Unmarshal([]byte(line), &object); err != nil {
					t.Errorf("a line is not an object of JSON: %v: %s", err, line)
					continue
				}
				for _, key := range test.keys {
					if _, ok := object[key]; !ok {
						t.Errorf("a line lacks %q: %s", key, line)
					}
				}
			}
		})
	}
}

// What a scan prints of a device in JSON is what the device advertises, bytes as hex.
func (b *bench) testCommandScansInJSON(t *testing.T) {
	ctx, _ := b.setup(t)
	out, status := b.ble(t, ctx, "scan", "--json", "--duration", b.Round().String(), "--name", world.ExampleName)
	if status != 0 || out == "" {
		t.Fatalf("exit status %d, output %q", status, out)
	}
	var got struct {
		Adapter, Address, Name string
		ManufacturerData       map[string]string `json:"manufacturer_data"`
		ServiceData            map[string]string `json:"service_data"`
	}
	line, _, _ := strings.Cut(out, "\n")
	if err := json.Unmarshal([]byte(line), &got); err != nil {
		t.Fatalf("%v: %s", err, line)
	}
	if got.Adapter != world.Central().Name || got.Address != world.Example().Address || got.Name != world.ExampleName ||
		!slices.Equal(slices.Collect(maps.Values(got.ManufacturerData)), []string{"00010203"}) ||
		!slices.Equal(slices.Collect(maps.Values(got.ServiceData)), []string{"0001020304"}) {
		t.Errorf("not what the example advertises: %s", line)
	}
}
