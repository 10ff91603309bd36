package main

import (
	"maps"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gobluez/bluez/facade/bluetest"
)

func TestMistakesInFlagsOfAdvertiseAreSaid(t *testing.T) {
	noBus(t)
	tests := []struct{ args, want string }{
		{"--service|xyz", `invalid argument "xyz" for "--service" flag: must be a UUID`},
		{"--manufacturer|4c", `invalid argument "4c" for "--manufacturer" flag: must be a company and its data in hex, such as 0x004c=0215`},
		{"--manufacturer|10000=01", `invalid argument "10000=01" for "--manufacturer" flag: must be a company`},
		{"--manufacturer|4c=0", `invalid argument "4c=0" for "--manufacturer" flag: value "0" is not hex`},
		{"--manufacturer|4c=01|--manufacturer|0x4C=02", `invalid argument "0x4C=02" for "--manufacturer" flag: 0x4C is there twice`},
		{"--service-data|180f", `invalid argument "180f" for "--service-data" flag: must be a service and its data in hex, such as 180f=64`},
		{"--data|100=01", `invalid argument "100=01" for "--data" flag: must be a type`},
		{"--appearance|0x10000", `invalid argument "0x10000" for "--appearance" flag: must be a number from 1 to 0xffff`},
		{"--include|name", `invalid argument "name" for "--include" flag: must be one of [tx-power appearance local-name rsi]`},
		{"--channel|3M", `invalid argument "3M" for "--channel" flag: must be 1M, 2M or Coded`},
		{"--tx-power|loud", `invalid argument "loud" for "--tx-power" flag: must be a whole number of dBm, such as -8`},
		{"--interval|0", `invalid argument "0" for "--interval" flag: must be more than 0`},
		{"--turn|soon", `invalid argument "soon" for "--turn" flag: must be a span of time`},
		{"--turn|500ms", `invalid argument "500ms" for "--turn" flag: must be whole seconds, 65535 at most`},
		{"--discoverable-timeout|70000", `invalid argument "70000" for "--discoverable-timeout" flag: must be whole seconds, 65535 at most`},
		{"--manufacturer|4c=zz", `invalid argument "4c=zz" for "--manufacturer" flag: value "zz" is not hex: "zz" is not a byte` + "\n"},
		{"hci0", `advertise: argument "hci0" is one too many`},
	}
	for _, test := range tests {
		got := runTool(t.Context(), append([]string{"advertise"}, strings.Split(test.args, "|")...)...)
		if got.code != exitUsage || got.stdout != "" || !strings.HasPrefix(got.stderr, "ble: "+test.want) || strings.Count(got.stderr, "\n") != 1 {
			t.Errorf("%s: exit code %d, error %q, output %q, want %q", test.args, got.code, got.stderr, got.stdout, test.want)
		}
	}
}

func TestAdvertiseTakesEveryFlag(t *testing.T) {
	noBus(t)
	got := runTool(t.Context(), strings.Split("advertise|--name|x|--service|180d|--service|180f|--solicit|1805|--manufacturer|0x4c=0215|--service-data|180f=64|"+
		"--data|24=1761|--appearance|0x340|--include|tx-power|--include|rsi|--response-service|1800|--response-solicit|1801|--response-manufacturer|ffff=00|"+
		"--response-service-data|1801=00|--response-data|0x25=00|--discoverable|--discoverable-timeout|3|--interval|100ms|--max-interval|1|--channel|coded|--tx-power|-8|"+
		"--turn|2s|--duration|1m|--adapter|hci1|--json", "|")...)
	if got.code != exitUnavailable {
		t.Errorf("exit code %d, error %q", got.code, got.stderr)
	}
}

// twoAdapters points the tool to a world in which hci1 can be the peripheral of hci0.
func twoAdapters(t *testing.T) *bluetest.World {
	t.Helper()
	world := bluetest.Start(t, bluetest.AdapterConfig{Alias: "kitchen"}, bluetest.AdapterConfig{Alias: "garage"}, bluetest.Delays{Disconnect: bluetest.None, Advertising: 10 * time.Millisecond})
	t.Setenv("DBUS_SYSTEM_BUS_ADDRESS", world.Address())
	return world
}

func TestAdvertiseIsHeardByTheOtherAdapter(t *testing.T) {
	twoAdapters(t)
	p := startTool(t, "advertise", "--adapter", "hci1", "--name", "Lamp", "--service", "180d", "--manufacturer", "0xffff=0102", "--service-data", "180f=64", "--discoverable")
	p.wantLine(t, "hci1  00:AA:01:00:00:01  advertising  Lamp")
	object := oneObject(t, runUntilOutput(t, "scan", "--json", "--adapter", "hci0", "--name", "Lamp"))
	if object["address"] != "00:AA:01:00:00:01" || !slices.Contains(object["service_uuids"].([]any), any("0000180d-0000-1000-8000-00805f9b34fb")) ||
		object["manufacturer_data"].(map[string]any)["0xffff"] != "0102" || len(object["service_data"].(map[string]any)) != 1 {
		t.Errorf("the other adapter hears %v", object)
	}
	p.signal(t, os.Interrupt)
	p.wantExit(t, exitDone, "")
}

func TestAdvertiseEndsAfterItsDuration(t *testing.T) {
	twoAdapters(t)
	object := oneObject(t, runTool(t.Context(), "advertise", "--json", "--duration", "0.05", "--adapter", "hci1"))
	want := []string{"adapter", "address", "event", "name", "time"}
	if keys := slices.Sorted(maps.Keys(object)); !slices.Equal(keys, want) || object["event"] != "advertising" {
		t.Errorf("it prints %v", object)
	}
}

func TestWhatCannotBeAdvertisedIsUsage(t *testing.T) {
	twoAdapters(t)
	tests := []struct {
		args, want string
		code       int
	}{
		{"--broadcast --discoverable", "a broadcast is neither discoverable nor hidden", exitUsage},
		{"--discoverable --hidden --interval 1ms", "minimum interval 1ms is not in 20ms", exitUsage},
		{"--manufacturer ffff=" + strings.Repeat("00", 40), "advertising data of 44 bytes is too long", exitUsage},
		{"--tx-power 4", "the adapter cannot set the TX power", exitUsage},
		{"--adapter hci7", "hci7", exitUnavailable},
	}
	for _, test := range tests {
		got := runTool(t.Context(), append([]string{"advertise"}, strings.Fields(test.args)...)...)
		if got.code != test.code || got.stdout != "" || !strings.Contains(got.stderr, test.want) || strings.Count(got.stderr, "\n") != 1 {
			t.Errorf("%s: exit code %d, error %q, output %q, want %d and %q", test.args, got.code, got.stderr, got.stdout, test.code, test.want)
		}
	}
}
