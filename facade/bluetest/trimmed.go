package bluetest

import (
	"context"
	"slices"
	"strings"

	"github.com/gobluez/bluez/bluezgen"
	"github.com/gobluez/bluez/gen/bus"
	"github.com/gobluez/bluez/gen/wire"
)

// version571 has Adapter1's Manufacturer and Version.
const version571 Version = "5.71"

// A trimmed skeleton serves an interface as the BlueZ that is played has it: without the
// members that it does not have, and with a guard before methods whose arguments it is
// stricter about than generated code, which skips what it does not know.
type trimmed struct {
	bus.Skeleton
	without []string // names of methods and properties
	guards  map[string]func(wire.Decoder) error
}

// Serve describes what is left.
func (t trimmed) Serve() *bus.ServedInterface {
	served := *t.Skeleton.Serve()
	served.Methods = slices.Clone(served.Methods)
	served.Methods = slices.DeleteFunc(served.Methods, func(m bus.ServedMethod) bool { return slices.Contains(t.without, m.Name) })
	for i := range served.Methods {
		m := &served.Methods[i]
		if guard := t.guards[m.Name]; guard != nil {
			m.Serve = guarded(guard, m.Serve)
		}
	}
	for _, name := range t.without {
		served.XML = cutMember(served.XML, "method", name)
		served.XML = cutMember(served.XML, "property", name)
		served.XML = cutMember(served.XML, "signal", name)
	}
	return &served
}

type serveFunc = func(context.Context, *wire.Decoder) (func(*wire.Encoder), error)

// guarded has a guard look at a copy of the arguments first.
func guarded(guard func(wire.Decoder) error, serve serveFunc) serveFunc {
	return func(ctx context.Context, d *wire.Decoder) (func(*wire.Encoder), error) {
		if err := guard(*d); err != nil {
			return nil, err
		}
		return serve(ctx, d)
	}
}

// cutMember removes the element of a member from the description of an interface. It
// relies on the form in which it is generated.
func cutMember(xml, element, name string) string {
	before, member, ok := strings.Cut(xml, "  <"+element+` name="`+name+`"`)
	if !ok {
		return xml
	}
	end := "</" + element + ">\n"
	if head, _, _ := strings.Cut(member, "\n"); strings.HasSuffix(head, "/>") {
		end = "/>\n"
	}
	_, after, _ := strings.Cut(member, end)
	return before + after
}

// skeleton returns Adapter1 as this BlueZ has it.
func (o *adapterObject) skeleton() bus.Skeleton {
	b := o.bluetoothd
	t := trimmed{Skeleton: o.Adapter1Skeleton, guards: map[string]func(wire.Decoder) error{"SetDiscoveryFilter": b.filterArguments}}
	for _, member := range [...]struct {
		name    string
		present bool
	}{
		{"ConnectDevice", b.world.config.experimental},
		{bluezgen.Adapter1ExperimentalFeatures.String(), b.since("5.62")},
		{bluezgen.Adapter1PowerState.String(), b.since("5.66")},
		{bluezgen.Adapter1Manufacturer.String(), b.since(version571)},
		{bluezgen.Adapter1Version.String(), b.since(version571)},
		{bluezgen.Adapter1Connectable.String(), b.since(Version579)},
	} {
		if !member.present {
			t.without = append(t.without, member.name)
		}
	}
	return t
}
