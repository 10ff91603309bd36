//go:build linux

package bus

import (
	"testing"

	"github.com/gobluez/bluez/gen/bus/bustest"
	"github.com/gobluez/bluez/gen/wire"
)

// benchmarkDispatch measures what one signal costs from its bytes to the handler.
func benchmarkDispatch(b *testing.B, c *Conn, frame []byte) {
	d := c.newDecoder()
	source := &loop{frame: frame}
	r := newReader(source)
	var m message
	b.ReportAllocs()
	for b.Loop() {
		if err := r.next(&m); err != nil {
			b.Fatal(err)
		}
		if err := c.dispatch(&m, d); err != nil {
			b.Fatal(err)
		}
	}
}

// A loop is a source of the same message over and over.
type loop struct {
	frame []byte
	rest  []byte
}

func (l *loop) read(p []byte, fds []int) (int, []int, error) {
	n := 0
	for n < len(p) {
		if len(l.rest) == 0 {
			l.rest = l.frame
		}
		k := copy(p[n:], l.rest)
		n, l.rest = n+k, l.rest[k:]
	}
	return n, fds, nil
}

// changedFrame returns a PropertiesChanged of a thing's size.
func changedFrame(f *fakeBus) []byte {
	return f.frame(wire.Header{
		Type: wire.Signal, Sender: []byte(":1.9"), Destination: []byte(":1.7"), Path: []byte("/org/example/hci0/dev_00_11_22_33_44_55"),
		Interface: []byte(propertiesInterface), Member: []byte("PropertiesChanged"), Signature: []byte(propertiesChangedSignature),
	}, func(e *wire.Encoder) {
		e.String(thingName)
		mark := e.Array(8)
		e.Struct()
		e.String("Size")
		e.VariantOf("u")
		e.Uint32(77)
		e.EndArray(mark)
		e.EndArray(e.Array(4))
	})
}

func BenchmarkDispatchToSubscription(b *testing.B) {
	f, c := dialFake(b, Options{})
	n := c.names.acquire(":1.9")
	var r thingRecord
	c.router.add(&route{
		match: match{path: "/org/example/hci0/dev_00_11_22_33_44_55", iface: propertiesInterface, member: "PropertiesChanged", arg0: thingName},
		sig:   propertiesChangedSignature, sender: n,
		handle: func(_ *message, d *wire.Decoder) bool { r.Apply(d); return true },
	})
	benchmarkDispatch(b, c, changedFrame(f))
	if r.size != 77 {
		b.Error("the handler was not called")
	}
}

func BenchmarkDispatchToMirror(b *testing.B) {
	f, c := dialFake(b, Options{})
	n := c.names.acquire(":1.9")
	m := &Mirror{conn: c, codecs: map[string]Codec{thingName: thingCodec}, sender: n, loaded: true}
	record, _ := m.tree.record("/org/example/hci0/dev_00_11_22_33_44_55", thingCodec)
	c.router.add(&route{
		match: match{namespace: "/", iface: propertiesInterface, member: "PropertiesChanged"},
		sig:   propertiesChangedSignature, sender: n, handle: m.propertiesChanged,
	})
	events := 0
	m.Subscribe(func(Event) { events++ })
	benchmarkDispatch(b, c, changedFrame(f))
	if record.(*thingRecord).size != 77 || events == 0 {
		b.Error("the mirror did not change")
	}
}

func BenchmarkCall(b *testing.B) {
	address := bustest.Start(b).Address()
	service, client := dial(b, address, Options{}), dial(b, address, Options{})
	own(b, service, serviceName)
	export(b, service, "/a", ExportOptions{}, newThing(echo()))
	o, ctx := client.Object(serviceName, "/a"), within(b)
	b.ReportAllocs()
	for b.Loop() {
		if err := o.Call(ctx, echoMethod, text("x"), func(d *wire.Decoder) { d.StringView() }); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkSignalOverTheBus(b *testing.B) {
	address := bustest.Start(b).Address()
	service, client := dial(b, address, Options{}), dial(b, address, Options{})
	own(b, service, serviceName)
	speaker := newThing()
	export(b, service, "/a", ExportOptions{}, speaker)
	o := client.Object(serviceName, "/a")
	got := make(chan struct{}, 1000)
	s, err := o.Subscribe(within(b), thingName, "Said", "s", func(*wire.Decoder) { got <- struct{}{} })
	if err != nil {
		b.Fatal(err)
	}
	defer s.Close()
	b.ReportAllocs()
	for i := range b.N {
		say(b, speaker, "x")
		if i >= 500 {
			<-got
		}
	}
}
