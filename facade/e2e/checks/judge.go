package checks

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/godbus/dbus/v5"

	"github.com/gobluez/bluez/bluezgen"
	"github.com/gobluez/bluez/facade/e2e/world"
)

// A judge is a client of BlueZ that is not the library under test. It sees all that BlueZ signals of the central's adapter and of
// one peripheral.
type judge struct {
	*testing.T
	ctx     context.Context
	bench   *bench
	bus     *dbus.Conn
	device  dbus.ObjectPath // of the peripheral that is judged
	signals chan *dbus.Signal
}

const (
	properties    = "org.freedesktop.DBus.Properties"
	objectManager = "org.freedesktop.DBus.ObjectManager"
)

// judge returns a judge of a peripheral and of a BlueZ that knows no device. What it leaves behind ends with the test.
func (b *bench) judge(t *testing.T, peer world.Controller) *judge {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), b.Patience())
	t.Cleanup(cancel)
	if err := world.Forget(ctx, b.bus, world.Central()); err != nil {
		t.Fatal(err)
	}
	// The usual handler would lose the order of signals.
	bus, err := dbus.Connect(b.Address(), dbus.WithSignalHandler(dbus.NewSequentialSignalHandler()))
	if err != nil {
		t.Fatal(err)
	}
	j := &judge{T: t, ctx: ctx, bench: b, bus: bus, device: world.Central().Device(peer), signals: make(chan *dbus.Signal, 1000)}
	t.Cleanup(func() {
		bus.Close()
		ctx, cancel := context.WithTimeout(context.Background(), b.Patience())
		defer cancel()
		err := world.Await(ctx, b.bus, "the end of the judge's discovery", func(all world.Objects) bool {
			return all[world.Central().Path()][bluezgen.Adapter1Interface]["Discovering"].Value() == false
		})
		if err := errors.Join(err, world.Forget(ctx, b.bus, world.Central())); err != nil {
			t.Error(err)
		}
	})
	if err := bus.AddMatchSignalContext(ctx, dbus.WithMatchSender(bluezgen.Service)); err != nil {
		t.Fatal(err)
	}
	bus.Signal(j.signals)
	return j
}

// call calls a method of BlueZ's, named with its interface.
func (j *judge) call(path dbus.ObjectPath, method string, args ...any) error {
	return j.bus.Object(bluezgen.Service, path).CallWithContext(j.ctx, method, 0, args...).Err
}

// must calls a method that cannot fail.
func (j *judge) must(path dbus.ObjectPath, method string, args ...any) {
	j.Helper()
	if err := j.call(path, method, args...); err != nil {
		j.Fatalf("%s of %s: %v", method, path, err)
	}
}

// refuses expects a call to fail with an error of a name and a text.
func (j *judge) refuses(what string, err error, name, text string) {
	j.Helper()
	var refusal dbus.Error
	switch {
	case err == nil:
		j.Errorf("%s: no error, want %s %q", what, name, text)
	case !errors.As(err, &refusal) || refusal.Name != name || len(refusal.Body) != 1 || refusal.Body[0] != text:
		j.Errorf("%s: %s %q, want %s %q", what, refusal.Name, refusal.Body, name, text)
	}
}

// scan begins a discovery of LE devices.
func (j *judge) scan() {
	j.Helper()
	j.must(world.Central().Path(), bluezgen.Adapter1Interface+".SetDiscoveryFilter", map[string]dbus.Variant{"Transport": dbus.MakeVariant("le")})
	j.must(world.Central().Path(), bluezgen.Adapter1Interface+".StartDiscovery")
}

// find has BlueZ know the peripheral. What was signalled meanwhile is forgotten.
func (j *judge) find() {
	j.Helper()
	j.scan()
	// The name may come later than the device.
	j.await("the peripheral's name", func(all world.Objects) bool { return all[j.device][bluezgen.Device1Interface]["Name"].Value() != nil })
	j.must(world.Central().Path(), bluezgen.Adapter1Interface+".StopDiscovery")
	j.skip("Discovering=false")
}

// connect connects to the peripheral and returns when its services are known. What was signalled meanwhile is forgotten.
func (j *judge) connect() {
	j.Helper()
	j.find()
	j.must(j.device, bluezgen.Device1Interface+".Connect")
	j.skip("ServicesResolved=true")
}

// disconnect ends the connection. What was signalled meanwhile is forgotten.
func (j *judge) disconnect() {
	j.Helper()
	j.must(j.device, bluezgen.Device1Interface+".Disconnect")
	j.skip("Connected=false")
}

// attribute returns the path of the peripheral's attribute of that UUID.
func (j *judge) attribute(uuid string) dbus.ObjectPath {
	j.Helper()
	return j.below(j.device, uuid)
}

// below returns the path of the attribute of that UUID that belongs to another object.
func (j *judge) below(above dbus.ObjectPath, uuid string) (found dbus.ObjectPath) {
	j.Helper()
	j.await("attribute "+uuid, func(all world.Objects) bool {
		for path, interfaces := range all {
			for _, p := range interfaces {
				if p["UUID"].Value() == uuid && strings.HasPrefix(string(path), string(above)+"/") {
					found = path
				}
			}
		}
		return found != ""
	})
	return found
}

// await waits until a condition holds for BlueZ's objects.
func (j *judge) await(what string, holds func(world.Objects) bool) {
	j.Helper()
	if err := world.Await(j.ctx, j.bench.bus, what, holds); err != nil {
		j.Fatal(err)
	}
}

// expect expects the next signals to be of these lines, in this order.
func (j *judge) expect(what string, lines ...string) {
	j.Helper()
	var got []string
	for len(got) < len(lines) {
		line := j.next()
		// The attributes of a device come in any order and number.
		if len(got) > 0 && got[len(got)-1] == line && (line == "attribute +" || line == "attribute -") {
			continue
		}
		got = append(got, line)
	}
	if !slices.Equal(got, lines) {
		j.Errorf("%s: signals\n\t%s\nwant\n\t%s", what, strings.Join(got, "\n\t"), strings.Join(lines, "\n\t"))
	}
}

// skip takes signals until one whose line has that word.
func (j *judge) skip(word string) {
	j.Helper()
	for !slices.Contains(strings.Fields(j.next()), word) {
	}
}

// next returns the next signal as a line, in which "device Device1 Alias Connected=true -TxPower" is a change of properties, "device
// +Device1" an interface that is there, "device -Device1" one that is gone, and "attribute +" any interface of an attribute.
func (j *judge) next() string {
	j.Helper()
	for {
		select {
		case s := <-j.signals:
			if line := j.render(s); line != "" {
				j.Logf("signal: %s", line)
				return line
			}
		case <-j.ctx.Done():
			j.Fatalf("no signal: %v", j.ctx.Err())
		}
	}
}

// render returns a signal as a line, which is empty for what does not count.
func (j *judge) render(s *dbus.Signal) string {
	switch s.Name {
	case properties + ".PropertiesChanged":
		changed := s.Body[1].(map[string]dbus.Variant)
		delete(changed, "RSSI")     // comes with each packet
		delete(changed, "Modalias") // comes when BlueZ has read it from the device's information
		words := names(changed)
		for _, name := range s.Body[2].([]string) {
			words = append(words, "-"+name)
		}
		if of := j.subject(s.Path); of != "" && len(words) > 0 {
			return fmt.Sprintf("%s %s %s", of, short(s.Body[0].(string)), strings.Join(words, " "))
		}
	case objectManager + ".InterfacesAdded":
		path := s.Body[0].(dbus.ObjectPath)
		return j.interfaces(path, "+", slices.Collect(maps.Keys(s.Body[1].(map[string]map[string]dbus.Variant))))
	case objectManager + ".InterfacesRemoved":
		return j.interfaces(s.Body[0].(dbus.ObjectPath), "-", s.Body[1].([]string))
	default:
		if of := j.subject(s.Path); of != "" {
			return fmt.Sprintf("%s %s", of, s.Name)
		}
	}
	return ""
}

// names returns what has changed, in order.
func names(changed map[string]dbus.Variant) []string {
	words := slices.Sorted(maps.Keys(changed))
	for i, name := range words {
		if value, ok := changed[name].Value().(bool); ok {
			words[i] = fmt.Sprintf("%s=%t", name, value)
		}
	}
	return words
}

// interfaces returns the line for interfaces that come or go, without those that every object has.
func (j *judge) interfaces(path dbus.ObjectPath, sign string, all []string) string {
	line := j.subject(path)
	switch line {
	case "":
		return ""
	case "attribute":
		return line + " " + sign
	}
	slices.Sort(all)
	for _, name := range all {
		if !strings.HasPrefix(name, "org.freedesktop.DBus.") {
			line += " " + sign + short(name)
		}
	}
	return line
}

// subject says what an object is. It is empty for what is not judged.
func (j *judge) subject(path dbus.ObjectPath) string {
	switch {
	case path == world.Central().Path():
		return "adapter"
	case path == j.device:
		return "device"
	case strings.HasPrefix(string(path), string(j.device)+"/"):
		return "attribute"
	}
	return ""
}

// short returns the last word of an interface's name.
func short(name string) string { return strings.TrimPrefix(name, "org.bluez.") }
