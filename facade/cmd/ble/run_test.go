package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/gobluez/bluez/facade"
)

// result is what a command line did.
type result struct {
	code           int
	stdout, stderr string
}

func runTool(ctx context.Context, args ...string) result {
	var stdout, stderr bytes.Buffer
	code := run(ctx, args, strings.NewReader(""), &stdout, &stderr)
	return result{code, stdout.String(), stderr.String()}
}

// noBus points the tool to a D-Bus that does not exist, so that who gets as far as Bluetooth fails with exit code 3.
func noBus(t *testing.T) {
	t.Helper()
	t.Setenv("DBUS_SYSTEM_BUS_ADDRESS", "unix:path="+t.TempDir()+"/none")
}

const peer = "C0:FF:EE:00:00:01"

func TestMistakesAreFoundBeforeBluetoothIsTouched(t *testing.T) {
	noBus(t)
	tests := []struct {
		args string // separated by |
		want string
	}{
		{"", "no command given: ble --help lists them"},
		{"scna", `unknown command "scna": did you mean scan?`},
		{"help|nosuch", `unknown command "nosuch": ble --help lists them`},
		{"help|scna", `unknown command "scna": did you mean scan?`},
		{"help|scan|nosuch", `help: argument "nosuch" is one too many: ble help [command]`},
		{"help|completion|nosuch", `unknown command "nosuch": ble completion --help lists them`},
		{"completion", "no command given: ble completion --help lists them"},
		{"completion|nosuch", `unknown command "nosuch": ble completion --help lists them`},
		{"completion|powershall", `unknown command "powershall": did you mean powershell?`},
		{"completion|bash|nosuch", `unknown command "nosuch" for "ble completion bash"`},
		{"frobnicate|--duration|5", `unknown command "frobnicate": ble --help lists them`},
		{"--frobnicate", "unknown flag: --frobnicate"},
		{"scan|--frobnicate", "unknown flag: --frobnicate"},
		{"scan|nonsense", `scan: argument "nonsense" is one too many: ble scan [--duration D] [--service UUID]... [--name N] [--adapter hciN]`},
		{"scan|--duration|soon", `invalid argument "soon" for "--duration" flag: must be a span of time, such as 10s, 1m30s or 500ms`},
		{"scan|--duration|-5s", `invalid argument "-5s" for "--duration" flag: must be more than 0`},
		{"scan|--duration", "flag needs an argument: --duration"},
		{"scan|--timeout|0", `invalid argument "0" for "--timeout" flag: must be more than 0`},
		{"scan|--timeout|1e400", `invalid argument "1e400" for "--timeout" flag: must be a span`},
		{"scan|--adapter|bluetooth", `invalid argument "bluetooth" for "--adapter" flag: must be hci and a number, such as hci0`},
		{"scan|--service|18zz", `invalid argument "18zz" for "--service" flag: must be a UUID`},
		{"scan|--json=perhaps", `invalid argument "perhaps" for "--json" flag`},
		{"adapters|hci0", `adapters: argument "hci0" is one too many: ble adapters`},
		{"inspect", "inspect: DEVICE is missing: ble inspect DEVICE"},
		{"inspect|", "DEVICE is empty"},
		{"inspect|C0:FF:EE:00:00", `DEVICE "C0:FF:EE:00:00" is not an address: want six pairs of hex digits`},
		{"inspect|C0:FF:EE:00:00:0G", `DEVICE "C0:FF:EE:00:00:0G" is not an address`},
		{"inspect|00:00:00:00:00:00", `DEVICE "00:00:00:00:00:00" is nobody's address`},
		{"read|" + peer, "read: CHARACTERISTIC is missing: ble read DEVICE CHARACTERISTIC"},
		{"read|" + peer + "|2a3", `CHARACTERISTIC "2a3" is neither a UUID (2a37, 0x2a37, or 8 or 32 digits) nor a handle (handle:0010)`},
		{"read|" + peer + "|handle:16", `CHARACTERISTIC "handle:16" is not a handle: want 4 hex digits`},
		{"read|" + peer + "|handle:00010", `CHARACTERISTIC "handle:00010" is not a handle`},
		{"read|" + peer + "|handle:0000", `CHARACTERISTIC "handle:0000" is not a handle`},
		{"read|" + peer + "|2a19|--format|u64", `invalid argument "u64" for "--format" flag: must be one of hex, utf8, u8`},
		{"read|" + peer + "|2a19|extra", `read: argument "extra" is one too many`},
		{"write|" + peer + "|2a39", "write: VALUE is missing: ble write DEVICE CHARACTERISTIC VALUE"},
		{"write|" + peer + "|2a39|xyz", `value "xyz" is not hex`},
		{"write|" + peer + "|2a39|300|--format|u8", `value "300" does not fit u8 (0 to 255)`},
		{"write|" + peer + "|2a39|-129|--format|i8", `value "-129" does not fit i8`},
		{"write|" + peer + "|2a39|--|-x", `value "-x" is not hex`},
		{"write|" + peer + "|2a39|" + strings.Repeat("00", 513), "value of 513 bytes is too long: a characteristic holds 512 at most"},
		{"write|--|" + peer + "|2a39", "write: VALUE is missing"},
		{"notify|" + peer + "|2a37|--count|0", `invalid argument "0" for "--count" flag: must be a whole number, 1 or more`},
		{"notify|" + peer + "|2a37|--count|-3", `invalid argument "-3" for "--count" flag: must be a whole number`},
		{"notify|" + peer + "|zzzz", `CHARACTERISTIC "zzzz" is neither`},
		{"notify|a\nb:c:d", "notify: CHARACTERISTIC is missing"},
		{"read|x|a\nb", `CHARACTERISTIC "a\nb" is neither`},
	}
	for _, test := range tests {
		var args []string
		if test.args != "" {
			args = strings.Split(test.args, "|")
		}
		got := runTool(t.Context(), args...)
		if got.code != exitUsage || got.stdout != "" {
			t.Errorf("%q: exit code %d, output %q, want %d and none", args, got.code, got.stdout, exitUsage)
		}
		if !strings.HasPrefix(got.stderr, "ble: "+test.want) || strings.Count(got.stderr, "\n") != 1 {
			t.Errorf("%q: error %q, want one line that begins with %q", args, got.stderr, "ble: "+test.want)
		}
	}
}

// Each of these gets as far as Bluetooth: all its arguments were accepted, wherever the flags stand.
func TestFlagsStandBeforeOrAfterArguments(t *testing.T) {
	noBus(t)
	tests := []string{
		"adapters",
		"--json|adapters|--verbose",
		"scan",
		"scan|--duration|5|--service|180d|--service|0x180F|--name|Heart Rate|--adapter|hci0",
		"--adapter|hci0|--timeout|1m30s|--json|--verbose|scan|--duration=0.5",
		"scan|--adapter|hci12|--timeout|500ms|--json|--verbose",
		"inspect|" + peer,
		"inspect|c0:ff:ee:00:00:01|--json",
		"inspect|Heart: Rate",
		"--json|inspect|--timeout|5|Heart Rate|--adapter=hci1",
		"read|" + peer + "|2a19",
		"read|--format|u8|" + peer + "|0x2A19|--json",
		"--timeout=3s|read|" + peer + "|--format=f32|00002a19",
		"read|" + peer + "|00002a19-0000-1000-8000-00805f9b34fb",
		"read|" + peer + "|handle:0010|--adapter|hci0",
		"read|" + peer + "|HANDLE:0x00AB",
		"write|" + peer + "|2a39|01",
		"write|" + peer + "|2a39|",
		"write|--no-response|" + peer + "|2a39|0102|--timeout|5",
		"write|" + peer + "|2a39|-5|--format|i8",
		"write|--format|i8|" + peer + "|2a39|-5",
		"write|" + peer + "|--format=f32|2a39|-.5|--json",
		"--adapter|hci0|write|" + peer + "|2a39|-5 -6|--format|i16|--no-response",
		"write|--format|i8|--|" + peer + "|2a39|-5",
		"write|" + peer + "|2a39|--format|utf8|--|--hello--",
		"notify|" + peer + "|2a37",
		"notify|--count|3|" + peer + "|2a37|--duration|10|--format|u16|--json",
	}
	for _, test := range tests {
		got := runTool(t.Context(), strings.Split(test, "|")...)
		if got.code != exitUnavailable {
			t.Errorf("%s: exit code %d, error %q, want %d", test, got.code, got.stderr, exitUnavailable)
		}
	}
}

func TestNegativeNumbersAreArguments(t *testing.T) {
	tests := []struct{ args, want string }{
		{"write D C 5", "write D C 5"},
		{"write D C -5", "write -- D C -5"},
		{"write D C -.5 --format f32", "write --format f32 -- D C -.5"},
		{"--json write --format i8 D C -5 --timeout 3", "write --json --format i8 --timeout 3 -- D C -5"},
		{"write D C -5 -- --x", "write -- D C -5 --x"},
		{"write D C -- -5", "write D C -- -5"},
		{"write D C -x", "write D C -x"},
		{"write D C -", "write D C -"},
		{"notify D C --count -3", "notify D C --count -3"},
		{"notify D C --count=-3 -4", "notify --count=-3 -- D C -4"},
		{"-5 -6", "-5 -6"},
	}
	for _, test := range tests {
		got := strings.Join(negativesAsArguments(new(tool).rootCommand(), strings.Fields(test.args)), " ")
		if got != test.want {
			t.Errorf("%s becomes %q, want %q", test.args, got, test.want)
		}
	}
}

func TestHelpVersionAndCompletionNeedNoBluetooth(t *testing.T) {
	noBus(t)
	tests := []struct {
		args string
		want []string
	}{
		{"--help", []string{"DEVICE is an address", "handle:0010", "Exit codes:", "BLUEZ_DEBUG=frames", "adapters ", "completion "}},
		{"help", []string{"Exit codes:"}},
		{"-h", []string{"Exit codes:"}},
		{"--version", []string{"ble ", "linux/"}},
		{"scan --help", []string{"ble scan [--duration D] [--service UUID]... [--name N] [--adapter hciN]", "--json", "--verbose", "--timeout D"}},
		{"help inspect", []string{"ble inspect DEVICE"}},
		{"read --help", []string{"ble read DEVICE CHARACTERISTIC", "hex|utf8|u8|u16|u32|i8|i16|i32|f32"}},
		{"write --help", []string{"ble write DEVICE CHARACTERISTIC VALUE [--format F] [--no-response]", "put -- before"}},
		{"notify --help", []string{"ble notify DEVICE CHARACTERISTIC [--format F] [--count N] [--duration D]"}},
		{"help help", []string{"ble help [command]"}},
		{"help completion zsh", []string{"ble completion zsh"}},
		{"completion --help", []string{"powershell"}},
		{"completion bash", []string{"__start_ble"}},
		{"__complete help sc", []string{"scan\t"}},
		{"__complete completion b", []string{"bash\t"}},
		{"__complete read X Y --format i", []string{"i8", "i16", "i32"}},
		{"__complete re", []string{"read\tRead the value of a characteristic"}},
	}
	for _, test := range tests {
		got := runTool(t.Context(), strings.Fields(test.args)...)
		if got.code != exitDone {
			t.Errorf("%s: exit code %d, error %q", test.args, got.code, got.stderr)
		}
		for _, want := range test.want {
			if !strings.Contains(got.stdout, want) {
				t.Errorf("%s does not say %q:\n%s", test.args, want, got.stdout)
			}
		}
	}
}

func TestEveryCommandHasTheCommonFlags(t *testing.T) {
	root := new(tool).rootCommand()
	var names []string
	for _, cmd := range root.Commands() {
		names = append(names, cmd.Name())
		for _, flag := range []string{"adapter", "timeout", "json", "verbose"} {
			if cmd.InheritedFlags().Lookup(flag) == nil {
				t.Errorf("%s has no flag --%s", cmd.Name(), flag)
			}
		}
	}
	if want := []string{"adapters", "advertise", "devices", "forget", "inspect", "monitor", "notify", "pair", "read", "scan", "serve", "sim", "write"}; !slices.Equal(names, want) {
		t.Errorf("commands are %q, want %q", names, want)
	}
}

func TestErrorsHaveExitCodes(t *testing.T) {
	interrupted, cancel := context.WithCancel(t.Context())
	cancel()
	op := func(err error) error { return &facade.Error{Op: "read", Target: "2a19", Err: err} }
	tests := []struct {
		name    string
		ctx     context.Context
		err     error
		code    int
		message string
	}{
		{"success", t.Context(), nil, 0, ""},
		{"interrupted success", interrupted, nil, 0, ""},
		{"anything else", t.Context(), op(errors.New("out\tof order")), 1, `read 2a19: out\tof order`},
		{"several errors", t.Context(), op(errors.Join(errors.New("out of order"), errors.New("on strike"))), 1, "read 2a19: out of order; on strike"},
		{"ATT error", t.Context(), op(facade.ATTReadNotPermitted), 1, "read 2a19: ATT error 0x02: read not permitted"},
		{"what the device cannot do", t.Context(), op(errors.ErrUnsupported), 1, "read 2a19: unsupported operation"},
		{"disconnected", t.Context(), op(facade.ErrDisconnected), 1, "read 2a19: disconnected"},
		{"usage", t.Context(), usageError{errors.New("bad flag")}, 2, "bad flag"},
		{"usage before interruption", interrupted, usageError{errors.New("bad flag")}, 2, "bad flag"},
		{"no bus", t.Context(), op(facade.ErrNoBus), 3, "read 2a19: no connection to the D-Bus"},
		{"no BlueZ", t.Context(), op(facade.ErrNoBlueZ), 3, "read 2a19: BlueZ is not on the bus"},
		{"no adapter", t.Context(), op(facade.ErrNoAdapter), 3, "read 2a19: no Bluetooth adapter"},
		{"adapter off", t.Context(), op(facade.ErrAdapterOff), 3, "read 2a19: the Bluetooth adapter is off"},
		{"not Linux", t.Context(), errNotHere, 3, "no Bluetooth on this system: ble needs Linux with BlueZ"},
		{"not found", t.Context(), op(facade.ErrNotFound), 4, "read 2a19: not found"},
		{"not found in time", t.Context(), fmt.Errorf("%w: %w", facade.ErrNotFound, context.DeadlineExceeded), 4, "not found: no answer in time"},
		{"ambiguous", t.Context(), op(facade.ErrAmbiguous), 4, "read 2a19: ambiguous"},
		{"timeout", t.Context(), op(context.DeadlineExceeded), 5, "read 2a19: no answer in time (--timeout waits longer)"},
		{"interrupted", interrupted, op(context.Canceled), 130, ""},
		{"interrupted in its own way", interrupted, op(errors.New("aborted")), 130, ""},
		{"reader has left", t.Context(), fmt.Errorf("write: %w", syscall.EPIPE), 0, ""},
	}
	for _, test := range tests {
		code := exitCode(test.ctx, test.err)
		message := complaint(code, test.err)
		if code != test.code || !strings.HasPrefix(message, test.message) || (test.message == "") != (message == "") {
			t.Errorf("%s: exit code %d, message %q, want %d, %q", test.name, code, message, test.code, test.message)
		}
	}
}
