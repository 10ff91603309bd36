package checks_test

import (
	"context"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/gobluez/bluez/facade/bluetest"
	"github.com/gobluez/bluez/facade/e2e/checks"
	"github.com/gobluez/bluez/facade/e2e/world"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// TestNormal runs the checks against a simulated bluetoothd as it comes.
func TestNormal(t *testing.T) { checks.Run(t, simulate(t, false)) }

// TestExperimental runs them against a simulated bluetoothd --experimental.
func TestExperimental(t *testing.T) { checks.Run(t, simulate(t, true)) }

// simulated is the world of package bluetest.
type simulated struct {
	*bluetest.World
	experimental bool
	ble          string
}

func simulate(t *testing.T, experimental bool) checks.World {
	t.Helper()
	t.Parallel() // the worlds know nothing of each other
	ble := filepath.Join(t.TempDir(), "ble")
	if out, err := exec.Command("go", "build", "-o", ble, "github.com/gobluez/bluez/facade/cmd/ble").CombinedOutput(); err != nil {
		t.Fatalf("build the command ble: %v: %s", err, out)
	}
	// What was written without response still gets out while BlueZ waits before it ends a link.
	delays := bluetest.Delays{Disconnect: 50 * time.Millisecond, DiscoveryPause: bluetest.None}
	options := []bluetest.Option{exampleTwin(), ownTwin(), delays}
	for _, c := range world.Controllers() {
		adapter := bluetest.AdapterConfig{Name: c.Name, Address: c.Address}
		switch c {
		case world.Example():
			adapter.Alias = world.ExampleName
		case world.Own():
			adapter.Alias = world.OwnName
		}
		options = append(options, adapter)
	}
	if experimental {
		options = append(options, bluetest.Experimental())
	}
	return &simulated{bluetest.Start(t, options...), experimental, ble}
}

func (s *simulated) Experimental() bool { return s.experimental }

func (s *simulated) BLE() string { return s.ble }

func (s *simulated) Round() time.Duration { return 500 * time.Millisecond }

func (s *simulated) Patience() time.Duration { return 20 * time.Second }

func (s *simulated) Silence(context.Context) error {
	s.Peripheral(world.Example().Address).Vanish()
	return nil
}

func (s *simulated) Advertise(context.Context) error {
	s.Peripheral(world.Example().Address).Appear()
	return nil
}

// Crowd has nothing to do: any number of connections work.
func (s *simulated) Crowd(context.Context) (func(context.Context) error, error) {
	return func(context.Context) error { return nil }, nil
}

func (s *simulated) Restart(ctx context.Context, crash bool) error {
	if crash {
		s.CrashBluetoothd()
	} else {
		s.StopBluetoothd()
	}
	return s.StartBluetoothd(ctx)
}
