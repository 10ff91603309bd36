package main

import (
	"context"
	"fmt"
	"io"
	"text/tabwriter"

	"github.com/gobluez/bluez/facade"
	"github.com/spf13/cobra"
)

func (t *tool) adaptersCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "adapters",
		Short: "List the Bluetooth adapters of this machine",
		Args:  exactly(),
		RunE: func(cmd *cobra.Command, args []string) error {
			return t.adapters(cmd.Context())
		},
	}
}

func (t *tool) adapters(ctx context.Context) error {
	return t.withCentral(ctx, func(ctx context.Context, central *facade.Central) error {
		all, err := central.Adapters(ctx)
		if err != nil {
			return err
		}
		var wanted []facade.Adapter
		for _, a := range all {
			if t.adapter == "" || a.Name == string(t.adapter) {
				wanted = append(wanted, a)
			}
		}
		if len(wanted) == 0 && t.adapter != "" {
			return fmt.Errorf("%s: %w", t.adapter, facade.ErrNoAdapter)
		}
		if len(wanted) == 0 {
			return facade.ErrNoAdapter
		}
		if !t.json {
			return printAdapters(t.stdout, wanted)
		}
		for _, a := range wanted {
			if err := printJSON(t.stdout, a); err != nil {
				return err
			}
		}
		return nil
	})
}

func printAdapters(w io.Writer, adapters []facade.Adapter) error {
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	for _, a := range adapters {
		state := "off"
		switch {
		case a.Powered && a.Discovering:
			state = "on, scanning"
		case a.Powered:
			state = "on"
		}
		if !a.Central {
			state += ", no central"
		}
		fmt.Fprintf(table, "%s\t%s\t%s\t%s\n", a.Name, a.Address, state, showText(a.Alias))
	}
	return table.Flush()
}
