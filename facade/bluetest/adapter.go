package bluetest

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/godbus/dbus/v5"

	"github.com/gobluez/bluez/bluezgen"
)

// An Adapter is a Bluetooth adapter that is plugged into a [World]'s machine, hci0 if
// nothing else was asked for. Its methods do what happens to the hardware. They may be
// called from any goroutine.
type Adapter struct {
	world    *World
	name     string
	address  string
	roles    []bluezgen.AdapterRole
	leOnly   bool
	extended bool        // advertising
	station  *Peripheral // what it is to other adapters

	// Guarded by the world.
	alias   string
	powered bool
	stored  map[string]*storedDevice // by address, as in /var/lib/bluetooth
}

// AddAdapter plugs another adapter in. A name or an address that another adapter has is
// an error.
func (w *World) AddAdapter(c AdapterConfig) (*Adapter, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.plug(c)
}

// plug makes the hardware and plugs it in. The world is locked, or has not begun.
func (w *World) plug(c AdapterConfig) (*Adapter, error) {
	number := 0
	if c.Name == "" {
		for w.adapter(fmt.Sprintf("hci%d", number)) != nil {
			number++
		}
		c.Name = fmt.Sprintf("hci%d", number)
	}
	if n, err := fmt.Sscanf(c.Name, "hci%d", &number); n != 1 || err != nil || c.Name != fmt.Sprintf("hci%d", number) || number < 0 {
		return nil, fmt.Errorf("adapter %q: want a name like hci0", c.Name)
	}
	if c.Address == "" {
		c.Address = fmt.Sprintf("00:AA:01:%02X:00:%02X", number>>8&0xff, number&0xff)
	}
	address, err := parseAddress(c.Address)
	if err != nil {
		return nil, fmt.Errorf("adapter %s: %w", c.Name, err)
	}
	if err := c.validate(); err != nil {
		return nil, fmt.Errorf("adapter %s: %w", c.Name, err)
	}
	if w.peripheral(address) != nil {
		return nil, fmt.Errorf("adapter %s %s: a device has this address", c.Name, address)
	}
	if c.Roles == nil {
		c.Roles = []bluezgen.AdapterRole{bluezgen.AdapterRoleCentral, bluezgen.AdapterRolePeripheral}
	}
	a := &Adapter{
		world: w, name: c.Name, address: address, roles: c.Roles, leOnly: c.LEOnly, extended: c.ExtendedAdvertising, alias: cmp.Or(c.Alias, "bluetest "+c.Name), powered: !c.Off,
		stored: map[string]*storedDevice{},
	}
	if a.station, err = a.newStation(); err != nil {
		return nil, err
	}
	if err := w.insert(a); err != nil {
		a.station.cancel(err)
		return nil, err
	}
	return a, nil
}

// insert plugs an adapter in. The world is locked, or has not begun.
func (w *World) insert(a *Adapter) error {
	if w.closed {
		return ErrClosed
	}
	for _, other := range w.adapters {
		if other.name == a.name || other.address == a.address {
			return fmt.Errorf("adapter %s %s: there are two of this name or address", a.name, a.address)
		}
	}
	w.adapters = append(w.adapters, a)
	slices.SortFunc(w.adapters, func(a, b *Adapter) int {
		return cmp.Or(cmp.Compare(len(a.name), len(b.name)), cmp.Compare(a.name, b.name))
	})
	if w.bluetoothd == nil {
		return nil
	}
	if err := w.bluetoothd.add(a); err != nil {
		w.adapters = without(w.adapters, a)
		return fmt.Errorf("adapter %s: %w", a.name, err)
	}
	return nil
}

// Adapter returns the adapter of a name, or nil.
func (w *World) Adapter(name string) *Adapter {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.adapter(name)
}

func (w *World) adapter(name string) *Adapter {
	for _, a := range w.adapters {
		if a.name == name {
			return a
		}
	}
	return nil
}

// Adapters returns the adapters that are plugged in, hci0 first.
func (w *World) Adapters() []*Adapter {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.Clone(w.adapters)
}

// path returns the adapter's object.
func (a *Adapter) path() dbus.ObjectPath { return dbus.ObjectPath("/org/bluez/" + a.name) }

// Name returns the adapter's name, "hci0".
func (a *Adapter) Name() string { return a.name }

// Address returns the adapter's own address.
func (a *Adapter) Address() string { return a.address }

// Power switches the adapter's radio on or off, as rfkill, a desktop's settings or
// another program do. Off ends all discovery sessions and all connections, and BlueZ
// tells nobody why. It silences advertisements until they are registered again.
func (a *Adapter) Power(on bool) {
	a.world.fault("Power", "adapter", a.name, "on", on)
	a.world.mu.Lock()
	defer a.world.mu.Unlock()
	if o := a.object(); o != nil {
		o.power(on)
	}
	a.powered = on
}

// Unplug takes the adapter out: its connections are lost, its object and those of all
// its devices go. [World.AddAdapter] with the same name and address plugs it in again;
// what BlueZ has stored of its devices is then gone, which a real one has in
// /var/lib/bluetooth.
func (a *Adapter) Unplug() {
	a.world.fault("Unplug", "adapter", a.name)
	a.world.mu.Lock()
	defer a.world.mu.Unlock()
	if o := a.object(); o != nil {
		o.unplug()
	}
	a.world.adapters = slices.DeleteFunc(a.world.adapters, func(b *Adapter) bool { return a == b })
}

// object returns what bluetoothd shows of the adapter, or nil. The world is locked.
func (a *Adapter) object() *adapterObject {
	if a.world.bluetoothd == nil {
		return nil
	}
	return a.world.bluetoothd.objects[a]
}

// Discoveries returns the discovery sessions that clients have on the adapter, by the
// client's unique name, with the filter of each; the zero filter is none. When an
// application has stopped scanning, none is left.
func (a *Adapter) Discoveries() map[string]bluezgen.DiscoveryFilter {
	a.world.mu.Lock()
	defer a.world.mu.Unlock()
	sessions := map[string]bluezgen.DiscoveryFilter{}
	o := a.object()
	if o == nil {
		return sessions
	}
	for name, client := range o.discovery.clients {
		if !client.session {
			continue
		}
		var filter bluezgen.DiscoveryFilter
		if client.filter != nil {
			filter = client.filter.asked
		}
		sessions[name] = filter
	}
	return sessions
}
