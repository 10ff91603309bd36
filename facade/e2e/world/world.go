//go:build linux

// Package world is the Bluetooth world inside the VM: emulated controllers that hear each other, one
// bluetoothd that drives them, a peripheral on two of them and one for the central under test.
//
// It runs only in the guest that package vm boots. To judge the library it uses none of it: what it
// needs from the bus it asks through godbus; only BlueZ's names come from the generated package.
package world

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"syscall"

	"github.com/godbus/dbus/v5"

	"github.com/gobluez/bluez/bluezgen"
	"github.com/gobluez/bluez/facade/e2e/vm"
)

// Controller is one of the emulated controllers. btvirt numbers their addresses, and the kernel
// their names, in the order of their creation.
type Controller struct {
	Name    string // "hci0"
	Address string
}

// Path returns the controller's object in bluetoothd.
func (c Controller) Path() dbus.ObjectPath { return dbus.ObjectPath("/org/bluez/" + c.Name) }

// Controllers returns all controllers of the world.
func Controllers() []Controller { return []Controller{Central(), Example(), Own(), Bystander()} }

// Central is the controller for the central under test. Nothing is registered on it.
func Central() Controller { return Controller{"hci0", "00:AA:01:00:00:00"} }

// Example is the controller of BlueZ's example-gatt-server and example-advertisement.
func Example() Controller { return Controller{"hci1", "00:AA:01:01:00:01"} }

// Own is the controller of the project's own peripheral, the command facade/e2e/peripheral.
func Own() Controller { return Controller{"hci2", "00:AA:01:02:00:02"} }

// Bystander is a controller that only takes part in Crowd.
func Bystander() Controller { return Controller{"hci3", "00:AA:01:03:00:03"} }

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
	if w.options.Own {
		args := []string{"peripheral", "-adapter", string(Own().Path())}
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
	return Await(ctx, w.bus, "the end of the advertisement", func(all Objects) bool {
		return all[Example().Path()][bluezgen.LEAdvertisingManager1Interface]["ActiveInstances"].Value() == byte(0)
	})
}

const examplesDir = "/usr/share/bluez-examples"

// Restart ends bluetoothd with a signal (SIGKILL is a crash, SIGTERM what an administrator does),
// starts it and the peripherals anew, and returns when all are back.
func (w *World) Restart(ctx context.Context, signal syscall.Signal) error {
	if err := w.bluetoothd.Stop(ctx, signal); err != nil {
		return err
	}
	if err := w.stopPeripherals(); err != nil {
		return err
	}
	return w.startBlueZ(ctx)
}

func (w *World) stopPeripherals() error {
	err := errors.Join(w.advertiser.Kill(), w.gattServer.Kill(), w.own.Kill())
	w.advertiser, w.gattServer, w.own = nil, nil, nil
	return err
}

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
