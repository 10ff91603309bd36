//go:build linux

package bus

import (
	"context"
	"errors"
	"testing"
	"time"
)

// fullSlots returns slots that are all used, those for urgent calls included.
func fullSlots(t *testing.T) *slots {
	t.Helper()
	s := &slots{patience: time.Hour}
	for i := range maxUrgentInFlight {
		if err := s.acquire(t.Context(), t.Context(), i >= maxInFlight); err != nil {
			t.Fatal(err)
		}
	}
	return s
}

// waitFor starts a caller and waits until it queues.
func (s *slots) waitFor(t *testing.T, name string, ctx, conn context.Context, priority bool, got chan<- string) {
	t.Helper()
	_, before := s.depth()
	go func() {
		if err := s.acquire(ctx, conn, priority); err != nil {
			name += ": " + err.Error()
		}
		got <- name
	}()
	eventually(t, name+" queues", func() bool { _, n := s.depth(); return n == before+1 })
}

func TestPriorityPassesTheQueue(t *testing.T) {
	s, got := fullSlots(t), make(chan string)
	for _, name := range []string{"a", "b"} {
		s.waitFor(t, name, t.Context(), t.Context(), false, got)
	}
	for _, name := range []string{"stop a", "stop b"} {
		s.waitFor(t, name, t.Context(), t.Context(), true, got)
	}
	give := func(names ...string) {
		t.Helper()
		for _, want := range names {
			s.release()
			if name := receive(t, got); name != want {
				t.Errorf("%s, want %s", name, want)
			}
		}
	}
	give("stop a", "stop b")
	for range maxUrgentInFlight - maxInFlight {
		s.release() // the urgent ones' own
	}
	if used, waiting := s.depth(); used != maxInFlight || waiting != 2 {
		t.Errorf("%d used, %d waiting", used, waiting)
	}
	give("a", "b")
	for range maxInFlight {
		s.release()
	}
	if used, waiting := s.depth(); used != 0 || waiting != 0 {
		t.Errorf("%d used, %d waiting", used, waiting)
	}
}

func TestCallerLeavesTheQueue(t *testing.T) {
	s, got := fullSlots(t), make(chan string)
	ctx, cancel := context.WithCancel(t.Context())
	conn, end := context.WithCancelCause(t.Context())
	s.waitFor(t, "a", ctx, conn, false, got)
	s.waitFor(t, "b", t.Context(), conn, false, got)
	cancel()
	if name := receive(t, got); name != "a: context canceled" {
		t.Error(name)
	}
	end(errors.New("gone"))
	if name := receive(t, got); name != "b: gone" {
		t.Error(name)
	}
	if used, waiting := s.depth(); used != maxUrgentInFlight || waiting != 0 {
		t.Errorf("%d used, %d waiting", used, waiting)
	}
}

func TestSlotIsNotLostToACallerThatLeaves(t *testing.T) {
	s, got := fullSlots(t), make(chan string)
	for range 500 {
		ctx, cancel := context.WithCancel(t.Context())
		s.waitFor(t, "a", ctx, t.Context(), true, got)
		go cancel()
		s.release()
		if name := receive(t, got); name == "a" {
			continue // it got the slot
		}
		if err := s.acquire(t.Context(), t.Context(), true); err != nil { // the slot is free
			t.Fatal(err)
		}
	}
	if used, waiting := s.depth(); used != maxUrgentInFlight || waiting != 0 {
		t.Errorf("%d used, %d waiting", used, waiting)
	}
}
