package main

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/gobluez/bluez/facade"
	"github.com/spf13/cobra"
)

const forgetHelp = `Forget has BlueZ forget a device: the keys that pairing has brought, what it has stored of its services, and, until it is
seen again, that it exists. If the device is connected, the connection ends. No scan looks for it: ble devices lists what BlueZ
knows.

ble --help says how DEVICE is written; its name may be what the user has called it, too.`

func (t *tool) forgetCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "forget DEVICE",
		Short: "Forget a device and unpair it",
		Long:  forgetHelp,
		Args:  exactly("DEVICE"),
		RunE: func(cmd *cobra.Command, args []string) error {
			d, err := parseDevice(args[0])
			if err != nil {
				return usageError{err}
			}
			return t.forget(cmd.Context(), d)
		},
	}
}

func (t *tool) forget(ctx context.Context, d device) error {
	return t.withCentral(ctx, func(ctx context.Context, central *facade.Central) error {
		known, err := t.known(ctx, central, d)
		if err != nil {
			return err
		}
		if err := central.Forget(ctx, known); err != nil || !t.json {
			return err
		}
		return printJSON(t.stdout, known)
	})
}

// known returns the device that BlueZ knows by a DEVICE argument.
func (t *tool) known(ctx context.Context, central *facade.Central, d device) (facade.KnownDevice, error) {
	all, err := central.Devices(ctx, facade.DevicesOptions{Adapter: string(t.adapter)})
	if err != nil {
		return facade.KnownDevice{}, err
	}
	found := slices.DeleteFunc(all, func(k facade.KnownDevice) bool {
		return d.name == "" && k.Address != d.address || d.name != "" && k.Name != d.name && k.Alias != d.name
	})
	text := d.name
	if text == "" {
		text = d.address.String()
	}
	switch len(found) {
	case 0:
		return facade.KnownDevice{}, fmt.Errorf("%s: %w: ble devices lists what BlueZ knows", text, facade.ErrNotFound)
	case 1:
		return found[0], nil
	}
	var same []string
	for _, k := range found {
		same = append(same, k.Adapter+" "+k.Address.String())
	}
	return facade.KnownDevice{}, fmt.Errorf("%s: %w: it is %s", text, facade.ErrAmbiguous, strings.Join(same, " or "))
}
