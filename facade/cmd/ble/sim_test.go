package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/gobluez/bluez/bluezgen"
	"github.com/gobluez/bluez/facade/bluetest"
	"github.com/gobluez/bluez/gen/bus"
)

func TestEveryCommandRunsInTheSimulation(t *testing.T) {
	noBus(t)
	for _, test := range []struct {
		args string // separated by |
		want string
	}{
		{"adapters", "hci0"},
		{"scan|--duration|1s", "Thermometer"},
		{"inspect|Heart Rate Sensor", "characteristic 2a38 (Body Sensor Location)  read"},
		{"inspect|C0:FF:EE:00:00:01|--values", "characteristic 2a38 (Body Sensor Location)  read  = 01\n"},
		{"read|C0:FF:EE:00:00:01|2a29|--format|utf8", "bluetest\n"},
		{"write|C0:FF:EE:00:00:01|2a39|01", ""},
		{"notify|C0:FF:EE:00:00:01|2a37|--count|1", "063c\n"},
		{"pair|Lock|--passkey|123456", ""},
		{"devices", ""},
	} {
		t.Run(test.args, func(t *testing.T) {
			got := runTool(t.Context(), append([]string{"--sim"}, strings.Split(test.args, "|")...)...)
			if got.code != exitDone || !strings.Contains(got.stdout, test.want) {
				t.Errorf("exit code %d, output %q, error %q; want %q", got.code, got.stdout, got.stderr, test.want)
			}
		})
	}
}

func TestSimKeepsASimulationRunning(t *testing.T) {
	sim := startTool(t, "sim", "--beacons", "2")
	line, err := sim.output.ReadString('\n')
	address, ok := strings.CutPrefix(strings.TrimSpace(line), "DBUS_SYSTEM_BUS_ADDRESS=")
	if err != nil || !ok {
		t.Fatalf("output %q, %v; error %q", line, err, sim.stderr.String())
	}
	t.Setenv("DBUS_SYSTEM_BUS_ADDRESS", address)
	if got := runTool(t.Context(), "read", "Heart Rate Sensor", "2a38"); got.code != exitDone || got.stdout != "01\n" {
		t.Errorf("exit code %d, output %q, error %q", got.code, got.stdout, got.stderr)
	}
	sim.signal(t, os.Interrupt)
	sim.wantExit(t, exitDone, "")
	if got := runTool(t.Context(), "adapters"); got.code != exitUnavailable {
		t.Errorf("after its end: exit code %d, output %q", got.code, got.stdout)
	}
}

func TestSimPrintsJSON(t *testing.T) {
	sim := startTool(t, "sim", "--json")
	line, err := sim.output.ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	var got simJSON
	if err := json.Unmarshal([]byte(line), &got); err != nil {
		t.Fatalf("%v: %s", err, line)
	}
	if !strings.HasPrefix(got.Address, "unix:") || len(got.Devices) < 3 || got.Devices[0] != "C0:FF:EE:00:00:01" {
		t.Errorf("printed %s", line)
	}
	sim.signal(t, os.Interrupt)
	sim.wantExit(t, exitDone, "")
}

func TestSimRunsACommand(t *testing.T) {
	t.Setenv(asTool, "1")
	for _, test := range []struct {
		command []string
		code    int
		want    string
	}{
		{[]string{os.Args[0], "read", "Heart Rate Sensor", "2a38"}, exitDone, "01\n"},
		{[]string{"sh", "-c", "exit 17"}, 17, ""},
		{[]string{"/nonexistent"}, exitFailed, ""},
	} {
		got := runTool(t.Context(), append([]string{"sim", "--"}, test.command...)...)
		if got.code != test.code || got.stdout != test.want {
			t.Errorf("%v: exit code %d, output %q, error %q; want %d, %q", test.command, got.code, got.stdout, got.stderr, test.code, test.want)
		}
	}
}

func TestInterruptedSimInterruptsItsCommand(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	started := &onceWritten{do: cancel}
	code := run(ctx, []string{"sim", "--", "sh", "-c", "echo started; exec sleep 1000"}, strings.NewReader(""), started, new(bytes.Buffer))
	if code != exitInterrupted {
		t.Errorf("exit code %d, want %d", code, exitInterrupted)
	}
}

// A onceWritten does something when it is written to.
type onceWritten struct{ do func() }

func (o *onceWritten) Write(p []byte) (int, error) {
	o.do()
	return len(p), nil
}

// What inspect prints of a device is a device that the simulation plays: inspect prints the same of that one.
func TestInspectedDeviceCanBeImitated(t *testing.T) {
	noBus(t)
	original := runTool(t.Context(), "--sim", "inspect", "--json", "--values", "C0:FF:EE:00:00:01")
	if original.code != exitDone {
		t.Fatalf("exit code %d, error %q", original.code, original.stderr)
	}
	text := strings.Replace(original.stdout, "C0:FF:EE:00:00:01", "C0:FF:EE:00:00:77", 1)
	file := filepath.Join(t.TempDir(), "device.json")
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	world := bluetest.Start(t, bluetest.File(file))
	t.Setenv("DBUS_SYSTEM_BUS_ADDRESS", world.Address())
	twin := runTool(t.Context(), "inspect", "--json", "--values", "C0:FF:EE:00:00:77")
	if twin.stdout != text {
		t.Errorf("the twin (exit code %d, error %q) is\n%s\nwant\n%s", twin.code, twin.stderr, twin.stdout, text)
	}
}

// The simulation is of the BlueZ that is asked for.
func TestSimPlaysAnotherBlueZ(t *testing.T) {
	t.Setenv(asTool, "1")
	for args, want := range map[string]string{
		"":                            "PowerState=true Manufacturer=true Monitors=false",
		"--bluez|5.55":                "PowerState=false Manufacturer=false Monitors=false",
		"--bluez|5.66|--experimental": "PowerState=true Manufacturer=false Monitors=true",
	} {
		sim := startTool(t, append([]string{"sim"}, strings.FieldsFunc(args, func(r rune) bool { return r == '|' })...)...)
		line, err := sim.output.ReadString('\n')
		if err != nil {
			t.Fatalf("%s: %v; error %q", args, err, sim.stderr.String())
		}
		conn, err := bus.Dial(t.Context(), strings.TrimPrefix(strings.TrimSpace(line), "DBUS_SYSTEM_BUS_ADDRESS="), bus.Options{})
		if err != nil {
			t.Fatal(err)
		}
		props, err := bluezgen.NewAdapter1(conn, "/org/bluez/hci0").GetAll(t.Context())
		if err != nil {
			t.Error(err)
		}
		_, err = bluezgen.NewAdvertisementMonitorManager1(conn, "/org/bluez/hci0").GetAll(t.Context())
		got := fmt.Sprintf("PowerState=%t Manufacturer=%t Monitors=%t", props.Has(bluezgen.Adapter1PowerState), props.Has(bluezgen.Adapter1Manufacturer), err == nil)
		if got != want {
			t.Errorf("%s: %s, want %s", args, got, want)
		}
		conn.Close()
		sim.signal(t, os.Interrupt)
		sim.wantExit(t, exitDone, "")
	}
}

func TestSimAddsDevices(t *testing.T) {
	file := filepath.Join(t.TempDir(), "device.json")
	if err := os.WriteFile(file, []byte(`{"address": "C0:FF:EE:00:00:77", "name": "Thermostat"}`), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Setenv(asTool, "1")
	got := runTool(t.Context(), "sim", "--device", file, "--", os.Args[0], "inspect", "Thermostat")
	if got.code != exitDone || !strings.Contains(got.stdout, "C0:FF:EE:00:00:77") {
		t.Errorf("exit code %d, output %q, error %q", got.code, got.stdout, got.stderr)
	}
}

func TestSimSaysWhatIsWrong(t *testing.T) {
	taken := filepath.Join(t.TempDir(), "taken.json")
	if err := os.WriteFile(taken, []byte(`{"address": "c0:ff:ee:00:00:01"}`), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		args string // separated by |
		code int
		want string
	}{
		{"sim|bluetoothctl", exitUsage, "a command comes after --"},
		{"sim|--beacons|0", exitUsage, "must be a whole number"},
		{"sim|--device|/nonexistent.json", exitFailed, "/nonexistent.json"},
		{"sim|--device|" + taken, exitFailed, taken + `: the simulation has a device C0:FF:EE:00:00:01 already: change the "address"`},
		{"--sim|sim", exitUsage, "--sim is for the other commands"},
		{"sim|--bluez|4.101", exitFailed, `"4.101" is not played`},
	} {
		got := runTool(t.Context(), strings.Split(test.args, "|")...)
		if got.code != test.code || !strings.Contains(got.stderr, test.want) || strings.Count(got.stderr, "\n") != 1 {
			t.Errorf("%s: exit code %d, error %q; want %d, %q", test.args, got.code, got.stderr, test.code, test.want)
		}
	}
	t.Setenv("PATH", t.TempDir())
	for _, args := range []string{"sim", "--sim|adapters"} {
		got := runTool(t.Context(), strings.Split(args, "|")...)
		if got.code != exitFailed || !strings.Contains(got.stderr, "apt-get install dbus-daemon") || strings.Count(got.stderr, "\n") != 1 {
			t.Errorf("%s without dbus-daemon: exit code %d, error %q", args, got.code, got.stderr)
		}
	}
}
