package main

import (
	"context"
	"fmt"
	"time"
)

// A starter bounds how long the start of a scan or a subscription may take. The context that those are started with is
// their whole life's, so it cannot be one that has a deadline.
type starter struct {
	what   string
	cancel context.CancelCauseFunc
	timer  *time.Timer
}

// startWithin returns a context that ends after limit, unless started is called before. The caller must call stop. What is
// started is named in the error.
func startWithin(ctx context.Context, limit time.Duration, what string) (context.Context, *starter) {
	ctx, cancel := context.WithCancelCause(ctx)
	timer := time.AfterFunc(limit, func() { cancel(context.DeadlineExceeded) })
	return ctx, &starter{what, cancel, timer}
}

// started lifts the limit. It returns err, with which the start ended, or the deadline's error when that was the reason.
func (s *starter) started(ctx context.Context, err error) error {
	s.timer.Stop()
	if context.Cause(ctx) == context.DeadlineExceeded {
		return fmt.Errorf("%s: %w", s.what, context.DeadlineExceeded)
	}
	return err
}

// stop ends the context.
func (s *starter) stop() {
	s.timer.Stop()
	s.cancel(nil)
}

// after returns a channel that tells when length has passed; nil, which never tells, if that is 0.
func after(length time.Duration) <-chan time.Time {
	if length == 0 {
		return nil
	}
	return time.After(length)
}
