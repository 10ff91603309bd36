//go:build linux

package facade

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gobluez/bluez/bluezgen"
	"github.com/gobluez/bluez/facade/bluetest"
)

func TestScanSurvivesACrashOfBluetoothd(t *testing.T) {
	w := startWorld(t)
	d := w.add(silent(strap, "Strap", "180d"))
	c := w.open(Options{})
	_, lines := collect(t, c, ScanOptions{Services: []UUID{UUID16(0x180d)}})
	w.packet(d, -60, "180d")
	expect(t, lines, "Strap -60")
	for round := range 2 {
		w.CrashBluetoothd()
		w.adapter().Power(false) // it comes back without power
		w.check(w.StartBluetoothd(t.Context()))
		w.adapter().Power(true)
		w.awaitAnswered("StartDiscovery", round+2)
		w.packet(d, -61, "180d")
		expect(t, lines, "Strap -61")
		if got := w.filter(); len(got.UUIDs) != 0 { // what 5.87 crashes with
			t.Errorf("filter after a crash: %+v", got)
		}
	}
}

func TestScanResumesAfterWhatInterruptsIt(t *testing.T) {
	for name, interrupt := range map[string]func(*world) error{
		"adapter off and on": func(w *world) error {
			w.adapter().Power(false)
			w.adapter().Power(true)
			return nil
		},
		"adapter reset": func(w *world) error { return w.adapter().Reset() },
		"adapter unplugged": func(w *world) error {
			w.adapter().Unplug()
			_, err := w.AddAdapter(bluetest.AdapterConfig{})
			return err
		},
		"bluetoothd restarts": func(w *world) error { return w.RestartBluetoothd(w.t.Context()) },
		"bus restarts":        func(w *world) error { return w.RestartBus(w.t.Context()) },
		"connection is cut":   func(w *world) error { w.CutConnections(); return nil },
		"message is malformed": func(w *world) error {
			return w.SendMalformed(bluetest.WrongVersion)
		},
	} {
		t.Run(name, func(t *testing.T) {
			w := startWorld(t)
			d := w.add(silent(strap, "Strap"))
			c := w.open(Options{})
			s, lines := collect(t, c, ScanOptions{})
			w.check(interrupt(w))
			w.awaitAnswered("StartDiscovery", 2)
			w.packet(d, -60)
			expect(t, lines, "Strap -60")
			if err := s.Close(); err != nil || w.discoveries() != 0 {
				t.Errorf("close: %v; %d discoveries", err, w.discoveries())
			}
		})
	}
}

func TestConnectWorksAgainAfterwards(t *testing.T) {
	for name, end := range map[string]func(*world, *bluetest.Peripheral) error{
		"device was away": func(_ *world, p *bluetest.Peripheral) error {
			p.Vanish()
			p.Disconnect()
			p.Appear()
			return nil
		},
		"device was removed": func(w *world, _ *bluetest.Peripheral) error {
			return w.remove()
		},
		"adapter was reset":    func(w *world, _ *bluetest.Peripheral) error { return w.adapter().Reset() },
		"bluetoothd restarted": func(w *world, _ *bluetest.Peripheral) error { return w.RestartBluetoothd(w.t.Context()) },
		"bluetoothd crashed": func(w *world, _ *bluetest.Peripheral) error {
			w.CrashBluetoothd()
			return w.StartBluetoothd(w.t.Context())
		},
		"bus restarted": func(w *world, _ *bluetest.Peripheral) error { return w.RestartBus(w.t.Context()) },
	} {
		t.Run(name, func(t *testing.T) {
			w, p, c := startStrap(t, nil)
			client := connect(t, c)
			w.check(end(w, p))
			w.wait(client.Disconnected(), "the end")
			if err := client.Close(); err != nil {
				t.Error(err)
			}
			again := connectSoon(t, c)
			if got, err := again.Read(t.Context(), measurement); err != nil || string(got) != "value" {
				t.Errorf("read %q, %v", got, err)
			}
		})
	}
}

// connectSoon connects to the strap as soon as Bluetooth can be used, and BlueZ does not
// know it from before any more.
func connectSoon(t *testing.T, c *Central) *Client {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), inTime)
	defer cancel()
	for {
		client, err := c.Connect(ctx, strap, ConnectOptions{})
		if err == nil {
			t.Cleanup(func() { client.Close() })
			return client
		}
		if !errors.Is(err, ErrUnavailable) && !errors.Is(err, ErrNotFound) {
			t.Fatal(err)
		}
	}
}

func TestConnectEndsWithWhatItNeeds(t *testing.T) {
	for _, test := range []struct {
		name string
		end  func(*world)
		want error
	}{
		{"adapter is switched off", func(w *world) { w.adapter().Power(false) }, ErrAdapterOff},
		{"adapter is unplugged", func(w *world) { w.adapter().Unplug() }, ErrNotFound},
		{"bluetoothd crashes", func(w *world) { w.CrashBluetoothd() }, ErrNoBlueZ},
		{"bus ends", func(w *world) { w.StopBus() }, ErrNoBus},
		{"connection is cut", func(w *world) { w.CutConnections() }, ErrNoBus},
	} {
		t.Run(test.name, func(t *testing.T) {
			w, p, c := startStrap(t, nil)
			p.Vanish()
			w.whenCalled("Connect", 1, func() { test.end(w) })
			if _, err := c.Connect(t.Context(), strap, ConnectOptions{}); !errors.Is(err, test.want) {
				t.Errorf("connect: %v, want %v", err, test.want)
			}
		})
	}
}

func TestSignalsThatAreWrongChangeNothing(t *testing.T) {
	forged := bluezgen.Device1Properties{
		Device1Set: bluezgen.Device1SetOf(bluezgen.Device1Connected, bluezgen.Device1RSSI, bluezgen.Device1Name), RSSI: -1, Name: "Forged",
	}
	for name, send := range map[string]func(w *world, address string) error{
		"forged by another program": func(w *world, address string) error { return w.adapter().Forge(address, forged) },
		"foreign types":             func(w *world, address string) error { return w.adapter().SendForeignTypes(address) },
		"foreign signature":         func(w *world, address string) error { return w.adapter().SendForeignSignature(address) },
	} {
		t.Run(name, func(t *testing.T) {
			w, _, c := startStrap(t, nil)
			lamp := w.add(silent(number(2), "Lamp"))
			_, lines := collect(t, c, ScanOptions{Match: func(adv Advertisement) bool { return adv.Address != strap || adv.Name != "Strap" }})
			w.packet(lamp, -60)
			expect(t, lines, "Lamp -60")
			client := connect(t, c)
			w.check(send(w, strap.String()))
			w.check(send(w, lamp.Address()))
			w.settle(c)
			if _, err := client.Read(t.Context(), measurement); err != nil || client.Err() != nil || client.Name() != "Strap" {
				t.Errorf("read: %v; client %q: %v", err, client.Name(), client.Err())
			}
			w.packet(lamp, -70)
			expect(t, lines, "Lamp -70")
		})
	}
}

func TestMalformedMessageEndsClientsAndSaysWhatIsWrong(t *testing.T) {
	t.Parallel() // it has to wait
	for malformation, want := range map[bluetest.Malformation]string{
		bluetest.WrongByteOrder: "byte order",
		bluetest.TooLong:        "long",
		bluetest.WrongVersion:   "version",
		bluetest.NotUTF8:        "UTF-8",
		bluetest.ArrayOverrun:   "array",
	} {
		w, _, c := startStrap(t, nil)
		client := connect(t, c)
		w.check(w.SendMalformed(malformation))
		w.wait(client.Disconnected(), "the end")
		err := client.Err()
		if !errors.Is(err, ErrNoBus) || !errors.Is(err, ErrDisconnected) || !strings.Contains(err.Error(), want) {
			t.Errorf("%v; want ErrNoBus with %q", err, want)
		}
		connectSoon(t, c)
	}
}

func TestFloodOfSignalsCoalesces(t *testing.T) {
	const n = 5000
	w, _, c := startStrap(t, nil)
	heard, advertisements := 0, 0
	for adv, err := range c.Scan(t.Context(), ScanOptions{}) {
		if err != nil {
			t.Fatal(err)
		}
		heard += 1 + adv.Coalesced
		if advertisements++; advertisements > 1 {
			break
		}
		w.Peripheral(strap.String()).Silence()
		w.check(w.adapter().Flood(t.Context(), strap.String(), n)) // while the consumer does something else
		w.settle(c)
	}
	if heard <= n {
		t.Errorf("%d of more than %d signals are accounted for", heard, n)
	}
}

func TestFloodOverflowsAScanOfEveryPacket(t *testing.T) {
	w, _, c := startStrap(t, nil)
	var ended error
	flooded := false
	for _, err := range c.Scan(t.Context(), ScanOptions{EveryPacket: true, Queue: 100}) {
		if ended = err; !flooded {
			flooded = true
			w.check(w.adapter().Flood(t.Context(), strap.String(), 200))
			w.settle(c)
		}
	}
	if !errors.Is(ended, ErrOverflow) {
		t.Errorf("scan: %v", ended)
	}
}

func TestRepliesMayComeLateTwiceOrOutOfOrder(t *testing.T) {
	t.Parallel() // it has to wait
	const by = 20 * time.Millisecond
	for name, disturb := range map[string]func(*world) (undo func()){
		"late":         func(w *world) func() { return w.LateReplies("", by) },
		"twice":        func(w *world) func() { return w.DoubleReplies("") },
		"out of order": func(w *world) func() { return w.ReorderReplies("", by) },
	} {
		t.Run(name, func(t *testing.T) {
			w := startWorld(t)
			defer disturb(w)()
			p := w.add(newStrap())
			c := w.open(Options{})
			client := connect(t, c) // after a scan
			if got, err := client.Read(t.Context(), measurement); err != nil || string(got) != "value" {
				t.Errorf("read %q, %v", got, err)
			}
			sub := subscribe(t, client, SubscribeOptions{})
			for _, value := range []string{"one", "two"} {
				if err := client.Write(t.Context(), control, []byte(value)); err != nil {
					t.Error(err)
				}
				notify(t, p, value)
			}
			if got := take(t, sub, 2); !slices.Equal(got, []string{"one", "two"}) {
				t.Errorf("notifications %q", got)
			}
			if written, err := p.Written("2a39"); err != nil || len(written) != 2 || string(written[0]) != "one" {
				t.Errorf("written %q, %v", written, err)
			}
			if err := client.Close(); err != nil || p.Connected() || w.discoveries() != 0 {
				t.Errorf("close: %v; connected: %v, %d discoveries", err, p.Connected(), w.discoveries())
			}
		})
	}
}

func TestReplyThatIsLostEndsWithTheContextAlone(t *testing.T) {
	w, _, c := startStrap(t, nil)
	client := connect(t, c)
	undo := w.LoseReplies("ReadValue")
	ctx, cancel := context.WithCancel(t.Context())
	w.whenCalled("ReadValue", 1, cancel)
	if _, err := client.Read(ctx, measurement); !errors.Is(err, context.Canceled) || client.Err() != nil {
		t.Errorf("read: %v; client: %v", err, client.Err())
	}
	undo()
	if _, err := client.Read(t.Context(), measurement); err != nil {
		t.Errorf("the next read: %v", err)
	}
}

func TestBusThatStandsStillIsWaitedFor(t *testing.T) {
	w, p, c := startStrap(t, nil)
	client := connect(t, c)
	sub := subscribe(t, client, SubscribeOptions{})
	resume := w.Freeze()
	notify(t, p, "late")
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if _, err := client.Read(ctx, measurement); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("read: %v", err)
	}
	resume()
	if got := take(t, sub, 1); got[0] != "late" || client.Err() != nil {
		t.Errorf("notification %q; client: %v", got, client.Err())
	}
}

func TestBluetoothdThatComesLateIsUsed(t *testing.T) {
	w := startWorld(t)
	w.add(newStrap())
	w.CrashBluetoothd()
	c := w.open(Options{})
	if _, err := c.Connect(t.Context(), strap, ConnectOptions{}); !errors.Is(err, ErrNoBlueZ) {
		t.Errorf("connect: %v", err)
	}
	w.check(w.StartBluetoothd(t.Context()))
	connectSoon(t, c)
}
