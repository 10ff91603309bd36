//go:build linux

package facade

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/gobluez/bluez/bluezgen"
	"github.com/gobluez/bluez/facade/bluetest"
)

// begins has the call that begins a session.
var begins = map[NotifyMethod]string{StartNotify: "StartNotify", AcquireNotify: "AcquireNotify"}

func subscribe(t *testing.T, client *Client, o SubscribeOptions) *Subscription {
	t.Helper()
	sub, err := client.Subscribe(t.Context(), UUID16(0x2a37), o)
	if err != nil {
		t.Fatal(err)
	}
	return sub
}

// take returns the next n values.
func take(t *testing.T, sub *Subscription, n int) (values []string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), inTime)
	defer cancel()
	for range n {
		v, err := sub.Next(ctx)
		if err != nil || v.Time.IsZero() {
			t.Fatalf("after %q: %+v, %v", values, v, err)
		}
		values = append(values, string(v.Value))
	}
	return values
}

// notify has the strap send a measurement.
func notify(t *testing.T, p *bluetest.Peripheral, value string) {
	t.Helper()
	if err := p.Notify(t.Context(), "2a37", []byte(value)); err != nil {
		t.Fatal(err)
	}
}

func TestNotificationsComeInOrderUntilTheSubscriptionCloses(t *testing.T) {
	for _, method := range []NotifyMethod{StartNotify, AcquireNotify} {
		t.Run(method.String(), func(t *testing.T) {
			w, p, c := startStrap(t, nil)
			client := connect(t, c)
			sub := subscribe(t, client, SubscribeOptions{Method: method})
			if n := w.calls.Count(begins[method]); n != 1 || sub.Characteristic().Handle != measurement {
				t.Errorf("%d calls for %v", n, sub.Characteristic())
			}
			for i := range 100 {
				notify(t, p, fmt.Sprint(i%7/3)) // some equal to the one before
			}
			notify(t, p, "")
			notify(t, p, "last")
			for i, v := range take(t, sub, 100) {
				if v != fmt.Sprint(i%7/3) {
					t.Fatalf("value %d is %q", i, v)
				}
			}
			if got := fmt.Sprintf("%q", take(t, sub, 2)); got != `["" "last"]` {
				t.Errorf("the last values are %s", got)
			}
			if err := sub.Close(); err != nil || w.calls.Count("StopNotify") != 1 || w.notifySessions() != 0 {
				t.Errorf("close: %v; %d sessions are left", err, w.notifySessions())
			}
			if _, err := sub.Next(t.Context()); !errors.Is(err, ErrClosed) {
				t.Errorf("next after close: %v", err)
			}
			if err := sub.Close(); err != nil {
				t.Errorf("second close: %v", err)
			}
			for n, err := range sub.All() {
				t.Errorf("all after close: %v, %v", n, err)
			}
		})
	}
}

func TestEmptyNotificationsAreNoEnd(t *testing.T) {
	for _, method := range []NotifyMethod{StartNotify, AcquireNotify} {
		_, p, c := startStrap(t, nil)
		sub := subscribe(t, connect(t, c), SubscribeOptions{Method: method})
		for range 3 {
			notify(t, p, "")
		}
		p.Disconnect() // while they wait
		n := 0
		for v, err := range sub.All() {
			switch {
			case err == nil && len(v.Value) == 0:
				n++
			case !errors.Is(err, ErrDisconnected):
				t.Errorf("%v: %q, %v", method, v.Value, err)
			}
		}
		if n != 3 {
			t.Errorf("%v: %d empty values, want 3", method, n)
		}
	}
}

// An indication, which the device wants to have confirmed, is a notification to the program.
func TestIndicationsAreNotifications(t *testing.T) {
	for _, method := range []NotifyMethod{StartNotify, AcquireNotify} {
		_, p, c := startStrap(t, func(d *bluetest.Device) {
			characteristicOf(d, measurement).Flags = []bluezgen.CharacteristicFlag{bluezgen.CharacteristicFlagIndicate}
		})
		client := connect(t, c)
		before := time.Now()
		sub := subscribe(t, client, SubscribeOptions{Method: method})
		notify(t, p, "one")
		notify(t, p, "two")
		for _, want := range []string{"one", "two"} {
			n, err := sub.Next(t.Context())
			if err != nil || string(n.Value) != want || n.Time.Before(before) || n.Time.After(time.Now()) {
				t.Errorf("%v: %q at %v, %v, want %s", method, n.Value, n.Time, err, want)
			}
		}
		if err := sub.Close(); err != nil {
			t.Error(err)
		}
	}
}

func TestSubscriptionAllEndsItWhenTheLoopEnds(t *testing.T) {
	w, p, c := startStrap(t, nil)
	client := connect(t, c)
	for name, body := range map[string]func(){"break": func() {}, "panic": func() { panic("in the body") }} {
		sub := subscribe(t, client, SubscribeOptions{})
		notify(t, p, "1")
		func() {
			defer func() { recover() }()
			for n, err := range sub.All() {
				if err != nil || string(n.Value) != "1" {
					t.Errorf("%v, %v", n, err)
				}
				body()
				break
			}
		}()
		if w.notifySessions() != 0 {
			t.Errorf("%s left a session behind", name)
		}
	}
}

func TestSubscriptionEndsSilentlyWithItsContext(t *testing.T) {
	w, p, c := startStrap(t, nil)
	client := connect(t, c)
	ctx, cancel := context.WithCancel(t.Context())
	sub, err := client.Subscribe(ctx, measurement, SubscribeOptions{})
	if err != nil {
		t.Fatal(err)
	}
	notify(t, p, "1")
	w.settle(c)
	cancel()
	n := 0
	for _, err := range sub.All() {
		if n++; err != nil {
			t.Error(err)
		}
	}
	if n != 1 || w.notifySessions() != 0 {
		t.Errorf("%d values, %d sessions are left", n, w.notifySessions())
	}
	if _, err := sub.Next(t.Context()); !errors.Is(err, context.Canceled) {
		t.Errorf("next: %v", err)
	}
}

func TestSubscriptionEndsWithTheLinkAndLeavesNoSession(t *testing.T) {
	for _, method := range []NotifyMethod{StartNotify, AcquireNotify} {
		t.Run(method.String(), func(t *testing.T) {
			w, p, c := startStrap(t, nil)
			client := connect(t, c)
			sub := subscribe(t, client, SubscribeOptions{Method: method})
			notify(t, p, "one")
			p.Disconnect()
			var got []string
			for n, err := range sub.All() {
				if err == nil {
					got = append(got, string(n.Value))
				} else if errors.Is(err, ErrDisconnected) {
					got = append(got, "end")
				} else {
					t.Error(err)
				}
			}
			if fmt.Sprint(got) != "[one end]" {
				t.Errorf("got %v", got)
			}
			w.await("StopNotify", 1)
			if w.notifySessions() != 0 {
				t.Error("a session is left")
			}
			client = connect(t, c)
			sub = subscribe(t, client, SubscribeOptions{Method: method})
			notify(t, p, "two")
			if got := take(t, sub, 1); got[0] != "two" {
				t.Errorf("after reconnection: %q", got)
			}
		})
	}
}

func TestClosedClientLeavesNoSession(t *testing.T) {
	for _, method := range []NotifyMethod{StartNotify, AcquireNotify} {
		w, _, c := startStrap(t, nil)
		client := connect(t, c)
		sub := subscribe(t, client, SubscribeOptions{Method: method})
		if err := client.Close(); err != nil || w.notifySessions() != 0 {
			t.Errorf("%v: close: %v; %d sessions are left", method, err, w.notifySessions())
		}
		calls := w.calls.All()
		position := func(method string) int {
			return slices.IndexFunc(calls, func(call bluetest.Call) bool { return call.Method == method })
		}
		if stop, end := position("StopNotify"), position("Disconnect"); stop < 0 || stop > end {
			t.Errorf("%v: calls %v", method, calls)
		}
		if _, err := sub.Next(t.Context()); !errors.Is(err, ErrClosed) {
			t.Errorf("%v: next: %v", method, err)
		}
		if _, err := client.Subscribe(t.Context(), measurement, SubscribeOptions{}); !errors.Is(err, ErrNotConnected) {
			t.Errorf("%v: subscribe: %v", method, err)
		}
	}
}

func TestSubscriptionsOfOneCharacteristicShareASession(t *testing.T) {
	w, p, c := startStrap(t, nil)
	client := connect(t, c)
	first := subscribe(t, client, SubscribeOptions{})
	second := subscribe(t, client, SubscribeOptions{Method: AcquireNotify}) // takes what there is
	notify(t, p, "both")
	if a, b := take(t, first, 1), take(t, second, 1); a[0] != "both" || b[0] != "both" {
		t.Errorf("got %q and %q", a, b)
	}
	first.Close()
	notify(t, p, "one")
	if got := take(t, second, 1); got[0] != "one" || w.calls.Count("StopNotify") != 0 {
		t.Errorf("got %q", got)
	}
	second.Close()
	if w.calls.Count("StartNotify") != 1 || w.calls.Count("AcquireNotify") != 0 || w.calls.Count("StopNotify") != 1 {
		t.Errorf("calls: %v", w.calls.All())
	}
}

func TestSubscribeAdoptsASessionThatBlueZHasKept(t *testing.T) {
	t.Parallel() // it has to wait
	w, p, c := startStrap(t, nil)
	client := connect(t, c)
	waits := bluezgen.ErrInProgress.With("In Progress") // for the session of an earlier link to be armed
	undo := w.RefuseCalls("StartNotify", 1, waits)
	sub := subscribe(t, client, SubscribeOptions{})
	undo()
	if n := w.calls.Count("StopNotify"); n != 0 {
		t.Errorf("a session that came was stopped %d times", n)
	}
	sub.Close()
	undo = w.RefuseCalls("StartNotify", 0, waits) // it is never armed
	w.whenCalled("StopNotify", 2, undo)
	sub = subscribe(t, client, SubscribeOptions{})
	notify(t, p, "one")
	take(t, sub, 1)
	sub.Close()
	if n := w.calls.Count("StopNotify"); n != 3 || w.notifySessions() != 0 {
		t.Errorf("StopNotify %d times, %d sessions are left", n, w.notifySessions())
	}
}

func TestReadsDoNotLookLikeNotifications(t *testing.T) {
	busy := make(chan struct{})
	w, p, c := startStrap(t, readBlocks(busy))
	client := connect(t, c)
	sub := subscribe(t, client, SubscribeOptions{})
	done := make(chan struct{})
	go func() {
		defer close(done)
		if got, err := client.Read(t.Context(), measurement); err != nil || string(got) != "read" {
			t.Errorf("read %q, %v", got, err)
		}
	}()
	w.await("ReadValue", 1)
	notify(t, p, "read") // a notification that happens to be equal
	notify(t, p, "during")
	if got := fmt.Sprint(take(t, sub, 2)); got != "[read during]" { // however long the read takes
		t.Errorf("got %s", got)
	}
	close(busy)
	w.wait(done, "the end of the read")
	notify(t, p, "after")
	if got := fmt.Sprint(take(t, sub, 1)); got != "[after]" {
		t.Errorf("got %s", got)
	}
}

func TestAcquiredNotificationsIgnoreSignals(t *testing.T) {
	w, p, c := startStrap(t, nil)
	client := connect(t, c)
	sub := subscribe(t, client, SubscribeOptions{Method: AcquireNotify})
	if _, err := bluezgen.NewGattCharacteristic1(w.program(), measurementPath).ReadValue(t.Context(), bluezgen.ReadOptions{}); err != nil {
		t.Fatal(err)
	}
	w.settle(c)
	notify(t, p, "notified")
	if got := take(t, sub, 1); got[0] != "notified" {
		t.Errorf("got %q", got)
	}
}

func TestSlowSubscriberOverflowsAlone(t *testing.T) {
	w, p, c := startStrap(t, nil)
	client := connect(t, c)
	slow, quick := subscribe(t, client, SubscribeOptions{Queue: 3}), subscribe(t, client, SubscribeOptions{})
	for i := range 5 {
		notify(t, p, fmt.Sprint(i))
	}
	w.settle(c)
	if got := fmt.Sprint(take(t, slow, 3)); got != "[0 1 2]" {
		t.Errorf("slow: %s", got)
	}
	if _, err := slow.Next(t.Context()); !errors.Is(err, ErrOverflow) {
		t.Errorf("slow: %v", err)
	}
	if got := fmt.Sprint(take(t, quick, 5)); got != "[0 1 2 3 4]" {
		t.Errorf("quick: %s", got)
	}
	if slow.Close(); w.notifySessions() != 1 {
		t.Error("the session ended with the slow one")
	}
}

func TestSubscriptionEndsWhenBlueZHangsUp(t *testing.T) {
	t.Parallel() // it has to wait
	w, p, c := startStrap(t, nil)
	client := connect(t, c)
	sub := subscribe(t, client, SubscribeOptions{Method: AcquireNotify})
	notify(t, p, "one")
	w.check(bluezgen.NewGattCharacteristic1(w.program(), measurementPath).StopNotify(t.Context())) // another program may
	if got := take(t, sub, 1); got[0] != "one" {
		t.Errorf("got %q", got)
	}
	for !client.link.session(measurementPath).hasLapsed() {
		w.settle(c)
	}
	again := subscribe(t, client, SubscribeOptions{Method: AcquireNotify}) // while the first is ending
	if _, err := sub.Next(t.Context()); !errors.Is(err, errHungUp) || client.Err() != nil {
		t.Errorf("next: %v; client: %v", err, client.Err())
	}
	notify(t, p, "two")
	if got := take(t, again, 1); got[0] != "two" {
		t.Errorf("got %q", got)
	}
	if n := w.calls.Count("StopNotify"); n != 1 {
		t.Errorf("StopNotify %d times, which would have ended what another program has", n)
	}
}

func TestSubscriptionEndsWithItsCharacteristic(t *testing.T) {
	t.Parallel() // it has to wait
	w, p, c := startStrap(t, nil)
	client := connect(t, c)
	w.check(p.AwaitSubscribed(t.Context(), "2a05")) // BlueZ learns of changes
	sub := subscribe(t, client, SubscribeOptions{})
	w.check(p.SetServices([]bluetest.Service{{UUID: "180f"}}))
	if _, err := sub.Next(t.Context()); !errors.Is(err, errGone) || client.Err() != nil {
		t.Errorf("next: %v; client: %v", err, client.Err())
	}
	w.settle(c)
	if _, err := client.Service(UUID16(0x180d)); !errors.Is(err, ErrNotFound) {
		t.Errorf("the old service: %v", err)
	}
	if _, err := client.Service(UUID16(0x180f)); err != nil {
		t.Errorf("the new service: %v", err)
	}
}

func TestSubscribeReportsRefusals(t *testing.T) {
	w, _, c := startStrap(t, nil)
	client := connect(t, c)
	if _, err := client.Subscribe(t.Context(), control, SubscribeOptions{}); !errors.Is(err, errors.ErrUnsupported) {
		t.Errorf("what does not notify: %v", err)
	}
	if _, err := client.Subscribe(t.Context(), measurement, SubscribeOptions{Method: 7}); err == nil {
		t.Error("an unknown method was accepted")
	}
	refused := bluezgen.ErrNotPermitted.With("Notify acquired")
	for _, method := range []NotifyMethod{StartNotify, AcquireNotify} {
		undo := w.RefuseCalls(begins[method], 1, refused)
		if _, err := client.Subscribe(t.Context(), measurement, SubscribeOptions{Method: method}); !errors.Is(err, refused) {
			t.Errorf("%v: %v", method, err)
		}
		undo()
		if w.calls.Count("StopNotify") != 0 {
			t.Errorf("%v: StopNotify, which ends what another program has acquired", method)
		}
		undo = w.RefuseCalls(begins[method], 1, bluezgen.ErrNotSupported)
		_, err := client.Subscribe(t.Context(), measurement, SubscribeOptions{Method: method})
		undo()
		if !errors.Is(err, errors.ErrUnsupported) || errors.As(err, new(ATTError)) {
			t.Errorf("%v: %v", method, err)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	before := w.calls.Count("StartNotify")
	defer w.RefuseCalls("StartNotify", 0, bluezgen.ErrInProgress)()
	w.whenCalled("StartNotify", before+2, cancel)
	if _, err := client.Subscribe(ctx, measurement, SubscribeOptions{}); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
	if w.notifySessions() != 0 || len(client.link.session(measurementPath).subscriptions) != 0 {
		t.Error("a session is left")
	}
}

// BlueZ never answers a StartNotify that StopNotify overtakes, and the bus counts it for good.
func TestSubscribeThatIsNotWaitedForIsAnsweredAndUndone(t *testing.T) {
	w, p, c := startStrap(t, func(d *bluetest.Device) { d.Connection.Attribute = 20 * time.Millisecond })
	client := connect(t, c)
	before := c.Stats().Bus.InFlight
	ctx, cancel := context.WithCancel(t.Context())
	w.whenCalled("StartNotify", 1, cancel)
	if _, err := client.Subscribe(ctx, measurement, SubscribeOptions{}); !errors.Is(err, context.Canceled) {
		t.Errorf("subscribe: %v", err)
	}
	sub := subscribe(t, client, SubscribeOptions{}) // after that
	notify(t, p, "value")
	take(t, sub, 1)
	sub.Close()
	if stats := c.Stats().Bus; stats.InFlight != before || stats.Unanswered != 0 {
		t.Errorf("%d calls are in flight, %d of them unanswered", stats.InFlight-before, stats.Unanswered)
	}
	if w.calls.Count("StartNotify") != 2 || w.calls.Count("StopNotify") != 2 || w.notifySessions() != 0 {
		t.Errorf("calls %v; %d sessions are left", w.calls.All(), w.notifySessions())
	}
}
