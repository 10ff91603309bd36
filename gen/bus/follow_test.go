//go:build linux

package bus

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/godbus/dbus/v5"

	"github.com/gobluez/bluez/gen/wire"
)

func TestFollowReadsAnewAndThenFollows(t *testing.T) {
	service, client := pair(t)
	manage(t, service)
	a, b := newThing(), newThing()
	export(t, service, "/a", ExportOptions{}, a)
	export(t, service, "/a/b", ExportOptions{}, b)
	export(t, service, "/ab", ExportOptions{}, newThing())
	m, diary := openMirror(t, client)
	rules := client.Stats().MatchRules
	change := func(label string) {
		t.Helper()
		if err := errors.Join(a.setLabel("a "+label), b.setLabel("b "+label)); err != nil {
			t.Error(err)
		}
		settleSignals(t, service, client)
	}
	change("unseen")
	diary.expect(t, "nobody follows", "")

	exact, err := m.Follow(within(t), "/a", "")
	if err != nil {
		t.Fatal(err)
	}
	diary.expect(t, "exactly there", "Reloaded /a a unseen")
	below, err := m.Follow(within(t), "/a", thingName)
	if err != nil {
		t.Fatal(err)
	}
	diary.expect(t, "and below", "Reloaded /a a unseen, Reloaded /a/b b unseen, Reloaded /ab first")
	again, err := m.Follow(within(t), "/a", thingName)
	if err != nil {
		t.Fatal(err)
	}
	diary.expect(t, "shared", "")
	if n := client.Stats().MatchRules; n != rules+2 {
		t.Errorf("%d rules more", n-rules)
	}
	change("seen") // once, though two rules match
	diary.expect(t, "followed", "Changed /a a seen, Changed /a/b b seen")
	for _, f := range []*Following{exact, below, below} {
		f.Close()
	}
	change("still")
	diary.expect(t, "shared still", "Changed /a a still, Changed /a/b b still")
	again.Close()
	change("no more")
	diary.expect(t, "nobody follows", "")
	if n := client.Stats().MatchRules; n != rules {
		t.Errorf("%d rules more", n-rules)
	}
	if _, err := m.Follow(within(t), "/nothing/there", ""); err != nil {
		t.Errorf("nothing there: %v", err)
	}
	if _, err := m.Follow(within(t), "x", ""); err == nil {
		t.Error("path x: no error")
	}
	m.Close()
	if _, err := m.Follow(within(t), "/a", ""); !errors.Is(err, ErrClosed) {
		t.Errorf("closed: %v", err)
	}
}

func TestFollowPassesOverWhatIsGone(t *testing.T) {
	for _, test := range []struct {
		reply *Error
		gone  bool
	}{
		{ErrUnknownObject, true},
		{ErrUnknownInterface, true},
		{ErrUnknownMethod, true},
		{ErrInvalidArgs, true}, // of BlueZ
		{ErrServiceUnknown, true},
		{ErrNameHasNoOwner, true},
		{ErrNoReply, true},
		{ErrAccessDenied, false},
		{ErrFailed, false},
	} {
		if isGone(fmt.Errorf("call: %w", test.reply.With("why"))) != test.gone {
			t.Errorf("%s: gone should be %t", test.reply, test.gone)
		}
	}
	service, client := pair(t)
	manage(t, service)
	x := export(t, service, "/a", ExportOptions{}, newThing())
	m, _ := openMirror(t, client)
	// The service loses the object without saying so.
	m.signals[1].Close()
	x.Close()
	settleSignals(t, service, client)
	if got := contents(m, "/"); got != "/a=first" {
		t.Fatalf("the mirror has %q", got)
	}
	f, err := m.Follow(within(t), "/a", "")
	if err != nil {
		t.Fatal(err)
	}
	f.Close()
	// Now it is there, but refuses.
	var asked atomic.Int32
	properties := map[string]any{"GetAll": func(string) (map[string]dbus.Variant, *dbus.Error) {
		asked.Add(1)
		return nil, dbus.NewError(ErrAccessDenied.Name, nil)
	}}
	if err := service.DBus().ExportMethodTable(properties, "/a", propertiesInterface); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if _, err := m.Follow(within(t), "/a", ""); !errors.Is(err, ErrAccessDenied) {
			t.Error(err)
		}
	}
	if n := asked.Load(); n != 2 {
		t.Errorf("asked %d times", n)
	}
}

func TestFollowThatFailedBeginsAnew(t *testing.T) {
	service, client := pair(t)
	manage(t, service)
	a := newThing()
	export(t, service, "/a", ExportOptions{}, a)
	m, diary := openMirror(t, client)
	var full []*Subscription
	for {
		s, err := client.Object(serviceName, "/a").Subscribe(within(t), thingName, fmt.Sprintf("Signal%d", len(full)), "", func(*wire.Decoder) {})
		if errors.Is(err, ErrLimitsExceeded) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		full = append(full, s)
	}
	// One who was told, but has not given up its share yet.
	rule := match{sender: serviceName, namespace: "/a", iface: propertiesInterface, member: "PropertiesChanged"}
	failed, err := m.following.share(followKey{path: "/a"}, rule.String())
	if err != nil {
		t.Fatal(err)
	}
	defer (&Following{table: &m.following, shared: failed}).Close()
	receive(t, failed.ready)
	if !errors.Is(failed.err, ErrLimitsExceeded) {
		t.Error(failed.err)
	}
	for _, s := range full {
		s.Close()
	}
	diary.read()
	f, err := m.Follow(within(t), "/a", "")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	diary.expect(t, "making room", "Reloaded /a first")
	if err := a.setLabel("second"); err != nil {
		t.Error(err)
	}
	settleSignals(t, service, client)
	diary.expect(t, "followed", "Changed /a second")
}

func TestFollowSurvivesACallerThatLeaves(t *testing.T) {
	service, client := pair(t)
	manage(t, service)
	export(t, service, "/a", ExportOptions{}, newThing())
	m, _ := openMirror(t, client)
	rules := client.Stats().MatchRules
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	var all sync.WaitGroup
	for i := range 100 {
		all.Go(func() {
			ctx := within(t)
			if i%2 == 0 {
				ctx = gone
			}
			f, err := m.Follow(ctx, "/a", "")
			if err == nil {
				f.Close()
			} else if !errors.Is(err, context.Canceled) {
				t.Error(err)
			}
		})
	}
	all.Wait()
	if n := client.Stats().MatchRules; n != rules {
		t.Errorf("%d rules more", n-rules)
	}
}
