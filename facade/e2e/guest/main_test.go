//go:build e2e

package guest

import (
	"context"
	"flag"
	"fmt"
	"os"
	"testing"
	"time"

	"github.com/gobluez/bluez/facade/e2e/checks"
	"github.com/gobluez/bluez/facade/e2e/world"
)

var experimental = flag.Bool("experimental", false, "run bluetoothd --experimental, and an agent")

// bluetooth is the world that all tests share. They run one at a time.
var bluetooth *world.World

func TestMain(m *testing.M) {
	flag.Parse()
	os.Exit(run(m))
}

func run(m *testing.M) int {
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	defer cancel()
	var err error
	bluetooth, err = world.Start(ctx, world.Options{Experimental: *experimental, Example: true, Own: true})
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	code := m.Run()
	if err := bluetooth.Close(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return code
}

// TestChecks is what package e2e shows as if its subtests were tests of their own.
func TestChecks(t *testing.T) { checks.Run(t, bluetooth) }
