package peripheral

import (
	"context"
	"testing"
)

func TestLaneLetsPassInOrder(t *testing.T) {
	var l lane
	first, second, third := l.enter(), l.enter(), l.enter()
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if err := first.wait(t.Context()); err != nil {
		t.Error(err)
	}
	if err := second.wait(ended); err != context.Canceled {
		t.Error(err)
	}
	second.leave() // before its turn
	if err := third.wait(ended); err != context.Canceled {
		t.Error("third does not wait for first")
	}
	first.leave()
	if err := third.wait(t.Context()); err != nil {
		t.Error(err)
	}
	third.leave()
	if err := l.enter().wait(t.Context()); err != nil {
		t.Error(err)
	}
}
