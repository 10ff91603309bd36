package main

import (
	"context"
	"time"

	"github.com/gobluez/bluez/facade"
	"github.com/spf13/cobra"
)

const readHelp = `Read connects to a device, reads a characteristic and prints its value.

--format says how: hex, utf8 (text; what is not printable is escaped), or numbers of 8, 16 or 32 bits, unsigned (u), signed
(i) or floating point (f), in little endian order. A value of several numbers prints them all.

With --json the line is an object with time, adapter, address, uuid, handle, value (always hex) and, in another format
than hex, decoded: a string or a list of numbers.

ble --help says how DEVICE and CHARACTERISTIC are written.`

func (t *tool) readCommand() *cobra.Command {
	f := formats()[0]
	cmd := &cobra.Command{
		Use:   "read DEVICE CHARACTERISTIC [--format F]",
		Short: "Read the value of a characteristic",
		Long:  readHelp,
		Example: `  ble read C0:FF:EE:00:00:01 2a19 --format u8
  ble read "Heart Rate" handle:0010`,
		Args: exactly("DEVICE", "CHARACTERISTIC"),
		RunE: func(cmd *cobra.Command, args []string) error {
			d, which, err := parseTarget(args)
			if err != nil {
				return err
			}
			return t.read(cmd.Context(), d, which, f)
		},
	}
	formatFlag(cmd, &f)
	return cmd
}

func (t *tool) read(ctx context.Context, d device, which facade.Attribute, f format) error {
	return t.withCharacteristic(ctx, d, which, func(ctx context.Context, client *facade.Client, c *facade.Characteristic) error {
		value, err := client.Read(ctx, c)
		if err != nil {
			return err
		}
		return t.printValue(client.Device(), c, f, value, time.Now())
	})
}
