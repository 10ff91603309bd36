package main

import (
	"github.com/gobluez/bluez/facade"
	"github.com/gobluez/bluez/facade/assigned"
)

// named returns a number with its name behind it, if BlueZ knows one: 180d (Heart Rate).
func named(number, name string) string {
	if name == "" {
		return number
	}
	return number + " (" + name + ")"
}

// serviceText returns the UUID of a service with its name.
func serviceText(uuid facade.UUID) string {
	name, _ := assigned.Service(uuid)
	return named(uuid.Short(), name)
}

// newServiceTree returns a service without its characteristics.
func newServiceTree(s *facade.Service) serviceTree {
	name, _ := assigned.Service(s.UUID)
	return serviceTree{Name: name, Service: s, Characteristics: []characteristicTree{}} // a list even if empty
}

// newCharacteristicTree returns a characteristic without its descriptors.
func newCharacteristicTree(c *facade.Characteristic) characteristicTree {
	name, _ := assigned.Characteristic(c.UUID)
	return characteristicTree{Name: name, Characteristic: c}
}

// newDescriptorTree returns a descriptor.
func newDescriptorTree(d *facade.Descriptor) descriptorTree {
	name, _ := assigned.Descriptor(d.UUID)
	return descriptorTree{Name: name, Descriptor: d}
}
