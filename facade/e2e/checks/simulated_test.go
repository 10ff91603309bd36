package checks_test

import (
	"context"
	"fmt"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/godbus/dbus/v5"
	"go.uber.org/goleak"

	"github.com/gobluez/bluez/bluezgen"
	"github.com/gobluez/bluez/facade"
	"github.com/gobluez/bluez/facade/bluetest"
	"github.com/gobluez/bluez/facade/e2e/checks"
	"github.com/gobluez/bluez/facade/e2e/own"
	"github.com/gobluez/bluez/facade/e2e/world"
	"github.com/gobluez/bluez/facade/peripheral"
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
	resumed      chan struct{} // has a token when our own peripheral is back
}

func simulate(t *testing.T, experimental bool) checks.World {
	t.Helper()
	t.Parallel() // the worlds know nothing of each other
	ble := filepath.Join(t.TempDir(), "ble")
	if out, err := exec.Command("go", "build", "-o", ble, "github.com/gobluez/bluez/facade/cmd/ble").CombinedOutput(); err != nil {
		t.Fatalf("build the command ble: %v: %s", err, out)
	}
	// What was written without response still gets out while BlueZ waits before it ends a link.
	delays := bluetest.Delays{Disconnect: 50 * time.Millisecond, DiscoveryPause: bluetest.None, Advertising: interval}
	options := []bluetest.Option{exampleTwin(), delays}
	for _, c := range world.Controllers() {
		adapter := bluetest.AdapterConfig{Name: c.Name, Address: c.Address, ExtendedAdvertising: true}
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
	s := &simulated{bluetest.Start(t, options...), experimental, ble, make(chan struct{}, 1)}
	s.startOwn(t)
	return s
}

// startOwn starts our own peripheral, until the test ends.
func (s *simulated) startOwn(t *testing.T) {
	t.Helper()
	central, err := facade.Open(t.Context(), facade.Options{Bus: s.Address()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { central.Close() })
	if s.experimental {
		if err := central.SetAgent(t.Context(), own.Agent()); err != nil {
			t.Fatal(err)
		}
	}
	p, err := own.Start(t.Context(), own.Options{Central: central, Adapter: world.Own().Name, Event: func(e peripheral.Event) {
		if e.Kind == peripheral.Resumed {
			s.resumed <- struct{}{}
		}
	}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { p.Close() })
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
	if err := s.StartBluetoothd(ctx); err != nil {
		return err
	}
	select {
	case <-s.resumed:
	case <-ctx.Done():
		return fmt.Errorf("our own peripheral does not come back: %w", ctx.Err())
	}
	bus, err := dbus.Connect(s.Address())
	if err != nil {
		return err
	}
	defer bus.Close()
	return world.Await(ctx, bus, "our own advertisement", func(all world.Objects) bool {
		return all[world.Own().Path()][bluezgen.LEAdvertisingManager1Interface]["ActiveInstances"].Value() == byte(1)
	})
}
