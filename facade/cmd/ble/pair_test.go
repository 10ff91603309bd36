package main

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"slices"
	"strings"
	"testing"

	"github.com/gobluez/bluez/bluezgen"
	"github.com/gobluez/bluez/facade/bluetest"
)

const lockAddress = "C0:FF:EE:00:00:0A"

// startLock starts a BlueZ with a device that pairs so around it, and points the tool to it.
func startLock(t *testing.T, change func(*bluetest.Pairing)) *bluetest.World {
	t.Helper()
	lock := bluetest.Lock(lockAddress, "000042")
	if change != nil {
		change(&lock.Pairing)
	}
	world := bluetest.Start(t, lock, bluetest.Delays{Disconnect: bluetest.None})
	t.Setenv("DBUS_SYSTEM_BUS_ADDRESS", world.Address())
	return world
}

// answer runs the tool with what a user types.
func answer(ctx context.Context, stdin io.Reader, args ...string) result {
	var stdout, stderr bytes.Buffer
	code := run(ctx, args, stdin, &stdout, &stderr)
	return result{code, stdout.String(), stderr.String()}
}

func TestPairAsksOnTheTerminal(t *testing.T) {
	compare := func(p *bluetest.Pairing) { p.IO = bluezgen.AgentCapabilityDisplayYesNo }
	entered := func(p *bluetest.Pairing) { p.IO = bluezgen.AgentCapabilityKeyboardOnly }
	pin := func(p *bluetest.Pairing) { p.PIN = "2468" }
	for name, test := range map[string]struct {
		device func(*bluetest.Pairing)
		typed  string
		args   string // separated by |, after pair
		code   int
		stdout string
		stderr string
	}{
		"entered here":            {nil, "000042\n", lockAddress, exitDone, "Enter the passkey that Lock (" + lockAddress + ") shows: ", ""},
		"entered at second try":   {nil, "42\n000042\n", "Lock", exitDone, "A passkey is six digits.\n", ""},
		"wrong":                   {nil, "000043\n", lockAddress, exitFailed, "Enter", "pairing failed"},
		"no input":                {nil, "", lockAddress, exitFailed, "Enter", "no answer on standard input"},
		"--passkey":               {nil, "", lockAddress + "|--passkey|000042", exitDone, "", ""},
		"wrong --passkey":         {nil, "", "--passkey|000043|" + lockAddress, exitFailed, "", "pairing failed"},
		"entered there":           {entered, "", lockAddress, exitDone, "Enter this passkey on Lock (" + lockAddress + "): 000042\n", ""},
		"compared":                {compare, "y\n", lockAddress, exitDone, "Does Lock (" + lockAddress + ") show 000042? [y/N] ", ""},
		"compared and refused":    {compare, "\n", lockAddress, exitFailed, "Does", "the user says that the passkeys differ"},
		"compared by --yes":       {compare, "", lockAddress + "|--yes", exitDone, "", ""},
		"compared by --passkey":   {compare, "", lockAddress + "|--passkey|000042", exitDone, "", ""},
		"compared, other passkey": {compare, "", lockAddress + "|--passkey|000043", exitFailed, "", "another passkey than --passkey says"},
		"PIN":                     {pin, "2468\n", lockAddress, exitDone, "Enter the PIN of Lock", ""},
	} {
		t.Run(name, func(t *testing.T) {
			world := startLock(t, test.device)
			got := answer(t.Context(), strings.NewReader(test.typed), append([]string{"pair"}, strings.Split(test.args, "|")...)...)
			if got.code != test.code || !strings.Contains(got.stdout, test.stdout) || test.stdout == "" && got.stdout != "" {
				t.Errorf("exit code %d, output %q, error %q; want %d and %q", got.code, got.stdout, got.stderr, test.code, test.stdout)
			}
			if !strings.Contains(got.stderr, test.stderr) || test.stderr == "" && got.stderr != "" {
				t.Errorf("error %q, want %q", got.stderr, test.stderr)
			}
			if strings.Contains(got.stderr, "00004") {
				t.Errorf("the error tells the passkey: %q", got.stderr)
			}
			if bonded := world.Peripheral(lockAddress).Bonded(); bonded != (test.code == exitDone) {
				t.Errorf("bonded %v", bonded)
			}
		})
	}
}

func TestPairPrintsJSON(t *testing.T) {
	startLock(t, nil)
	got := answer(t.Context(), strings.NewReader("000042\n"), "pair", lockAddress, "--json")
	if object := oneObject(t, result{got.code, got.stdout, ""}); object["address"] != lockAddress || object["paired"] != true {
		t.Errorf("device is %v", object)
	}
	if !strings.HasPrefix(got.stderr, "Enter the passkey") {
		t.Errorf("error %q", got.stderr)
	}
}

func TestVerbosePairTellsNoPasskey(t *testing.T) {
	startLock(t, nil)
	got := answer(t.Context(), strings.NewReader(""), "pair", lockAddress, "--passkey", "000042", "--verbose")
	if got.code != exitDone || strings.Contains(got.stderr, "000042") || !strings.Contains(got.stderr, "paired") {
		t.Errorf("exit code %d, error %q", got.code, got.stderr)
	}
}

func TestInterruptedPairIsCancelled(t *testing.T) {
	world := startLock(t, nil)
	calls := world.RecordCalls()
	stdin, typing := io.Pipe()
	defer typing.Close()
	ctx, interrupt := context.WithCancel(t.Context())
	defer interrupt()
	asked := make(chan struct{})
	go func() {
		defer close(asked)
		if calls.Await(ctx, "Pair", 1) == nil {
			interrupt()
		}
	}()
	if got := answer(ctx, stdin, "pair", lockAddress); got.code != exitInterrupted {
		t.Errorf("exit code %d, error %q", got.code, got.stderr)
	}
	<-asked
	if n := calls.Count("CancelPairing"); n != 1 {
		t.Errorf("CancelPairing was called %d times", n)
	}
}

func TestDevicesAreListedAndForgotten(t *testing.T) {
	world := startLock(t, nil)
	if got := runTool(t.Context(), "devices"); got.code != exitDone || got.stdout != "" {
		t.Errorf("before: exit code %d, output %q", got.code, got.stdout)
	}
	for range 2 { // the second finds it paired
		if got := runTool(t.Context(), "pair", "Lock", "--passkey", "000042"); got.code != exitDone {
			t.Fatalf("pair: %+v", got)
		}
	}
	if got := runTool(t.Context(), "devices"); got.stdout != "hci0  "+lockAddress+"  paired  Lock\n" {
		t.Errorf("devices: %+v", got)
	}
	if object := oneObject(t, runTool(t.Context(), "devices", "--paired", "--json")); object["address"] != lockAddress || object["bonded"] != true {
		t.Errorf("device is %v", object)
	}
	if got := runTool(t.Context(), "devices", "--connected"); got.code != exitDone || got.stdout != "" {
		t.Errorf("connected: %+v", got)
	}
	if object := oneObject(t, runTool(t.Context(), "forget", "Lock", "--json")); object["address"] != lockAddress {
		t.Errorf("forgotten: %v", object)
	}
	for _, device := range []string{"Lock", lockAddress} {
		if got := runTool(t.Context(), "forget", device); got.code != exitNotFound || !strings.Contains(got.stderr, "ble devices lists") {
			t.Errorf("forget again: %+v", got)
		}
	}
	world.Adapter("hci0").Power(false)
	if got := runTool(t.Context(), "devices"); got.code != exitDone {
		t.Errorf("adapter off: %+v", got)
	}
	if got := runTool(t.Context(), "devices", "--adapter", "hci7"); got.code != exitUnavailable {
		t.Errorf("no such adapter: %+v", got)
	}
}

func TestForgetOfANameThatIsNotUnique(t *testing.T) {
	second := bluetest.Lock("C0:FF:EE:00:00:0B", "000042")
	world := startLock(t, nil)
	if _, err := world.Add(second); err != nil {
		t.Fatal(err)
	}
	for _, address := range []string{lockAddress, second.Address} {
		if got := runTool(t.Context(), "pair", address, "--passkey", "000042"); got.code != exitDone {
			t.Fatalf("pair: %+v", got)
		}
	}
	got := runTool(t.Context(), "forget", "Lock")
	if got.code != exitNotFound || !strings.Contains(got.stderr, "it is hci0 "+lockAddress+" or hci0 "+second.Address) {
		t.Errorf("%+v", got)
	}
}

func TestMistakesInPairing(t *testing.T) {
	noBus(t)
	for args, want := range map[string]string{
		"pair":                         "pair: DEVICE is missing: ble pair DEVICE [--passkey N] [--yes]",
		"pair|x|y":                     `pair: argument "y" is one too many`,
		"pair|x|--passkey|42":          `invalid argument "42" for "--passkey" flag: must be six digits`,
		"forget":                       "forget: DEVICE is missing: ble forget DEVICE",
		"forget|00:00:00:00:00:00":     `DEVICE "00:00:00:00:00:00" is nobody's address`,
		"devices|x":                    `devices: argument "x" is one too many: ble devices [--paired] [--connected]`,
		"pair|x|--passkey|000042|--no": "unknown flag: --no",
	} {
		got := runTool(t.Context(), strings.Split(args, "|")...)
		if got.code != exitUsage || !strings.HasPrefix(got.stderr, "ble: "+want) {
			t.Errorf("%s: %+v, want %q", args, got, want)
		}
	}
	for _, args := range [][]string{{"pair", "x", "--yes"}, {"forget", "x"}, {"devices"}} {
		if got := runTool(t.Context(), slices.Concat(args, []string{"--timeout", "5"})...); got.code != exitUnavailable {
			t.Errorf("%q: %+v", args, got)
		}
	}
}

func TestPasskeyIsNoDefaultInTheHelp(t *testing.T) {
	got := runTool(t.Context(), "pair", "--passkey", "000042", "--help")
	if got.code != exitDone || strings.Contains(got.stdout, "000042") || json.Valid([]byte(got.stdout)) {
		t.Errorf("%+v", got)
	}
}
