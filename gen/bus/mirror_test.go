//go:build linux

package bus

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/godbus/dbus/v5"

	"github.com/gobluez/bluez/gen/bus/bustest"
	"github.com/gobluez/bluez/gen/wire"
)

// A diary notes a mirror's events.
type diary struct {
	mu    sync.Mutex
	lines []string
}

func (d *diary) write(e Event) {
	d.mu.Lock()
	defer d.mu.Unlock()
	line := e.Kind.String()
	if r, ok := e.Record.(*thingRecord); ok {
		line += fmt.Sprintf(" %s %s", e.Path, r.label)
	}
	d.lines = append(d.lines, line)
}

// read returns what was noted since the last time.
func (d *diary) read() string {
	d.mu.Lock()
	defer d.mu.Unlock()
	lines := d.lines
	d.lines = nil
	return strings.Join(lines, ", ")
}

func (d *diary) expect(t testing.TB, what, want string) {
	t.Helper()
	if got := d.read(); got != want {
		t.Errorf("%s: %q, want %q", what, got, want)
	}
}

func openMirror(t testing.TB, c *Conn, follow ...string) (*Mirror, *diary) {
	t.Helper()
	m, err := OpenMirror(within(t), c, MirrorOptions{Service: serviceName, Root: "/", Codecs: []Codec{thingCodec}, Follow: follow})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(m.Close)
	d := new(diary)
	m.Subscribe(d.write)
	return m, d
}

func manage(t testing.TB, c *Conn) {
	t.Helper()
	if _, err := c.ExportObjectManager(t.Context(), "/"); err != nil {
		t.Fatal(err)
	}
}

// contents returns what a mirror has below a path.
func contents(m *Mirror, path dbus.ObjectPath) string {
	var all []string
	m.View(func(v View) {
		v.Walk(path, func(path dbus.ObjectPath, _ string, r Record) bool {
			all = append(all, fmt.Sprintf("%s=%s", path, r.(*thingRecord).label))
			return true
		})
	})
	return strings.Join(all, " ")
}

func TestMirrorIsASnapshotKeptByDeltas(t *testing.T) {
	service, client := pair(t)
	manage(t, service)
	a := newThing()
	export(t, service, "/x/a", ExportOptions{}, a)
	m, diary := openMirror(t, client, thingName)
	if m.Conn() != client || !m.Present() || contents(m, "/") != "/x/a=first" {
		t.Errorf("snapshot is %q", contents(m, "/"))
	}
	b := export(t, service, "/x/a/b", ExportOptions{}, newThing())
	settleSignals(t, service, client)
	diary.expect(t, "an object comes", "Added /x/a/b first")
	if err := a.setLabel("second"); err != nil {
		t.Error(err)
	}
	settleSignals(t, service, client)
	diary.expect(t, "a property changes", "Changed /x/a second")
	if got := contents(m, "/x"); got != "/x/a=second /x/a/b=first" {
		t.Error(got)
	}
	b.Close()
	settleSignals(t, service, client)
	diary.expect(t, "an object goes", "Removed /x/a/b first")
	if n := len(m.tree.nodes); n != 3 { // "/", "/x" and "/x/a"
		t.Errorf("%d paths", n)
	}
	if got := contents(m, "/"); got != "/x/a=second" {
		t.Error(got)
	}
	m.View(func(v View) {
		if v.Record("/x/a", thingName) == nil || v.Record("/x/a", "no") != nil || v.Record("/x", thingName) != nil || !v.Present() {
			t.Error("wrong records")
		}
		v.Walk("/", func(dbus.ObjectPath, string, Record) bool { return false })
	})
	m.Close()
	if stats := client.Stats(); stats.MatchRules != 0 || stats.Subscriptions != 0 {
		t.Errorf("%+v", stats)
	}
}

func TestMirrorFollowsTheServiceThroughRestarts(t *testing.T) {
	address := bustest.Start(t).Address()
	service, client := dial(t, address, Options{}), dial(t, address, Options{})
	m, diary := openMirror(t, client, thingName)
	if m.Present() {
		t.Error("a service that is not there is present")
	}
	manage(t, service)
	export(t, service, "/a/b", ExportOptions{}, newThing())
	export(t, service, "/a", ExportOptions{}, newThing())
	settleSignals(t, service, client)
	diary.expect(t, "signals of a stranger", "")
	restored := make(chan Event, 1)
	cancel := m.Subscribe(func(e Event) {
		if e.Kind == Restored {
			if got := contents(m, "/"); got == "" {
				t.Error("restored, but empty")
			}
			restored <- e
		}
	})
	own(t, service, serviceName)
	receive(t, restored)
	diary.expect(t, "the service comes", "Added /a first, Added /a/b first, Restored")

	service.Close()
	eventually(t, "the service is gone", func() bool { return !m.Present() })
	diary.expect(t, "the service goes", "Removed /a/b first, Removed /a first, Lost")
	if got := contents(m, "/"); got != "" {
		t.Error(got)
	}

	heir := dial(t, address, Options{})
	manage(t, heir)
	export(t, heir, "/c", ExportOptions{}, newThing())
	own(t, heir, serviceName)
	receive(t, restored)
	diary.expect(t, "the service comes back", "Added /c first, Restored")
	cancel()
	export(t, heir, "/d", ExportOptions{}, newThing())
	settleSignals(t, heir, client)
	diary.expect(t, "an object comes", "Added /d first")
}

func TestMirrorWaitsForAServiceThatIsNotReady(t *testing.T) {
	address := bustest.Start(t).Address()
	service, client := dial(t, address, Options{}), dial(t, address, Options{})
	m, diary := openMirror(t, client)
	own(t, service, serviceName)
	settleSignals(t, service, client)
	settleSignals(t, service, client)
	if m.Present() {
		t.Error("present without objects")
	}
	manage(t, service)
	export(t, service, "/a", ExportOptions{}, newThing())
	eventually(t, "the mirror has it", func() bool { return contents(m, "/") == "/a=first" })
	diary.expect(t, "the first object", "Added /a first, Restored")
}

func TestRefreshFindsWhatWasNotAnnounced(t *testing.T) {
	service, client := pair(t)
	mute := newThing()
	a, b := newThing(), newThing()
	var mu sync.Mutex
	objects := []*thing{a, b}
	paths := []dbus.ObjectPath{"/a", "/b"}
	// An ObjectManager that announces nothing.
	mute.methods = append(mute.methods, ServedMethod{
		Method: Method{Interface: objectManagerInterface, Name: "GetManagedObjects", Out: managedObjectsSignature},
		Serve: func(context.Context, *wire.Decoder) (func(*wire.Encoder), error) {
			return func(e *wire.Encoder) {
				mu.Lock()
				defer mu.Unlock()
				outer := e.Array(8)
				for i, o := range objects {
					e.Struct()
					e.ObjectPath(paths[i])
					inner := e.Array(8)
					for _, name := range []string{"org.example.Unknown", thingName} {
						e.Struct()
						e.String(name)
						mark := e.Array(8)
						o.EncodeAll(e)
						e.EndArray(mark)
					}
					e.EndArray(inner)
				}
				e.EndArray(outer)
			}, nil
		},
	})
	export(t, service, "/", ExportOptions{}, renamed{mute, objectManagerInterface})
	m, diary := openMirror(t, client)
	if got := contents(m, "/"); got != "/a=first /b=first" {
		t.Error(got)
	}
	mu.Lock()
	objects, paths = []*thing{newThing(), b}, []dbus.ObjectPath{"/c", "/b"}
	b.label = "second"
	mu.Unlock()
	if err := m.Refresh(within(t)); err != nil {
		t.Error(err)
	}
	diary.expect(t, "refresh", "Added /c first, Reloaded /b second, Removed /a first")
	if got := contents(m, "/"); got != "/b=second /c=first" {
		t.Error(got)
	}
}

// renamed serves a thing as another interface.
type renamed struct {
	*thing
	name string
}

func (r renamed) Serve() *ServedInterface {
	s := r.thing.Serve()
	s.Name = r.name
	return s
}

func TestListenerClosedByTheOneBeforeIt(t *testing.T) {
	service, client := pair(t)
	manage(t, service)
	m, _ := openMirror(t, client)
	var cancel func()
	m.Subscribe(func(Event) { cancel() })
	cancel = m.Subscribe(func(Event) { t.Error("called after cancel") })
	settle(t, client)
	export(t, service, "/a", ExportOptions{}, newThing())
	settleSignals(t, service, client)
}

func TestNoChangeFollowsRemoval(t *testing.T) {
	service, client := pair(t)
	manage(t, service)
	gone := false
	_, err := client.Object(serviceName, "/").Subscribe(within(t), objectManagerInterface, interfacesRemoved, "oas", func(*wire.Decoder) { gone = true })
	if err != nil {
		t.Fatal(err)
	}
	_, err = client.Object(serviceName, "/").Subscribe(within(t), objectManagerInterface, interfacesAdded, "oa{sa{sv}}", func(*wire.Decoder) { gone = false })
	if err != nil {
		t.Fatal(err)
	}
	_, err = client.Object(serviceName, "/a").SubscribeProperties(within(t), thingName, func(*wire.Decoder) {
		if gone {
			t.Error("a property changes of what is gone")
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	for range 50 {
		a := newThing()
		x := export(t, service, "/a", ExportOptions{}, a)
		closed, stopped := make(chan struct{}), make(chan struct{})
		go func() {
			defer close(stopped)
			for {
				select {
				case <-closed:
					return
				default:
					a.setLabel("x")
				}
			}
		}()
		settle(t, service)
		x.Close()
		close(closed)
		<-stopped
	}
	settleSignals(t, service, client)
}

func TestMirrorOfAServiceWithoutObjectsIsAnError(t *testing.T) {
	service, client := pair(t)
	export(t, service, "/", ExportOptions{}, newThing())
	for _, o := range []MirrorOptions{{Service: serviceName, Root: "/"}, {Service: "?", Root: "/"}, {Service: serviceName, Root: ""}} {
		if _, err := OpenMirror(within(t), client, o); err == nil {
			t.Errorf("%+v: no error", o)
		}
	}
	if stats := client.Stats(); stats.MatchRules != 0 || stats.Subscriptions != 0 {
		t.Errorf("%+v", stats)
	}
}

func TestMirrorEndsWithTheBus(t *testing.T) {
	daemon := bustest.Start(t)
	service, client := dial(t, daemon.Address(), Options{}), dial(t, daemon.Address(), Options{})
	own(t, service, serviceName)
	manage(t, service)
	m, diary := openMirror(t, client)
	daemon.Stop()
	<-client.Done()
	if err := m.Refresh(within(t)); !errors.Is(err, ErrClosed) {
		t.Error(err)
	}
	if _, err := m.Follow(within(t), "/", thingName); !errors.Is(err, ErrClosed) {
		t.Error(err)
	}
	diary.expect(t, "the bus goes", "")
}
