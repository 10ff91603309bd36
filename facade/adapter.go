package facade

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/godbus/dbus/v5"

	"github.com/gobluez/bluez/bluezgen"
	"github.com/gobluez/bluez/gen/bus"
)

// An Adapter is what BlueZ tells about one Bluetooth controller of this machine, at
// the moment when it was asked.
type Adapter struct {
	Name        string      `json:"name"`         // the kernel's name, "hci0"; what options take
	Address     Address     `json:"address"`      // its own device address
	AddressType AddressType `json:"address_type"` // the kind of that address
	Alias       string      `json:"alias"`        // the name that other devices see
	Powered     bool        `json:"powered"`      // whether its radio is on
	Discovering bool        `json:"discovering"`  // whether any program scans with it
	Central     bool        `json:"central"`      // whether it can scan and connect to devices
	Peripheral  bool        `json:"peripheral"`   // whether it can advertise and be connected to

	path dbus.ObjectPath
}

// Path returns the adapter's object path on the bus, for use with package bluezgen.
func (a Adapter) Path() dbus.ObjectPath { return a.path }

// String returns the adapter's name.
func (a Adapter) String() string { return a.Name }

// Adapters lists the machine's adapters in the order of their numbers. It fails
// with ErrNoBlueZ when bluetoothd does not run and ErrNoBus when the bus was lost;
// no adapters are an empty list and no error. It does not block.
func (c *Central) Adapters(ctx context.Context) ([]Adapter, error) {
	adapters, err := c.adapters()
	if err == nil {
		err = context.Cause(ctx)
	}
	return adapters, opError("list", "adapters", err)
}

func (c *Central) adapters() ([]Adapter, error) {
	if err := c.err(); err != nil {
		return nil, err
	}
	present := false
	var adapters []Adapter
	c.bus().mirror.View(func(v bus.View) {
		present = v.Present()
		v.Outermost("/", bluezgen.Adapter1Interface, func(path dbus.ObjectPath, record bus.Record) bool {
			if r, ok := record.(*bluezgen.Adapter1Update); ok {
				adapters = append(adapters, newAdapter(path, &r.Adapter1Properties))
			}
			return true
		})
	})
	if !present {
		return nil, ErrNoBlueZ
	}
	slices.SortFunc(adapters, func(a, b Adapter) int { // hci2 before hci10
		return cmp.Or(cmp.Compare(len(a.Name), len(b.Name)), cmp.Compare(a.Name, b.Name))
	})
	return adapters, nil
}

func newAdapter(path dbus.ObjectPath, p *bluezgen.Adapter1Properties) Adapter {
	a := Adapter{
		Name: base(path), AddressType: AddressType(p.AddressType), Alias: p.Alias,
		Powered: p.Powered, Discovering: p.Discovering, path: path,
	}
	for _, role := range p.Roles {
		a.Central = a.Central || role == bluezgen.AdapterRoleCentral || role == bluezgen.AdapterRoleCentralPeripheral
		a.Peripheral = a.Peripheral || role == bluezgen.AdapterRolePeripheral || role == bluezgen.AdapterRoleCentralPeripheral
	}
	if !p.Has(bluezgen.Adapter1Roles) { // before 5.55; every LE adapter is both
		a.Central, a.Peripheral = true, true
	}
	a.Address, _ = ParseAddress(p.Address)
	return a
}

// named reports whether an option that says name or address means the adapter.
func (a Adapter) named(name string) bool {
	return name == a.Name || strings.EqualFold(name, a.Address.String())
}

// adapterOf returns the adapter of a device, with no more than its name if it is not known.
func (c *Central) adapterOf(device dbus.ObjectPath) Adapter {
	path := parent(device)
	a := Adapter{Name: base(path), path: path}
	c.bus().mirror.View(func(v bus.View) {
		if r, ok := v.Record(path, bluezgen.Adapter1Interface).(*bluezgen.Adapter1Update); ok {
			a = newAdapter(path, &r.Adapter1Properties)
		}
	})
	return a
}

// resolveAdapter returns the powered adapter that an option names; empty means the
// Central's default.
func (c *Central) resolveAdapter(name string) (Adapter, error) {
	found, err := c.adaptersNamed(name)
	if err != nil {
		return Adapter{}, err
	}
	if i := slices.IndexFunc(found, func(a Adapter) bool { return a.Powered }); i >= 0 {
		return found[i], nil
	}
	return Adapter{}, fmt.Errorf("%s: %w", found[0].Name, ErrAdapterOff)
}

// adaptersNamed returns the adapters that an option names, at least one, powered or
// not; empty means the Central's default, which is one of those that can be a central.
func (c *Central) adaptersNamed(name string) ([]Adapter, error) {
	return c.adaptersThat(name, func(a Adapter) bool { return a.Central })
}

// adaptersThat is adaptersNamed with another idea of what will do if no name says.
func (c *Central) adaptersThat(name string, able func(Adapter) bool) ([]Adapter, error) {
	if name == "" {
		name = c.options.Adapter
	}
	adapters, err := c.adapters()
	if err != nil {
		return nil, err
	}
	found := slices.DeleteFunc(adapters, func(a Adapter) bool {
		return name == "" && !able(a) || name != "" && !a.named(name)
	})
	switch {
	case len(found) > 0:
		return found, nil
	case name != "":
		return nil, fmt.Errorf("%s: %w", name, ErrNoAdapter)
	}
	return nil, ErrNoAdapter
}
