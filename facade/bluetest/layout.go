package bluetest

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"

	"github.com/godbus/dbus/v5"

	"github.com/gobluez/bluez/bluezgen"
)

// maxValue is the length of the longest attribute value in bytes (Core specification,
// volume 3, part F, section 3.2.9).
const maxValue = 512

// A service is a declared one with all its handles.
type service struct {
	uuid            string
	handle, end     uint16 // of the declaration, and of the last attribute
	primary         bool
	path            dbus.ObjectPath // of the application that serves it; empty if it is declared
	includes        []uint16
	characteristics []*characteristic
}

// A characteristic is a declared one with all its handles.
type characteristic struct {
	uuid          string
	handle        uint16                        // of the declaration
	flags         []bluezgen.CharacteristicFlag // those that a client sees, in BlueZ's order
	value         *attribute
	descriptors   []*attribute // in order of their handles
	configuration *attribute   // the client characteristic configuration among them, or nil

	// Guarded by the world.
	notify func(ctx context.Context, p *Peripheral, send func(value []byte) error)
}

// An attribute is the value of a characteristic, or a descriptor.
type attribute struct {
	uuid           string
	handle         uint16
	characteristic *characteristic

	// Guarded by the world: what was declared, which SetServices may change.
	access   access
	declared []byte // the value
	read     func(ctx context.Context, p *Peripheral) ([]byte, error)
	write    func(ctx context.Context, p *Peripheral, value []byte) error

	served *served // by an application; nil if it is declared

	// Likewise: what has become of it.
	value   []byte
	written [][]byte // what was written by centrals, in order
	dropped int      // notifications that BlueZ had no reader for
	stalled int      // how often StallReader was called and not undone
}

// has reports whether a client sees a flag.
func (c *characteristic) has(f bluezgen.CharacteristicFlag) bool { return slices.Contains(c.flags, f) }

// notifies reports whether a client can subscribe.
func (c *characteristic) notifies() bool {
	return c.has(bluezgen.CharacteristicFlagNotify) || c.has(bluezgen.CharacteristicFlagIndicate)
}

// validateServices says what is wrong with declared services.
func validateServices(services []Service) error {
	_, err := layOut(services)
	return err
}

// layOut checks declared services and gives a handle to everything that has none.
func layOut(services []Service) ([]*service, error) {
	l := layout{next: 1}
	for _, s := range services {
		if err := l.service(s); err != nil {
			return nil, err
		}
	}
	if err := l.checkIncludes(); err != nil {
		return nil, err
	}
	return l.services, nil
}

// A layout is the work of layOut.
type layout struct {
	services []*service
	next     int    // handle
	last     string // what has the one before
}

// take gives a handle to something: the wanted one, or the next if that is 0.
func (l *layout) take(wanted uint16, what string) (uint16, error) {
	handle := l.next
	if wanted != 0 {
		handle = int(wanted)
	}
	switch {
	case handle == l.next-1:
		return 0, fmt.Errorf("%s: handle 0x%04x is that of %s already", what, handle, l.last)
	case handle < l.next:
		return 0, fmt.Errorf("%s: handle 0x%04x is not above 0x%04x of %s before it", what, handle, l.next-1, l.last)
	case handle > 0xffff:
		return 0, fmt.Errorf("%s: no handle is left", what)
	}
	l.next, l.last = handle+1, what
	return uint16(handle), nil
}

func (l *layout) service(declared Service) error {
	what := "service " + shortUUID(declared.UUID)
	uuid, err := parseUUID(declared.UUID)
	if err != nil {
		return fmt.Errorf("service: %w", err)
	}
	s := &service{uuid: uuid, primary: !declared.Secondary, includes: slices.Clone(declared.Includes)}
	if s.handle, err = l.take(declared.Handle, what); err != nil {
		return err
	}
	for range declared.Includes { // each has a declaration of its own
		if _, err := l.take(0, what+": include"); err != nil {
			return err
		}
	}
	for _, c := range declared.Characteristics {
		laidOut, err := l.characteristic(what, c)
		if err != nil {
			return err
		}
		s.characteristics = append(s.characteristics, laidOut)
	}
	s.end = uint16(l.next - 1)
	l.services = append(l.services, s)
	return nil
}

func (l *layout) checkIncludes() error {
	for _, s := range l.services {
		for _, handle := range s.includes {
			if !slices.ContainsFunc(l.services, func(s *service) bool { return s.handle == handle }) {
				return fmt.Errorf("service %s includes 0x%04x, which is the handle of no service", shortUUID(s.uuid), handle)
			}
		}
	}
	return nil
}

func (l *layout) characteristic(of string, declared Characteristic) (*characteristic, error) {
	what := of + ", characteristic " + shortUUID(declared.UUID)
	uuid, err := parseUUID(declared.UUID)
	if err != nil {
		return nil, fmt.Errorf("%s, characteristic: %w", of, err)
	}
	if err := errors.Join(checkFlags(characteristicFlags, declared.Flags), checkValue(declared.Value)); err != nil {
		return nil, fmt.Errorf("%s: %w", what, err)
	}
	c := &characteristic{uuid: uuid, flags: visibleFlags(declared.Flags), notify: declared.Notify}
	if c.handle, err = l.take(declared.Handle, what); err != nil {
		return nil, err
	}
	c.value = &attribute{
		uuid: uuid, characteristic: c, access: characteristicAccess(declared.Flags),
		read: declared.Read, write: declared.Write, declared: slices.Clone(declared.Value), value: slices.Clone(declared.Value),
	}
	if c.value.handle, err = l.take(0, "the value of "+what); err != nil {
		return nil, err
	}
	for _, d := range withDescriptors(c, declared.Descriptors) {
		laidOut, err := l.descriptor(what, c, d)
		if err != nil {
			return nil, err
		}
		c.descriptors = append(c.descriptors, laidOut)
		if laidOut.uuid == uuidClientConfiguration && c.notifies() {
			if c.configuration != nil {
				return nil, fmt.Errorf("%s: it has two client characteristic configurations (2902)", what)
			}
			laidOut.access = configurationAccess(declared.Flags)
			c.configuration = laidOut
		}
	}
	return c, nil
}

// withDescriptors adds the descriptors that a characteristic has by its flags, unless
// they are declared: in front, or behind those whose handles are declared.
func withDescriptors(c *characteristic, declared []Descriptor) []Descriptor {
	var own []Descriptor
	if has := hasDescriptor(declared, uuidExtendedProperties); c.has(bluezgen.CharacteristicFlagExtendedProperties) && !has {
		var bits uint16
		if c.has(bluezgen.CharacteristicFlagReliableWrite) {
			bits |= 1
		}
		if c.has(bluezgen.CharacteristicFlagWritableAuxiliaries) {
			bits |= 2
		}
		own = append(own, Descriptor{UUID: uuidExtendedProperties, Value: binary.LittleEndian.AppendUint16(nil, bits)})
	}
	if c.notifies() && !hasDescriptor(declared, uuidClientConfiguration) {
		own = append(own, Descriptor{UUID: uuidClientConfiguration})
	}
	if slices.ContainsFunc(declared, func(d Descriptor) bool { return d.Handle != 0 }) {
		return append(slices.Clone(declared), own...)
	}
	return append(own, declared...)
}

func hasDescriptor(declared []Descriptor, uuid string) bool {
	return slices.ContainsFunc(declared, func(d Descriptor) bool { return longUUID(d.UUID) == uuid })
}

func (l *layout) descriptor(of string, c *characteristic, declared Descriptor) (*attribute, error) {
	what := of + ", descriptor " + shortUUID(declared.UUID)
	uuid, err := parseUUID(declared.UUID)
	if err != nil {
		return nil, fmt.Errorf("%s, descriptor: %w", of, err)
	}
	if err := errors.Join(checkFlags(descriptorFlags, declared.Flags), checkValue(declared.Value)); err != nil {
		return nil, fmt.Errorf("%s: %w", what, err)
	}
	d := &attribute{
		uuid: uuid, characteristic: c, access: descriptorAccess(declared.Flags),
		read: declared.Read, write: declared.Write, declared: slices.Clone(declared.Value), value: slices.Clone(declared.Value),
	}
	d.handle, err = l.take(declared.Handle, what)
	return d, err
}

func checkValue(value []byte) error {
	if len(value) > maxValue {
		return fmt.Errorf("a value of %d bytes is longer than %d", len(value), maxValue)
	}
	return nil
}

func checkFlags[F ~string](known []F, flags []F) error {
	for _, f := range flags {
		if !slices.Contains(known, f) {
			return fmt.Errorf("unknown flag %q", f)
		}
	}
	return nil
}

// redeclare takes over what was declared anew of a service that is laid out as before.
// What has become of its attributes stays, but for a value that is declared otherwise. The
// world is locked.
func (s *service) redeclare(anew *service) {
	for i, c := range s.characteristics {
		other := anew.characteristics[i]
		c.notify = other.notify
		c.value.redeclare(other.value)
		for j, d := range c.descriptors {
			d.redeclare(other.descriptors[j])
		}
	}
}

func (at *attribute) redeclare(anew *attribute) {
	at.access, at.read, at.write = anew.access, anew.read, anew.write
	if !bytes.Equal(at.declared, anew.declared) {
		at.declared, at.value = anew.declared, anew.value
	}
}
