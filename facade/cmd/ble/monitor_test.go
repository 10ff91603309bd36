package main

import (
	"context"
	"encoding/json"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/gobluez/bluez/bluezgen"
	"github.com/gobluez/bluez/facade"
	"github.com/gobluez/bluez/gen/bus"
)

// clock is what a line begins with.
var clock = regexp.MustCompile(`^\d\d:\d\d:\d\d\.\d{3}  `)

// wantEvent waits until a monitor prints a line.
func (p *process) wantEvent(t *testing.T, want string) {
	t.Helper()
	late := time.AfterFunc(20*time.Second, func() { _ = p.Process.Kill() })
	defer late.Stop()
	var others []string
	for {
		line, err := p.output.ReadString('\n')
		if err != nil {
			t.Fatalf("no line %q but %q; error %q", want, others, p.stderr.String())
		}
		text := clock.ReplaceAllString(line, "")
		if text == line {
			t.Fatalf("%q has no time", line)
		}
		if text = strings.TrimSuffix(text, "\n"); text == want {
			return
		}
		others = append(others, text)
	}
}

func TestMonitorPrintsWhatHappens(t *testing.T) {
	world := startBlueZ(t)
	p := startTool(t, "monitor", "--rssi")
	const adapter, device = "hci0   00:AA:01:00:00:00  ", "hci0   C0:FF:EE:00:00:01  "
	p.wantEvent(t, adapter+"added         kitchen")
	if got := runTool(t.Context(), "inspect", peer); got.code != exitDone {
		t.Fatalf("inspect: exit code %d, %s", got.code, got.stderr)
	}
	p.wantEvent(t, device+"added         Heart Rate, -61 dBm")
	p.wantEvent(t, device+"connected     Heart Rate, connected")
	p.wantEvent(t, device+"disconnected  Heart Rate")
	world.Adapter("hci0").Power(false)
	p.wantEvent(t, adapter+"powered off   kitchen")
	if err := world.RestartBluetoothd(t.Context()); err != nil {
		t.Fatal(err)
	}
	p.wantEvent(t, device+"removed       Heart Rate")
	p.wantEvent(t, adapter+"added         kitchen")
	p.signal(t, os.Interrupt)
	p.wantExit(t, exitDone, "")
}

func TestMonitorPrintsJSON(t *testing.T) {
	world := startBlueZ(t)
	conn, err := bus.Dial(t.Context(), world.Address(), bus.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if err := bluezgen.NewAdapter1(conn, "/org/bluez/hci0").StartDiscovery(t.Context()); err != nil {
		t.Fatal(err)
	}
	p := startTool(t, "monitor", "--json", "--adapter", "hci0")
	seen := map[string]bool{}
	for !seen["adapter"] || !seen["device"] {
		line, err := p.output.ReadString('\n')
		if err != nil {
			t.Fatalf("%v; error %q", err, p.stderr.String())
		}
		var event struct {
			Time, Event string
			Adapter     *facade.Adapter
			Device      *struct{ Address, Alias string }
		}
		if err := json.Unmarshal([]byte(line), &event); err != nil {
			t.Fatalf("%v: %s", err, line)
		}
		switch {
		case event.Adapter != nil:
			seen["adapter"] = event.Event == "added" && event.Adapter.Name == "hci0" && event.Time != ""
		case event.Device != nil:
			seen["device"] = event.Event == "added" && event.Device.Address == peer && event.Device.Alias == "Heart Rate"
		}
	}
	p.signal(t, os.Interrupt)
	p.wantExit(t, exitDone, "")
}

func TestMonitorOfAnotherAdapterIsSilent(t *testing.T) {
	startBlueZ(t)
	if got := runTool(t.Context(), "monitor", "--adapter", "hci7", "--duration", "100ms"); got.code != exitDone || got.stdout != "" || got.stderr != "" {
		t.Errorf("exit code %d, output %q, error %q", got.code, got.stdout, got.stderr)
	}
}

func TestMonitorEndsBadlyWithoutBlueZAndWhenItCannotPrint(t *testing.T) {
	noBlueZ(t)
	if got := runTool(t.Context(), "monitor"); got.code != exitUnavailable || !strings.Contains(got.stderr, "systemctl start bluetooth") {
		t.Errorf("exit code %d, error %q", got.code, got.stderr)
	}
	startBlueZ(t)
	if code := run(context.Background(), []string{"monitor"}, strings.NewReader(""), brokenPipe{}, &strings.Builder{}); code != exitFailed {
		t.Errorf("exit code %d where nothing can be printed", code)
	}
}

// A brokenPipe cannot be written to.
type brokenPipe struct{}

func (brokenPipe) Write([]byte) (int, error) { return 0, os.ErrClosed }
