//go:build linux

package bus

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/godbus/dbus/v5"

	"github.com/gobluez/bluez/gen/bus/bustest"
	"github.com/gobluez/bluez/gen/wire"
)

// callEcho calls Echo and checks that it echoes.
func callEcho(ctx context.Context, o Object, s string) error {
	var got string
	err := o.Call(ctx, echoMethod, text(s), func(d *wire.Decoder) { got = d.String() })
	if err == nil && got != s {
		err = fmt.Errorf("echo of %q is %q", s, got)
	}
	return err
}

func TestCallReturnsTheReply(t *testing.T) {
	service, client := pair(t)
	export(t, service, "/a", ExportOptions{}, newThing(echo()))
	o := client.Object(serviceName, "/a")
	for _, s := range []string{"", "x", strings.Repeat("long", 1<<20)} {
		if err := callEcho(within(t), o, s); err != nil {
			t.Errorf("%d bytes: %v", len(s), err)
		}
	}
	if o.Service() != serviceName || o.Path() != "/a" || o.Conn() != client {
		t.Error(o)
	}
	if stats := client.Stats(); stats.InFlight != 0 || stats.WriteQueue != 0 {
		t.Errorf("%+v", stats)
	}
}

func TestCallsFromManyGoroutines(t *testing.T) {
	service, client := pair(t)
	export(t, service, "/a", ExportOptions{Concurrent: true}, newThing(echo()))
	var all sync.WaitGroup
	for i := range 300 { // more than the bus allows at once
		all.Go(func() {
			if err := callEcho(within(t), client.Object(serviceName, "/a"), fmt.Sprint(i)); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
}

func TestErrorRepliesAreTyped(t *testing.T) {
	service, client := pair(t)
	busy := NewError("org.example.Error.Busy")
	export(t, service, "/a", ExportOptions{}, newThing(
		method("Busy", "", "", func(context.Context, *wire.Decoder) (func(*wire.Encoder), error) {
			return nil, fmt.Errorf("wrapped: %w", busy.With("come back later"))
		}),
		method("Plain", "", "", func(context.Context, *wire.Decoder) (func(*wire.Encoder), error) {
			return nil, errors.New("not \x00 valid \xff text")
		}),
	))
	o := client.Object(serviceName, "/a")
	call := func(o Object, name, in string) error {
		return o.Call(within(t), Method{Interface: thingName, Name: name, In: in}, nil, nil)
	}
	err := call(o, "Busy", "")
	if !errors.Is(err, busy) || errors.Is(err, ErrFailed) || errors.Is(err, busy.With("no")) {
		t.Errorf("busy: %v", err)
	}
	if want := "call org.example.Thing1.Busy on /a: org.example.Error.Busy: come back later"; err.Error() != want {
		t.Errorf("%q, want %q", err, want)
	}
	if plain, ok := errors.AsType[dbus.Error](err); !ok || plain.Name != busy.Name || plain.Error() != "come back later" {
		t.Errorf("as godbus' error: %+v", plain)
	}
	if err := call(o, "Plain", ""); !errors.Is(err, ErrFailed) || !strings.Contains(err.Error(), "valid") {
		t.Errorf("plain: %v", err)
	}
	for want, err := range map[*Error]error{
		ErrUnknownMethod:    call(o, "Nothing", ""),
		ErrUnknownObject:    call(client.Object(serviceName, "/nothing"), "Busy", ""),
		ErrServiceUnknown:   call(client.Object("org.example.Nobody", "/a"), "Busy", ""),
		ErrUnknownInterface: o.Call(within(t), Method{Interface: "org.example.No", Name: "Busy"}, nil, nil),
	} {
		if !errors.Is(err, want) {
			t.Errorf("%v, want %v", err, want)
		}
	}
	err = o.Call(within(t), Method{Interface: thingName, Name: "Busy", In: "s"}, text("x"), nil)
	if !errors.Is(err, ErrInvalidArgs) {
		t.Errorf("wrong arguments: %v", err)
	}
}

func TestReplyOfAnotherSignatureIsAnError(t *testing.T) {
	service, client := pair(t)
	export(t, service, "/a", ExportOptions{}, newThing(echo()))
	o := client.Object(serviceName, "/a")
	wrong := echoMethod
	wrong.Out = "u"
	err := o.Call(within(t), wrong, text("x"), func(*wire.Decoder) { t.Error("the reply is decoded") })
	reply, ok := errors.AsType[*ReplyError](err)
	if !ok || reply.Want != "u" || reply.Got != "s" || reply.Member != thingName+".Echo" {
		t.Errorf("%v", err)
	}
	wrong.Out = ""
	if err := o.Call(within(t), wrong, text("x"), nil); err != nil {
		t.Errorf("any reply: %v", err)
	}
}

func TestCallThatCannotBeEncodedIsNotSent(t *testing.T) {
	_, client := pair(t)
	sent := client.Stats().Sent
	for name, o := range map[string]Object{
		"path":    client.Object(serviceName, "a"),
		"service": client.Object("?", "/a"),
		"text":    client.Object(serviceName, "/a"),
	} {
		if err := o.Call(within(t), echoMethod, text("\xff"), nil); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
	if stats := client.Stats(); stats.Sent != sent || stats.InFlight != 0 {
		t.Errorf("%+v", stats)
	}
}

// A gate is a method that tells when it is entered, and returns when it is let.
type gate struct {
	entered chan context.Context
	leave   chan struct{}
}

func newGate() *gate {
	return &gate{entered: make(chan context.Context, 5*maxWaiting), leave: make(chan struct{})}
}

func (g *gate) method(name string) ServedMethod {
	return method(name, "", "", func(ctx context.Context, _ *wire.Decoder) (func(*wire.Encoder), error) {
		g.entered <- ctx
		select {
		case <-g.leave:
			return nil, nil
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		}
	})
}

func TestCallEndsWithItsContext(t *testing.T) {
	service, client := pair(t)
	g := newGate()
	export(t, service, "/a", ExportOptions{}, newThing(g.method("Wait"), echo()))
	o := client.Object(serviceName, "/a")
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error)
	go func() { ended <- o.Call(ctx, Method{Interface: thingName, Name: "Wait"}, nil, nil) }()
	receive(t, g.entered)
	cancel()
	if err := receive(t, ended); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	if client.Stats().InFlight != 1 {
		t.Error("the bus still counts the call")
	}
	close(g.leave)
	if err := callEcho(within(t), o, "x"); err != nil {
		t.Error(err)
	}
	if stats := client.Stats(); stats.InFlight != 0 || stats.LateReplies != 1 {
		t.Errorf("%+v", stats)
	}
	if err := o.Call(ctx, echoMethod, text("x"), nil); !errors.Is(err, context.Canceled) {
		t.Errorf("call with an ended ctx: %v", err)
	}
}

// openMethod returns a file that says hello.
func openMethod(t *testing.T, entered chan<- *os.File, leave <-chan struct{}) ServedMethod {
	return method("Open", "", "h", func(context.Context, *wire.Decoder) (func(*wire.Encoder), error) {
		r, w, err := os.Pipe()
		if err != nil {
			return nil, err
		}
		io.WriteString(w, "hello")
		w.Close()
		entered <- r
		<-leave
		return func(e *wire.Encoder) { e.UnixFD(r) }, nil
	})
}

var openCall = Method{Interface: thingName, Name: "Open", Out: "h"}

func TestDescriptorsPassBothWays(t *testing.T) {
	service, client := pair(t)
	before := openFDs(t)
	entered, leave := make(chan *os.File, 9), make(chan struct{})
	close(leave)
	read := method("Read", "h", "s", func(_ context.Context, d *wire.Decoder) (func(*wire.Encoder), error) {
		f := d.UnixFD()
		if f == nil {
			return nil, nil
		}
		defer f.Close()
		content, err := io.ReadAll(f)
		return text(string(content)), err
	})
	export(t, service, "/a", ExportOptions{}, newThing(openMethod(t, entered, leave), read))
	o := client.Object(serviceName, "/a")
	var file *os.File
	if err := o.Call(within(t), openCall, nil, func(d *wire.Decoder) { file = d.UnixFD() }); err != nil {
		t.Fatal(err)
	}
	var content string
	err := o.Call(within(t), Method{Interface: thingName, Name: "Read", In: "h", Out: "s"},
		func(e *wire.Encoder) { e.UnixFD(file) }, func(d *wire.Decoder) { content = d.String() })
	file.Close()
	if err != nil || content != "hello" {
		t.Errorf("%q, %v", content, err)
	}
	if err := o.Call(within(t), openCall, nil, nil); err != nil { // nobody takes it
		t.Error(err)
	}
	err = o.Call(within(t), openCall, nil, func(d *wire.Decoder) { // what was taken is lost with the error
		d.UnixFD()
		d.Fail(errors.New("not this one"))
	})
	if err == nil {
		t.Error("no error")
	}
	for range 3 {
		f := receive(t, entered)
		eventually(t, "a file that was sent is closed", func() bool {
			_, err := f.Stat()
			return errors.Is(err, os.ErrClosed)
		})
	}
	eventually(t, "all descriptors are closed", func() bool { return openFDs(t) == before })
}

func TestDescriptorOfLateReplyIsClosed(t *testing.T) {
	service, client := pair(t)
	before := openFDs(t)
	entered, leave := make(chan *os.File), make(chan struct{})
	export(t, service, "/a", ExportOptions{}, newThing(openMethod(t, entered, leave)))
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error)
	go func() {
		ended <- client.Object(serviceName, "/a").Call(ctx, openCall, nil, func(d *wire.Decoder) { t.Error("decoded") })
	}()
	<-entered
	cancel()
	if err := receive(t, ended); !errors.Is(err, context.Canceled) {
		t.Fatal(err)
	}
	leave <- struct{}{}
	eventually(t, "the late reply comes", func() bool { return client.Stats().LateReplies == 1 })
	eventually(t, "its descriptor is closed", func() bool { return openFDs(t) == before })
}

func TestHundredCallsInFlightAndUrgentOnesFirst(t *testing.T) {
	service, client := pair(t)
	g, order := newGate(), make(chan string, 1000)
	note := func(name string) ServedMethod {
		return method(name, "", "", func(context.Context, *wire.Decoder) (func(*wire.Encoder), error) {
			order <- name
			return nil, nil
		})
	}
	export(t, service, "/wait", ExportOptions{Concurrent: true}, newThing(g.method("Wait")))
	export(t, service, "/a", ExportOptions{}, newThing(note("Usual"), note("Stop")))
	var all sync.WaitGroup
	call := func(path dbus.ObjectPath, m Method) {
		m.Interface = thingName
		all.Go(func() {
			if err := client.Object(serviceName, path).Call(within(t), m, nil, nil); err != nil {
				t.Error(err)
			}
		})
	}
	for range maxInFlight {
		call("/wait", Method{Name: "Wait"})
	}
	for range maxInFlight {
		receive(t, g.entered)
	}
	queued := func(n int) { eventually(t, "calls queue", func() bool { return client.Stats().Queued == n }) }
	for i := range 3 {
		call("/a", Method{Name: "Usual"})
		queued(i + 1)
	}
	urgent := maxUrgentInFlight - maxInFlight
	for range urgent { // these need not wait for the others
		call("/wait", Method{Name: "Wait", Priority: true})
	}
	for range urgent {
		receive(t, g.entered)
	}
	call("/a", Method{Name: "Stop", Priority: true})
	queued(4)
	if err := client.bus().Ping(within(t)); err != nil {
		t.Errorf("calls to the bus wait too: %v", err)
	}
	g.leave <- struct{}{}
	if first := receive(t, order); first != "Stop" {
		t.Errorf("first is %s", first)
	}
	close(g.leave)
	all.Wait()
	if stats := client.Stats(); stats.InFlight != 0 || stats.Queued != 0 {
		t.Errorf("%+v", stats)
	}
}

// What is never answered takes a slot for good. A connection that has no more ends, unless
// somebody still waits for the replies.
func TestConnectionEndsWhenNothingIsAnsweredAnyMore(t *testing.T) {
	for _, test := range []struct {
		name string
		gone int // callers
		ends bool
	}{
		{"half the callers have gone", maxInFlight / 2, true},
		{"most callers wait", maxInFlight/2 - 1, false},
	} {
		t.Run(test.name, func(t *testing.T) {
			service, client := pair(t)
			client.slots.patience = time.Millisecond
			g := newGate()
			export(t, service, "/wait", ExportOptions{Concurrent: true}, newThing(g.method("Wait"), echo()))
			o := client.Object(serviceName, "/wait")
			leaving, leave := context.WithCancel(t.Context())
			defer leave()
			staying, rest := context.WithCancel(t.Context())
			var gone, all sync.WaitGroup
			for n := range maxInFlight {
				ctx, tasks := staying, &all
				if n < test.gone {
					ctx, tasks = leaving, &gone
				}
				tasks.Go(func() { _ = o.Call(ctx, Method{Interface: thingName, Name: "Wait"}, nil, nil) })
				receive(t, g.entered)
			}
			leave()
			gone.Wait()
			if stats := client.Stats(); stats.InFlight != maxInFlight || stats.Unanswered != test.gone {
				t.Errorf("%+v", stats)
			}
			ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
			defer cancel()
			if test.ends {
				ctx = within(t)
			}
			err := callEcho(ctx, o, "x")
			if test.ends && (!errors.Is(err, ErrClosed) || !strings.Contains(err.Error(), "50 calls were never answered")) {
				t.Errorf("call: %v", err)
			}
			if !test.ends && (!errors.Is(err, context.DeadlineExceeded) || client.Err() != nil) {
				t.Errorf("call: %v; connection: %v", err, client.Err())
			}
			rest()
			all.Wait()
			close(g.leave)
		})
	}
}

func TestCallsEndWithTheBus(t *testing.T) {
	daemon := bustest.Start(t)
	service, client := dial(t, daemon.Address(), Options{}), dial(t, daemon.Address(), Options{})
	own(t, service, serviceName)
	g := newGate()
	export(t, service, "/a", ExportOptions{Concurrent: true}, newThing(g.method("Wait")))
	ended := make(chan error)
	const calls = maxInFlight + 20 // some of them queue
	for range calls {
		go func() {
			ended <- client.Object(serviceName, "/a").Call(within(t), Method{Interface: thingName, Name: "Wait"}, nil, nil)
		}()
	}
	for range maxInFlight {
		receive(t, g.entered)
	}
	inOrder := make(chan error, 1)
	err := client.ask(serviceName, "/a", methodOf(thingName, "Wait", "", ""), nil, func(_ *wire.Decoder, err error) error {
		inOrder <- err
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if client.Err() != nil {
		t.Error(client.Err())
	}
	daemon.Stop()
	for range calls {
		if err := receive(t, ended); !errors.Is(err, ErrClosed) {
			t.Fatal(err)
		}
	}
	if err := receive(t, inOrder); !errors.Is(err, ErrClosed) {
		t.Errorf("call in order: %v", err)
	}
	<-client.Done()
	if err := client.Err(); !errors.Is(err, ErrClosed) || !strings.Contains(err.Error(), "read: ") {
		t.Error(err)
	}
	if err := callEcho(within(t), client.Object(serviceName, "/a"), "x"); !errors.Is(err, ErrClosed) {
		t.Errorf("call afterwards: %v", err)
	}
	if err := daemon.Restart(); err != nil {
		t.Fatal(err)
	}
	if err := dial(t, daemon.Address(), Options{}).bus().Ping(within(t)); err != nil {
		t.Error(err)
	}
}

func TestCallWithoutReply(t *testing.T) {
	service, client := pair(t)
	done := make(chan string, 1)
	export(t, service, "/a", ExportOptions{}, newThing(method("Note", "s", "", func(ctx context.Context, d *wire.Decoder) (func(*wire.Encoder), error) {
		done <- d.String()
		return nil, errors.New("nobody hears this")
	})))
	err := client.Object(serviceName, "/a").Call(within(t), Method{Interface: thingName, Name: "Note", In: "s", NoReply: true}, text("x"), nil)
	if err != nil {
		t.Error(err)
	}
	if got := receive(t, done); got != "x" {
		t.Error(got)
	}
}

func TestPropertiesOfARemoteObject(t *testing.T) {
	service, client := pair(t)
	export(t, service, "/a", ExportOptions{}, newThing())
	o, ctx := client.Object(serviceName, "/a"), within(t)
	get := func() (label string) {
		t.Helper()
		if err := o.Get(ctx, thingName, "Label", "s", func(d *wire.Decoder) { label = d.String() }); err != nil {
			t.Error(err)
		}
		return label
	}
	if label := get(); label != "first" {
		t.Error(label)
	}
	if err := o.Set(ctx, thingName, "Label", "s", text("second")); err != nil {
		t.Error(err)
	}
	if label := get(); label != "second" {
		t.Error(label)
	}
	var r thingRecord
	if err := o.GetAll(ctx, thingName, r.Load); err != nil || r != (thingRecord{label: "second"}) {
		t.Errorf("%+v %v", r, err)
	}
	err := o.Get(ctx, thingName, "Label", "u", func(*wire.Decoder) { t.Error("decoded") })
	if reply, ok := errors.AsType[*ReplyError](err); !ok || reply.Got != "s" || reply.Want != "u" {
		t.Error(err)
	}
	number := func(e *wire.Encoder) { e.Uint32(5) }
	for _, test := range []struct {
		err  error
		want *Error
	}{
		{o.Get(ctx, thingName, "Size", "u", nil), ErrUnknownProperty},
		{o.Get(ctx, "org.example.No", "Size", "u", nil), ErrUnknownInterface},
		{o.Set(ctx, thingName, "Label", "u", number), ErrInvalidArgs},
		{o.Set(ctx, thingName, "Size", "u", number), ErrPropertyReadOnly},
		{o.Set(ctx, thingName, "No", "u", number), ErrUnknownProperty},
		{o.GetAll(ctx, "org.example.No", nil), ErrUnknownInterface},
	} {
		if !errors.Is(test.err, test.want) {
			t.Errorf("%v, want %v", test.err, test.want)
		}
	}
}

func TestBusNames(t *testing.T) {
	service, client := pair(t)
	ctx := within(t)
	if owner, err := client.NameOwner(ctx, serviceName); err != nil || owner != service.UniqueName() {
		t.Error(owner, err)
	}
	if err := client.RequestName(ctx, serviceName); !errors.Is(err, ErrNameTaken) {
		t.Error(err)
	}
	own(t, service, serviceName) // again
	for range 2 {
		if err := service.ReleaseName(ctx, serviceName); err != nil {
			t.Error(err)
		}
	}
	if _, err := client.NameOwner(ctx, serviceName); !errors.Is(err, ErrNameHasNoOwner) {
		t.Error(err)
	}
}
