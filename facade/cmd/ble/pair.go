package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/gobluez/bluez/facade"
	"github.com/spf13/cobra"
)

const pairHelp = `Pair connects to a device, pairs with it and disconnects. BlueZ stores the keys: later connections are encrypted.

What the device wants is asked on the terminal: the passkey that it shows is to be entered here, a passkey that is shown here
is to be entered there, or the two are to be compared. A script answers with --passkey (the number to enter, and the only one
to agree to in a comparison) or with --yes (which agrees to any comparison). End of input refuses.

If --timeout is not given, pairing may take two minutes.

ble --help says how DEVICE is written.`

// pairTimeout is the time limit for a command that waits for people.
const pairTimeout = 2 * time.Minute

func (t *tool) pairCommand() *cobra.Command {
	var passkey passkeyFlag
	var yes bool
	cmd := &cobra.Command{
		Use:   "pair DEVICE [--passkey N] [--yes]",
		Short: "Pair with a device",
		Long:  pairHelp,
		Example: `  ble pair C0:FF:EE:00:00:01
  ble pair "Front Door" --passkey 123456`,
		Args: exactly("DEVICE"),
		RunE: func(cmd *cobra.Command, args []string) error {
			d, err := parseDevice(args[0])
			if err != nil {
				return usageError{err}
			}
			if !cmd.Flags().Changed("timeout") {
				t.timeout = duration(pairTimeout)
			}
			return t.pair(cmd.Context(), d, t.agent(passkey, yes))
		},
	}
	cmd.Flags().Var(&passkey, "passkey", "passkey to enter or to agree to, six digits")
	cmd.Flags().BoolVar(&yes, "yes", false, "agree without asking that both sides show the same")
	return cmd
}

func (t *tool) pair(ctx context.Context, d device, agent *facade.Agent) error {
	return t.withCentral(ctx, func(ctx context.Context, central *facade.Central) error {
		client, err := t.connectWith(ctx, central, d, facade.ConnectOptions{Pair: &facade.PairOptions{Agent: agent}})
		if err != nil {
			return why(err)
		}
		defer client.Close()
		t.log.Info("paired", "address", client.Address())
		if t.json {
			return t.printDevice(ctx, central, client.Device())
		}
		return nil
	})
}

// why adds to the error of a pairing what the user or a flag has said; the library leaves out what an agent says.
func why(err error) error {
	for _, cause := range []error{errOtherPasskey, errNotTheSame, errNoAnswer} {
		if errors.Is(err, cause) {
			return fmt.Errorf("%w: %w", err, cause)
		}
	}
	return err
}

// printDevice prints what BlueZ knows of a device as JSON.
func (t *tool) printDevice(ctx context.Context, central *facade.Central, d facade.Device) error {
	all, err := central.Devices(ctx, facade.DevicesOptions{Adapter: d.Adapter})
	if err != nil {
		return err
	}
	i := slices.IndexFunc(all, func(known facade.KnownDevice) bool { return known.Path() == d.Path() })
	if i < 0 {
		return fmt.Errorf("%v: %w", d, facade.ErrNotFound)
	}
	return printJSON(t.stdout, all[i])
}

// errOtherPasskey is a comparison that --passkey does not agree to.
var errOtherPasskey = errors.New("the device shows another passkey than --passkey says")

// agent returns what answers for the user: the flags as far as they go, else the terminal.
func (t *tool) agent(passkey passkeyFlag, yes bool) *facade.Agent {
	user := &terminal{tool: t}
	agent := &facade.Agent{
		RequestPasskey: user.requestPasskey, DisplayPasskey: user.displayPasskey, Confirm: user.confirm,
		RequestPIN: user.requestPIN, DisplayPIN: user.displayPIN,
	}
	if passkey.set {
		agent.RequestPasskey = func(context.Context, facade.Device) (facade.Passkey, error) { return passkey.value, nil }
		agent.Confirm = func(_ context.Context, _ facade.Device, shown facade.Passkey) error {
			if shown != passkey.value {
				return errOtherPasskey
			}
			return nil
		}
	}
	if yes {
		agent.Confirm = func(context.Context, facade.Device, facade.Passkey) error { return nil }
	}
	return agent
}

// passkeyFlag is a flag's passkey.
type passkeyFlag struct {
	value facade.Passkey
	set   bool
}

func (p *passkeyFlag) Set(text string) (err error) {
	if p.value, err = facade.ParsePasskey(text); err != nil {
		return errors.New("must be six digits")
	}
	p.set = true
	return nil
}

// String returns nothing: a passkey is no default that --help should show.
func (p *passkeyFlag) String() string { return "" }

func (p *passkeyFlag) Type() string { return "N" }
