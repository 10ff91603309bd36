package main

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"strings"
	"time"

	"github.com/gobluez/bluez/facade"
)

// open connects to the bus, with the flags that all commands have.
func (t *tool) open(ctx context.Context) (*facade.Central, error) {
	options := facade.Options{Logger: t.log, Adapter: string(t.adapter)}
	if t.world != nil {
		options.Bus = t.world.Address()
	}
	central, err := facade.Open(ctx, options)
	switch {
	case !errors.Is(err, errors.ErrUnsupported):
		return central, err
	case runtime.GOOS != "linux":
		return nil, errNotHere
	default: // the transport that the address of the bus names
		return nil, fmt.Errorf("%w (%w)", facade.ErrNoBus, err)
	}
}

// connect connects to d, and looks for it if need be, until ctx ends.
func (t *tool) connect(ctx context.Context, central *facade.Central, d device) (*facade.Client, error) {
	return t.connectWith(ctx, central, d, facade.ConnectOptions{})
}

func (t *tool) connectWith(ctx context.Context, central *facade.Central, d device, o facade.ConnectOptions) (*facade.Client, error) {
	var target facade.Target = d.address
	var err error
	if d.name != "" {
		t.log.Info("looking for the device", "name", d.name)
		target, err = central.FindDevice(ctx, facade.ScanOptions{Name: d.name})
	}
	var client *facade.Client
	if err == nil {
		t.log.Info("connecting", "address", target)
		client, err = central.Connect(ctx, target, o)
	}
	if errors.Is(err, facade.ErrNotFound) {
		return nil, fmt.Errorf("%w: is it on and in range? ble scan shows what is, --timeout looks longer", err)
	}
	if err == nil {
		t.log.Info("connected", "address", client.Address(), "adapter", client.Device().Adapter)
	}
	return client, err
}

// find returns the characteristic that which says, or an error that says how to find it. Four digits that are no UUID of
// the device are taken for a handle.
func find(client *facade.Client, which facade.Attribute) (*facade.Characteristic, error) {
	characteristic, err := client.Characteristic(which)
	switch {
	case errors.Is(err, facade.ErrAmbiguous):
		var same []string
		for _, service := range client.Services() {
			for _, c := range service.Characteristics {
				if c.UUID == which {
					same = append(same, handleText(c.Handle))
				}
			}
		}
		return nil, fmt.Errorf("%w: choose %s", err, strings.Join(same, " or "))
	case errors.Is(err, facade.ErrNotFound):
		if c := meantHandle(client, which); c != nil {
			return c, nil
		}
		return nil, fmt.Errorf("%w: ble inspect %v lists what it has", err, client.Address())
	}
	return characteristic, err
}

// meantHandle returns the characteristic whose handle has the digits of which, a UUID of 16 bits that was not found.
func meantHandle(client *facade.Client, which facade.Attribute) *facade.Characteristic {
	uuid, ok := which.(facade.UUID)
	if !ok || len(uuid.Short()) != 4 {
		return nil
	}
	handle := facade.Handle(uint16(uuid[2])<<8 | uint16(uuid[3]))
	characteristic, err := client.Characteristic(handle)
	if err != nil {
		return nil
	}
	return characteristic
}

// withCentral opens a Central and calls do, all within the time limit.
func (t *tool) withCentral(ctx context.Context, do func(context.Context, *facade.Central) error) error {
	ctx, cancel := context.WithTimeout(ctx, time.Duration(t.timeout))
	defer cancel()
	central, err := t.open(ctx)
	if err != nil {
		return err
	}
	defer central.Close()
	return do(ctx, central)
}

// withClient connects to d and calls do, all within the time limit.
func (t *tool) withClient(ctx context.Context, d device, do func(context.Context, *facade.Client) error) error {
	return t.withCentral(ctx, func(ctx context.Context, central *facade.Central) error {
		client, err := t.connect(ctx, central, d)
		if err != nil {
			return err
		}
		defer client.Close()
		return do(ctx, client)
	})
}

// withCharacteristic connects to d, finds the characteristic and calls do, all within the time limit.
func (t *tool) withCharacteristic(ctx context.Context, d device, which facade.Attribute, do func(context.Context, *facade.Client, *facade.Characteristic) error) error {
	return t.withClient(ctx, d, func(ctx context.Context, client *facade.Client) error {
		c, err := find(client, which)
		if err != nil {
			return err
		}
		return do(ctx, client, c)
	})
}
