//go:build linux

package bus

import (
	"bytes"
	"context"
	"testing"

	"github.com/gobluez/bluez/gen/wire"
)

// FuzzDispatch gives arbitrary bytes to a connection that has a bit of everything:
// a subscription, a mirror, an exported object, calls that wait, and godbus. What
// comes of it is an end of the connection or none, never a panic.
func FuzzDispatch(f *testing.F) {
	seed := &fakeBus{t: f}
	object := func(e *wire.Encoder) {
		mark := e.Array(8)
		e.Struct()
		e.String(thingName)
		new(thing).encode(e)
		e.EndArray(mark)
	}
	signal := func(sender, path, iface, member, sig string, encode func(*wire.Encoder)) []byte {
		return seed.frame(wire.Header{
			Type: wire.Signal, Sender: []byte(sender), Path: []byte(path), Interface: []byte(iface), Member: []byte(member), Signature: []byte(sig),
		}, encode)
	}
	f.Add(changedFrame(seed))
	f.Add(signal(":1.9", "/", objectManagerInterface, interfacesAdded, "oa{sa{sv}}", func(e *wire.Encoder) {
		e.ObjectPath("/a/b")
		object(e)
	}))
	f.Add(signal(":1.9", "/", objectManagerInterface, interfacesRemoved, "oas", func(e *wire.Encoder) {
		e.ObjectPath("/a/b")
		mark := e.Array(4)
		e.String(thingName)
		e.EndArray(mark)
	}))
	f.Add(signal(busService, busPath, busInterface, "NameOwnerChanged", "sss", func(e *wire.Encoder) {
		e.String(serviceName)
		e.String(":1.9")
		e.String("")
	}))
	f.Add(signal(busService, busPath, busInterface, "NameLost", "s", text("x.y")))
	f.Add(signal(":1.9", "/a", thingName, "Said", "s", text("x")))
	for serial := range uint32(8) {
		f.Add(seed.answer(&wire.Header{Serial: firstSerial + serial}, "a{oa{sa{sv}}}", 0, func(e *wire.Encoder) {
			mark := e.Array(8)
			e.Struct()
			e.ObjectPath("/a")
			object(e)
			e.EndArray(mark)
		}))
	}
	f.Add(seed.answer(&wire.Header{Serial: firstSerial + 1}, "s", 0, text(":1.9")))
	for _, call := range []struct{ iface, member, sig, arg string }{
		{thingName, "Echo", "s", "x"},
		{propertiesInterface, "GetAll", "s", thingName},
		{introspectInterface, "Introspect", "", ""},
		{peerInterface, "Ping", "", ""},
		{"", "Echo", "s", "x"},
	} {
		h := wire.Header{Type: wire.MethodCall, Sender: []byte(":1.9"), Path: []byte("/a"), Interface: []byte(call.iface), Member: []byte(call.member), Signature: []byte(call.sig)}
		encode := text(call.arg)
		if call.iface == "" {
			h.Interface = nil
		}
		if call.sig == "" {
			h.Signature, encode = nil, nil
		}
		f.Add(seed.frame(h, encode))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		b, c := dialFake(t, Options{})
		hungUp := make(chan struct{})
		go func() {
			defer close(hungUp)
			b.drain()
		}()
		ctx, cancel := context.WithCancel(t.Context())
		cancel() // nobody answers, but everything is asked
		o := c.Object(serviceName, "/a")
		s := c.listen(match{sender: ":1.9", path: "/a", iface: thingName, member: "Said"}, "s",
			func(_ *message, d *wire.Decoder) bool { _ = d.String(); return true })
		defer s.Close()
		m := &Mirror{conn: c, options: MirrorOptions{Service: serviceName, Root: "/"}, codecs: map[string]Codec{thingName: thingCodec}}
		m.following.init(m)
		_ = m.open(ctx)
		defer m.Close()
		_ = callEcho(ctx, o, "x")
		x := c.newExport("/a", ExportOptions{})
		skeleton := newThing(echo())
		x.served = []*served{{export: x, description: skeleton.Serve(), methods: map[string]*ServedMethod{"Echo": &skeleton.methods[0]}}}
		x.rule = c.rules.acquire(nameLost)
		if err := c.exports.add(x); err != nil {
			t.Fatal(err)
		}
		r := newReader(&chunks{{bytes: bytes.Clone(data)}})
		d := c.newDecoder()
		var msg message
		for err := error(nil); err == nil; {
			if err = r.next(&msg); err == nil {
				err = c.dispatch(&msg, d)
				msg.close()
			}
		}
		c.Close()
		<-hungUp
	})
}

// encode writes a thing's properties, as a{sv}.
func (s *thing) encode(e *wire.Encoder) {
	mark := e.Array(8)
	s.EncodeAll(e)
	e.EndArray(mark)
}
