package facade

import (
	"context"
	"errors"
	"sync"
	"testing"
	"testing/synctest"
)

func TestMailboxKeepsOrderWhileItGrowsAndWraps(t *testing.T) {
	m := newMailbox[int](1000)
	next, want := 0, 0
	for round := range 50 {
		for range round {
			m.put(next)
			next++
		}
		for range round / 2 {
			got, err := m.take(t.Context())
			if err != nil || got != want {
				t.Fatalf("take = %d, %v; want %d", got, err, want)
			}
			want++
		}
	}
	for ; want < next; want++ {
		if got, err := m.take(t.Context()); err != nil || got != want {
			t.Fatalf("take = %d, %v; want %d", got, err, want)
		}
	}
}

func TestMailboxOverflowEndsItAfterWhatWaits(t *testing.T) {
	m := newMailbox[int](2)
	if !m.put(1) || !m.put(2) {
		t.Fatal("put refused before the limit")
	}
	if m.put(3) {
		t.Error("put beyond the limit was accepted")
	}
	m.end(ErrClosed) // too late: the overflow came first
	for want := 1; want <= 2; want++ {
		if got, err := m.take(t.Context()); err != nil || got != want {
			t.Errorf("take = %d, %v; want %d", got, err, want)
		}
	}
	for range 2 {
		if _, err := m.take(t.Context()); !errors.Is(err, ErrOverflow) {
			t.Errorf("take after overflow: %v", err)
		}
	}
}

func TestMailboxTakeWaitsUntilPutEndOrContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newMailbox[int](8)
		ctx, cancel := context.WithCancelCause(t.Context())
		cause := errors.New("enough")
		var wg sync.WaitGroup
		var got int
		var err error
		wait := func(what string) {
			t.Helper()
			wg.Go(func() { got, err = m.take(ctx) })
			synctest.Wait()
			if err != nil || got != 0 {
				t.Fatalf("%s: take returned early: %d, %v", what, got, err)
			}
		}
		wait("put")
		m.put(7)
		wg.Wait()
		if got != 7 || err != nil {
			t.Errorf("take = %d, %v", got, err)
		}
		got = 0
		wait("context")
		cancel(cause)
		wg.Wait()
		if err != cause {
			t.Errorf("take after the context's end: %v", err)
		}
		ctx, err = t.Context(), nil
		wait("end")
		m.end(ErrClosed)
		wg.Wait()
		if err != ErrClosed {
			t.Errorf("take after the end: %v", err)
		}
	})
}

func TestMailboxEndReachesEveryConsumer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newMailbox[int](8)
		var wg sync.WaitGroup
		for range 3 {
			wg.Go(func() {
				if _, err := m.take(t.Context()); err != ErrClosed {
					t.Errorf("take: %v", err)
				}
			})
		}
		synctest.Wait()
		m.end(ErrClosed)
		wg.Wait()
	})
}
