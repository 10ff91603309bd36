package main

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/gobluez/bluez/facade"
	"github.com/spf13/cobra"
)

const inspectHelp = `Inspect connects to a device and prints its services, with their characteristics and descriptors, as a tree. The handles
are those that other commands take. With --values it also reads what can be read and prints that in hexadecimal; what the
device refuses to tell is left out (--verbose says why).

Behind a UUID is its name, if BlueZ knows one.

With --json the whole tree is one object: adapter, address, address_type, name, mtu and services, each with its
characteristics, each with its descriptors. A name in there is that of a UUID. Handles are numbers: 16 is handle:0010. The
simulation of ble sim reads such an object with --device, so that a device can be imitated.`

func (t *tool) inspectCommand() *cobra.Command {
	var values bool
	cmd := &cobra.Command{
		Use:   "inspect DEVICE [--values]",
		Short: "Print the services and characteristics of a device",
		Long:  inspectHelp,
		Example: `  ble inspect C0:FF:EE:00:00:01
  ble inspect "Heart Rate" --json --values > heart-rate.json`,
		Args: exactly("DEVICE"),
		RunE: func(cmd *cobra.Command, args []string) error {
			d, err := parseDevice(args[0])
			if err != nil {
				return usageError{err}
			}
			return t.inspect(cmd.Context(), d, values)
		},
	}
	cmd.Flags().BoolVar(&values, "values", false, "read the values, too")
	return cmd
}

// tree is a device and all that it offers.
type tree struct {
	Adapter     string             `json:"adapter"`
	Address     facade.Address     `json:"address"`
	AddressType facade.AddressType `json:"address_type"`
	Name        string             `json:"name"`
	MTU         int                `json:"mtu"`
	Services    []serviceTree      `json:"services"`
}

// A serviceTree is a service and what is in it.
type serviceTree struct {
	Name string `json:"name,omitempty"` // of the UUID
	*facade.Service
	Characteristics []characteristicTree `json:"characteristics"`
}

// A characteristicTree is a characteristic and what belongs to it.
type characteristicTree struct {
	Name string `json:"name,omitempty"` // of the UUID
	*facade.Characteristic
	Value       *value           `json:"value,omitempty"`
	Descriptors []descriptorTree `json:"descriptors,omitempty"`
}

// A descriptorTree is a descriptor and its value.
type descriptorTree struct {
	Name string `json:"name,omitempty"` // of the UUID
	*facade.Descriptor
	Value *value `json:"value,omitempty"`
}

// A value is what was read; it is written in hexadecimal.
type value []byte

func (v value) MarshalText() ([]byte, error) { return hex.AppendEncode(nil, v), nil }

func (t *tool) inspect(ctx context.Context, d device, values bool) error {
	return t.withClient(ctx, d, func(ctx context.Context, client *facade.Client) error {
		mtu, err := client.MTU(ctx)
		if err != nil {
			return err
		}
		services, err := t.services(ctx, client, values)
		if err != nil {
			return err
		}
		found := tree{
			Adapter:     client.Device().Adapter,
			Address:     client.Address(),
			AddressType: client.Device().AddressType,
			Name:        client.Name(),
			MTU:         mtu,
			Services:    services,
		}
		if t.json {
			return printJSON(t.stdout, found)
		}
		_, err = io.WriteString(t.stdout, found.text())
		return err
	})
}

// services returns what a device offers, with the values that can be read if they are asked for.
func (t *tool) services(ctx context.Context, client *facade.Client, values bool) ([]serviceTree, error) {
	services := []serviceTree{} // a list even if empty
	for _, s := range client.Services() {
		service := newServiceTree(s)
		for _, c := range s.Characteristics {
			characteristic := newCharacteristicTree(c)
			var err error
			if values && c.Has(facade.PropertyRead) {
				if characteristic.Value, err = t.readValue(ctx, c, func() ([]byte, error) { return client.Read(ctx, c) }); err != nil {
					return nil, err
				}
			}
			for _, d := range c.Descriptors {
				descriptor := newDescriptorTree(d)
				if values {
					if descriptor.Value, err = t.readValue(ctx, d, func() ([]byte, error) { return client.ReadDescriptor(ctx, d) }); err != nil {
						return nil, err
					}
				}
				characteristic.Descriptors = append(characteristic.Descriptors, descriptor)
			}
			service.Characteristics = append(service.Characteristics, characteristic)
		}
		services = append(services, service)
	}
	return services, nil
}

// readValue reads a value, nil if the device refuses. The error is that of what goes on without: the end of ctx or of the link.
func (t *tool) readValue(ctx context.Context, of fmt.Stringer, read func() ([]byte, error)) (*value, error) {
	bytes, err := read()
	switch {
	case err == nil:
		v := value(bytes)
		return &v, nil
	case ctx.Err() != nil, errors.Is(err, facade.ErrDisconnected), errors.Is(err, facade.ErrNotConnected), errors.Is(err, facade.ErrUnavailable):
		return nil, err
	}
	t.log.Warn("no value", "of", of, "error", err)
	return nil, nil
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
		fmt.Fprintf(&b, "%s  %s %s\n", handleText(service.Handle), kind, named(service.UUID.Short(), service.Name))
		for _, included := range service.Includes {
			fmt.Fprintf(&b, "%11s    includes %s\n", "", handleText(included))
		}
		for _, c := range service.Characteristics {
			fmt.Fprintf(&b, "%s    characteristic %s%s%s\n", handleText(c.Handle), named(c.UUID.Short(), c.Name), properties(c.Characteristic), c.Value.text())
			for _, d := range c.Descriptors {
				fmt.Fprintf(&b, "%s      descriptor %s%s\n", handleText(d.Handle), named(d.UUID.Short(), d.Name), d.Value.text())
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

// text returns the value behind an equals sign, or nothing if there is none.
func (v *value) text() string {
	if v == nil {
		return ""
	}
	return fmt.Sprintf("  = %x", []byte(*v))
}
