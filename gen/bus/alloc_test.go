//go:build linux

package bus

import (
	"testing"

	"github.com/godbus/dbus/v5"

	"github.com/gobluez/bluez/gen/wire"
)

// From the bytes of a signal to its handler nothing is allocated, whoever wants it.
func TestRoutingAllocatesNothing(t *testing.T) {
	const path dbus.ObjectPath = "/org/example/hci0/dev_00_11_22_33_44_55"
	changed := func(arg0 string) match {
		return match{path: path, iface: propertiesInterface, member: "PropertiesChanged", arg0: arg0}
	}
	for _, test := range []struct {
		name  string
		route func(c *Conn, count *int) *route
	}{
		{"to a subscription", func(c *Conn, count *int) *route {
			var r thingRecord
			return &route{match: changed(thingName), handle: func(_ *message, d *wire.Decoder) bool {
				*count++
				r.Apply(d)
				return true
			}}
		}},
		{"to a mirror", func(c *Conn, count *int) *route {
			m := &Mirror{conn: c, codecs: map[string]Codec{thingName: thingCodec}, loaded: true}
			m.tree.record(path, thingCodec)
			m.Subscribe(func(Event) { *count++ })
			everywhere := changed("")
			everywhere.path, everywhere.namespace = "", "/"
			return &route{match: everywhere, handle: m.propertiesChanged}
		}},
		{"to nobody", func(c *Conn, count *int) *route {
			return &route{match: changed("org.example.Other"), handle: func(*message, *wire.Decoder) bool { return true }}
		}},
	} {
		t.Run(test.name, func(t *testing.T) {
			f, c := dialFake(t, Options{})
			count := 0
			r := test.route(c, &count)
			r.sig, r.sender = propertiesChangedSignature, c.names.acquire(":1.9")
			c.router.add(r)
			var m message
			d, in := c.newDecoder(), newReader(&loop{frame: changedFrame(f)})
			got := testing.AllocsPerRun(1000, func() {
				if err := in.next(&m); err != nil {
					t.Fatal(err)
				}
				if _, err := c.router.signal(&m, d); err != nil {
					t.Fatal(err)
				}
			})
			if got != 0 {
				t.Errorf("%v allocations", got)
			}
			if wanted := test.name != "to nobody"; (count > 0) != wanted {
				t.Errorf("handled %d times", count)
			}
		})
	}
}
