package bluetest

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gobluez/bluez/bluezgen"
	"github.com/gobluez/bluez/gen/bus"
)

// notifier is a device with a characteristic that notifies and one that indicates.
func notifier() Device {
	return Device{Services: []Service{{UUID: "aa00", Characteristics: []Characteristic{
		{UUID: "aa01", Flags: flags(fNotify, fIndicate, fRead), Value: []byte("at first")},
		{UUID: "aa02", Flags: flags(fIndicate)},
	}}}}
}

// char000b is aa01, char000e is aa02.

func TestSession(t *testing.T) {
	b := newBench(t, notifier())
	b.connect()
	ctx := t.Context()
	for uuid, object := range map[string]string{"aa01": "char000b", "aa02": "char000e"} {
		c := b.characteristic(uuid)
		b.forget()
		if err := b.device.Notify(ctx, uuid, []byte("early")); !errors.Is(err, ErrNotSubscribed) {
			t.Errorf("notify before anybody has subscribed: %v", err)
		}
		for range 2 { // the second time it has a session, which is success
			if err := c.StartNotify(ctx); err != nil {
				t.Fatal(err)
			}
		}
		if !b.device.Subscribed(uuid) {
			t.Errorf("%s: not subscribed", uuid)
		}
		for _, value := range []string{"one", "", "two", "two"} {
			if err := b.device.Notify(ctx, uuid, []byte(value)); err != nil {
				t.Error(err)
			}
		}
		b.await(object+" Value=two", 2)
		if err := c.StopNotify(ctx); err != nil {
			t.Error(err)
		}
		b.await(object+" Notifying=false", 1)
		want := []string{" Notifying=true", " Value=one", " Value=", " Value=two", " Value=two", " Notifying=false"}
		for i := range want {
			want[i] = object + want[i]
		}
		if got := b.lines(); !slices.Equal(got, want) {
			t.Errorf("%q, want %q", got, want)
		}
		b.awaitUnsubscribed(uuid)
		if err := b.device.Notify(ctx, uuid, []byte("late")); !errors.Is(err, ErrNotSubscribed) {
			t.Errorf("notify after the last has unsubscribed: %v", err)
		}
		if err := c.StopNotify(ctx); !errorIs(err, bluezgen.ErrFailed.With("No notify session started")) {
			t.Errorf("stop once more: %v", err)
		}
	}
	for uuid, want := range map[string]string{"aa01": "\x01\x00 \x00\x00", "aa02": "\x02\x00 \x00\x00"} {
		b.world.do(func() {
			at, err := b.device.attribute(uuid)
			if err != nil {
				t.Error(err)
				return
			}
			var words []string
			for _, w := range at.characteristic.configuration.written {
				words = append(words, string(w))
			}
			if got := strings.Join(words, " "); got != want {
				t.Errorf("configurations of %s: %q, want %q", uuid, got, want)
			}
		})
	}
}

// awaitUnsubscribed waits until nobody is subscribed any more.
func (b *bench) awaitUnsubscribed(uuid string) {
	b.t.Helper()
	if err := b.device.AwaitUnsubscribed(b.t.Context(), uuid); err != nil {
		b.t.Fatal(err)
	}
}

// Sessions belong to unique names, and each shows every notification once.
func TestSessionsOfSeveralClients(t *testing.T) {
	b := newBench(t, notifier())
	b.connect()
	ctx, mine := t.Context(), b.characteristic("aa01")
	other := dial(t, b.world)
	theirs := b.characteristic("aa01", other)
	for _, c := range []bluezgen.GattCharacteristic1{mine, theirs} {
		if err := c.StartNotify(ctx); err != nil {
			t.Fatal(err)
		}
	}
	if err := b.device.Notify(ctx, "aa01", []byte("one")); err != nil {
		t.Fatal(err)
	}
	b.await("char000b Value=one", 2)
	if err := mine.StopNotify(ctx); err != nil {
		t.Fatal(err)
	}
	if !b.device.Subscribed("aa01") {
		t.Error("the other session was ended too")
	}
	if notifying, err := mine.Notifying(ctx); err != nil || !notifying {
		t.Errorf("Notifying %t, %v", notifying, err)
	}
	other.Close() // its session ends with it
	b.awaitUnsubscribed("aa01")
	b.await("char000b Notifying=false", 1)
}

// A session outlives the link: BlueZ arms it again, and until then says InProgress.
func TestSessionIsArmedAgain(t *testing.T) {
	b := newBench(t, notifier())
	b.connect()
	ctx, c, late := t.Context(), b.characteristic("aa01"), b.characteristic("aa02")
	if err := c.StartNotify(ctx); err != nil {
		t.Fatal(err)
	}
	b.disconnect()
	if b.device.Subscribed("aa01") {
		t.Error("the device believes that somebody is subscribed, without a link")
	}
	if notifying, err := c.Notifying(ctx); err != nil || !notifying {
		t.Errorf("Notifying %t, %v; BlueZ leaves it true", notifying, err)
	}
	if err := c.StartNotify(ctx); !errorIs(err, bluezgen.ErrInProgress.With("In Progress")) {
		t.Errorf("start the session that waits: %v", err)
	}
	if err := late.StartNotify(ctx); err != nil {
		t.Errorf("start a session without a link: %v", err)
	}
	b.connect()
	for _, uuid := range []string{"aa01", "aa02"} {
		if err := b.device.AwaitSubscribed(ctx, uuid); err != nil {
			t.Fatal(err)
		}
		if err := b.device.Notify(ctx, uuid, []byte("again")); err != nil {
			t.Error(err)
		}
	}
	b.await("char000b Value=again", 1)
	b.await("char000e Value=again", 1)
	b.await("char000e Notifying=true", 1)
	if slices.Contains(b.lines(), "char000b Notifying=true") {
		t.Error("Notifying was announced though it was true before")
	}
	if err := c.StartNotify(ctx); err != nil {
		t.Errorf("start the session that was armed: %v", err)
	}

	b.disconnect()
	if err := c.StopNotify(ctx); err != nil {
		t.Errorf("stop without a link: %v", err)
	}
	b.await("char000b Notifying=false", 1)
	b.connect()
	if err := b.device.AwaitSubscribed(ctx, "aa02"); err != nil {
		t.Fatal(err)
	}
	if b.device.Subscribed("aa01") {
		t.Error("a session that was stopped was armed again")
	}
}

// A session without a link ends with its client.
func TestSessionThatWaitsEndsWithItsClient(t *testing.T) {
	b := newBench(t, notifier())
	b.connect()
	b.disconnect()
	other := dial(t, b.world)
	if err := b.characteristic("aa01", other).StartNotify(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := b.characteristic("aa02").StartNotify(t.Context()); err != nil {
		t.Fatal(err)
	}
	other.Close()
	for sessions := 2; sessions != 1; {
		b.world.do(func() {
			sessions = len(b.world.adapters[0].object().devices[b.proxy.Path()].gatt.sessions)
		})
	}
	b.connect()
	if err := b.device.AwaitSubscribed(t.Context(), "aa02"); err != nil {
		t.Fatal(err)
	}
	if b.device.Subscribed("aa01") {
		t.Error("the session of a client that has gone was armed")
	}
}

// What the device answers to the write of its configuration.
func TestSubscriptionIsRefused(t *testing.T) {
	var refuse atomic.Bool
	refuse.Store(true)
	d := notifier()
	d.Services[0].Characteristics[0].Descriptors = []Descriptor{{UUID: "2902", Write: func(context.Context, *Peripheral, []byte) error {
		if refuse.Load() {
			return ATTError(0xfd)
		}
		return nil
	}}}
	b := newBench(t, d)
	b.connect()
	ctx, c := t.Context(), b.characteristic("aa01")
	want := bluezgen.ErrFailed.With("Operation failed with ATT error: 0xfd")
	if err := c.StartNotify(ctx); !errorIs(err, want) {
		t.Errorf("StartNotify: %v", err)
	}
	if _, _, err := c.AcquireNotify(ctx, bluezgen.AcquireOptions{}); !errorIs(err, want) {
		t.Errorf("AcquireNotify: %v", err)
	}
	if b.device.Subscribed("aa01") {
		t.Error("subscribed all the same")
	}
	refuse.Store(false)
	if err := c.StartNotify(ctx); err != nil {
		t.Errorf("StartNotify that is not refused: %v", err)
	}
}

// A notification that comes before the response to the subscription is shown.
func TestNotificationBeforeTheResponse(t *testing.T) {
	d := notifier()
	d.Services[0].Characteristics[0].Descriptors = []Descriptor{{UUID: "2902", Write: func(ctx context.Context, p *Peripheral, value []byte) error {
		if value[0] == 0 {
			return nil
		}
		return p.Notify(ctx, "aa01", []byte("hasty"))
	}}}
	b := newBench(t, d)
	b.connect()
	b.forget()
	if err := b.characteristic("aa01").StartNotify(t.Context()); err != nil {
		t.Fatal(err)
	}
	b.await("char000b Notifying=true", 1)
	if got := b.lines(); !slices.Equal(got, []string{"char000b Value=hasty", "char000b Notifying=true"}) {
		t.Errorf("%q", got)
	}
}

func TestNoSessionWhileDisconnecting(t *testing.T) {
	for version, want := range map[Version]*bus.Error{"5.55": nil, "5.56": bluezgen.ErrNotConnected.With("Not Connected")} {
		t.Run(string(version), func(t *testing.T) {
			b := newBench(t, notifier(), version, Delays{Disconnect: time.Hour})
			b.connect()
			ended := make(chan error, 1)
			go func() { ended <- b.proxy.Disconnect(t.Context()) }()
			for disconnecting := false; !disconnecting; {
				b.world.do(func() {
					disconnecting = b.world.adapters[0].object().devices[b.proxy.Path()].disconnecting()
				})
			}
			if err := b.characteristic("aa01").StartNotify(t.Context()); want == nil && err != nil || want != nil && !errorIs(err, want) {
				t.Errorf("StartNotify: %v, want %v", err, want)
			}
			b.device.Disconnect()
			if err := <-ended; err != nil {
				t.Error(err)
			}
		})
	}
}

// The Notify of a characteristic runs from the first subscription to the last.
func TestNotifyRunsWhileSubscribed(t *testing.T) {
	runs, hold := make(chan string, 10), make(chan struct{})
	d := notifier()
	d.Services[0].Characteristics[0].Notify = func(ctx context.Context, p *Peripheral, send func([]byte) error) {
		runs <- "begun"
		if err := send([]byte("hello")); err != nil {
			t.Errorf("send: %v", err)
		}
		if err := send(make([]byte, 600)); err == nil {
			t.Error("600 bytes were sent")
		}
		<-ctx.Done()
		if err := send([]byte("bye")); err == nil {
			t.Error("sent after the end")
		}
		<-hold
		runs <- "ended"
	}
	b := newBench(t, d)
	b.connect()
	ctx, c := t.Context(), b.characteristic("aa01")
	expect := func(want string) {
		t.Helper()
		if got := <-runs; got != want {
			t.Errorf("%s, want %s", got, want)
		}
	}
	if err := c.StartNotify(ctx); err != nil {
		t.Fatal(err)
	}
	expect("begun")
	b.await("char000b Value=hello", 1)
	if err := c.StopNotify(ctx); err != nil {
		t.Fatal(err)
	}
	if err := c.StartNotify(ctx); err != nil {
		t.Fatal(err)
	}
	close(hold) // until then the first has not returned, and the second not begun
	expect("ended")
	expect("begun")
	b.disconnect()
	expect("ended")
	b.connect() // which arms the session again
	expect("begun")
	b.world.CrashBluetoothd()
	expect("ended")
}

// The values of reads look like notifications.
func TestReadIsShownAsAValue(t *testing.T) {
	b := newBench(t, notifier())
	b.connect()
	if err := b.characteristic("aa01").StartNotify(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, err := b.characteristic("aa01").ReadValue(t.Context(), bluezgen.ReadOptions{}); err != nil {
		t.Fatal(err)
	}
	b.await("char000b Value=at first", 1)
}

// A bonded device remembers the subscription, another forgets it with the link.
func TestSubscriptionOfABond(t *testing.T) {
	for _, bonded := range []bool{false, true} {
		b := newBench(t, notifier())
		b.connect()
		b.world.do(func() { b.device.bonds[b.world.adapters[0]] = bonded })
		if err := b.characteristic("aa01").StartNotify(t.Context()); err != nil {
			t.Fatal(err)
		}
		b.device.Disconnect()
		b.await("...Connected=false", 1)
		b.world.do(func() {
			if kept := len(b.device.attributes.subscribed) > 0; kept != bonded {
				t.Errorf("bonded %t: subscription kept %t", bonded, kept)
			}
		})
	}
}
