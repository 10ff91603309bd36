//go:build linux

package facade

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/gobluez/bluez/facade/bluetest"
)

// soon are StayOptions that do not wait.
var soon = StayOptions{MinPause: time.Millisecond, MaxPause: 10 * time.Millisecond}

func TestStayConnectsAgain(t *testing.T) {
	w, p, c := startStrap(t, nil)
	connections := 0
	err := c.Stay(t.Context(), strap, soon, func(ctx context.Context, client *Client) error {
		connections++
		sub, err := client.Subscribe(ctx, measurement, SubscribeOptions{})
		if err != nil {
			return err
		}
		w.check(p.Notify(ctx, "2a37", []byte{byte(connections)}))
		if n, err := sub.Next(ctx); err != nil || n.Value[0] != byte(connections) {
			t.Errorf("connection %d: notified % x, %v", connections, n.Value, err)
		}
		switch connections {
		case 1:
			p.Disconnect()
		case 2:
			w.check(w.RestartBluetoothd(t.Context()))
		case 3:
			w.check(w.RestartBus(t.Context()))
		case 4:
			w.check(w.adapter().RemoveDevice(t.Context(), strap.String()))
		case 5:
			return nil
		}
		<-ctx.Done()
		return ctx.Err()
	})
	if err != nil || connections != 5 {
		t.Errorf("ended after %d connections with %v", connections, err)
	}
}

func TestStayEndsWithWhatWasDone(t *testing.T) {
	_, p, c := startStrap(t, nil)
	failure := errors.New("not my device")
	err := c.Stay(t.Context(), strap, soon, func(context.Context, *Client) error { return failure })
	if !errors.Is(err, failure) {
		t.Errorf("ended with %v, want %v", err, failure)
	}
	if p.Connected() {
		t.Error("the device is still connected")
	}
}

func TestStayEndsWithItsContext(t *testing.T) {
	_, p, c := startStrap(t, nil)
	for name, cancelled := range map[string]func(context.CancelFunc) func(context.Context, *Client) error{
		"while connected": func(cancel context.CancelFunc) func(context.Context, *Client) error {
			return func(ctx context.Context, _ *Client) error {
				cancel()
				<-ctx.Done()
				return ctx.Err()
			}
		},
		"between connections": func(cancel context.CancelFunc) func(context.Context, *Client) error {
			return func(ctx context.Context, _ *Client) error {
				p.Disconnect()
				<-ctx.Done()
				time.AfterFunc(time.Millisecond, cancel)
				return ctx.Err()
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			if err := c.Stay(ctx, strap, StayOptions{MinPause: time.Hour}, cancelled(cancel)); !errors.Is(err, context.Canceled) {
				t.Errorf("ended with %v, want context.Canceled", err)
			}
		})
	}
}

func TestStayAsksWhetherToGoOn(t *testing.T) {
	_, _, c := startStrap(t, func(d *bluetest.Device) {
		d.Connection.Fail = func(int) error { return bluetest.ConnectionRefused() }
	})
	asked := 0
	o := soon
	o.Connect.Attempts = 1
	o.Retry = func(error) bool {
		asked++
		return asked < 3
	}
	err := c.Stay(t.Context(), strap, o, func(context.Context, *Client) error {
		t.Error("connected")
		return nil
	})
	if err == nil || asked != 3 {
		t.Errorf("ended with %v after %d questions", err, asked)
	}
	if err := c.Stay(t.Context(), nil, soon, nil); !errors.Is(err, ErrNotFound) {
		t.Errorf("without a target: %v", err)
	}
}

func TestStayEndsWithTheCentral(t *testing.T) {
	_, _, c := startStrap(t, nil)
	err := c.Stay(t.Context(), strap, soon, func(ctx context.Context, _ *Client) error {
		go c.Close()
		<-ctx.Done()
		return ctx.Err()
	})
	if !errors.Is(err, ErrClosed) {
		t.Errorf("ended with %v, want ErrClosed", err)
	}
}

// What the target says of the device holds for all connections, though only the first one is
// to the object that it names.
func TestStayRemembersTheDevice(t *testing.T) {
	const again = 3 // connections
	for name, test := range map[string]struct {
		change func(*bluetest.Device)
		pair   bool
	}{
		"by its adapter":                        {func(*bluetest.Device) {}, false},
		"by the address that pairing has shown": {private, true},
	} {
		t.Run(name, func(t *testing.T) {
			w := startWorld(t, bluetest.AdapterConfig{Name: "hci0"}, bluetest.AdapterConfig{Name: "hci1"})
			d := newStrap()
			test.change(&d)
			p := w.add(d)
			c := w.open(Options{})
			adv, err := c.FindDevice(t.Context(), ScanOptions{Adapter: "hci1"})
			if err != nil {
				t.Fatal(err)
			}
			o := soon
			if test.pair {
				o.Connect.Pair = &PairOptions{}
			}
			connections := 0
			ctx, cancel := context.WithTimeout(t.Context(), inTime)
			defer cancel()
			err = c.Stay(ctx, adv, o, func(ctx context.Context, client *Client) error {
				if got := client.Device().Adapter; got != "hci1" {
					t.Errorf("connection %d is made with %s", connections, got)
				}
				if connections++; connections == again {
					return nil
				}
				p.Disconnect()
				<-ctx.Done()
				return nil
			})
			if err != nil || connections != again {
				t.Errorf("ended after %d connections with %v", connections, err)
			}
		})
	}
}
