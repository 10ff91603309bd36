package facade

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"slices"
	"strings"

	"github.com/godbus/dbus/v5"

	"github.com/gobluez/bluez/bluezgen"
	"github.com/gobluez/bluez/gen/bus"
)

// DevicesOptions says which devices Devices lists. The zero value lists all. All
// conditions must hold.
type DevicesOptions struct {
	// Adapter is the adapter whose devices are wanted, by name ("hci0") or address;
	// empty means the one that Options.Adapter names, and all if there is none.
	Adapter string
	// Connected asks for devices that are connected, whoever has connected them.
	Connected bool
	// Paired asks for devices that are paired.
	Paired bool
	// Services, when not empty: a device must offer at least one of them.
	Services []UUID
}

// A KnownDevice is what BlueZ tells about a device that it knows, at the moment when
// it was asked. It is a Target: Connect attaches to a device that is connected already
// without a scan.
type KnownDevice struct {
	Device

	Alias     string // what the user calls it, else its name; empty if it has none
	Connected bool   // whether any program has connected it
	Paired    bool   // whether keys were exchanged
	Bonded    bool   // whether the keys are stored; as Paired before BlueZ 5.65
	Trusted   bool   // whether its services may connect without asking
	Blocked   bool   // whether it is not let in

	RSSI    int16 // received signal strength in dBm; -127 if unknown
	HasRSSI bool  // whether RSSI is known: while a scan runs that hears the device

	ServiceUUIDs []UUID // services that it offers; after a connection, those it really has
}

// String returns the address and the alias.
func (d KnownDevice) String() string {
	if d.Alias == "" {
		return d.Address.String()
	}
	return d.Address.String() + " " + d.Alias
}

// MarshalJSON writes one object with the fields adapter, address, address_type, name,
// alias, connected, paired, bonded, trusted, blocked, rssi (null when unknown) and
// service_uuids.
func (d KnownDevice) MarshalJSON() ([]byte, error) {
	out := struct {
		Adapter      string      `json:"adapter"`
		Address      Address     `json:"address"`
		AddressType  AddressType `json:"address_type"`
		Name         string      `json:"name"`
		Alias        string      `json:"alias"`
		Connected    bool        `json:"connected"`
		Paired       bool        `json:"paired"`
		Bonded       bool        `json:"bonded"`
		Trusted      bool        `json:"trusted"`
		Blocked      bool        `json:"blocked"`
		RSSI         *int16      `json:"rssi"`
		ServiceUUIDs []UUID      `json:"service_uuids"`
	}{
		Adapter: d.Adapter, Address: d.Address, AddressType: d.AddressType, Name: d.Name, Alias: d.Alias,
		Connected: d.Connected, Paired: d.Paired, Bonded: d.Bonded, Trusted: d.Trusted, Blocked: d.Blocked,
		ServiceUUIDs: append([]UUID{}, d.ServiceUUIDs...), // [], not null
	}
	if d.HasRSSI {
		out.RSSI = &d.RSSI
	}
	return json.Marshal(out)
}

// Devices lists the devices that BlueZ knows: those that are paired, connected or
// trusted, and those that a scan has heard in the last 30 seconds. They come by
// adapter and address. It asks BlueZ and blocks until the reply is there; it needs no
// scan, and an adapter that is off is no error. It fails with ErrNoBus, ErrNoBlueZ, and
// ErrNoAdapter if there is none of that name.
func (c *Central) Devices(ctx context.Context, o DevicesOptions) ([]KnownDevice, error) {
	devices, err := c.devices(ctx, o)
	return devices, opError("list", "devices", err)
}

func (c *Central) devices(ctx context.Context, o DevicesOptions) ([]KnownDevice, error) {
	a := c.bus()
	if err := a.err(); err != nil {
		return nil, err
	}
	// Changes of devices that no scan or Client follows are not in the mirror.
	if err := a.mirror.Refresh(ctx); err != nil {
		return nil, translate(err)
	}
	devices, err := c.known(o.Adapter)
	return slices.DeleteFunc(devices, func(d KnownDevice) bool { return !o.want(d) }), err
}

// known returns the devices of an adapter as the mirror has them, by adapter and address.
// Empty means the adapter of Options, and all if there is none.
func (c *Central) known(adapter string) ([]KnownDevice, error) {
	adapters, err := c.adapters()
	if err == nil && cmp.Or(adapter, c.options.Adapter) != "" {
		adapters, err = c.adaptersNamed(adapter)
	}
	if err != nil {
		return nil, err
	}
	var devices []KnownDevice
	c.bus().mirror.View(func(v bus.View) {
		for _, a := range adapters {
			first := len(devices)
			v.Outermost(a.path, bluezgen.Device1Interface, func(path dbus.ObjectPath, record bus.Record) bool {
				devices = append(devices, newKnownDevice(path, &record.(*bluezgen.Device1Update).Device1Properties))
				return true
			})
			slices.SortFunc(devices[first:], func(a, b KnownDevice) int { return bytes.Compare(a.Address[:], b.Address[:]) })
		}
	})
	return devices, nil
}

// want reports whether a device is to be listed.
func (o *DevicesOptions) want(d KnownDevice) bool {
	return (!o.Connected || d.Connected) && (!o.Paired || d.Paired) &&
		(len(o.Services) == 0 || slices.ContainsFunc(d.ServiceUUIDs, func(u UUID) bool { return slices.Contains(o.Services, u) }))
}

func newKnownDevice(path dbus.ObjectPath, p *bluezgen.Device1Properties) KnownDevice {
	adv := newAdvertisement(path, p)
	d := KnownDevice{
		Device: adv.Device, Alias: p.Alias, Connected: p.Connected, Paired: p.Paired,
		Bonded: p.Bonded || p.Paired && !p.Has(bluezgen.Device1Bonded), Trusted: p.Trusted, Blocked: p.Blocked,
		RSSI: adv.RSSI, HasRSSI: adv.HasRSSI, ServiceUUIDs: adv.ServiceUUIDs,
	}
	if p.Alias == strings.ReplaceAll(p.Address, ":", "-") { // BlueZ's alias of the nameless
		d.Alias = ""
	}
	return d
}

// Devices is Central.Devices on the default Central.
func Devices(ctx context.Context, o DevicesOptions) ([]KnownDevice, error) {
	c, release, err := shared.acquire(ctx)
	if err != nil {
		return nil, err
	}
	defer release()
	return c.Devices(ctx, o)
}
