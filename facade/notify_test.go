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
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
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

// sender returns how BlueZ passes on a value.
func (c *fakeCharacteristic) sender(m NotifyMethod) func([]byte) {
	if m == AcquireNotify {
		return c.send
	}
	return c.notify
}

func TestNotificationsComeInOrderUntilTheSubscriptionCloses(t *testing.T) {
	for _, method := range []NotifyMethod{StartNotify, AcquireNotify} {
		t.Run(method.String(), func(t *testing.T) {
			f, d, c := startStrap(t)
			client := connect(t, c)
			sub := subscribe(t, client, SubscribeOptions{Method: method})
			if n := f.count("char0002." + begins[method]); n != 1 || sub.Characteristic().Handle != 2 {
				t.Errorf("%d calls for %v", n, sub.Characteristic())
			}
			send := d.measurement.sender(method)
			for i := range 100 {
				send(fmt.Append(nil, i%7)) // some equal to the one before
			}
			send(nil)
			send([]byte("last"))
			for i, v := range take(t, sub, 100) {
				if v != fmt.Sprint(i%7) {
					t.Fatalf("value %d is %q", i, v)
				}
			}
			if got := fmt.Sprintf("%q", take(t, sub, 2)); got != `["" "last"]` {
				t.Errorf("the last values are %s", got)
			}
			if err := sub.Close(); err != nil || f.count("char0002.StopNotify") != 1 || d.measurement.left() != 0 {
				t.Errorf("close: %v; %d sessions are left", err, d.measurement.left())
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

func TestSubscriptionAllEndsItWhenTheLoopEnds(t *testing.T) {
	_, d, c := startStrap(t)
	client := connect(t, c)
	for name, body := range map[string]func(){"break": func() {}, "panic": func() { panic("in the body") }} {
		sub := subscribe(t, client, SubscribeOptions{})
		d.measurement.notify([]byte{1})
		func() {
			defer func() { recover() }()
			for n, err := range sub.All() {
				if err != nil || n.Value[0] != 1 {
					t.Errorf("%v, %v", n, err)
				}
				body()
				break
			}
		}()
		if d.measurement.left() != 0 {
			t.Errorf("%s left a session behind", name)
		}
	}
}

func TestSubscriptionEndsSilentlyWithItsContext(t *testing.T) {
	f, d, c := startStrap(t)
	client := connect(t, c)
	ctx, cancel := context.WithCancel(t.Context())
	sub, err := client.Subscribe(ctx, Handle(2), SubscribeOptions{})
	if err != nil {
		t.Fatal(err)
	}
	d.measurement.notify([]byte{1})
	f.settle(c)
	cancel()
	n := 0
	for _, err := range sub.All() {
		if n++; err != nil {
			t.Error(err)
		}
	}
	if n != 1 || d.measurement.left() != 0 {
		t.Errorf("%d values, %d sessions are left", n, d.measurement.left())
	}
	if _, err := sub.Next(t.Context()); !errors.Is(err, context.Canceled) {
		t.Errorf("next: %v", err)
	}
}

func TestSubscriptionEndsWithTheLinkAndLeavesNoSession(t *testing.T) {
	for _, method := range []NotifyMethod{StartNotify, AcquireNotify} {
		t.Run(method.String(), func(t *testing.T) {
			f, d, c := startStrap(t)
			client := connect(t, c)
			sub := subscribe(t, client, SubscribeOptions{Method: method})
			d.measurement.sender(method)([]byte("one"))
			d.linkDown()
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
			f.await("char0002.StopNotify", 1)
			if d.measurement.left() != 0 {
				t.Error("a session is left")
			}
			client = connect(t, c)
			sub = subscribe(t, client, SubscribeOptions{Method: method})
			d.measurement.sender(method)([]byte("two"))
			if got := take(t, sub, 1); got[0] != "two" {
				t.Errorf("after reconnection: %q", got)
			}
		})
	}
}

func TestClosedClientLeavesNoSession(t *testing.T) {
	for _, method := range []NotifyMethod{StartNotify, AcquireNotify} {
		f, d, c := startStrap(t)
		client := connect(t, c)
		sub := subscribe(t, client, SubscribeOptions{Method: method})
		if err := client.Close(); err != nil || d.measurement.left() != 0 {
			t.Errorf("%v: close: %v; %d sessions are left", method, err, d.measurement.left())
		}
		if stop, end := slices.Index(f.calls, "char0002.StopNotify"), slices.Index(f.calls, disconnectCall); stop < 0 || stop > end {
			t.Errorf("%v: calls %v", method, f.calls)
		}
		if _, err := sub.Next(t.Context()); !errors.Is(err, ErrClosed) {
			t.Errorf("%v: next: %v", method, err)
		}
		if _, err := client.Subscribe(t.Context(), Handle(2), SubscribeOptions{}); !errors.Is(err, ErrNotConnected) {
			t.Errorf("%v: subscribe: %v", method, err)
		}
	}
}

func TestSubscriptionsOfOneCharacteristicShareASession(t *testing.T) {
	f, d, c := startStrap(t)
	client := connect(t, c)
	first := subscribe(t, client, SubscribeOptions{})
	second := subscribe(t, client, SubscribeOptions{Method: AcquireNotify}) // takes what there is
	d.measurement.notify([]byte("both"))
	if a, b := take(t, first, 1), take(t, second, 1); a[0] != "both" || b[0] != "both" {
		t.Errorf("got %q and %q", a, b)
	}
	first.Close()
	d.measurement.notify([]byte("one"))
	if got := take(t, second, 1); got[0] != "one" || f.count("char0002.StopNotify") != 0 {
		t.Errorf("got %q", got)
	}
	second.Close()
	if f.count("char0002.StartNotify") != 1 || f.count("char0002.AcquireNotify") != 0 || f.count("char0002.StopNotify") != 1 {
		t.Errorf("calls: %v", f.calls)
	}
}

func TestSubscribeAdoptsASessionThatBlueZHasKept(t *testing.T) {
	f, d, c := startStrap(t)
	client := connect(t, c)
	keep := func() {
		d.measurement.mu.Lock()
		defer d.measurement.mu.Unlock()
		d.measurement.sessions[c.conn.UniqueName()] = false
	}
	keep()
	go f.whenCalled("char0002.StartNotify", 2, func() { // it is armed now
		d.measurement.mu.Lock()
		defer d.measurement.mu.Unlock()
		d.measurement.sessions[c.conn.UniqueName()] = true
	})
	subscribe(t, client, SubscribeOptions{}).Close()
	if n := f.count("char0002.StopNotify"); n != 1 {
		t.Errorf("StopNotify %d times", n)
	}
	keep() // and is never armed
	subscribe(t, client, SubscribeOptions{}).Close()
	if n := f.count("char0002.StopNotify"); n != 3 || d.measurement.left() != 0 {
		t.Errorf("StopNotify %d times, %d sessions are left", n, d.measurement.left())
	}
}

func TestReadsDoNotLookLikeNotifications(t *testing.T) {
	f, d, c := startStrap(t)
	client := connect(t, c)
	sub := subscribe(t, client, SubscribeOptions{})
	busy := make(chan struct{})
	d.measurement.set(func() { d.measurement.value, d.measurement.busy = []byte("read"), busy })
	done := make(chan struct{})
	go func() {
		defer close(done)
		if got, err := client.Read(t.Context(), Handle(2)); err != nil || string(got) != "read" {
			t.Errorf("read %q, %v", got, err)
		}
	}()
	f.await("char0002.ReadValue", 1)
	d.measurement.notify([]byte("read")) // a notification that happens to be equal
	d.measurement.notify([]byte("during"))
	if got := fmt.Sprint(take(t, sub, 2)); got != "[read during]" { // however long the read takes
		t.Errorf("got %s", got)
	}
	close(busy)
	f.wait(done, "the end of the read")
	d.measurement.notify([]byte("after"))
	if got := fmt.Sprint(take(t, sub, 1)); got != "[after]" {
		t.Errorf("got %s", got)
	}
}

func TestAcquiredNotificationsIgnoreSignals(t *testing.T) {
	f, d, c := startStrap(t)
	client := connect(t, c)
	sub := subscribe(t, client, SubscribeOptions{Method: AcquireNotify})
	d.measurement.notify([]byte("another program has read this"))
	f.settle(c)
	d.measurement.send([]byte("value"))
	if got := take(t, sub, 1); got[0] != "value" {
		t.Errorf("got %q", got)
	}
}

func TestSlowSubscriberOverflowsAlone(t *testing.T) {
	f, d, c := startStrap(t)
	client := connect(t, c)
	slow, quick := subscribe(t, client, SubscribeOptions{Queue: 3}), subscribe(t, client, SubscribeOptions{})
	for i := range 5 {
		d.measurement.notify(fmt.Append(nil, i))
	}
	f.settle(c)
	if got := fmt.Sprint(take(t, slow, 3)); got != "[0 1 2]" {
		t.Errorf("slow: %s", got)
	}
	if _, err := slow.Next(t.Context()); !errors.Is(err, ErrOverflow) {
		t.Errorf("slow: %v", err)
	}
	if got := fmt.Sprint(take(t, quick, 5)); got != "[0 1 2 3 4]" {
		t.Errorf("quick: %s", got)
	}
	if slow.Close(); d.measurement.left() != 1 {
		t.Error("the session ended with the slow one")
	}
}

func TestSubscriptionEndsWhenBlueZHangsUp(t *testing.T) {
	f, d, c := startStrap(t)
	client := connect(t, c)
	sub := subscribe(t, client, SubscribeOptions{Method: AcquireNotify})
	d.measurement.send([]byte("one"))
	d.measurement.hangUp() // another program has called StopNotify
	if got := take(t, sub, 1); got[0] != "one" {
		t.Errorf("got %q", got)
	}
	again := subscribe(t, client, SubscribeOptions{Method: AcquireNotify}) // while the first is ending
	if _, err := sub.Next(t.Context()); !errors.Is(err, errHungUp) || client.Err() != nil {
		t.Errorf("next: %v; client: %v", err, client.Err())
	}
	d.measurement.send([]byte("two"))
	if got := take(t, again, 1); got[0] != "two" {
		t.Errorf("got %q", got)
	}
	if n := f.count("char0002.StopNotify"); n != 0 {
		t.Errorf("StopNotify %d times, which would have ended what another program has", n)
	}
}

func TestSubscriptionEndsWithItsCharacteristic(t *testing.T) {
	f, d, c := startStrap(t)
	client := connect(t, c)
	sub := subscribe(t, client, SubscribeOptions{})
	d.mu.Lock()
	for _, x := range slices.Backward(d.exports[1:]) { // the device has changed its services
		x.Close()
	}
	d.mu.Unlock()
	if _, err := sub.Next(t.Context()); !errors.Is(err, errGone) || client.Err() != nil {
		t.Errorf("next: %v; client: %v", err, client.Err())
	}
	f.settle(c)
	if tree := client.Services(); len(tree) != 0 {
		t.Errorf("services %v", tree)
	}
}

func TestSubscribeReportsRefusals(t *testing.T) {
	f, d, c := startStrap(t)
	client := connect(t, c)
	if _, err := client.Subscribe(t.Context(), UUID16(0x2a39), SubscribeOptions{}); !errors.Is(err, errors.ErrUnsupported) {
		t.Errorf("what does not notify: %v", err)
	}
	if _, err := client.Subscribe(t.Context(), Handle(2), SubscribeOptions{Method: 7}); err == nil {
		t.Error("an unknown method was accepted")
	}
	refused := bluezgen.ErrNotPermitted.With("Notify acquired")
	for _, method := range []NotifyMethod{StartNotify, AcquireNotify} {
		d.measurement.set(func() { d.measurement.failures = []error{refused} })
		if _, err := client.Subscribe(t.Context(), Handle(2), SubscribeOptions{Method: method}); !errors.Is(err, refused) {
			t.Errorf("%v: %v", method, err)
		}
		if f.count("char0002.StopNotify") != 0 {
			t.Errorf("%v: StopNotify, which ends what another program has acquired", method)
		}
		d.measurement.set(func() { d.measurement.failures = []error{bluezgen.ErrNotSupported} })
		_, err := client.Subscribe(t.Context(), Handle(2), SubscribeOptions{Method: method})
		if !errors.Is(err, errors.ErrUnsupported) || errors.As(err, new(ATTError)) {
			t.Errorf("%v: %v", method, err)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	d.measurement.set(func() { d.measurement.failures = []error{bluezgen.ErrInProgress, bluezgen.ErrInProgress} })
	go f.whenCalled("char0002.StartNotify", 2, cancel)
	if _, err := client.Subscribe(ctx, Handle(2), SubscribeOptions{}); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
	if d.measurement.left() != 0 || len(client.link.session(d.measurement.path).subscriptions) != 0 {
		t.Error("a session is left")
	}
}
