package main

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"
)

func TestStartThatIsInTimeKeepsItsContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, start := startWithin(t.Context(), time.Second, "scan")
		<-time.After(999 * time.Millisecond)
		if err := start.started(ctx, nil); err != nil {
			t.Errorf("started: %v", err)
		}
		<-time.After(time.Hour)
		if ctx.Err() != nil {
			t.Errorf("context has ended: %v", context.Cause(ctx))
		}
		start.stop()
		if ctx.Err() == nil {
			t.Error("context lives after stop")
		}
	})
}

func TestStartThatIsLateTimesOut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, start := startWithin(t.Context(), time.Second, "scan")
		defer start.stop()
		<-ctx.Done()
		if err := start.started(ctx, ctx.Err()); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("started: %v, want %v", err, context.DeadlineExceeded)
		}
	})
}

func TestStartThatFailsKeepsItsError(t *testing.T) {
	failure := errors.New("failure")
	ctx, start := startWithin(t.Context(), time.Hour, "scan")
	defer start.stop()
	if err := start.started(ctx, failure); err != failure {
		t.Errorf("started: %v, want %v", err, failure)
	}
}

func TestInterruptedStartIsNoTimeout(t *testing.T) {
	parent, interrupt := context.WithCancel(t.Context())
	ctx, start := startWithin(parent, time.Hour, "scan")
	defer start.stop()
	interrupt()
	if err := start.started(ctx, ctx.Err()); err != context.Canceled {
		t.Errorf("started: %v, want %v", err, context.Canceled)
	}
}
