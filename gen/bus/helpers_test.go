//go:build linux

package bus

import (
	"context"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/godbus/dbus/v5"

	"github.com/gobluez/bluez/gen/bus/bustest"
	"github.com/gobluez/bluez/gen/wire"
)

// within returns a ctx that ends a test which hangs.
func within(t testing.TB) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	t.Cleanup(cancel)
	return ctx
}

// dial opens a connection that ends with the test.
func dial(t testing.TB, address string, o Options) *Conn {
	t.Helper()
	c, err := Dial(within(t), address, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := c.Close(); err != nil {
			t.Errorf("close: %v", err)
		}
	})
	return c
}

// pair returns two connections to a private bus, the first of which owns
// org.example.Service.
func pair(t testing.TB) (service, client *Conn) {
	t.Helper()
	address := bustest.Start(t).Address()
	service, client = dial(t, address, Options{}), dial(t, address, Options{})
	own(t, service, serviceName)
	return service, client
}

const serviceName = "org.example.Service"

func own(t testing.TB, c *Conn, name string) {
	t.Helper()
	if err := c.RequestName(within(t), name); err != nil {
		t.Fatal(err)
	}
}

// receive waits for a value from ch.
func receive[T any](t testing.TB, ch <-chan T) T {
	t.Helper()
	select {
	case v := <-ch:
		return v
	case <-within(t).Done():
		t.Fatal("nothing came")
		panic("unreachable")
	}
}

// settle waits until everything has been handled that the bus sent to c before now.
func settle(t testing.TB, c *Conn) {
	t.Helper()
	if err := c.bus().Ping(within(t)); err != nil {
		t.Fatal(err)
	}
}

// eventually waits until a condition holds, for what has no event of its own.
func eventually(t testing.TB, what string, condition func() bool) {
	t.Helper()
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for ctx := within(t); !condition(); {
		select {
		case <-tick.C:
		case <-ctx.Done():
			t.Fatalf("never: %s", what)
		}
	}
}

// openFDs returns how many descriptors this process has open.
func openFDs(t testing.TB) int {
	t.Helper()
	entries, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	return len(entries) - 1 // but the one that reads the directory
}

func text(s string) func(*wire.Encoder) { return func(e *wire.Encoder) { e.String(s) } }

// A thing is a served object of interface org.example.Thing1, with methods that a
// test gives it and two properties.
type thing struct {
	Emitter
	methods  []ServedMethod
	encoding func() // called when properties are encoded, if not nil

	mu    sync.Mutex
	label string
	size  *uint32 // absent if nil
}

const thingName = "org.example.Thing1"

func newThing(methods ...ServedMethod) *thing {
	for i := range methods {
		methods[i].Interface = thingName
	}
	return &thing{methods: methods, label: "first"}
}

// method makes a ServedMethod.
func method(name, in, out string, serve func(context.Context, *wire.Decoder) (func(*wire.Encoder), error)) ServedMethod {
	return ServedMethod{Method: Method{Name: name, In: in, Out: out}, Serve: serve}
}

// echo returns what it is sent.
func echo() ServedMethod {
	return method("Echo", "s", "s", func(_ context.Context, d *wire.Decoder) (func(*wire.Encoder), error) {
		s := d.String()
		return text(s), nil
	})
}

var echoMethod = Method{Interface: thingName, Name: "Echo", In: "s", Out: "s"}

func (s *thing) Serve() *ServedInterface {
	return &ServedInterface{
		Name:       thingName,
		XML:        `<interface name="org.example.Thing1"><method name="Echo"><arg type="s" direction="in"/><arg type="s" direction="out"/></method></interface>`,
		Methods:    s.methods,
		Properties: s,
		Emitter:    &s.Emitter,
	}
}

func (s *thing) EncodeAll(e *wire.Encoder) {
	if s.encoding != nil {
		s.encoding()
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	e.Struct()
	e.String("Label")
	e.VariantOf("s")
	e.String(s.label)
	if s.size != nil {
		e.Struct()
		e.String("Size")
		e.VariantOf("u")
		e.Uint32(*s.size)
	}
}

func (s *thing) Encode(name string, e *wire.Encoder) error {
	if s.encoding != nil {
		s.encoding()
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case name == "Label":
		e.VariantOf("s")
		e.String(s.label)
	case name == "Size" && s.size != nil:
		e.VariantOf("u")
		e.Uint32(*s.size)
	default:
		return ErrUnknownProperty.With(name)
	}
	return nil
}

func (s *thing) Set(_ context.Context, name string, d *wire.Decoder) error {
	switch name {
	case "Size":
		return ErrPropertyReadOnly.With(name)
	case "Label":
		if !d.VariantOf("s", "Label") {
			return ErrInvalidArgs.With("Label is a string")
		}
		label := d.String()
		if d.Err() != nil {
			return nil
		}
		return s.setLabel(label)
	}
	return ErrUnknownProperty.With(name)
}

// setLabel changes a property and tells of it.
func (s *thing) setLabel(label string) error {
	return s.PropertiesChanged(func(e *wire.Encoder) {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.label = label
		mark := e.Array(8)
		e.Struct()
		e.String("Label")
		e.VariantOf("s")
		e.String(label)
		e.EndArray(mark)
		e.EndArray(e.Array(4))
	})
}

// setSize changes the other, nil to make it absent.
func (s *thing) setSize(size *uint32) error {
	return s.PropertiesChanged(func(e *wire.Encoder) {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.size = size
		changed := e.Array(8)
		if size != nil {
			e.Struct()
			e.String("Size")
			e.VariantOf("u")
			e.Uint32(*size)
		}
		e.EndArray(changed)
		invalidated := e.Array(4)
		if size == nil {
			e.String("Size")
		}
		e.EndArray(invalidated)
	})
}

// A thingRecord mirrors a thing.
type thingRecord struct {
	label   string
	size    uint32
	hasSize bool
}

func (r *thingRecord) Load(d *wire.Decoder) {
	*r = thingRecord{}
	r.decode(d)
}

func (r *thingRecord) Apply(d *wire.Decoder) {
	r.decode(d)
	for end := d.Array(4); d.More(end); {
		if string(d.StringView()) == "Size" {
			r.size, r.hasSize = 0, false
		}
	}
}

func (r *thingRecord) decode(d *wire.Decoder) {
	for end := d.Array(8); d.More(end); {
		d.Struct()
		switch string(d.StringView()) {
		case "Label":
			if d.VariantOf("s", "org.example.Thing1.Label") {
				r.label = d.String()
			}
		case "Size":
			if d.VariantOf("u", "org.example.Thing1.Size") {
				r.size, r.hasSize = d.Uint32(), true
			}
		default:
			d.SkipVariant()
		}
	}
}

var thingCodec = Codec{Interface: thingName, New: func() Record { return new(thingRecord) }}

// export exports a skeleton for the length of the test.
func export(t testing.TB, c *Conn, path dbus.ObjectPath, o ExportOptions, s ...Skeleton) *Export {
	t.Helper()
	x, err := c.Export(t.Context(), path, o, s...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { x.Close() })
	return x
}

// socketPath returns a path for a socket, short enough for one.
func socketPath(t testing.TB) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "bus")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	return filepath.Join(dir, "s")
}

// pipe returns a pipe.
func pipe(t testing.TB) (r, w *os.File) {
	t.Helper()
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	return r, w
}

// executable returns the path of the test binary.
func executable(t testing.TB) string {
	t.Helper()
	path, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	return path
}
