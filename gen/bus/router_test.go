//go:build linux

package bus

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"

	"github.com/godbus/dbus/v5"

	"github.com/gobluez/bluez/gen/bus/bustest"
	"github.com/gobluez/bluez/gen/wire"
)

// subscribe subscribes to the Said signal of a thing.
func subscribeSaid(t testing.TB, o Object, handler func(string)) *Subscription {
	t.Helper()
	s, err := o.Subscribe(within(t), thingName, "Said", "s", func(d *wire.Decoder) { handler(d.String()) })
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func say(t testing.TB, s *thing, what string) {
	t.Helper()
	if err := s.Emit("Said", "s", text(what)); err != nil {
		t.Fatal(err)
	}
}

func TestThousandSignalsInOrder(t *testing.T) {
	service, client := pair(t)
	speaker := newThing()
	export(t, service, "/a", ExportOptions{}, speaker)
	done, next := make(chan struct{}), 0
	s := subscribeSaid(t, client.Object(serviceName, "/a"), func(what string) {
		if what != fmt.Sprint(next) {
			t.Errorf("%s, want %d", what, next)
		}
		if next++; next == 1000 {
			close(done)
		}
	})
	defer s.Close()
	for i := range 1000 {
		say(t, speaker, fmt.Sprint(i))
	}
	receive(t, done)
}

func TestSignalGoesByPathInterfaceAndMember(t *testing.T) {
	service, client := pair(t)
	a, b := newThing(), newThing()
	export(t, service, "/a", ExportOptions{}, a)
	export(t, service, "/b", ExportOptions{}, b)
	var got []string
	note := func(where string) func(string) { return func(what string) { got = append(got, where+what) } }
	subscribeSaid(t, client.Object(serviceName, "/a"), note("a1"))
	subscribeSaid(t, client.Object(serviceName, "/a"), note("a2"))
	subscribeSaid(t, client.Object(serviceName, "/b"), note("b"))
	_, err := client.Object(serviceName, "/a").Subscribe(within(t), thingName, "Sung", "s", func(*wire.Decoder) { got = append(got, "sung") })
	if err != nil {
		t.Fatal(err)
	}
	say(t, a, "x")
	say(t, b, "y")
	settleSignals(t, service, client)
	if text := strings.Join(got, " "); text != "a1x a2x by" {
		t.Error(text)
	}
}

// settleSignals waits until client has handled everything that service sent.
func settleSignals(t testing.TB, service, client *Conn) {
	t.Helper()
	settle(t, service)
	settle(t, client)
}

func TestPropertyChangesGoByInterface(t *testing.T) {
	service, client := pair(t)
	a := newThing()
	export(t, service, "/a", ExportOptions{}, a)
	o := client.Object(serviceName, "/a")
	var r thingRecord
	s, err := o.SubscribeProperties(within(t), thingName, r.Apply)
	if err != nil {
		t.Fatal(err)
	}
	other, err := o.SubscribeProperties(within(t), "org.example.Other", func(*wire.Decoder) { t.Error("of another interface") })
	if err != nil {
		t.Fatal(err)
	}
	size := uint32(7)
	for _, err := range []error{a.setSize(&size), a.setLabel("new")} {
		if err != nil {
			t.Error(err)
		}
	}
	settleSignals(t, service, client)
	if r != (thingRecord{label: "new", size: 7, hasSize: true}) {
		t.Errorf("%+v", r)
	}
	s.Close()
	other.Close()
	if stats := client.Stats(); stats.MatchRules != 0 || stats.Subscriptions != 0 {
		t.Errorf("%+v", stats)
	}
}

func TestForgedSignalIsDropped(t *testing.T) {
	address := bustest.Start(t).Address()
	service, client, forger := dial(t, address, Options{}), dial(t, address, Options{}), dial(t, address, Options{})
	own(t, service, serviceName)
	real, forged := newThing(), newThing()
	export(t, service, "/a", ExportOptions{}, real)
	export(t, forger, "/a", ExportOptions{}, forged)
	var got []string
	subscribeSaid(t, client.Object(serviceName, "/a"), func(what string) { got = append(got, what) })

	// The bus' match rule stops a broadcast, but a unicast signal passes by it.
	unicast := func(from *Conn, what string) {
		t.Helper()
		e := wire.NewEncoder(hostOrder)
		e.String(what)
		msg := outgoing{typ: wire.Signal, dest: client.UniqueName(), path: "/a", iface: thingName, member: "Said", sig: "s"}
		if err := from.post(within(t), &msg, e); err != nil {
			t.Fatal(err)
		}
	}
	unicast(service, "true")
	settleSignals(t, service, client)
	unicast(forger, "forged")
	say(t, forged, "forged broadcast")
	settleSignals(t, forger, client)
	if client.Stats().Foreign != 1 {
		t.Errorf("%+v", client.Stats())
	}
	// Who owns the name now is believed, who did is not.
	if err := service.ReleaseName(within(t), serviceName); err != nil {
		t.Fatal(err)
	}
	unicast(service, "late")
	settleSignals(t, service, client)
	own(t, forger, serviceName)
	unicast(forger, "heir")
	settleSignals(t, forger, client)
	unicast(service, "later still")
	settleSignals(t, service, client)
	if text := strings.Join(got, " "); text != "true heir" {
		t.Errorf("%q", text)
	}
}

func TestSubscriptionClosedInItsHandler(t *testing.T) {
	service, client := pair(t)
	a := newThing()
	export(t, service, "/a", ExportOptions{}, a)
	var s *Subscription
	count := 0
	s = subscribeSaid(t, client.Object(serviceName, "/a"), func(string) {
		count++
		s.Close()
		s.Close()
	})
	settle(t, client)
	say(t, a, "x")
	say(t, a, "y")
	settleSignals(t, service, client)
	if count != 1 {
		t.Errorf("called %d times", count)
	}
	if stats := client.Stats(); stats.MatchRules != 0 || stats.Subscriptions != 0 {
		t.Errorf("%+v", stats)
	}
}

func TestSubscriptionClosedByTheHandlerBeforeIt(t *testing.T) {
	service, client := pair(t)
	a := newThing()
	export(t, service, "/a", ExportOptions{}, a)
	var second *Subscription
	first := subscribeSaid(t, client.Object(serviceName, "/a"), func(string) { second.Close() })
	defer first.Close()
	second = subscribeSaid(t, client.Object(serviceName, "/a"), func(string) { t.Error("called after Close") })
	settle(t, client)
	say(t, a, "x")
	settleSignals(t, service, client)
}

func TestEqualRulesAreSharedAndCounted(t *testing.T) {
	service, client := pair(t)
	a := newThing()
	export(t, service, "/a", ExportOptions{}, a)
	o := client.Object(serviceName, "/a")
	count := 0
	sent := client.Stats().Sent
	var all []*Subscription
	for range 600 { // more than the bus would take
		all = append(all, subscribeSaid(t, o, func(string) { count++ }))
	}
	if stats := client.Stats(); stats.MatchRules != 2 || stats.Sent != sent+3 { // the signal, the name's owner; who owns it
		t.Errorf("%+v", stats)
	}
	say(t, a, "x")
	settleSignals(t, service, client)
	for _, s := range all[1:] {
		s.Close()
	}
	say(t, a, "y")
	settleSignals(t, service, client)
	if count != 601 {
		t.Errorf("%d calls", count)
	}
	all[0].Close()
	if stats := client.Stats(); stats.MatchRules != 0 {
		t.Errorf("%+v", stats)
	}
}

func TestRuleCountSurvivesCallersThatLeave(t *testing.T) {
	service, client := pair(t)
	a := newThing()
	export(t, service, "/a", ExportOptions{}, a)
	o := client.Object(serviceName, "/a")
	var all sync.WaitGroup
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	for i := range 200 {
		all.Go(func() {
			ctx := within(t)
			if i%2 == 0 {
				ctx = gone
			}
			s, err := o.Subscribe(ctx, thingName, "Said", "s", func(*wire.Decoder) {})
			if err == nil {
				s.Close()
			} else if !errors.Is(err, context.Canceled) {
				t.Error(err)
			}
		})
	}
	all.Wait()
	got := make(chan string, 1)
	s := subscribeSaid(t, o, func(what string) { got <- what })
	say(t, a, "x")
	receive(t, got)
	s.Close()
	if stats := client.Stats(); stats.MatchRules != 0 || stats.Subscriptions != 0 {
		t.Errorf("%+v", stats)
	}
}

func TestRuleThatTheBusRefusesIsAnError(t *testing.T) {
	_, client := pair(t)
	var all []*Subscription
	var err error
	for i := 0; err == nil && i < 600; i++ {
		var s *Subscription
		s, err = client.Object(serviceName, "/a").Subscribe(within(t), thingName, fmt.Sprintf("Signal%d", i), "", func(*wire.Decoder) {})
		if err == nil {
			all = append(all, s)
		}
	}
	if !errors.Is(err, ErrLimitsExceeded) || len(all) != 511 { // and one for the name's owner
		t.Errorf("%d subscriptions, then %v", len(all), err)
	}
	for _, s := range all {
		s.Close()
	}
	if _, err := client.Object(serviceName, "/a").Subscribe(within(t), thingName, "Said", "", func(*wire.Decoder) {}); err != nil {
		t.Errorf("after making room: %v", err)
	}
}

func TestSignalOfAnotherSignatureIsSkippedAndLoggedOnce(t *testing.T) {
	address := bustest.Start(t).Address()
	var log bytes.Buffer
	service := dial(t, address, Options{})
	client := dial(t, address, Options{Logger: slog.New(slog.NewTextHandler(&log, nil))})
	own(t, service, serviceName)
	a := newThing()
	export(t, service, "/a", ExportOptions{}, a)
	var got []string
	subscribeSaid(t, client.Object(serviceName, "/a"), func(what string) { got = append(got, what) })
	for range 3 {
		if err := a.Emit("Said", "u", func(e *wire.Encoder) { e.Uint32(5) }); err != nil {
			t.Fatal(err)
		}
	}
	say(t, a, "x")
	settleSignals(t, service, client)
	if len(got) != 1 || strings.Count(log.String(), "what=org.example.Thing1.Said want=s got=u") != 1 {
		t.Errorf("%q, log %s", got, &log)
	}
	if client.Logger() == nil || service.Logger() == nil {
		t.Error("no logger")
	}
}

func TestPropertyOfAnotherTypeIsSkippedAndLoggedOnce(t *testing.T) {
	address := bustest.Start(t).Address()
	var log bytes.Buffer
	service := dial(t, address, Options{})
	client := dial(t, address, Options{Logger: slog.New(slog.NewTextHandler(&log, nil))})
	own(t, service, serviceName)
	manage(t, service)
	a := &oddThing{newThing()}
	export(t, service, "/a", ExportOptions{}, a)
	m, diary := openMirror(t, client, thingName)
	if got := contents(m, "/"); got != "/a=first" {
		t.Errorf("snapshot is %q", got)
	}
	o, got := client.Object(serviceName, "/a"), &thingRecord{}
	if err := o.GetAll(within(t), thingName, got.Load); err != nil || got.label != "first" || got.hasSize {
		t.Errorf("GetAll: %+v %v", got, err)
	}
	if _, err := o.SubscribeProperties(within(t), thingName, got.Apply); err != nil {
		t.Fatal(err)
	}
	if err := a.PropertiesChanged(func(e *wire.Encoder) {
		a.label = "second"
		mark := e.Array(8)
		a.EncodeAll(e)
		e.EndArray(mark)
		e.EndArray(e.Array(4))
	}); err != nil {
		t.Error(err)
	}
	settleSignals(t, service, client)
	diary.expect(t, "the mirror", "Changed /a second")
	if got.label != "second" || got.hasSize {
		t.Errorf("PropertiesChanged: %+v", got)
	}
	if strings.Count(log.String(), "\n") != 1 || !strings.Contains(log.String(), "what=org.example.Thing1.Size want=u got=s") {
		t.Errorf("log: %s", &log)
	}
}

// An oddThing says its size in words, before its label.
type oddThing struct{ *thing }

func (o *oddThing) Serve() *ServedInterface {
	s := o.thing.Serve()
	s.Properties = o
	return s
}

func (o *oddThing) EncodeAll(e *wire.Encoder) {
	e.Struct()
	e.String("Size")
	e.VariantOf("s")
	e.String("large")
	o.thing.EncodeAll(e)
}

func TestLogSaysWhenItHasSeenEnough(t *testing.T) {
	var log bytes.Buffer
	o := oddities{logger: slog.New(slog.NewTextHandler(&log, nil))}
	for range 2 {
		for i := range maxOddities + 5 {
			o.report(fmt.Sprint(i), "odd")
		}
	}
	if n := strings.Count(log.String(), "msg=odd\n"); n != maxOddities {
		t.Errorf("%d kinds logged", n)
	}
	if n := strings.Count(log.String(), "further kinds are not logged"); n != 1 {
		t.Errorf("%d lines say that there is more", n)
	}
}

func TestSubscribingToNonsenseIsAnError(t *testing.T) {
	_, client := pair(t)
	for _, o := range []Object{
		client.Object("?", "/a"),
		client.Object(serviceName, "/a'"),
	} {
		if _, err := o.Subscribe(within(t), thingName, "Said", "s", nil); err == nil {
			t.Errorf("%v: no error", o)
		}
	}
	o := client.Object(serviceName, "/a")
	if _, err := o.Subscribe(within(t), "x", "Said", "s", nil); err == nil {
		t.Error("interface: no error")
	}
	if _, err := o.Subscribe(within(t), thingName, "1", "s", nil); err == nil {
		t.Error("member: no error")
	}
	if _, err := o.SubscribeProperties(within(t), "x'", nil); err == nil {
		t.Error("interface of properties: no error")
	}
}

func TestPathIsBelowANamespace(t *testing.T) {
	for _, test := range []struct {
		path, namespace dbus.ObjectPath
		want            bool
	}{
		{"/a/b", "/a", true}, {"/a", "/a", true}, {"/ab", "/a", false}, {"/", "/a", false}, {"/a", "/", true}, {"/", "/", true},
	} {
		if isBelow(string(test.path), test.namespace) != test.want {
			t.Errorf("%s below %s: not %v", test.path, test.namespace, test.want)
		}
	}
}
