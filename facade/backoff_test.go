package facade

import (
	"testing"
	"testing/synctest"
	"time"
)

func TestBackoffDoublesUpToItsLimitAndCanBeCutShort(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := backoff{first: 100 * time.Millisecond, limit: time.Second}
		wait := func(wake <-chan struct{}) time.Duration {
			began := time.Now()
			b.wait(true, wake, t.Context().Done())
			return time.Since(began)
		}
		for _, want := range []time.Duration{100, 200, 400, 800, 1000, 1000} {
			want *= time.Millisecond
			if got := wait(nil); got < want/2 || got > want*3/2 {
				t.Errorf("waited %v, want about %v", got, want)
			}
		}
		b.reset()
		if got := wait(nil); got > 150*time.Millisecond {
			t.Errorf("waited %v after a reset", got)
		}
		awake := make(chan struct{})
		close(awake)
		if got := wait(awake); got != 0 {
			t.Errorf("waited %v though there was something to do", got)
		}
	})
}
