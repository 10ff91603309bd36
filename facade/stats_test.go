//go:build linux

package facade

import (
	"errors"
	"testing"
)

func TestStatsCountWhatIsGoingOn(t *testing.T) {
	w, p, c := startStrap(t, nil)
	before := c.Stats()
	if before.Scans != 0 || before.Clients != 0 || before.Subscriptions != 0 || before.Waiting != 0 {
		t.Errorf("at rest: %+v", before)
	}
	block := make(chan struct{})
	scanner, err := c.StartScanner(t.Context(), ScanOptions{}, func(Advertisement) { <-block })
	if err != nil {
		t.Fatal(err)
	}
	client := connect(t, c)
	sub, err := client.Subscribe(t.Context(), measurement, SubscribeOptions{Queue: 1})
	if err != nil {
		t.Fatal(err)
	}
	during := c.Stats()
	if during.Scans != 1 || during.Clients != 1 || during.Subscriptions != 1 || during.Bus.MatchRules <= before.Bus.MatchRules {
		t.Errorf("with a scan, a client and a subscription: %+v", during)
	}
	for range 2 {
		w.check(p.Notify(t.Context(), "2a37", []byte{1}))
	}
	w.settle(c) // or they would be taken one by one
	for err = nil; err == nil; {
		_, err = sub.Next(t.Context())
	}
	if !errors.Is(err, ErrOverflow) {
		t.Fatal(err)
	}
	after := c.Stats()
	if after.Notifications == 0 || after.Overflows != 1 {
		t.Errorf("after an overflow: %+v", after)
	}
	sub.Close()
	client.Close()
	for range 3 { // of which nobody takes the last two
		w.check(p.Packet(newStrap().Advertisement))
	}
	w.settle(c)
	if n := c.Stats().Coalesced; n == 0 {
		t.Errorf("nothing is coalesced: %+v", c.Stats())
	}
	close(block)
	scanner.Close()
	end := c.Stats()
	if end.Scans != 0 || end.Clients != 0 || end.Subscriptions != 0 || end.Known != 0 || end.Bus.MatchRules != before.Bus.MatchRules {
		t.Errorf("at rest again: %+v, before %+v", end, before)
	}
	if end.Advertisements < end.Coalesced {
		t.Errorf("more is coalesced than was heard: %+v", end)
	}
}
