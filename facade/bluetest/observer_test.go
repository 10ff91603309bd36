package bluetest

import (
	"fmt"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/godbus/dbus/v5"

	"github.com/gobluez/bluez/bluezgen"
	"github.com/gobluez/bluez/gen/bus"
)

// An observer is a client that notes the signals of adapters and devices, in their order.
type observer struct {
	t       *testing.T
	conn    *bus.Conn
	adapter bluezgen.Adapter1 // hci0
	mirror  *bus.Mirror

	mu    sync.Mutex
	notes []string
}

func observe(t *testing.T, w *World) *observer {
	t.Helper()
	o := &observer{t: t, conn: dial(t, w)}
	o.adapter = bluezgen.NewAdapter1(o.conn, "/org/bluez/hci0")
	m, err := bus.OpenMirror(t.Context(), o.conn, bus.MirrorOptions{
		Service: bluezgen.Service, Root: "/", Codecs: bluezgen.Codecs(), Follow: []string{bluezgen.Adapter1Interface, bluezgen.Device1Interface},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(m.Close)
	t.Cleanup(m.Subscribe(o.note))
	o.mirror = m
	return o
}

// shown are the properties that notes are about; the rest is the same all the time.
var shown = []string{
	"Name", "Alias", "Appearance", "Icon", "RSSI", "TxPower", "UUIDs", "ManufacturerData", "ServiceData", "AdvertisingFlags", "AdvertisingData",
	"Discovering", "Discoverable", "Powered",
}

// note notes an event: "+01 RSSI=-60 ..." when a device appears whose address ends so,
// "01 RSSI=-61 !TxPower" when a property changes and another goes, "-01".
func (o *observer) note(e bus.Event) {
	if e.Interface != bluezgen.Device1Interface && e.Interface != bluezgen.Adapter1Interface {
		return
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	name := string(e.Path[strings.LastIndexByte(string(e.Path), '/')+1:])
	if strings.HasPrefix(name, "dev_") {
		name = name[len(name)-2:]
	}
	o.notes = append(o.notes, line(e, name))
}

func line(e bus.Event, name string) string {
	switch e.Kind {
	case bus.Removed:
		return "-" + name
	case bus.Added:
		name = "+" + name
	}
	words := []string{name}
	record := reflect.ValueOf(e.Record).Elem()
	changed, invalidated := setOf(record.FieldByName("Changed")), setOf(record.FieldByName("Invalidated"))
	for _, property := range shown {
		switch {
		case slices.Contains(changed, property):
			words = append(words, fmt.Sprintf("%s=%v", property, record.FieldByName(property)))
		case slices.Contains(invalidated, property):
			words = append(words, "!"+property)
		}
	}
	return strings.Join(words, " ")
}

// setOf returns the names of a set of properties.
func setOf(set reflect.Value) []string {
	var names []string
	switch s := set.Interface().(type) {
	case bluezgen.Device1Set:
		for p := range s.All() {
			names = append(names, p.String())
		}
	case bluezgen.Adapter1Set:
		for p := range s.All() {
			names = append(names, p.String())
		}
	}
	return names
}

// take returns what was noted since it was last called. What bluetoothd did before is in
// it.
func (o *observer) take() []string {
	o.t.Helper()
	if err := o.adapter.Ping(o.t.Context()); err != nil {
		o.t.Fatal(err)
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	notes := o.notes
	o.notes = nil
	return notes
}

// expect fails unless that is what was noted since the last time.
func (o *observer) expect(want ...string) {
	o.t.Helper()
	if got := o.take(); !slices.Equal(got, want) {
		o.t.Errorf("signals:\n  %s\nwant:\n  %s", strings.Join(got, "\n  "), strings.Join(want, "\n  "))
	}
}

// must fails the test if a call has failed.
func (o *observer) must(err error) {
	o.t.Helper()
	if err != nil {
		o.t.Fatal(err)
	}
}

// await waits until a note that a condition holds for comes, and returns it.
func (o *observer) await(what string, condition func(note string) bool) string {
	o.t.Helper()
	for o.t.Context().Err() == nil {
		for _, note := range o.take() {
			if condition(note) {
				return note
			}
		}
	}
	o.t.Fatalf("no %s", what)
	return ""
}

// start sets a filter and starts to discover.
func (o *observer) start(filter bluezgen.DiscoveryFilter) {
	o.t.Helper()
	o.must(o.adapter.SetDiscoveryFilter(o.t.Context(), filter))
	o.must(o.adapter.StartDiscovery(o.t.Context()))
}

// path returns the path of a device.
func path(address string) dbus.ObjectPath { return devicePath("/org/bluez/hci0", address) }
