package main

import (
	"bytes"
	"context"
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"testing"
)

func TestBluetoothThatIsNotThereIsExitCodeThree(t *testing.T) {
	worlds := []struct {
		name  string
		start func(*testing.T)
		want  string
	}{
		{"no bus", noBus, "D-Bus"},
		{"no bluetoothd", noBlueZ, "systemctl start bluetooth"},
		{"no adapter", noAdapter, "no Bluetooth adapter"},
		{"adapter off", adapterOff, "bluetoothctl power on"},
	}
	commands := [][]string{
		{"adapters"},
		{"scan", "--json"},
		{"inspect", peer},
		{"inspect", "Heart Rate"},
		{"read", peer, "2a38"},
		{"write", peer, "2a39", "01"},
		{"notify", peer, "2a37"},
	}
	for _, world := range worlds {
		t.Run(world.name, func(t *testing.T) {
			world.start(t)
			for _, args := range commands {
				if world.name == "adapter off" && args[0] == "adapters" {
					continue // lists it
				}
				got := runTool(t.Context(), args...)
				if got.code != exitUnavailable || got.stdout != "" {
					t.Errorf("%q: exit code %d, output %q, want %d and none", args, got.code, got.stdout, exitUnavailable)
				}
				if !strings.HasPrefix(got.stderr, "ble: ") || !strings.Contains(got.stderr, world.want) || strings.Count(got.stderr, "\n") != 1 {
					t.Errorf("%q: error %q, want one line with %q", args, got.stderr, world.want)
				}
			}
		})
	}
}

func TestBusAddressThatIsNotSupportedIsNotBlamedOnTheSystem(t *testing.T) {
	t.Setenv("DBUS_SYSTEM_BUS_ADDRESS", "tcp:host=localhost,port=1")
	got := runTool(t.Context(), "adapters")
	if got.code != exitUnavailable || strings.Contains(got.stderr, errNotHere.Error()) || !strings.Contains(got.stderr, "tcp:host=localhost,port=1") {
		t.Errorf("exit code %d, error %q", got.code, got.stderr)
	}
}

func TestAnotherAdapterThanThoseThereIsIsNotAvailable(t *testing.T) {
	startBlueZ(t)
	for _, args := range [][]string{{"adapters"}, {"scan"}, {"read", peer, "2a38"}, {"read", "Heart Rate", "2a38"}} {
		got := runTool(t.Context(), append(args, "--adapter", "hci7")...)
		if got.code != exitUnavailable || !strings.Contains(got.stderr, "hci7") {
			t.Errorf("%q: exit code %d, error %q", args, got.code, got.stderr)
		}
	}
}

func TestAdaptersAreListed(t *testing.T) {
	startBlueZ(t)
	got := runTool(t.Context(), "adapters")
	if want := "hci0  00:AA:01:00:00:00  on  kitchen\n"; got.code != exitDone || got.stdout != want {
		t.Errorf("exit code %d, error %q, output %q, want %q", got.code, got.stderr, got.stdout, want)
	}
	got = runTool(t.Context(), "adapters", "--json", "--adapter", "hci0")
	if object := oneObject(t, got); object["name"] != "hci0" || object["powered"] != true {
		t.Errorf("adapter is %v", object)
	}
}

func TestAdapterThatIsOffIsListed(t *testing.T) {
	adapterOff(t)
	got := runTool(t.Context(), "adapters")
	if want := "hci0  00:AA:01:00:00:00  off  kitchen\n"; got.code != exitDone || got.stdout != want {
		t.Errorf("exit code %d, error %q, output %q, want %q", got.code, got.stderr, got.stdout, want)
	}
}

// oneObject returns the one JSON object that a command printed.
func oneObject(t *testing.T, r result) map[string]any {
	t.Helper()
	if r.code != exitDone || strings.Count(r.stdout, "\n") != 1 {
		t.Fatalf("exit code %d, error %q, output %q, want one line", r.code, r.stderr, r.stdout)
	}
	var object map[string]any
	if err := json.Unmarshal([]byte(r.stdout), &object); err != nil {
		t.Fatalf("output %q: %v", r.stdout, err)
	}
	return object
}

// interrupter is an output that interrupts the command once it has written a line.
type interrupter struct {
	text      bytes.Buffer
	interrupt context.CancelFunc
}

func (w *interrupter) Write(p []byte) (int, error) {
	defer w.interrupt()
	return w.text.Write(p)
}

func runUntilOutput(t *testing.T, args ...string) result {
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	stdout := &interrupter{interrupt: cancel}
	var stderr bytes.Buffer
	code := run(ctx, args, strings.NewReader(""), stdout, &stderr)
	return result{code, stdout.text.String(), stderr.String()}
}

func TestScanPrintsWhatIsHeard(t *testing.T) {
	world := startBlueZ(t)
	got := runUntilOutput(t, "scan")
	want := "C0:FF:EE:00:00:01   -61 dBm  Heart Rate                services 180d (Heart Rate)  company 004c (Apple, Inc.): 0215\n"
	if got.code != exitDone || got.stdout != want || got.stderr != "" {
		t.Errorf("exit code %d, error %q, output %q, want %q", got.code, got.stderr, got.stdout, want)
	}
	world.awaitCall(t, "StopDiscovery")

	object := oneObject(t, runUntilOutput(t, "scan", "--json", "--service", "180d", "--name", "Heart Rate", "--adapter", "hci0"))
	keys := slices.Sorted(maps.Keys(object))
	wantKeys := []string{"adapter", "address", "address_type", "manufacturer_data", "name", "rssi", "service_data", "service_uuids", "time", "tx_power"}
	if !slices.Equal(keys, wantKeys) {
		t.Errorf("JSON has the keys %q, want %q", keys, wantKeys)
	}
	if object["address"] != peer || object["rssi"] != -61.0 || object["tx_power"] != nil {
		t.Errorf("advertisement is %v", object)
	}
	world.awaitCall(t, "StopDiscovery")
}

func TestScanThatFindsNothingIsDone(t *testing.T) {
	world := startBlueZ(t)
	for _, filter := range [][]string{{"--service", "1809"}, {"--name", "Heart"}} {
		got := runTool(t.Context(), append(filter, "scan", "--duration", "0.05")...)
		if got.code != exitDone || got.stdout != "" || got.stderr != "" {
			t.Errorf("%q: exit code %d, error %q, output %q", filter, got.code, got.stderr, got.stdout)
		}
		world.awaitCall(t, "StopDiscovery")
	}
}

func TestInspectPrintsTheTree(t *testing.T) {
	world := startBlueZ(t)
	for _, device := range []string{peer, strings.ToLower(peer), "Heart Rate"} {
		got := runTool(t.Context(), "inspect", device)
		if got.code != exitDone || got.stderr != "" {
			t.Fatalf("%s: exit code %d, error %q", device, got.code, got.stderr)
		}
		golden(t, "inspect-peer.txt", got.stdout)
		world.awaitCall(t, "Disconnect")
	}
	object := oneObject(t, runTool(t.Context(), "inspect", peer, "--json"))
	if services, ok := object["services"].([]any); !ok || len(services) != 5 || object["mtu"] != 247.0 {
		t.Errorf("tree is %v", object)
	}
}

func TestReadPrintsTheValue(t *testing.T) {
	startBlueZ(t)
	tests := []struct {
		args []string
		want string
	}{
		{[]string{"read", peer, "2a38"}, "6368657374\n"},
		{[]string{"read", peer, "2a38", "--format", "utf8"}, "chest\n"},
		{[]string{"read", "Heart Rate", "0x2A38", "--format", "utf8"}, "chest\n"},
		{[]string{"read", peer, "handle:0014", "--format", "utf8"}, "chest\n"},
		{[]string{"read", peer, "0014", "--format", "utf8"}, "chest\n"},
		{[]string{"read", "--format", "u8", peer, "handle:0031"}, "100\n"},
	}
	for _, test := range tests {
		got := runTool(t.Context(), test.args...)
		if got.code != exitDone || got.stdout != test.want || got.stderr != "" {
			t.Errorf("%q: exit code %d, error %q, output %q, want %q", test.args, got.code, got.stderr, got.stdout, test.want)
		}
	}
	object := oneObject(t, runTool(t.Context(), "read", peer, "2a38", "--json", "--format", "utf8"))
	if object["value"] != "6368657374" || object["decoded"] != "chest" || object["handle"] != 20.0 || object["adapter"] != "hci0" || object["address"] != peer {
		t.Errorf("value is %v", object)
	}
}

func TestWhatIsNotThereIsExitCodeFour(t *testing.T) {
	startBlueZ(t)
	tests := []struct {
		args []string
		want string
	}{
		{[]string{"inspect", "Thermometer", "--timeout", "1"}, "ble scan shows what is"},
		{[]string{"inspect", "C0:FF:EE:00:00:02", "--timeout", "1"}, "ble scan shows what is"},
		{[]string{"read", peer, "2a6e"}, "ble inspect C0:FF:EE:00:00:01 lists what it has"},
		{[]string{"read", peer, "handle:0012"}, "ble inspect C0:FF:EE:00:00:01 lists what it has"},
		{[]string{"read", peer, "2a19"}, "choose handle:0021 or handle:0031"},
		{[]string{"write", peer, "2a6e", "01"}, "ble inspect"},
		{[]string{"notify", peer, "2a6e"}, "ble inspect"},
	}
	for _, test := range tests {
		got := runTool(t.Context(), test.args...)
		if got.code != exitNotFound || got.stdout != "" || !strings.Contains(got.stderr, test.want) || strings.Count(got.stderr, "\n") != 1 {
			t.Errorf("%q: exit code %d, output %q, error %q, want %q", test.args, got.code, got.stdout, got.stderr, test.want)
		}
	}
}

func TestWhatFailsIsExitCodeOne(t *testing.T) {
	startBlueZ(t)
	tests := []struct {
		args []string
		want string
	}{
		{[]string{"read", peer, "2a39"}, "read not permitted"},
		{[]string{"notify", peer, "2a38"}, "2a38"},
		{[]string{"read", peer, "2a38", "--format", "u16"}, "value 6368657374 of 5 bytes is no whole number of u16"},
	}
	for _, test := range tests {
		got := runTool(t.Context(), test.args...)
		if got.code != exitFailed || got.stdout != "" || !strings.Contains(got.stderr, test.want) {
			t.Errorf("%q: exit code %d, output %q, error %q, want %q", test.args, got.code, got.stdout, got.stderr, test.want)
		}
	}
}

func TestTimeoutIsExitCodeFive(t *testing.T) {
	tests := []struct {
		hang string // the method that is not answered
		args []string
		want string
	}{
		{"Connect", []string{"inspect", peer}, "connect " + peer},
		{"Connect", []string{"read", peer, "2a38"}, "connect " + peer},
		{"Connect", []string{"write", peer, "2a39", "01"}, "connect " + peer},
		{"Connect", []string{"notify", peer, "2a37"}, "connect " + peer},
		{"StartNotify", []string{"notify", peer, "2a37"}, "subscribe to 2a37 (0x0011)"},
		{"StartDiscovery", []string{"scan"}, "scan"},
	}
	for _, test := range tests {
		startBlueZ(t).LoseReplies(test.hang)
		got := runTool(t.Context(), append(test.args, "--timeout", "200ms")...)
		if want := "ble: " + test.want + ": no answer in time (--timeout waits longer)\n"; got.code != exitTimeout || got.stderr != want {
			t.Errorf("%q: exit code %d, error %q, want %d, %q", test.args, got.code, got.stderr, exitTimeout, want)
		}
	}
}

func TestWriteSendsTheValue(t *testing.T) {
	world := startBlueZ(t)
	tests := []struct {
		args []string
		want string
	}{
		{[]string{"write", peer, "2a39", "0102"}, "\x01\x02"},
		{[]string{"write", peer, "handle:0016", "hi", "--format", "utf8", "--no-response"}, "hi"},
		{[]string{"write", peer, "2a39", "-5", "--format", "i8"}, "\xfb"},
	}
	for n, test := range tests {
		got := runTool(t.Context(), test.args...)
		if got.code != exitDone || got.stdout != "" || got.stderr != "" {
			t.Errorf("%q: exit code %d, error %q, output %q", test.args, got.code, got.stderr, got.stdout)
		}
		if all, err := world.sensor.AwaitWritten(t.Context(), "2a39", n+1); err != nil || string(all[n]) != test.want {
			t.Errorf("%q wrote %q, %v, want %q", test.args, all, err, test.want)
		}
	}
	object := oneObject(t, runTool(t.Context(), "--json", "write", peer, "2a39", "0102"))
	if object["value"] != "0102" || object["handle"] != 22.0 {
		t.Errorf("write is reported as %v", object)
	}
}

func TestOnlyAWriteWithResponseLearnsOfARefusal(t *testing.T) {
	startBlueZ(t)
	if got := runTool(t.Context(), "write", peer, "2a39", "ff"); got.code != exitFailed || !strings.Contains(got.stderr, "0x80") {
		t.Errorf("with response: exit code %d, error %q", got.code, got.stderr)
	}
	if got := runTool(t.Context(), "write", peer, "2a39", "ff", "--no-response"); got.code != exitDone || got.stderr != "" {
		t.Errorf("without response: exit code %d, error %q", got.code, got.stderr)
	}
}

func TestNotifyPrintsEachValue(t *testing.T) {
	world := startBlueZ(t)
	got := runTool(t.Context(), "notify", peer, "2a37", "--count", "3")
	if want := "003c\n003d\n003e\n"; got.code != exitDone || got.stdout != want || got.stderr != "" {
		t.Errorf("exit code %d, error %q, output %q, want %q", got.code, got.stderr, got.stdout, want)
	}
	world.awaitCall(t, "StopNotify")
	world.awaitCall(t, "Disconnect")

	got = runTool(t.Context(), "notify", "Heart Rate", "handle:0011", "--count", "2", "--format", "u8")
	if want := "0 60\n0 61\n"; got.code != exitDone || got.stdout != want {
		t.Errorf("exit code %d, error %q, output %q, want %q", got.code, got.stderr, got.stdout, want)
	}

	object := oneObject(t, runTool(t.Context(), "notify", peer, "2a37", "--count", "1", "--json"))
	if object["value"] != "003c" || object["time"] == "" || object["uuid"] != long("2a37") {
		t.Errorf("notification is %v", object)
	}
}

func TestNotifyEndsAfterItsDuration(t *testing.T) {
	world := startBlueZ(t)
	got := runTool(t.Context(), "notify", peer, "2a37", "--duration", "0.05")
	if got.code != exitDone || got.stderr != "" {
		t.Errorf("exit code %d, error %q", got.code, got.stderr)
	}
	world.awaitCall(t, "StopNotify")
}

func TestVerboseLogsToStandardError(t *testing.T) {
	startBlueZ(t)
	quiet := runTool(t.Context(), "read", peer, "2a38")
	verbose := runTool(t.Context(), "read", peer, "2a38", "--verbose")
	if quiet.stderr != "" || verbose.stdout != quiet.stdout || !strings.Contains(verbose.stderr, "level=") {
		t.Errorf("quiet: %+v, verbose: %+v", quiet, verbose)
	}
}
