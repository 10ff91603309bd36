//go:build linux

package facade

import (
	"context"
	"errors"
	"math/rand/v2"
	"sync"
	"testing"
	"time"
)

func TestManyScannersComeAndGo(t *testing.T) {
	f := startFake(t)
	a := f.adapter("hci0", true)
	c := f.open(Options{})
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
	if a.discovering() != 0 {
		t.Errorf("%d discoveries are left", a.discovering())
	}
}

func TestManyClientsComeAndGo(t *testing.T) {
	f, d, c := startStrap(t)
	before := c.conn.Stats().MatchRules
	var clients sync.WaitGroup
	for range 6 {
		clients.Go(func() {
			for range 10 {
				ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond+rand.N(50*time.Millisecond))
				client, err := c.Connect(ctx, strap, ConnectOptions{})
				if err == nil {
					// Whatever becomes of these: others may end the link.
					sub, err := client.Subscribe(ctx, Handle(2), SubscribeOptions{})
					if _, readErr := client.Read(ctx, Handle(2)); err == nil && readErr == nil {
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
	f.settle(c)
	c.mu.RLock()
	defer c.mu.RUnlock()
	if d.Properties().Connected || d.measurement.left() != 0 || len(c.links) != 0 {
		t.Errorf("connected: %v, %d sessions, %d links", d.Properties().Connected, d.measurement.left(), len(c.links))
	}
	if after := c.conn.Stats(); after.MatchRules != before || after.InFlight != 0 {
		t.Errorf("%d match rules instead of %d, %d calls", after.MatchRules, before, after.InFlight)
	}
}
