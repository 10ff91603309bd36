//go:build linux

package world

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"github.com/godbus/dbus/v5"

	"github.com/gobluez/bluez/bluezgen"
	"github.com/gobluez/bluez/facade/e2e/vm"
	"github.com/gobluez/bluez/gen/bus"
)

// Options says what a world has. The zero Options are bluetoothd as it comes, without peripherals.
type Options struct {
	Experimental bool // run bluetoothd with --experimental, and register an agent if Own is there
	Example      bool // BlueZ's example peripheral
	Own          bool // our own peripheral
}

// World is a set of running daemons. Its methods are not safe for concurrent use.
type World struct {
	options    Options
	bus        *dbus.Conn
	dbusDaemon *process
	btvirt     *process
	btmon      *process // with BTMON in the environment
	bluetoothd *process
	gattServer *process // example-gatt-server
	advertiser *process // example-advertisement
	own        *process
}

// outDir is where the guest's files are collected from.
const outDir = "/out"

// Start starts the daemons and peripherals, and returns when all controllers are powered and all
// peripherals are registered. Each daemon writes a log to /out.
func Start(ctx context.Context, o Options) (*World, error) {
	if os.Getenv(vm.InsideEnv) == "" {
		return nil, errors.New("this runs inside of the VM only: make test-bluez boots it")
	}
	w := &World{options: o}
	if err := w.start(ctx); err != nil {
		return nil, errors.Join(err, w.Close())
	}
	return w, nil
}

func (w *World) start(ctx context.Context) (err error) {
	// The address, printed once the daemon listens, is awaited.
	w.dbusDaemon, err = launch(ctx, "dbus-daemon", "unix:", "dbus-daemon", "--system", "--nofork", "--nopidfile", "--print-address")
	if err != nil {
		return err
	}
	if w.bus, err = dbus.ConnectSystemBus(); err != nil {
		return err
	}
	if os.Getenv("BTMON") != "" {
		if w.btmon, err = launch(ctx, "btmon", "", "btmon", "--write", outDir+"/btsnoop"); err != nil {
			return err
		}
	}
	if w.btvirt, err = launch(ctx, "btvirt", "", "btvirt", fmt.Sprintf("-l%d", len(Controllers()))); err != nil {
		return err
	}
	return w.startBlueZ(ctx)
}

func (w *World) startBlueZ(ctx context.Context) (err error) {
	args := []string{"/usr/libexec/bluetooth/bluetoothd", "--nodetach", "--debug"}
	if w.options.Experimental {
		args = append(args, "--experimental")
	}
	if w.bluetoothd, err = launch(ctx, "bluetoothd", "", args...); err != nil {
		return err
	}
	if err := w.powered(ctx); err != nil {
		return err
	}
	if err := w.name(ctx); err != nil {
		return err
	}
	return w.startPeripherals(ctx)
}

func (w *World) startPeripherals(ctx context.Context) (err error) {
	if w.options.Example {
		if w.gattServer, err = example(ctx, "example-gatt-server", "GATT application registered"); err != nil {
			return err
		}
		if err := w.Advertise(ctx); err != nil {
			return err
		}
	}
	if w.options.Own && w.own == nil {
		args := []string{"peripheral", "-adapter", Own().Name}
		if w.options.Experimental {
			args = append(args, "-agent")
		}
		if w.own, err = launch(ctx, "peripheral", "registered", args...); err != nil {
			return err
		}
	}
	return nil
}

// example launches one of BlueZ's example scripts.
func example(ctx context.Context, script, ready string) (*process, error) {
	return launch(ctx, script, ready, "python3", "-u", examplesDir+"/run.py", string(Example().Path()), examplesDir+"/"+script)
}

// Advertise starts BlueZ's example advertisement, as Start does.
func (w *World) Advertise(ctx context.Context) (err error) {
	w.advertiser, err = example(ctx, "example-advertisement", "Advertisement registered")
	return err
}

// Silence ends BlueZ's example advertisement and returns when its controller has none any more.
func (w *World) Silence(ctx context.Context) error {
	if err := w.advertiser.Kill(); err != nil {
		return err
	}
	w.advertiser = nil
	return w.advertises(ctx, Example(), false)
}

const examplesDir = "/usr/share/bluez-examples"

// Restart ends bluetoothd, by a crash or as an administrator does, starts it anew, and returns when the peripherals are back: those
// of BlueZ are started anew, ours has to come by itself.
func (w *World) Restart(ctx context.Context, crash bool) error {
	signal := syscall.SIGTERM
	if crash {
		signal = syscall.SIGKILL
	}
	resumed := w.own.says("resumed")
	if err := w.bluetoothd.Stop(ctx, signal); err != nil {
		return err
	}
	if err := w.stopExample(); err != nil {
		return err
	}
	if err := w.startBlueZ(ctx); err != nil {
		return err
	}
	select {
	case <-resumed:
	case <-ctx.Done():
		return fmt.Errorf("our peripheral does not come back: %w", ctx.Err())
	}
	return w.advertises(ctx, Own(), w.options.Own)
}

// advertises waits until a controller advertises, or does not.
func (w *World) advertises(ctx context.Context, c Controller, want bool) error {
	return Await(ctx, w.bus, "the advertisement of "+c.Name, func(all Objects) bool {
		active, ok := all[c.Path()][bluezgen.LEAdvertisingManager1Interface]["ActiveInstances"].Value().(byte)
		return ok && (active > 0) == want
	})
}

func (w *World) stopExample() error {
	err := errors.Join(w.advertiser.Kill(), w.gattServer.Kill())
	w.advertiser, w.gattServer = nil, nil
	return err
}

func (w *World) stopPeripherals() error {
	err := errors.Join(w.stopExample(), w.own.Kill())
	w.own = nil
	return err
}

// Address returns the address of the world's bus.
func (w *World) Address() string { return bus.SystemBusAddress() }

// Experimental reports whether bluetoothd runs with --experimental.
func (w *World) Experimental() bool { return w.options.Experimental }

// BLE returns the command ble, which is in the guest's PATH.
func (w *World) BLE() string { return "ble" }

// Round returns a time in which each peripheral is heard.
func (w *World) Round() time.Duration { return 5 * time.Second }

// Patience bounds what is done in the world.
func (w *World) Patience() time.Duration { return 2 * time.Minute }

// Bus returns a connection to the world's bus, which is closed with the world.
func (w *World) Bus() *dbus.Conn { return w.bus }

// Close ends all that Start started.
func (w *World) Close() error {
	errs := []error{w.stopPeripherals(), w.bluetoothd.Kill(), w.btvirt.Kill(), w.btmon.Kill()}
	if w.bus != nil {
		errs = append(errs, w.bus.Close())
	}
	return errors.Join(append(errs, w.dbusDaemon.Kill())...)
}

// logFile returns where the log of a process goes. A process that is started again goes on in the same log.
func logFile(name string) string { return filepath.Join(outDir, name+".log") }
