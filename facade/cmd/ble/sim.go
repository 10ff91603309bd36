package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"time"

	"github.com/gobluez/bluez/facade/bluetest"
	"github.com/spf13/cobra"
)

const simHelp = `Sim runs a simulated BlueZ, on a D-Bus of its own, until it is interrupted: an adapter hci0 and, around it, a heart-rate
sensor (C0:FF:EE:00:00:01), a thermometer, a UART that echoes, a battery, a door lock (C0:FF:EE:00:00:05) that pairs with the
passkey 123456, and three beacons. It prints the address of that D-Bus. Whatever talks to BlueZ finds the simulation when the
environment variable DBUS_SYSTEM_BUS_ADDRESS has the address: this tool, bluetoothctl, busctl, Bleak, or a program of yours.
It needs dbus-daemon, but no Bluetooth and no root.

With a command after --, sim runs the command with that variable set, and ends with it and with its exit code.

--device adds a device that a file describes: what ble inspect --json --values prints of a real one. --bluez plays another
release of BlueZ, and --experimental one that was started with that flag.`

func (t *tool) simCommand() *cobra.Command {
	var files []string
	var beacons count
	var release string
	var experimental bool
	cmd := &cobra.Command{
		Use:   "sim [--device FILE]... [--beacons N] [--bluez RELEASE] [--experimental] [-- COMMAND...]",
		Short: "Run a simulated BlueZ for other programs",
		Long:  simHelp,
		Example: `  ble sim
  ble sim -- bluetoothctl devices
  ble sim --device thermostat.json -- go test ./...`,
		Args: func(cmd *cobra.Command, args []string) error {
			switch {
			case len(args) > 0 && cmd.ArgsLenAtDash() != 0:
				return fmt.Errorf("unexpected argument %q: a command comes after --", args[0])
			case t.sim:
				return errors.New("--sim is for the other commands: sim is a simulation by itself")
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			options := []bluetest.Option{simulation(), bluetest.Version(release), bluetest.Logger(t.log)}
			if experimental {
				options = append(options, bluetest.Experimental())
			}
			if beacons > 0 {
				options = append(options, bluetest.Beacons(int(beacons), 0))
			}
			return t.simulate(cmd.Context(), options, files, args)
		},
	}
	cmd.Flags().StringArrayVar(&files, "device", nil, "add the device that this JSON file describes")
	cmd.Flags().Var(&beacons, "beacons", "add a field of so many beacons")
	cmd.Flags().StringVar(&release, "bluez", string(bluetest.DefaultVersion), "release of BlueZ to play")
	cmd.Flags().BoolVar(&experimental, "experimental", false, "play a BlueZ with its experimental interfaces")
	return cmd
}

// simulation is what --sim and sim run: a neighbourhood with a door lock, and a BlueZ whose links end sooner than after its two seconds of grace.
func simulation() bluetest.Option {
	return bluetest.Options(bluetest.Neighbourhood(), bluetest.Lock("C0:FF:EE:00:00:05", "123456"), bluetest.Delays{Disconnect: 50 * time.Millisecond})
}

// simulate runs a simulated BlueZ, with the devices that files describe, while a command runs, or without one until ctx ends.
func (t *tool) simulate(ctx context.Context, options []bluetest.Option, files, command []string) error {
	world, err := bluetest.New(ctx, options...)
	if err != nil {
		return err
	}
	defer world.Close()
	for _, file := range files {
		if err := addDevice(world, file); err != nil {
			return fmt.Errorf("--device %s: %w", file, err)
		}
	}
	if len(command) > 0 {
		return t.runInside(ctx, world, command)
	}
	if err := t.announce(world); err != nil {
		return err
	}
	<-ctx.Done()
	return nil
}

// addDevice adds the device that a file describes.
func addDevice(world *bluetest.World, name string) error {
	file, err := os.Open(name)
	if err != nil {
		return errors.Unwrap(err) // without the name, which the caller says
	}
	defer file.Close()
	device, err := bluetest.ReadDevice(file)
	if err != nil {
		return err
	}
	if world.Peripheral(device.Address) != nil {
		return fmt.Errorf("the simulation has a device %s already: change the \"address\" in the file", strings.ToUpper(device.Address))
	}
	_, err = world.Add(device)
	return err
}

// simJSON is what sim prints with --json.
type simJSON struct {
	Address string   `json:"bus_address"`
	Devices []string `json:"devices"`
}

// announce prints where the simulation is.
func (t *tool) announce(world *bluetest.World) error {
	if !t.json {
		return printLine(t.stdout, busVariable+"="+world.Address())
	}
	out := simJSON{Address: world.Address()}
	for _, p := range world.Peripherals() {
		out.Devices = append(out.Devices, p.Address())
	}
	return printJSON(t.stdout, out)
}

// runInside runs a command that finds the simulation.
func (t *tool) runInside(ctx context.Context, world *bluetest.World, command []string) error {
	cmd := exec.CommandContext(ctx, command[0], command[1:]...)
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
	cmd.Env = append(os.Environ(), busVariable+"="+world.Address())
	cmd.Stdin, cmd.Stdout, cmd.Stderr = t.stdin, t.stdout, t.stderr
	err := cmd.Run()
	if exit, ok := errors.AsType[*exec.ExitError](err); ok && exit.Exited() {
		return commandError{exit.ExitCode()}
	}
	if err != nil {
		return fmt.Errorf("run %s: %w", strings.Join(command, " "), err)
	}
	return nil
}

// busVariable names the environment variable with the address of the system's D-Bus.
const busVariable = "DBUS_SYSTEM_BUS_ADDRESS"
