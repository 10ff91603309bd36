package main

import (
	"context"
	"fmt"
	"time"

	"github.com/gobluez/bluez/facade"
	"github.com/spf13/cobra"
)

const writeHelp = `Write connects to a device and writes VALUE to a characteristic: with response where the characteristic allows it, so that
the device has accepted the value when ble ends; without otherwise, or with --no-response.

VALUE is hex unless --format says otherwise; hex may begin with 0x and have spaces, colons or dashes between its bytes.
Several numbers are separated by spaces or commas; 0x begins a hexadecimal number. A VALUE that begins with a dash and a
digit is a value, not a flag; put -- before any other that begins with a dash.

ble --help says how DEVICE and CHARACTERISTIC are written.`

// maxValue is the length of the longest attribute value, in bytes (Bluetooth Core Specification, Vol 3, Part F, 3.2.9).
const maxValue = 512

func (t *tool) writeCommand() *cobra.Command {
	f := formats()[0]
	var noResponse bool
	cmd := &cobra.Command{
		Use:   "write DEVICE CHARACTERISTIC VALUE [--format F] [--no-response]",
		Short: "Write a value to a characteristic",
		Long:  writeHelp,
		Example: `  ble write C0:FF:EE:00:00:01 2a39 01
  ble write C0:FF:EE:00:00:01 handle:0010 -5 --format i8
  ble write "Echo" 6e400002-b5a3-f393-e0a9-e50e24dcca9e --format utf8 --no-response -- --hello--`,
		Args: exactly("DEVICE", "CHARACTERISTIC", "VALUE"),
		RunE: func(cmd *cobra.Command, args []string) error {
			d, which, err := parseTarget(args)
			if err != nil {
				return err
			}
			value, err := f.Parse(args[2])
			if err != nil {
				return usageError{err}
			}
			if len(value) > maxValue {
				return usageError{fmt.Errorf("value of %d bytes is too long: a characteristic holds %d at most", len(value), maxValue)}
			}
			return t.write(cmd.Context(), d, which, value, noResponse)
		},
	}
	formatFlag(cmd, &f)
	cmd.Flags().BoolVar(&noResponse, "no-response", false, "do not ask the device whether it accepts the value")
	return cmd
}

func (t *tool) write(ctx context.Context, d device, which facade.Attribute, value []byte, noResponse bool) error {
	return t.withCharacteristic(ctx, d, which, func(ctx context.Context, client *facade.Client, c *facade.Characteristic) error {
		write := client.Write
		if noResponse {
			write = client.WriteWithoutResponse
		}
		if err := write(ctx, c, value); err != nil || !t.json {
			return err
		}
		return t.printValue(client.Device(), c, formats()[0], value, time.Now())
	})
}
