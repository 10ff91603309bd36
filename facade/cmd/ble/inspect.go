package main

import (
	"context"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/gobluez/bluez/facade"
	"github.com/spf13/cobra"
)

const inspectHelp = `Inspect connects to a device and prints its services, with their characteristics and descriptors, as a tree. It reads no
values. The handles are those that other commands take.

With --json the whole tree is one object: adapter, address, address_type, name, mtu and services, each with its
characteristics, each with its descriptors. Handles are numbers there: 16 is handle:0010.`

func (t *tool) inspectCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "inspect DEVICE",
		Short: "Print the services and characteristics of a device",
		Long:  inspectHelp,
		Example: `  ble inspect C0:FF:EE:00:00:01
  ble inspect "Heart Rate" --json`,
		Args: exactly("DEVICE"),
		RunE: func(cmd *cobra.Command, args []string) error {
			d, err := parseDevice(args[0])
			if err != nil {
				return usageError{err}
			}
			return t.inspect(cmd.Context(), d)
		},
	}
}

// tree is a device and all that it offers.
type tree struct {
	Adapter     string             `json:"adapter"`
	Address     facade.Address     `json:"address"`
	AddressType facade.AddressType `json:"address_type"`
	Name        string             `json:"name"`
	MTU         int                `json:"mtu"`
	Services    []*facade.Service  `json:"services"`
}

func (t *tool) inspect(ctx context.Context, d device) error {
	ctx, cancel := context.WithTimeout(ctx, time.Duration(t.timeout))
	defer cancel()
	central, err := t.open(ctx)
	if err != nil {
		return err
	}
	defer central.Close()
	client, err := t.connect(ctx, central, d)
	if err != nil {
		return err
	}
	defer client.Close()
	mtu, err := client.MTU(ctx)
	if err != nil {
		return err
	}
	found := tree{
		Adapter:     client.Device().Adapter,
		Address:     client.Address(),
		AddressType: client.Device().AddressType,
		Name:        client.Name(),
		MTU:         mtu,
		Services:    append([]*facade.Service{}, client.Services()...), // a list even if empty
	}
	if t.json {
		return printJSON(t.stdout, found)
	}
	_, err = io.WriteString(t.stdout, found.text())
	return err
}

// text draws the tree: one line for each attribute, handles in a column.
func (t tree) text() string {
	var b strings.Builder
	name := "(no name)"
	if t.Name != "" {
		name = showText(t.Name)
	}
	fmt.Fprintf(&b, "%s  %s\n", t.Address, name)
	fmt.Fprintf(&b, "%s address, on %s, MTU %d\n", t.AddressType, t.Adapter, t.MTU)
	if len(t.Services) > 0 {
		b.WriteString("\n")
	}
	for _, service := range t.Services {
		kind := "service"
		if !service.Primary {
			kind = "secondary service"
		}
		fmt.Fprintf(&b, "%s  %s %s\n", handleText(service.Handle), kind, service.UUID.Short())
		for _, included := range service.Includes {
			fmt.Fprintf(&b, "%11s    includes %s\n", "", handleText(included))
		}
		for _, c := range service.Characteristics {
			fmt.Fprintf(&b, "%s    characteristic %s%s\n", handleText(c.Handle), c.UUID.Short(), properties(c))
			for _, d := range c.Descriptors {
				fmt.Fprintf(&b, "%s      descriptor %s\n", handleText(d.Handle), d.UUID.Short())
			}
		}
	}
	return b.String()
}

// properties lists what may be done with a characteristic, after two spaces.
func properties(c *facade.Characteristic) string {
	var all []string
	for _, p := range c.Properties {
		all = append(all, showText(string(p)))
	}
	if len(all) == 0 {
		return ""
	}
	return "  " + strings.Join(all, ", ")
}
