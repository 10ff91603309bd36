//go:build linux

package bus

import (
	"context"
	"encoding/xml"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/godbus/dbus/v5"
	"github.com/godbus/dbus/v5/introspect"

	"github.com/gobluez/bluez/gen/bus/bustest"
	"github.com/gobluez/bluez/gen/wire"
)

// fire sends calls of a method without waiting for replies, so that their order is
// that of the loop.
func fire(t testing.TB, o Object, name string, args ...string) {
	t.Helper()
	for _, arg := range args {
		m := Method{Interface: thingName, Name: name, In: "s", NoReply: true}
		if err := o.Call(within(t), m, text(arg), nil); err != nil {
			t.Fatal(err)
		}
	}
}

func TestCallsAreServedInOrderOneAtATime(t *testing.T) {
	service, client := pair(t)
	var order []string // a race if calls overlap
	done := make(chan bool)
	export(t, service, "/a", ExportOptions{}, newThing(method("Note", "s", "", func(_ context.Context, d *wire.Decoder) (func(*wire.Encoder), error) {
		order = append(order, d.String())
		if len(order) == 500 {
			close(done)
		}
		return nil, nil
	})))
	var args []string
	for i := range 500 {
		args = append(args, fmt.Sprint(i))
	}
	fire(t, client.Object(serviceName, "/a"), "Note", args...)
	receive(t, done)
	if strings.Join(order, " ") != strings.Join(args, " ") {
		t.Errorf("order is %v", order)
	}
}

func TestReleaseLetsTheNextCallBegin(t *testing.T) {
	service, client := pair(t)
	var mu sync.Mutex
	var log []string
	note := func(s string) {
		mu.Lock()
		defer mu.Unlock()
		log = append(log, s)
	}
	cancelled := make(chan struct{})
	export(t, service, "/a", ExportOptions{}, newThing(
		method("Ask", "", "", func(ctx context.Context, _ *wire.Decoder) (func(*wire.Encoder), error) {
			note("asking")
			Release(ctx)
			Release(ctx)
			<-cancelled
			return nil, errors.New("cancelled")
		}),
		method("Cancel", "", "", func(ctx context.Context, _ *wire.Decoder) (func(*wire.Encoder), error) {
			note("cancelling")
			close(cancelled)
			return nil, nil
		}),
		echo(),
	))
	Release(t.Context()) // does nothing
	o := client.Object(serviceName, "/a")
	asked := make(chan error, 1)
	go func() { asked <- o.Call(within(t), Method{Interface: thingName, Name: "Ask"}, nil, nil) }()
	eventually(t, "the question is asked", func() bool {
		mu.Lock()
		defer mu.Unlock()
		return len(log) == 1
	})
	if err := o.Call(within(t), Method{Interface: thingName, Name: "Cancel"}, nil, nil); err != nil {
		t.Error(err)
	}
	if err := receive(t, asked); err == nil || !strings.Contains(err.Error(), "cancelled") {
		t.Error(err)
	}
	if err := callEcho(within(t), o, "x"); err != nil {
		t.Error(err)
	}
	mu.Lock()
	defer mu.Unlock()
	if got := strings.Join(log, " "); got != "asking cancelling" {
		t.Error(got)
	}
}

func TestContextEndsWhenTheCallerLeaves(t *testing.T) {
	address := bustest.Start(t).Address()
	service, client := dial(t, address, Options{}), dial(t, address, Options{})
	own(t, service, serviceName)
	g := newGate()
	export(t, service, "/a", ExportOptions{}, newThing(g.method("Wait")))
	go client.Object(serviceName, "/a").Call(t.Context(), Method{Interface: thingName, Name: "Wait"}, nil, nil)
	ctx := receive(t, g.entered)
	if Sender(ctx) != client.UniqueName() || Sender(t.Context()) != "" {
		t.Errorf("sender is %q", Sender(ctx))
	}
	if ctx.Err() != nil {
		t.Error(ctx.Err())
	}
	client.Close()
	receive(t, ctx.Done())
	if cause := context.Cause(ctx); cause != errCallerLeft {
		t.Error(cause)
	}
}

func TestCallWithoutReplyOutlivesItsCaller(t *testing.T) {
	address := bustest.Start(t).Address()
	service, client := dial(t, address, Options{}), dial(t, address, Options{})
	own(t, service, serviceName)
	g := newGate()
	export(t, service, "/a", ExportOptions{}, newThing(g.method("Wait")))
	if err := client.Object(serviceName, "/a").Call(within(t), Method{Interface: thingName, Name: "Wait", NoReply: true}, nil, nil); err != nil {
		t.Fatal(err)
	}
	ctx := receive(t, g.entered)
	client.Close()
	settle(t, service)
	if ctx.Err() != nil {
		t.Error("cancelled with its caller")
	}
	close(g.leave)
	receive(t, ctx.Done())
}

func TestContextEndsWithTheExport(t *testing.T) {
	service, client := pair(t)
	g := newGate()
	x := export(t, service, "/a", ExportOptions{}, newThing(g.method("Wait")))
	ended := make(chan error)
	go func() {
		ended <- client.Object(serviceName, "/a").Call(within(t), Method{Interface: thingName, Name: "Wait"}, nil, nil)
	}()
	ctx := receive(t, g.entered)
	if x.Path() != "/a" || service.Stats().Exports != 1 {
		t.Error(x.Path(), service.Stats())
	}
	for range 2 {
		if err := x.Close(); err != nil {
			t.Error(err)
		}
	}
	receive(t, ctx.Done())
	if err := receive(t, ended); !errors.Is(err, ErrFailed) {
		t.Error(err)
	}
	if err := callEcho(within(t), client.Object(serviceName, "/a"), "x"); !errors.Is(err, ErrUnknownObject) {
		t.Error(err)
	}
	if stats := service.Stats(); stats.MatchRules != 0 || stats.Exports != 0 {
		t.Errorf("%+v", stats)
	}
}

func TestOnlyTheOwnerOfANameMayCall(t *testing.T) {
	address := bustest.Start(t).Address()
	service, friend, foe := dial(t, address, Options{}), dial(t, address, Options{}), dial(t, address, Options{})
	own(t, service, serviceName)
	own(t, friend, "org.example.Friend")
	export(t, service, "/a", ExportOptions{From: "org.example.Friend"}, newThing(echo()))
	call := func(c *Conn) error { return callEcho(within(t), c.Object(serviceName, "/a"), "x") }
	if err := call(friend); err != nil {
		t.Error(err)
	}
	if err := call(foe); !errors.Is(err, ErrAccessDenied) {
		t.Error(err)
	}
	if err := foe.Object(serviceName, "/a").Set(within(t), thingName, "Label", "s", text("x")); !errors.Is(err, ErrAccessDenied) {
		t.Error(err)
	}
	if service.Stats().Refused != 2 {
		t.Errorf("%+v", service.Stats())
	}
	if err := friend.ReleaseName(within(t), "org.example.Friend"); err != nil {
		t.Fatal(err)
	}
	if err := call(friend); !errors.Is(err, ErrAccessDenied) {
		t.Error(err)
	}
	own(t, foe, "org.example.Friend")
	if err := call(foe); err != nil {
		t.Error(err)
	}
}

func TestObjectsDescribeThemselves(t *testing.T) {
	service, client := pair(t)
	export(t, service, "/a/b", ExportOptions{}, newThing(echo()))
	export(t, service, "/a/b/c/d", ExportOptions{}, newThing())
	if _, err := service.ExportObjectManager(t.Context(), "/a"); err != nil {
		t.Fatal(err)
	}
	for path, want := range map[dbus.ObjectPath]string{
		"/":      "Introspectable Peer [a]",
		"/a":     "Introspectable Peer ObjectManager [b]",
		"/a/b":   "org.example.Thing1 Introspectable Peer Properties [c]",
		"/a/b/c": "Introspectable Peer [d]",
	} {
		text, err := client.Object(serviceName, path).Introspect(within(t))
		if err != nil {
			t.Error(path, err)
			continue
		}
		var node introspect.Node
		if err := xml.Unmarshal([]byte(text), &node); err != nil {
			t.Error(path, err)
		}
		var got []string
		for _, i := range node.Interfaces {
			got = append(got, strings.TrimPrefix(i.Name, "org.freedesktop.DBus."))
		}
		for _, child := range node.Children {
			got = append(got, "["+child.Name+"]")
		}
		if strings.Join(got, " ") != want {
			t.Errorf("%s: %s, want %s", path, got, want)
		}
	}
	for path, want := range map[dbus.ObjectPath]error{"/a": nil, "/nothing": nil} {
		if err := client.Object(serviceName, path).Ping(within(t)); !errors.Is(err, want) {
			t.Error(path, err)
		}
	}
	o := client.Object(serviceName, "/a/b")
	for _, m := range []Method{
		{Interface: introspectInterface, Name: "No"}, {Interface: peerInterface, Name: "No"}, {Interface: propertiesInterface, Name: "No"},
	} {
		if err := o.Call(within(t), m, nil, nil); !errors.Is(err, ErrUnknownMethod) {
			t.Error(err)
		}
	}
	if err := o.Call(within(t), Method{Interface: propertiesInterface, Name: "GetAll", In: "u"}, func(e *wire.Encoder) { e.Uint32(1) }, nil); !errors.Is(err, ErrInvalidArgs) {
		t.Error(err)
	}
	var id string
	err := o.Call(within(t), Method{Interface: peerInterface, Name: "GetMachineId", Out: "s"}, nil, func(d *wire.Decoder) { id = d.String() })
	if err == nil && len(id) != 32 {
		t.Errorf("machine id %q", id)
	}
}

func TestExportingTwiceIsAnError(t *testing.T) {
	service, client := pair(t)
	s := newThing(echo())
	export(t, service, "/a", ExportOptions{}, s)
	for path, s := range map[dbus.ObjectPath]*thing{"/a": newThing(), "/b": s} {
		if _, err := service.Export(t.Context(), path, ExportOptions{}, s); !errors.Is(err, ErrExported) {
			t.Errorf("%s: %v", path, err)
		}
	}
	if _, err := service.Export(t.Context(), "x", ExportOptions{}); err == nil {
		t.Error("path x: no error")
	}
	if _, err := service.Export(t.Context(), "/x", ExportOptions{From: "?"}); err == nil {
		t.Error("from ?: no error")
	}
	if err := callEcho(within(t), client.Object(serviceName, "/a"), "x"); err != nil {
		t.Error(err)
	}
	for range 2 {
		x, err := service.ExportObjectManager(t.Context(), "/")
		if err == nil {
			defer x.Close()
		} else if !errors.Is(err, ErrExported) {
			t.Error(err)
		}
	}
	if stats := service.Stats(); stats.Exports != 2 || stats.MatchRules != 1 {
		t.Errorf("%+v", stats)
	}
}

func TestSkeletonMovesToAnotherConnection(t *testing.T) {
	service, client := pair(t)
	s := newThing(echo())
	if err := s.Emit("Said", "s", text("x")); !errors.Is(err, ErrNotExported) {
		t.Error(err)
	}
	if err := s.setLabel("before"); err != nil {
		t.Error(err)
	}
	if _, err := service.Export(t.Context(), "/a", ExportOptions{}, s); err != nil {
		t.Fatal(err)
	}
	service.Close()
	if err := s.Emit("Said", "s", text("x")); !errors.Is(err, ErrNotExported) {
		t.Error(err)
	}
	if err := s.setLabel("between"); err != nil {
		t.Error(err)
	}
	export(t, client, "/a", ExportOptions{}, s)
	if _, err := service.Export(t.Context(), "/a", ExportOptions{}, newThing()); !errors.Is(err, ErrClosed) {
		t.Error(err)
	}
	if s.label != "between" {
		t.Error(s.label)
	}
}

func TestChangeOfNothingIsNotAnnounced(t *testing.T) {
	service, client := pair(t)
	s := newThing()
	export(t, service, "/a", ExportOptions{}, s)
	labels := make(chan string, 2)
	sub, err := client.Object(serviceName, "/a").SubscribeProperties(within(t), thingName, func(d *wire.Decoder) {
		var r thingRecord
		r.Apply(d)
		labels <- r.label
	})
	if err != nil {
		t.Fatal(err)
	}
	defer sub.Close()
	nothing := func(e *wire.Encoder) {
		e.EndArray(e.Array(8))
		e.EndArray(e.Array(4))
	}
	if err := errors.Join(s.PropertiesChanged(nothing), s.setLabel("new")); err != nil {
		t.Fatal(err)
	}
	if label := <-labels; label != "new" {
		t.Errorf("a change to %q was announced first", label)
	}
}

func TestRepliesAndChangesAreOneStory(t *testing.T) {
	service, client := pair(t)
	s := newThing()
	export(t, service, "/a", ExportOptions{}, s)
	if _, err := service.ExportObjectManager(t.Context(), "/"); err != nil {
		t.Fatal(err)
	}
	// What the signals say last must never be newer than what a reply says that
	// comes after them, and sizes only grow.
	var seen uint32
	sub, err := client.Object(serviceName, "/a").SubscribeProperties(within(t), thingName, func(d *wire.Decoder) {
		var r thingRecord
		r.Apply(d)
		if r.size != seen+1 {
			t.Errorf("change to %d after %d", r.size, seen)
		}
		seen = r.size
	})
	if err != nil {
		t.Fatal(err)
	}
	defer sub.Close()
	stop, changed := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(changed)
		for size := uint32(1); ; size++ {
			select {
			case <-stop:
				return
			default:
				if err := s.setSize(&size); err != nil {
					t.Error(err)
				}
			}
		}
	}()
	check := func(r thingRecord) {
		if r.hasSize && r.size != seen {
			t.Errorf("reply says %d after a change to %d", r.size, seen)
		}
	}
	for range 20 {
		err := client.callInOrder(within(t), serviceName, "/a", getAll, text(thingName), func(d *wire.Decoder) {
			var r thingRecord
			r.Load(d)
			check(r)
		})
		if err != nil {
			t.Fatal(err)
		}
		err = client.callInOrder(within(t), serviceName, "/", getManagedObjects, nil, func(d *wire.Decoder) {
			for end := d.Array(8); d.More(end); {
				d.Struct()
				d.ObjectPath()
				for end := d.Array(8); d.More(end); {
					d.Struct()
					d.StringView()
					var r thingRecord
					r.Load(d)
					check(r)
				}
			}
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	close(stop)
	<-changed
	settleSignals(t, service, client)
}

func TestNothingChangesWhilePropertiesAreEncoded(t *testing.T) {
	service, client := pair(t)
	manage(t, service)
	var encoded atomic.Int32
	a := newThing()
	a.encoding = func() {
		encoded.Add(1)
		if a.Emitter.mu.TryLock() {
			a.Emitter.mu.Unlock()
			t.Error("a change could come between the properties and their message")
		}
	}
	export(t, service, "/a", ExportOptions{}, a) // InterfacesAdded
	o, ignore := client.Object(serviceName, "/a"), func(*wire.Decoder) {}
	for _, err := range []error{
		o.Get(within(t), thingName, "Label", "s", ignore),
		o.GetAll(within(t), thingName, ignore),
		client.Object(serviceName, "/").Call(within(t), *getManagedObjects, nil, ignore),
	} {
		if err != nil {
			t.Error(err)
		}
	}
	if n := encoded.Load(); n != 4 {
		t.Errorf("encoded %d times", n)
	}
}

func TestFloodOfCallsIsRefused(t *testing.T) {
	service, client := pair(t)
	g := newGate()
	for path, o := range map[dbus.ObjectPath]ExportOptions{"/queued": {}, "/concurrent": {Concurrent: true}} {
		export(t, service, path, o, newThing(g.method("Wait")))
		m := Method{Interface: thingName, Name: "Wait", NoReply: true}
		for range maxWaiting + 1 {
			if err := client.Object(serviceName, path).Call(within(t), m, nil, nil); err != nil {
				t.Fatal(err)
			}
		}
		m.NoReply = false
		if err := client.Object(serviceName, path).Call(within(t), m, nil, nil); !errors.Is(err, ErrLimitsExceeded) {
			t.Errorf("%s: %v", path, err)
		}
	}
	close(g.leave)
}
