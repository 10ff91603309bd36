package facade

import (
	"context"
	"testing"
)

func TestLateWakesWakeOnceForMany(t *testing.T) {
	var late lateWakes
	first, second := newMailbox[int](8), newMailbox[int](8)
	awake := func(m *mailbox[int]) bool { return len(m.ready) > 0 }
	for range 2 { // the second time with the lists of the first
		for i := range 3 {
			first.putLate(i, &late)
			second.putLate(i, &late)
		}
		if awake(first) || awake(second) || len(late.boxes) != 2 {
			t.Fatalf("woken before everything is there; %d to be woken", len(late.boxes))
		}
		late.wake()
		if !awake(first) || !awake(second) {
			t.Fatal("not woken")
		}
		for _, m := range []*mailbox[int]{first, second} {
			for want := range 3 {
				if got, err := m.take(context.Background()); got != want || err != nil {
					t.Fatalf("took %d, %v; want %d", got, err, want)
				}
			}
			for len(m.ready) > 0 {
				<-m.ready
			}
		}
		late.wake()
		if awake(first) || awake(second) {
			t.Fatal("woken for nothing")
		}
	}
	first.putLate(1, nil)
	if !awake(first) {
		t.Error("not woken at once")
	}
}

func TestOverflowAndEndWakeAtOnce(t *testing.T) {
	var late lateWakes
	m := newMailbox[int](1)
	m.putLate(1, &late)
	if m.putLate(2, &late) || len(m.ready) == 0 {
		t.Error("an overflow does not wake")
	}
	m = newMailbox[int](1)
	m.putLate(1, &late)
	if m.end(context.Canceled); len(m.ready) == 0 {
		t.Error("the end does not wake")
	}
}
