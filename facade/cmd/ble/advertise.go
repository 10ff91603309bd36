package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/gobluez/bluez/facade"
	"github.com/gobluez/bluez/facade/peripheral"
	"github.com/spf13/cobra"
)

const advertiseHelp = `Advertise has an adapter say what the flags say, until --duration is over or Ctrl-C. It prints a line when that has begun.
While bluetoothd or the adapter is away it waits, and then goes on.

31 bytes fit, and the name besides. Each kind of entry takes 2 bytes beside its content: 2, 4 or 16 for each service, 2 for
a company. What is too long, contradictory, or more than the adapter can do is said before anything is sent.

Several programs can advertise at once, as many as the adapter has room for.`

func (t *tool) advertiseCommand() *cobra.Command {
	ad := peripheral.Advertisement{}
	var length duration
	cmd := &cobra.Command{
		Use:   "advertise [--name N] [--service UUID]... [--manufacturer ID=HEX]... [--service-data UUID=HEX]... [FLAGS]",
		Short: "Advertise, as a peripheral does",
		Long:  advertiseHelp,
		Example: `  ble advertise --name "Living Room" --service 181a --discoverable
  ble advertise --manufacturer 0xffff=0102 --broadcast --interval 1s --duration 1m
  ble advertise --service-data fcd2=40006402c409 --adapter hci1`,
		Args: exactly(),
		RunE: func(cmd *cobra.Command, args []string) error {
			return t.advertise(cmd.Context(), ad, time.Duration(length))
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&ad.Name, "name", "", "name of the device")
	flags.Var((*serviceUUIDs)(&ad.Services), "service", "service that the device offers (repeatable)")
	flags.Var((*serviceUUIDs)(&ad.Solicit), "solicit", "service that the other side should offer (repeatable)")
	flags.Var(companyData{&ad.ManufacturerData}, "manufacturer", "data of a company by its identifier, such as 0xffff=0102 (repeatable)")
	flags.Var(serviceData{&ad.ServiceData}, "service-data", "data of a service, such as 180f=64 (repeatable)")
	flags.Var(typedData{&ad.Data}, "data", "data of another type, such as 0x24=1768692e6368 (repeatable)")
	flags.Var((*appearance)(&ad.Appearance), "appearance", "what the device looks like, such as 0x0340")
	flags.Var((*includes)(&ad.Includes), "include", "what BlueZ is to add: tx-power, appearance, local-name or rsi (repeatable)")

	flags.Var((*serviceUUIDs)(&ad.ScanResponse.Services), "response-service", "like --service, in the scan response")
	flags.Var((*serviceUUIDs)(&ad.ScanResponse.Solicit), "response-solicit", "like --solicit, in the scan response")
	flags.Var(companyData{&ad.ScanResponse.ManufacturerData}, "response-manufacturer", "like --manufacturer, in the scan response")
	flags.Var(serviceData{&ad.ScanResponse.ServiceData}, "response-service-data", "like --service-data, in the scan response")
	flags.Var(typedData{&ad.ScanResponse.Data}, "response-data", "like --data, in the scan response")

	flags.BoolVar(&ad.Broadcast, "broadcast", false, "allow no connections")
	flags.BoolVar(&ad.Discoverable, "discoverable", false, "say that the device can be discovered, whatever the adapter says")
	flags.BoolVar(&ad.Hidden, "hidden", false, "say that the device cannot be discovered")
	flags.Var(seconds{&ad.DiscoverableTimeout}, "discoverable-timeout", "be discoverable for this time only, in seconds or with a unit")
	flags.Var((*duration)(&ad.MinInterval), "interval", "time between packets, 20ms to 10485s")
	flags.Var((*duration)(&ad.MaxInterval), "max-interval", "longest time between packets, if not the same")
	flags.Var((*channel)(&ad.SecondaryChannel), "channel", "advertise in the extended way, on this secondary channel: 1M, 2M or Coded")
	flags.Var(power{&ad.TxPower}, "tx-power", "power to send with, in dBm")
	flags.Var(seconds{&ad.Duration}, "turn", "how long it is sent at a time when several take turns, in seconds or with a unit")
	flags.Var(&length, "duration", "end after this time, in seconds or with a unit (default: when interrupted)")
	return cmd
}

// advertise advertises until length has passed (0: for ever), ctx ends, or it fails.
func (t *tool) advertise(ctx context.Context, ad peripheral.Advertisement, length time.Duration) error {
	start, cancel := context.WithTimeout(ctx, time.Duration(t.timeout))
	defer cancel()
	central, err := t.open(start)
	if err != nil {
		return ended(ctx, err)
	}
	defer central.Close()
	advertising, err := peripheral.Advertise(start, ad, peripheral.Options{Central: central})
	if err != nil {
		return ended(ctx, misdeclared(err))
	}
	defer advertising.Close()
	if err := t.printAdvertising(start, central, advertising.Adapter(), ad.Name); err != nil {
		return err
	}
	select {
	case <-ctx.Done():
	case <-after(length):
	case <-advertising.Done():
	}
	return advertising.Err()
}

// misdeclared returns err as a mistake of the user if it is one in what is to be advertised or served.
func misdeclared(err error) error {
	if errors.Is(err, peripheral.ErrInvalid) {
		return usageError{err}
	}
	return err
}

// advertisingJSON is what advertise and serve print with --json when they have begun.
type advertisingJSON struct {
	Time    time.Time      `json:"time"`
	Event   string         `json:"event"`
	Adapter string         `json:"adapter"`
	Address facade.Address `json:"address"`
	Name    string         `json:"name"`
}

// printAdvertising says who advertises.
func (t *tool) printAdvertising(ctx context.Context, central *facade.Central, adapter, name string) error {
	adapters, err := central.Adapters(ctx)
	if err != nil {
		return err
	}
	var address facade.Address
	for _, a := range adapters {
		if a.Name == adapter {
			address = a.Address
		}
	}
	if t.json {
		return printJSON(t.stdout, advertisingJSON{time.Now(), "advertising", adapter, address, name})
	}
	if name == "" {
		name = "(no name)"
	}
	return printLine(t.stdout, fmt.Sprintf("%s  %s  advertising  %s", adapter, address, showText(name)))
}
