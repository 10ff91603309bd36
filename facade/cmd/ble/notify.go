package main

import (
	"context"
	"time"

	"github.com/gobluez/bluez/facade"
	"github.com/spf13/cobra"
)

const notifyHelp = `Notify connects to a device, asks for the notifications (or indications) of a characteristic and prints each value as it
comes. It ends after --count values, after --duration, when the device disconnects (which is a failure), or with Ctrl-C.

--format and --json are those of ble read.

ble --help says how DEVICE and CHARACTERISTIC are written.`

func (t *tool) notifyCommand() *cobra.Command {
	f := formats()[0]
	var values count
	var length duration
	cmd := &cobra.Command{
		Use:   "notify DEVICE CHARACTERISTIC [--format F] [--count N] [--duration D]",
		Short: "Print the notifications of a characteristic",
		Long:  notifyHelp,
		Example: `  ble notify C0:FF:EE:00:00:01 2a37 --count 5
  ble notify "Thermometer" 2a6e --format i16 --duration 1m`,
		Args: exactly("DEVICE", "CHARACTERISTIC"),
		RunE: func(cmd *cobra.Command, args []string) error {
			d, which, err := parseTarget(args)
			if err != nil {
				return err
			}
			return ended(cmd.Context(), t.notify(cmd.Context(), d, which, f, int(values), time.Duration(length)))
		},
	}
	formatFlag(cmd, &f)
	cmd.Flags().Var(&values, "count", "end after this number of values")
	cmd.Flags().Var(&length, "duration", "end after this time, in seconds or with a unit")
	return cmd
}

// notify prints values until there were count (0: any number), length has passed (0: for ever), ctx ends, or an error.
func (t *tool) notify(ctx context.Context, d device, which facade.Attribute, f format, count int, length time.Duration) error {
	return t.withCharacteristic(ctx, d, which, func(setup context.Context, client *facade.Client, c *facade.Characteristic) error {
		deadline, _ := setup.Deadline()
		subCtx, start := startWithin(ctx, time.Until(deadline), "subscribe to "+c.String())
		defer start.stop()
		sub, err := client.Subscribe(subCtx, c, facade.SubscribeOptions{})
		if err = start.started(subCtx, err); err != nil {
			return err
		}
		t.log.Info("subscribed", "characteristic", c)
		if length > 0 {
			defer time.AfterFunc(length, start.stop).Stop()
		}
		seen := 0
		for n, err := range sub.All() {
			if err != nil {
				return err
			}
			if err := t.printValue(client.Device(), c, f, n.Value, n.Time); err != nil {
				return err
			}
			if seen++; seen == count {
				break
			}
		}
		return nil
	})
}
