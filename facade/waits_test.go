//go:build linux

package facade

import (
	"context"
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/gobluez/bluez/facade/bluetest"
)

// A wait is something that does not end by itself: the strap is out of range, and BlueZ has
// not noticed, or it leaves a question open.
type wait struct {
	name      string
	method    string // what BlueZ is asked when it has begun
	connected bool   // a client is needed, else the strap is not connected
	begin     func(context.Context, *Central, *Client) error
}

var waits = []wait{
	{"connect", "Connect", false, func(ctx context.Context, c *Central, _ *Client) error {
		_, err := c.Connect(ctx, strap, ConnectOptions{})
		return err
	}},
	{"pair and connect", "Pair", false, func(ctx context.Context, c *Central, _ *Client) error {
		_, err := c.Connect(ctx, strap, ConnectOptions{Pair: &PairOptions{}, Attempts: 1})
		return err
	}},
	{"pair", "Pair", true, func(ctx context.Context, _ *Central, client *Client) error {
		return client.Pair(ctx, PairOptions{})
	}},
	{"read", "ReadValue", true, func(ctx context.Context, _ *Central, client *Client) error {
		_, err := client.Read(ctx, measurement)
		return err
	}},
	{"write", "WriteValue", true, func(ctx context.Context, _ *Central, client *Client) error {
		return client.WriteWithResponse(ctx, control, []byte{1})
	}},
	{"read descriptor", "ReadValue", true, func(ctx context.Context, _ *Central, client *Client) error {
		_, err := client.ReadDescriptor(ctx, controlLabel)
		return err
	}},
	{"subscribe", "StartNotify", true, func(ctx context.Context, _ *Central, client *Client) error {
		return subscribed(client.Subscribe(ctx, measurement, SubscribeOptions{}))(ctx)
	}},
	{"acquire", "AcquireNotify", true, func(ctx context.Context, _ *Central, client *Client) error {
		return subscribed(client.Subscribe(ctx, measurement, SubscribeOptions{Method: AcquireNotify}))(ctx)
	}},
}

// subscribed returns why there is no subscription, or why it has ended: without a link BlueZ
// confirms what it will arm with the next one.
func subscribed(sub *Subscription, err error) func(context.Context) error {
	return func(ctx context.Context) error {
		if err == nil {
			_, err = sub.Next(ctx)
		}
		return err
	}
}

// mishaps are what may happen meanwhile, and what the error has to match then: any of these.
var mishaps = []struct {
	name string
	make func(*world) error
	want []error
}{
	{"the device is removed", func(w *world) error { return w.remove() }, []error{ErrNotFound, ErrDisconnected, ErrPairingFailed}},
	{"the adapter is switched off", func(w *world) error { w.adapter().Power(false); return nil }, []error{ErrAdapterOff, ErrDisconnected, ErrPairingFailed}},
	{"the adapter is unplugged", func(w *world) error { w.adapter().Unplug(); return nil }, []error{ErrNotFound, ErrDisconnected, ErrPairingFailed}},
	{"the adapter is reset", func(w *world) error { return w.adapter().Reset() }, []error{ErrNotFound, ErrDisconnected, ErrPairingFailed}},
	{"bluetoothd crashes", func(w *world) error { w.CrashBluetoothd(); return nil }, []error{ErrNoBlueZ, ErrNotFound, ErrDisconnected}},
	{"bluetoothd restarts", func(w *world) error { return w.RestartBluetoothd(context.WithoutCancel(w.t.Context())) }, []error{ErrNoBlueZ, ErrNotFound, ErrDisconnected, ErrPairingFailed}},
	{"the bus ends", func(w *world) error { w.StopBus(); return nil }, []error{ErrNoBus}},
	{"the bus restarts", func(w *world) error { return w.RestartBus(context.WithoutCancel(w.t.Context())) }, []error{ErrNoBus}},
	{"the connection is cut", func(w *world) error { w.CutConnections(); return nil }, []error{ErrNoBus}},
}

// Whatever is waited for ends with whatever it needs, and the error tells of it.
func TestEveryWaitEndsWithEveryMishap(t *testing.T) {
	for _, wait := range waits {
		for _, mishap := range mishaps {
			t.Run(wait.name+" while "+mishap.name, func(t *testing.T) {
				t.Parallel() // some have to wait for the end of the link to be signalled
				w, p, c := startStrap(t, func(d *bluetest.Device) { d.Pairing.Silent = true }, bluetest.Delays{Supervision: time.Hour})
				var client *Client
				if wait.connected {
					client = connect(t, c)
				}
				if wait.method != "Pair" {
					p.Vanish()
				}
				w.whenCalled(wait.method, 1, func() { w.check(mishap.make(w)) })
				ctx, cancel := context.WithTimeout(t.Context(), inTime)
				defer cancel()
				err := wait.begin(ctx, c, client)
				if !slices.ContainsFunc(mishap.want, func(want error) bool { return errors.Is(err, want) }) {
					t.Errorf("%v", err)
				}
				if wait.connected {
					w.wait(client.Disconnected(), "the end")
					if err := client.Close(); err != nil {
						t.Errorf("close: %v", err)
					}
				}
				if stats := c.Stats(); stats.Clients != 0 || stats.Subscriptions != 0 {
					t.Errorf("left: %+v", stats)
				}
			})
		}
	}
}
