package main

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"strings"
	"sync"
	"time"

	"github.com/gobluez/bluez/facade"
	"github.com/spf13/cobra"
)

const monitorHelp = `Monitor prints a line for each thing that happens to adapters and devices, whichever program or device is the cause: added,
removed, powered on and off, connected, disconnected, paired, unpaired, changed. Those that are there when it begins come
first, as added. It does not scan; what other programs scan is seen. It ends after --duration, or with Ctrl-C, and goes on
when bluetoothd is restarted.

With --rssi the strength of devices is printed as well, whenever it changes while some program scans.

With --json each line is an object with time, event, and adapter or device: what is known of it after the event, or was
before it was removed.`

func (t *tool) monitorCommand() *cobra.Command {
	var length duration
	var rssi bool
	cmd := &cobra.Command{
		Use:   "monitor [--rssi] [--duration D] [--adapter hciN]",
		Short: "Print what happens to adapters, devices and bonds",
		Long:  monitorHelp,
		Example: `  ble monitor
  ble monitor --rssi --adapter hci1
  ble monitor --json | jq .event`,
		Args: exactly(),
		RunE: func(cmd *cobra.Command, args []string) error {
			return t.monitor(cmd.Context(), facade.WatchOptions{Adapter: string(t.adapter), RSSI: rssi}, time.Duration(length))
		},
	}
	cmd.Flags().Var(&length, "duration", "end after this time, in seconds or with a unit (default: when interrupted)")
	cmd.Flags().BoolVar(&rssi, "rssi", false, "print each strength that is heard, too")
	return cmd
}

// monitor prints events until length has passed (0: for ever), ctx ends, or printing fails.
func (t *tool) monitor(ctx context.Context, options facade.WatchOptions, length time.Duration) error {
	central, err := t.openWithin(ctx)
	if err != nil {
		return ended(ctx, err)
	}
	defer central.Close()
	watching, end := context.WithCancel(ctx)
	if length > 0 {
		watching, end = context.WithTimeout(ctx, length)
	}
	defer end()
	m := &monitor{tool: t}
	var adapters, devices error
	var both sync.WaitGroup
	both.Go(func() {
		defer end() // of the other, if this one fails
		adapters = m.adapters(central.WatchAdapters(watching), options.Adapter)
	})
	both.Go(func() {
		defer end()
		devices = m.devices(central.WatchDevices(watching, options))
	})
	both.Wait()
	return ended(ctx, errors.Join(adapters, devices))
}

// openWithin opens a Central, and looks whether there is a BlueZ, within the time that flags allow.
func (t *tool) openWithin(ctx context.Context) (*facade.Central, error) {
	ctx, cancel := context.WithTimeout(ctx, time.Duration(t.timeout))
	defer cancel()
	central, err := t.open(ctx)
	if err != nil {
		return nil, err
	}
	if _, err := central.Adapters(ctx); err != nil {
		return nil, errors.Join(err, central.Close())
	}
	return central, nil
}

// eventJSON is what monitor prints with --json.
type eventJSON struct {
	Time    time.Time           `json:"time"`
	Event   string              `json:"event"`
	Adapter *facade.Adapter     `json:"adapter,omitempty"`
	Device  *facade.KnownDevice `json:"device,omitempty"`
}

// A monitor prints the events of two loops.
type monitor struct {
	*tool
	printing sync.Mutex
}

// adapters prints what happens to an adapter, or to all if the name is empty.
func (m *monitor) adapters(events iter.Seq2[facade.AdapterEvent, error], name string) error {
	for e, err := range events {
		if err != nil {
			return err
		}
		if name != "" && e.Adapter.Name != name {
			continue
		}
		err = m.print(eventJSON{Event: e.Kind.String(), Adapter: &e.Adapter}, e.Adapter.Name, e.Adapter.Address, showText(e.Adapter.Alias))
		if err != nil {
			return err
		}
	}
	return nil
}

// devices prints what happens to devices.
func (m *monitor) devices(events iter.Seq2[facade.DeviceEvent, error]) error {
	for e, err := range events {
		if err != nil {
			return err
		}
		err = m.print(eventJSON{Event: e.Kind.String(), Device: &e.Device}, e.Device.Adapter, e.Device.Address, describeKnown(e.Device))
		if err != nil {
			return err
		}
	}
	return nil
}

func (m *monitor) print(e eventJSON, adapter string, address facade.Address, about string) error {
	m.printing.Lock()
	defer m.printing.Unlock()
	e.Time = time.Now()
	if m.json {
		return printJSON(m.stdout, e)
	}
	line := fmt.Sprintf("%s  %-5s  %s  %-12s  %s", e.Time.Format("15:04:05.000"), adapter, address, e.Event, about)
	return printLine(m.stdout, strings.TrimRight(line, " "))
}

// describeKnown returns a device's name and what is special about it.
func describeKnown(d facade.KnownDevice) string {
	words := []string{"-"}
	if d.Alias != "" {
		words[0] = showText(d.Alias)
	}
	for _, special := range []struct {
		is   bool
		word string
	}{
		{d.Connected, "connected"}, {d.Bonded, "bonded"}, {d.Paired && !d.Bonded, "paired"}, {d.Trusted, "trusted"}, {d.Blocked, "blocked"},
		{d.HasRSSI, fmt.Sprintf("%d dBm", d.RSSI)},
	} {
		if special.is {
			words = append(words, special.word)
		}
	}
	return strings.Join(words, ", ")
}
