package facade

import (
	"cmp"
	"fmt"
	"iter"
	"slices"
	"strings"

	"github.com/godbus/dbus/v5"

	"github.com/gobluez/bluez/bluezgen"
	"github.com/gobluez/bluez/gen/bus"
)

// A Handle is an attribute's number on its device. A characteristic's is that of its
// declaration, which BlueZ's object paths contain; its value has the next one.
type Handle uint16

// String returns four hexadecimal digits after 0x, "0x002a".
func (h Handle) String() string { return fmt.Sprintf("0x%04x", uint16(h)) }

// A Service is a GATT service of a connected device.
type Service struct {
	UUID            UUID              `json:"uuid"`
	Handle          Handle            `json:"handle"`
	Primary         bool              `json:"primary"`
	Includes        []Handle          `json:"includes,omitempty"` // services that it includes
	Characteristics []*Characteristic `json:"characteristics"`    // in the order of their handles

	path dbus.ObjectPath
}

// A Characteristic is a value of a service, with what may be done with it.
type Characteristic struct {
	UUID        UUID          `json:"uuid"`
	Handle      Handle        `json:"handle"`
	Properties  []Property    `json:"properties"`
	Descriptors []*Descriptor `json:"descriptors,omitempty"` // in the order of their handles
	Service     *Service      `json:"-"`                     // the service that it belongs to

	path dbus.ObjectPath
}

// A Descriptor is a further attribute of a characteristic.
type Descriptor struct {
	UUID           UUID            `json:"uuid"`
	Handle         Handle          `json:"handle"`
	Characteristic *Characteristic `json:"-"` // the characteristic that it belongs to

	path dbus.ObjectPath
}

// A Property is one thing that may be done with a characteristic, in BlueZ's words
// (org.bluez.GattCharacteristic(5), Flags).
type Property string

// The properties of the Core specification (Vol 3, Part G, 3.3.1.1). BlueZ knows more.
const (
	PropertyBroadcast                 = Property(bluezgen.CharacteristicFlagBroadcast)
	PropertyRead                      = Property(bluezgen.CharacteristicFlagRead)
	PropertyWriteWithoutResponse      = Property(bluezgen.CharacteristicFlagWriteWithoutResponse)
	PropertyWrite                     = Property(bluezgen.CharacteristicFlagWrite)
	PropertyNotify                    = Property(bluezgen.CharacteristicFlagNotify)
	PropertyIndicate                  = Property(bluezgen.CharacteristicFlagIndicate)
	PropertyAuthenticatedSignedWrites = Property(bluezgen.CharacteristicFlagAuthenticatedSignedWrites)
	PropertyExtendedProperties        = Property(bluezgen.CharacteristicFlagExtendedProperties)
)

// Has reports whether p is among the characteristic's properties.
func (c *Characteristic) Has(p Property) bool { return slices.Contains(c.Properties, p) }

// String returns the UUID and the handle.
func (s *Service) String() string {
	if s == nil {
		return "no service"
	}
	return s.UUID.Short() + " (" + s.Handle.String() + ")"
}

// String returns the UUID and the handle.
func (c *Characteristic) String() string {
	if c == nil {
		return "no characteristic"
	}
	return c.UUID.Short() + " (" + c.Handle.String() + ")"
}

// String returns the UUID and the handle.
func (d *Descriptor) String() string {
	if d == nil {
		return "no descriptor"
	}
	return d.UUID.Short() + " (" + d.Handle.String() + ")"
}

// Path returns the object path on the bus, for use with package bluezgen.
func (s *Service) Path() dbus.ObjectPath { return s.path }

// Path returns the object path on the bus, for use with package bluezgen.
func (c *Characteristic) Path() dbus.ObjectPath { return c.path }

// Path returns the object path on the bus, for use with package bluezgen.
func (d *Descriptor) Path() dbus.ObjectPath { return d.path }

// An Attribute says which service, characteristic or descriptor an operation means:
// a UUID, a Handle, or the *Service, *Characteristic or *Descriptor itself, which is
// both: where a device has changed its services, another one with the same handle is not
// taken for it. A UUID that several attributes of the wanted kind have is ErrAmbiguous. No
// other types implement it.
type Attribute interface {
	String() string
	selects(UUID, Handle, dbus.ObjectPath) bool
}

func (u UUID) selects(uuid UUID, _ Handle, _ dbus.ObjectPath) bool     { return u == uuid }
func (h Handle) selects(_ UUID, handle Handle, _ dbus.ObjectPath) bool { return h == handle }
func (s *Service) selects(uuid UUID, _ Handle, path dbus.ObjectPath) bool {
	return s != nil && s.UUID == uuid && s.path == path
}
func (c *Characteristic) selects(uuid UUID, _ Handle, path dbus.ObjectPath) bool {
	return c != nil && c.UUID == uuid && c.path == path
}
func (d *Descriptor) selects(uuid UUID, _ Handle, path dbus.ObjectPath) bool {
	return d != nil && d.UUID == uuid && d.path == path
}

// readTree returns the GATT services of a device as the mirror knows them, each kind
// in the order of their handles.
func readTree(v bus.View, device dbus.ObjectPath) []*Service {
	services := make(map[dbus.ObjectPath]*Service)
	characteristics := make(map[dbus.ObjectPath]*Characteristic)
	var tree []*Service
	var descriptors []*Descriptor
	v.Walk(device, func(path dbus.ObjectPath, _ string, record bus.Record) bool {
		switch r := record.(type) {
		case *bluezgen.GattService1Update:
			s := &Service{UUID: uuidOf(r.UUID), Handle: handleOf(path), Primary: r.Primary, path: path, Characteristics: []*Characteristic{}}
			for _, included := range r.Includes {
				s.Includes = append(s.Includes, handleOf(included))
			}
			services[path] = s
			tree = append(tree, s)
		case *bluezgen.GattCharacteristic1Update:
			c := &Characteristic{UUID: uuidOf(r.UUID), Handle: handleOf(path), Properties: make([]Property, len(r.Flags)), path: path}
			for i, flag := range r.Flags {
				c.Properties[i] = Property(flag)
			}
			characteristics[path] = c
		case *bluezgen.GattDescriptor1Update:
			descriptors = append(descriptors, &Descriptor{UUID: uuidOf(r.UUID), Handle: handleOf(path), path: path})
		}
		return true
	})
	for _, d := range descriptors {
		if c := characteristics[parent(d.path)]; c != nil {
			d.Characteristic = c
			c.Descriptors = append(c.Descriptors, d)
		}
	}
	for path, c := range characteristics {
		if s := services[parent(path)]; s != nil {
			c.Service = s
			s.Characteristics = append(s.Characteristics, c)
		}
		slices.SortFunc(c.Descriptors, func(a, b *Descriptor) int { return cmp.Compare(a.Handle, b.Handle) })
	}
	slices.SortFunc(tree, func(a, b *Service) int { return cmp.Compare(a.Handle, b.Handle) })
	for _, s := range tree {
		slices.SortFunc(s.Characteristics, func(a, b *Characteristic) int { return cmp.Compare(a.Handle, b.Handle) })
	}
	return tree
}

// uuidOf parses what BlueZ printed.
func uuidOf(text string) UUID {
	u, _ := parseUUID(text)
	return u
}

// Characteristic returns the service's characteristic that which says; ErrNoAttribute
// or ErrAmbiguous otherwise.
func (s *Service) Characteristic(which Attribute) (*Characteristic, error) {
	c, err := find(slices.Values(s.Characteristics), which)
	return c, opError("find characteristic", describe(which), err)
}

// Descriptor returns the characteristic's descriptor that which says; ErrNoAttribute
// or ErrAmbiguous otherwise.
func (c *Characteristic) Descriptor(which Attribute) (*Descriptor, error) {
	d, err := find(slices.Values(c.Descriptors), which)
	return d, opError("find descriptor", describe(which), err)
}

// attribute is what all kinds have.
type attribute interface {
	comparable
	identity() (UUID, Handle, dbus.ObjectPath)
}

func (s *Service) identity() (UUID, Handle, dbus.ObjectPath)        { return s.UUID, s.Handle, s.path }
func (c *Characteristic) identity() (UUID, Handle, dbus.ObjectPath) { return c.UUID, c.Handle, c.path }
func (d *Descriptor) identity() (UUID, Handle, dbus.ObjectPath)     { return d.UUID, d.Handle, d.path }

// describe says in an error which attribute was meant.
func describe(which Attribute) string {
	switch which := which.(type) {
	case nil:
		return "no attribute"
	case UUID:
		return which.Short()
	default:
		return which.String()
	}
}

// find returns the only one among candidates that which selects; nil selects none.
func find[T attribute](candidates iter.Seq[T], which Attribute) (found T, err error) {
	var none T
	for candidate := range candidates {
		if which == nil || !which.selects(candidate.identity()) {
			continue
		}
		if found != none {
			return none, ambiguous(candidates, which)
		}
		found = candidate
	}
	if found == none {
		return none, ErrNoAttribute
	}
	return found, nil
}

// ambiguous says which candidates are selected, two at least.
func ambiguous[T attribute](candidates iter.Seq[T], which Attribute) error {
	var handles []string
	for candidate := range candidates {
		if which.selects(candidate.identity()) {
			_, handle, _ := candidate.identity()
			handles = append(handles, handle.String())
		}
	}
	last := len(handles) - 1
	return fmt.Errorf("%w: handles %s and %s have it", ErrAmbiguous, strings.Join(handles[:last], ", "), handles[last])
}

// allCharacteristics returns those of all services, in the order of their handles.
func allCharacteristics(tree []*Service) iter.Seq[*Characteristic] {
	return func(yield func(*Characteristic) bool) {
		for _, s := range tree {
			for _, c := range s.Characteristics {
				if !yield(c) {
					return
				}
			}
		}
	}
}

// allDescriptors returns those of all characteristics, in the order of their handles.
func allDescriptors(tree []*Service) iter.Seq[*Descriptor] {
	return func(yield func(*Descriptor) bool) {
		for c := range allCharacteristics(tree) {
			for _, d := range c.Descriptors {
				if !yield(d) {
					return
				}
			}
		}
	}
}
