package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/gobluez/bluez/facade"
	"github.com/gobluez/bluez/facade/assigned"
	"github.com/spf13/cobra"
)

const scanHelp = `Scan prints a line each time BlueZ reports news of a device: address, signal strength, name, and what else it
advertises; behind a number is its name, if BlueZ knows one. It ends after --duration, or with Ctrl-C.

With --json each line is an object with time, adapter, address, address_type, name, rssi and tx_power (in dBm),
service_uuids, manufacturer_data (by company identifier) and service_data (by UUID), bytes as hex.`

// serviceUUIDs is the value of a flag that may be given several times.
type serviceUUIDs []facade.UUID

func (s *serviceUUIDs) Set(text string) error {
	uuid, err := facade.ParseUUID(text)
	if err != nil {
		return errors.New("must be a UUID, such as 180d, 0x180d, or one of 128 bits")
	}
	*s = append(*s, uuid)
	return nil
}

func (s *serviceUUIDs) String() string {
	var all []string
	for _, uuid := range *s {
		all = append(all, uuid.Short())
	}
	return strings.Join(all, ",")
}

func (s *serviceUUIDs) Type() string { return "UUID" }

func (t *tool) scanCommand() *cobra.Command {
	var services serviceUUIDs
	var name string
	var length duration
	cmd := &cobra.Command{
		Use:   "scan [--duration D] [--service UUID]... [--name N] [--adapter hciN]",
		Short: "Print the devices nearby as they are heard",
		Long:  scanHelp,
		Example: `  ble scan --duration 10s
  ble scan --service 180d --service 180f --json
  ble scan --name "Heart Rate" --adapter hci1`,
		Args: exactly(),
		RunE: func(cmd *cobra.Command, args []string) error {
			return t.scan(cmd.Context(), facade.ScanOptions{Services: services, Name: name}, time.Duration(length))
		},
	}
	cmd.Flags().Var(&length, "duration", "end after this time, in seconds or with a unit (default: when interrupted)")
	cmd.Flags().Var(&services, "service", "only devices that offer this service; several: any of them")
	cmd.Flags().StringVar(&name, "name", "", "only devices with exactly this name")
	return cmd
}

// scan prints advertisements until length has passed (0: for ever), ctx ends, or printing fails.
func (t *tool) scan(ctx context.Context, options facade.ScanOptions, length time.Duration) error {
	scanCtx, start := startWithin(ctx, time.Duration(t.timeout), "scan")
	defer start.stop()
	central, err := t.open(scanCtx)
	if err != nil {
		return ended(ctx, start.started(scanCtx, err))
	}
	defer central.Close()

	failed := make(chan error, 1)
	scanner, err := central.StartScanner(scanCtx, options, func(a facade.Advertisement) {
		if err := t.printAdvertisement(a); err != nil {
			select {
			case failed <- err:
			default: // one is enough
			}
		}
	})
	if err = start.started(scanCtx, err); err != nil {
		return ended(ctx, err)
	}
	t.log.Info("scanning")
	select {
	case <-ctx.Done():
	case <-after(length):
	case <-scanner.Done():
	case err = <-failed:
	}
	return ended(ctx, cmp.Or(err, scanner.Close(), scanner.Err()))
}

// ended returns err, with which a command ended that Ctrl-C is a good end of.
func ended(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return nil
	}
	return err
}

func (t *tool) printAdvertisement(a facade.Advertisement) error {
	if t.json {
		return printJSON(t.stdout, a)
	}
	return printLine(t.stdout, describe(a))
}

// describe returns one aligned line about an advertisement.
func describe(a facade.Advertisement) string {
	rssi := "?"
	if a.HasRSSI {
		rssi = fmt.Sprintf("%d dBm", a.RSSI)
	}
	name := "-"
	if a.Name != "" {
		name = showText(a.Name)
	}
	var more []string
	if len(a.ServiceUUIDs) > 0 {
		var services []string
		for _, uuid := range a.ServiceUUIDs {
			services = append(services, serviceText(uuid))
		}
		more = append(more, "services "+strings.Join(services, ", "))
	}
	for _, company := range slices.Sorted(maps.Keys(a.ManufacturerData)) {
		name, _ := assigned.Company(company)
		more = append(more, fmt.Sprintf("company %s: %x", named(fmt.Sprintf("%04x", company), name), a.ManufacturerData[company]))
	}
	byUUID := func(x, y facade.UUID) int { return slices.Compare(x[:], y[:]) }
	for _, uuid := range slices.SortedFunc(maps.Keys(a.ServiceData), byUUID) {
		more = append(more, fmt.Sprintf("data %s: %x", serviceText(uuid), a.ServiceData[uuid]))
	}
	if a.HasTxPower {
		more = append(more, fmt.Sprintf("sent at %d dBm", a.TxPower))
	}
	line := fmt.Sprintf("%s  %8s  %-24s  %s", a.Address, rssi, name, strings.Join(more, "  "))
	return strings.TrimRight(line, " ")
}
