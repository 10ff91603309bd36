//go:build linux

package facade

import (
	"context"
	"errors"
	"testing"
	"time"
)

// What ends the bus for a Central, and what brings it back.
var lossesOfTheBus = map[string]func(t *testing.T, w *world){
	"the bus restarts": func(t *testing.T, w *world) { w.check(w.RestartBus(t.Context())) },
	"the bus is away for a while": func(t *testing.T, w *world) {
		w.StopBus()
		w.check(w.StartBus(t.Context()))
	},
	"the connection is cut": func(_ *testing.T, w *world) { w.CutConnections() },
	"the connection is cut in mid-frame": func(t *testing.T, w *world) {
		w.CutMidFrame()
		w.check(w.adapter().Flood(t.Context(), strap.String(), 1)) // the frame
	},
}

func TestCentralOutlivesTheBus(t *testing.T) {
	for name, lose := range lossesOfTheBus {
		t.Run(name, func(t *testing.T) {
			w, _, c := startStrap(t, nil)
			heard := make(chan Advertisement)
			scanner, err := c.StartScanner(t.Context(), ScanOptions{}, func(adv Advertisement) {
				select {
				case heard <- adv:
				case <-time.After(time.Second):
				}
			})
			if err != nil {
				t.Fatal(err)
			}
			defer scanner.Close()
			<-heard
			client := connect(t, c)
			sub, err := client.Subscribe(t.Context(), measurement, SubscribeOptions{})
			if err != nil {
				t.Fatal(err)
			}

			lose(t, w)
			<-client.Disconnected()
			if err := client.Err(); !errors.Is(err, ErrDisconnected) || !errors.Is(err, ErrNoBus) {
				t.Errorf("the client ended with %v, want ErrDisconnected and ErrNoBus", err)
			}
			if _, err := sub.Next(t.Context()); !errors.Is(err, ErrDisconnected) {
				t.Errorf("the subscription ended with %v, want ErrDisconnected", err)
			}
			if err := client.Close(); err != nil {
				t.Error(err)
			}
			awaitReattached(t, c)
			for adv := range heard { // until one comes from the bus that is back
				if _, err := c.Connect(t.Context(), adv, ConnectOptions{}); err == nil {
					break
				}
			}
			if err := scanner.Err(); err != nil {
				t.Errorf("the scan ended with %v", err)
			}
		})
	}
}

// awaitReattached waits until a Central has the bus again.
func awaitReattached(t *testing.T, c *Central) {
	t.Helper()
	for t.Context().Err() == nil {
		if adapters, err := c.Adapters(t.Context()); err == nil && len(adapters) > 0 && c.Stats().Reattached > 0 {
			return
		} else if err != nil && !errors.Is(err, ErrNoBus) && !errors.Is(err, ErrNoBlueZ) {
			t.Fatalf("while the bus is away, Adapters fails with %v", err)
		}
	}
}

func TestWithoutABusEverythingSaysSo(t *testing.T) {
	w, _, c := startStrap(t, nil)
	w.StopBus()
	<-c.bus().ctx.Done()
	_, adapters := c.Adapters(t.Context())
	_, connected := c.Connect(t.Context(), strap, ConnectOptions{})
	_, scanned := c.StartScanner(t.Context(), ScanOptions{}, func(Advertisement) {})
	_, found := c.FindDevice(t.Context(), ScanOptions{Address: strap})
	for what, err := range map[string]error{"Adapters": adapters, "Connect": connected, "StartScanner": scanned, "FindDevice": found} {
		if !errors.Is(err, ErrNoBus) || !errors.Is(err, ErrUnavailable) {
			t.Errorf("%s: %v, want ErrNoBus", what, err)
		}
	}
	if err := c.Close(); err != nil {
		t.Errorf("close without a bus: %v", err)
	}
	if _, err := c.Adapters(t.Context()); !errors.Is(err, ErrClosed) {
		t.Errorf("after Close: %v, want ErrClosed", err)
	}
}

func TestConnectEndsWithTheBus(t *testing.T) {
	w, p, c := startStrap(t, nil)
	p.Silence()
	failed := make(chan error, 1)
	go func() {
		_, err := c.Connect(context.WithoutCancel(t.Context()), strap, ConnectOptions{})
		failed <- err
	}()
	w.await("Connect", 1)
	w.CutConnections()
	if err := <-failed; !errors.Is(err, ErrNoBus) {
		t.Errorf("the attempt ended with %v, want ErrNoBus", err)
	}
}

func TestScanThatShallNotResumeEndsWithItsReason(t *testing.T) {
	for name, test := range map[string]struct {
		end  func(w *world)
		want error
	}{
		"bus":        {func(w *world) { w.StopBus() }, ErrNoBus},
		"bluetoothd": {func(w *world) { w.CrashBluetoothd() }, ErrNoBlueZ},
		"adapter":    {func(w *world) { w.adapter().Unplug() }, ErrNoAdapter},
		"power":      {func(w *world) { w.adapter().Power(false) }, ErrAdapterOff},
	} {
		t.Run(name, func(t *testing.T) {
			w, _, c := startStrap(t, nil)
			scanner, err := c.StartScanner(t.Context(), ScanOptions{NoResume: true}, func(Advertisement) {})
			if err != nil {
				t.Fatal(err)
			}
			test.end(w)
			<-scanner.Done()
			if err := scanner.Err(); !errors.Is(err, test.want) {
				t.Errorf("the scan ended with %v, want %v", err, test.want)
			}
		})
	}
}
