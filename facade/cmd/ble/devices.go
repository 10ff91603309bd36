package main

import (
	"context"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"

	"github.com/gobluez/bluez/facade"
	"github.com/spf13/cobra"
)

const devicesHelp = `Devices lists the devices that BlueZ knows: those that are paired, connected or trusted, and those that anybody's scan has
heard in the last 30 seconds. It does not scan.`

func (t *tool) devicesCommand() *cobra.Command {
	var options facade.DevicesOptions
	cmd := &cobra.Command{
		Use:   "devices [--paired] [--connected]",
		Short: "List the devices that BlueZ knows",
		Long:  devicesHelp,
		Args:  exactly(),
		RunE: func(cmd *cobra.Command, args []string) error {
			options.Adapter = string(t.adapter)
			return t.devices(cmd.Context(), options)
		},
	}
	cmd.Flags().BoolVar(&options.Paired, "paired", false, "only those that are paired")
	cmd.Flags().BoolVar(&options.Connected, "connected", false, "only those that are connected, by any program")
	return cmd
}

func (t *tool) devices(ctx context.Context, o facade.DevicesOptions) error {
	return t.withCentral(ctx, func(ctx context.Context, central *facade.Central) error {
		all, err := central.Devices(ctx, o)
		if err != nil {
			return err
		}
		if !t.json {
			return printDevices(t.stdout, all)
		}
		for _, d := range all {
			if err := printJSON(t.stdout, d); err != nil {
				return err
			}
		}
		return nil
	})
}

func printDevices(w io.Writer, devices []facade.KnownDevice) error {
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	for _, d := range devices {
		var states []string
		for _, state := range []struct {
			is   bool
			name string
		}{{d.Paired, "paired"}, {d.Connected, "connected"}, {d.Trusted, "trusted"}, {d.Blocked, "blocked"}} {
			if state.is {
				states = append(states, state.name)
			}
		}
		state := strings.Join(states, ", ")
		if state == "" {
			state = "seen"
		}
		name := d.Alias
		if name == strings.ReplaceAll(d.Address.String(), ":", "-") { // BlueZ's alias of the nameless
			name = ""
		}
		fmt.Fprintf(table, "%s\t%s\t%s\t%s\n", d.Adapter, d.Address, state, showText(name))
	}
	return table.Flush()
}
