package main

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"sync"
	"time"

	"github.com/gobluez/bluez/facade"
	"github.com/gobluez/bluez/facade/peripheral"
	"github.com/spf13/cobra"
)

const serveHelp = `Serve imitates a device: it serves what a file describes, and advertises its name and services, until --duration is over or
Ctrl-C. FILE is what ble inspect --json --values prints of a real device; - is standard input. Reads return the values of the
file. What is written is kept and printed, as are connections and subscriptions.

An object "advertisement" in the file, with the fields that ble scan --json prints, says what is advertised instead.

What belongs to the adapter remains its own: the address, the services 1800 and 1801 with the name that a connected device
reads, and the handles.

With --json each line is an object with time, event (advertising, connected, disconnected, subscribed, unsubscribed, written),
address, and for the latter three uuid, handle (in the file) and value, in hexadecimal.`

func (t *tool) serveCommand() *cobra.Command {
	var length duration
	cmd := &cobra.Command{
		Use:   "serve FILE [--duration D] [--adapter hciN]",
		Short: "Imitate a device that a file describes",
		Long:  serveHelp,
		Example: `  ble inspect "Heart Rate" --json --values > heart-rate.json
  ble serve heart-rate.json --adapter hci1
  ble serve heart-rate.json --json | jq 'select(.event == "written")'`,
		Args: exactly("FILE"),
		RunE: func(cmd *cobra.Command, args []string) error {
			d, err := t.readImitation(args[0])
			if err != nil {
				return usageError{err}
			}
			return t.serve(cmd.Context(), d, time.Duration(length))
		},
	}
	cmd.ValidArgsFunction = cobra.FixedCompletions(nil, cobra.ShellCompDirectiveDefault) // files
	cmd.Flags().Var(&length, "duration", "end after this time, in seconds or with a unit (default: when interrupted)")
	return cmd
}

// readImitation reads the device that a file describes.
func (t *tool) readImitation(name string) (*imitation, error) {
	if name == "-" {
		return newImitation(t.stdin)
	}
	file, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	d, err := newImitation(file)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return d, nil
}

// serve imitates a device until length has passed (0: for ever), ctx ends, or it fails.
func (t *tool) serve(ctx context.Context, d *imitation, length time.Duration) error {
	start, cancel := context.WithTimeout(ctx, time.Duration(t.timeout))
	defer cancel()
	for _, left := range d.leftOut {
		t.log.Warn("left out", "what", left)
	}
	central, err := t.open(start)
	if err != nil {
		return ended(ctx, err)
	}
	defer central.Close()
	p := &imitator{tool: t, of: d, failed: make(chan error, 1)}
	server, err := peripheral.Serve(start, p.application(), peripheral.Options{Central: central})
	if err != nil {
		return ended(ctx, misdeclared(err))
	}
	defer server.Close()
	advertising, err := peripheral.Advertise(start, d.advertisement, peripheral.Options{Central: central})
	if err != nil {
		return ended(ctx, misdeclared(err))
	}
	defer advertising.Close()
	if err := p.begun(start, central, advertising.Adapter()); err != nil {
		return err
	}
	select {
	case <-ctx.Done():
	case <-after(length):
	case <-advertising.Done():
	case <-server.Done():
	case err = <-p.failed:
	}
	return errors.Join(err, advertising.Err(), server.Err())
}

// An imitator serves an imitation and prints what happens to it.
type imitator struct {
	*tool
	of       *imitation
	printing sync.Mutex
	failed   chan error // gets the first error of printing
}

// serveJSON is what serve prints with --json.
type serveJSON struct {
	Time    time.Time      `json:"time"`
	Event   string         `json:"event"`
	Address facade.Address `json:"address"`
	UUID    *facade.UUID   `json:"uuid,omitempty"`
	Handle  facade.Handle  `json:"handle,omitempty"`
	Value   *value         `json:"value,omitempty"`
}

// application returns what is served: the declaration with functions that print.
func (p *imitator) application() peripheral.Application {
	app := peripheral.Application{Services: p.of.services, Event: p.event}
	for _, s := range p.of.services {
		for _, c := range s.Characteristics {
			if writable(c.Properties) {
				c.Write = p.write
			}
		}
	}
	return app
}

// begun prints that it can be found.
func (p *imitator) begun(ctx context.Context, central *facade.Central, adapter string) error {
	p.printing.Lock()
	defer p.printing.Unlock()
	return p.printAdvertising(ctx, central, adapter, p.of.advertisement.Name)
}

// event prints what happens.
func (p *imitator) event(e peripheral.Event) {
	if e.Device.Address.IsZero() && e.Characteristic == nil {
		p.log.Info(e.Kind.String())
		return
	}
	p.print(e.Kind.String(), e.Device, e.Characteristic, nil)
}

// write keeps what is written, and prints it.
func (p *imitator) write(_ context.Context, r *peripheral.Request, written []byte) error {
	before := r.Server.Value(r.Characteristic)
	if r.Offset > len(before) {
		return facade.ATTInvalidOffset
	}
	kept := append(append([]byte{}, before[:r.Offset]...), written...)
	if err := r.Server.SetValue(r.Characteristic, kept); err != nil {
		return facade.ATTInvalidValueLength
	}
	p.print("written", r.Device, r.Characteristic, kept)
	return nil
}

// print prints an event; v is nil if there is no value.
func (p *imitator) print(event string, d facade.Device, c *peripheral.Characteristic, v []byte) {
	p.printing.Lock()
	defer p.printing.Unlock()
	out := serveJSON{Time: time.Now(), Event: event, Address: d.Address}
	line := fmt.Sprintf("%s  %s  %s", out.Time.Format("15:04:05.000"), d.Address, event)
	if c != nil {
		out.UUID, out.Handle = &c.UUID, p.of.handles[c]
		line += "  " + characteristicText(c.UUID)
	}
	if v != nil {
		out.Value = (*value)(&v)
		line += "  = " + hex.EncodeToString(v)
	}
	var err error
	if p.json {
		err = printJSON(p.stdout, out)
	} else {
		err = printLine(p.stdout, line)
	}
	if err == nil {
		return
	}
	select {
	case p.failed <- err:
	default: // one is enough
	}
}
