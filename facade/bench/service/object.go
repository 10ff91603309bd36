//go:build linux

package main

import (
	"fmt"

	"github.com/godbus/dbus/v5"

	"github.com/gobluez/bluez/bluezgen"
	"github.com/gobluez/bluez/facade/bench/workload"
	"github.com/gobluez/bluez/gen/wire"
)

// An object is one that bluetoothd has, with one interface.
type object struct {
	path       string
	iface      string
	properties []property
}

// A property is what an object has, encoded by put.
type property struct {
	name, sig string
	put       func(e *wire.Encoder)
}

func text(name, v string) property {
	return property{name, "s", func(e *wire.Encoder) { e.String(v) }}
}
func path(name, v string) property {
	return property{name, "o", func(e *wire.Encoder) { e.ObjectPath(dbus.ObjectPath(v)) }}
}
func truth(name string, v bool) property {
	return property{name, "b", func(e *wire.Encoder) { e.Bool(v) }}
}
func number16(name, sig string, v uint16) property {
	return property{name, sig, func(e *wire.Encoder) { e.Uint16(v) }}
}
func bytes(name string, v []byte) property {
	return property{name, "ay", func(e *wire.Encoder) { e.Bytes(v) }}
}
func texts(name string, v ...string) property {
	return property{name, "as", func(e *wire.Encoder) {
		mark := e.Array(4)
		for _, s := range v {
			e.String(s)
		}
		e.EndArray(mark)
	}}
}

// manufacturer is the manufacturer data of an advertisement, which is the last in its dictionary.
func manufacturer(data []byte) property {
	return property{"ManufacturerData", "a{qv}", func(e *wire.Encoder) {
		mark := e.Array(8)
		e.Struct()
		e.Uint16(workload.Company)
		e.VariantOf("ay")
		e.Bytes(data)
		e.EndArray(mark)
	}}
}

// dictionary encodes properties as a{sv}.
func dictionary(e *wire.Encoder, properties []property) {
	mark := e.Array(8)
	for _, p := range properties {
		e.Struct()
		e.String(p.name)
		e.VariantOf(p.sig)
		p.put(e)
	}
	e.EndArray(mark)
}

// interfaces encodes what an object has as a{sa{sv}}. bluetoothd lists these two first on each object.
func (o *object) interfaces(e *wire.Encoder) {
	mark := e.Array(8)
	for _, empty := range []string{"org.freedesktop.DBus.Introspectable", "org.freedesktop.DBus.Properties"} {
		e.Struct()
		e.String(empty)
		dictionary(e, nil)
	}
	e.Struct()
	e.String(o.iface)
	dictionary(e, o.properties)
	e.EndArray(mark)
}

// added is the body of the signal that announces an object.
func (o *object) added(e *wire.Encoder) {
	e.ObjectPath(dbus.ObjectPath(o.path))
	o.interfaces(e)
}

// removed is the body of the signal that an object has gone.
func (o *object) removed(e *wire.Encoder) {
	e.ObjectPath(dbus.ObjectPath(o.path))
	mark := e.Array(4)
	e.String("org.freedesktop.DBus.Properties")
	e.String("org.freedesktop.DBus.Introspectable")
	e.String(o.iface)
	e.EndArray(mark)
}

// changed is the body of PropertiesChanged.
func changed(iface string, properties ...property) func(*wire.Encoder) {
	return func(e *wire.Encoder) {
		e.String(iface)
		dictionary(e, properties)
		e.EndArray(e.Array(4))
	}
}

func adapterObject() *object {
	return &object{workload.Adapter, bluezgen.Adapter1Interface, []property{
		text("Address", "00:00:00:00:00:01"), text("AddressType", "public"), text("Name", "bench"), text("Alias", "bench"),
		truth("Powered", true), truth("Discoverable", false), truth("Pairable", false), truth("Discovering", false),
		texts("Roles", "central", "peripheral"), texts("UUIDs", "00001800-0000-1000-8000-00805f9b34fb"),
	}}
}

// deviceAddress returns the address of a device; number 0 is workload.Target.
func deviceAddress(i int, separator string) string {
	return fmt.Sprintf("C0%[1]s00%[1]s00%[1]s%02[2]X%[1]s%02[3]X%[1]s%02[4]X", separator, i>>16&0xFF, i>>8&0xFF, i&0xFF)
}

// deviceObject returns a device as bluetoothd knows it from earlier: without data, or as it is heard first.
func deviceObject(i int, services []string, more ...property) *object {
	return &object{workload.Adapter + "/dev_" + deviceAddress(i, "_"), bluezgen.Device1Interface, append([]property{
		text("Address", deviceAddress(i, ":")), text("AddressType", "random"),
		text("Name", fmt.Sprint("device ", i)), text("Alias", fmt.Sprint("device ", i)),
		truth("Paired", false), truth("Bonded", false), truth("Trusted", false), truth("Blocked", false), truth("LegacyPairing", false),
		truth("Connected", false), texts("UUIDs", services...), path("Adapter", workload.Adapter),
		truth("ServicesResolved", false),
	}, more...)}
}

// firstService is the 16-bit UUID of the first service; the others follow.
const firstService = 0x9000

func uuid(short int) string { return fmt.Sprintf("%08x-0000-1000-8000-00805f9b34fb", short) }

// tree returns the services of a device, each before its characteristics and those before their descriptors.
func tree(device string, services, perService int) (all []*object) {
	handle := 1
	for s := range services {
		service := fmt.Sprintf("%s/service%04x", device, handle)
		all = append(all, &object{service, bluezgen.GattService1Interface, []property{
			number16("Handle", "q", uint16(handle)), text("UUID", uuid(firstService+s)), path("Device", device), truth("Primary", true),
			{"Includes", "ao", func(e *wire.Encoder) { e.EndArray(e.Array(4)) }},
		}})
		handle++
		for c := range perService {
			char := fmt.Sprintf("%s/char%04x", service, handle)
			all = append(all, &object{char, bluezgen.GattCharacteristic1Interface, []property{
				number16("Handle", "q", uint16(handle)), text("UUID", uuid(workload.FirstOne+s*perService+c)), path("Service", service),
				bytes("Value", nil), truth("Notifying", false), truth("NotifyAcquired", false), truth("WriteAcquired", false),
				texts("Flags", "read", "write-without-response", "notify"), number16("MTU", "q", 517),
			}}, &object{fmt.Sprintf("%s/desc%04x", char, handle+2), bluezgen.GattDescriptor1Interface, []property{
				number16("Handle", "q", uint16(handle+2)), text("UUID", uuid(0x2902)), path("Characteristic", char), bytes("Value", nil),
			}})
			handle += 3
		}
	}
	return all
}
