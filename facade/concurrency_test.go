//go:build linux

package facade

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"time"
)

func TestManyScannersComeAndGo(t *testing.T) {
	w := startWorld(t)
	c := w.open(Options{})
	var scanners sync.WaitGroup
	for i := range 8 {
		scanners.Go(func() {
			for round := range 15 {
				o := ScanOptions{EveryPacket: i == 0, Services: []UUID{UUID16(uint16(i))}}
				ctx, cancel := context.WithTimeout(t.Context(), rand.N(10*time.Millisecond))
				if round%3 == 0 {
					for _, err := range c.Scan(ctx, o) {
						t.Error(err)
					}
				} else if s, err := c.StartScanner(ctx, o, func(Advertisement) {}); err == nil {
					if err := s.Close(); err != nil {
						t.Error(err)
					}
				} else if !errors.Is(err, context.DeadlineExceeded) {
					t.Error(err)
				}
				cancel()
			}
		})
	}
	scanners.Wait()
	if w.discoveries() != 0 {
		t.Errorf("%d discoveries are left", w.discoveries())
	}
}

func TestManyClientsComeAndGo(t *testing.T) {
	w, p, c := startStrap(t, nil)
	before := c.bus().conn.Stats().MatchRules
	var clients sync.WaitGroup
	for range 6 {
		clients.Go(func() {
			for range 10 {
				ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond+rand.N(50*time.Millisecond))
				client, err := c.Connect(ctx, strap, ConnectOptions{})
				if err == nil {
					// Whatever becomes of these: others may end the link.
					sub, err := client.Subscribe(ctx, measurement, SubscribeOptions{})
					if _, readErr := client.Read(ctx, measurement); err == nil && readErr == nil {
						_ = sub.Close()
					}
					if rand.N(4) == 0 {
						_ = client.Disconnect(ctx)
					}
					_ = client.Close()
				}
				cancel()
			}
		})
	}
	clients.Wait()
	w.settle(c)
	c.mu.RLock()
	defer c.mu.RUnlock()
	if p.Connected() || w.notifySessions() != 0 || len(c.links) != 0 {
		t.Errorf("connected: %v, %d sessions, %d links", p.Connected(), w.notifySessions(), len(c.links))
	}
	// Calls may be in flight still: BlueZ never answers a StartNotify whose link ends while
	// it is under way.
	if after := c.bus().conn.Stats().MatchRules; after != before {
		t.Errorf("%d match rules instead of %d", after, before)
	}
}

// A handler that does not return keeps nobody waiting but its own scan, and Central.Close
// for some seconds.
func TestHandlerThatBlocksHarmsOnlyItsScan(t *testing.T) {
	w, p, c := startStrap(t, nil)
	lamp := w.add(silent(number(2), "Lamp"))
	entered, block := make(chan struct{}, 1), make(chan struct{})
	stuck, err := c.StartScanner(t.Context(), ScanOptions{EveryPacket: true, Queue: 3}, func(Advertisement) {
		select {
		case entered <- struct{}{}:
		default:
		}
		<-block
	})
	if err != nil {
		t.Fatal(err)
	}
	w.wait(entered, "the first advertisement")
	_, heard := collect(t, c, ScanOptions{Name: "Lamp"})
	for rssi := int16(-60); rssi > -70; rssi-- {
		w.packet(lamp, rssi)
		expect(t, heard, fmt.Sprintf("Lamp %d", rssi))
	}
	client := connect(t, c)
	sub := subscribe(t, client, SubscribeOptions{})
	notify(t, p, "one")
	take(t, sub, 1)
	if _, err := client.Read(t.Context(), measurement); err != nil {
		t.Error(err)
	}
	close(block)
	w.wait(stuck.Done(), "the end of the scan")
	if !errors.Is(stuck.Err(), ErrOverflow) {
		t.Errorf("the scan ended with %v", stuck.Err())
	}
}
