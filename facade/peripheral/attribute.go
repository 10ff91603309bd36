package peripheral

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/godbus/dbus/v5"

	"github.com/gobluez/bluez/bluezgen"
	"github.com/gobluez/bluez/facade"
	"github.com/gobluez/bluez/gen/bus"
)

// A service is a Service with its place on the bus.
type service struct {
	*Service
	path  dbus.ObjectPath // below that of the Server
	attrs []*attribute    // characteristics, each followed by its descriptors
}

// An attribute is a characteristic or a descriptor that is served.
type attribute struct {
	char      *Characteristic // that it is, or belongs to
	desc      *Descriptor     // nil for a characteristic
	path      dbus.ObjectPath // below that of the Server
	service   dbus.ObjectPath // of its service, likewise
	read      func(context.Context, *Request) ([]byte, error)
	write     func(context.Context, *Request, []byte) error
	authorize func(context.Context, *Request) error
	lane      lane // of the functions

	mu    sync.Mutex
	value []byte
	long  map[dbus.ObjectPath][]byte // values that devices have read the beginning of
}

// add gives a service and its attributes their places. The objects are found by BlueZ in the
// order of their paths.
func (s *Server) add(declared *Service, number int) {
	svc := &service{Service: declared, path: dbus.ObjectPath(fmt.Sprintf("/service%04d", number))}
	s.services = append(s.services, svc)
	for i, char := range declared.Characteristics {
		a := &attribute{
			char: char, path: svc.path + dbus.ObjectPath(fmt.Sprintf("/char%04d", i)), service: svc.path,
			read: char.Read, write: char.Write, authorize: char.Authorize, value: slices.Clone(char.Value),
		}
		svc.attrs = append(svc.attrs, a)
		s.attributes[char] = a
		for j, desc := range char.Descriptors {
			d := &attribute{
				char: char, desc: desc, path: a.path + dbus.ObjectPath(fmt.Sprintf("/desc%04d", j)), service: svc.path,
				read: desc.Read, write: desc.Write, authorize: desc.Authorize, value: slices.Clone(desc.Value),
			}
			svc.attrs = append(svc.attrs, d)
			s.attributes[desc] = d
		}
	}
}

// kept reports whether the Server keeps the value.
func (a *attribute) kept() bool { return a.read == nil }

func (a *attribute) get() []byte {
	a.mu.Lock()
	defer a.mu.Unlock()
	return slices.Clone(a.value)
}

func (a *attribute) set(value []byte) error {
	switch {
	case !a.kept():
		return errors.New("it has a function Read")
	case len(value) > maxValue:
		return errTooLong(len(value), maxValue)
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	a.value = append([]byte{}, value...)
	return nil
}

// letIn asks whether a write is let in.
func (a *attribute) letIn(ctx context.Context, r *Request) error {
	if a.authorize == nil {
		return nil
	}
	return a.authorize(ctx, r)
}

// put does what a write asks for.
func (a *attribute) put(ctx context.Context, r *Request, value []byte) error {
	if err := a.letIn(ctx, r); err != nil { // BlueZ asks before prepared writes only
		return err
	}
	if a.write != nil {
		return a.write(ctx, r, value)
	}
	return a.store(r.Offset, value)
}

// store is a write without a function: from the offset on, the value becomes what is
// written.
func (a *attribute) store(offset int, value []byte) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	switch {
	case offset > len(a.value):
		return facade.ATTInvalidOffset
	case offset+len(value) > maxValue:
		return facade.ATTInvalidValueLength
	}
	a.value = slices.Concat(a.value[:offset], value)
	return nil
}

// load returns the value from an offset on, for a device. A value that is longer than the
// device can read at once is remembered, so that what it reads next is of the same one.
func (a *attribute) load(ctx context.Context, r *Request, device dbus.ObjectPath, offset int) ([]byte, error) {
	value, err := a.whole(ctx, r, device, offset)
	switch {
	case err != nil:
		return nil, err
	case len(value) > maxValue:
		return nil, errTooLong(len(value), maxValue)
	case offset > len(value):
		return nil, facade.ATTInvalidOffset
	}
	a.remember(device, value, r.MTU > 0 && len(value) >= offset+r.MTU-1)
	return value[offset:], nil
}

func (a *attribute) whole(ctx context.Context, r *Request, device dbus.ObjectPath, offset int) ([]byte, error) {
	if offset > 0 {
		a.mu.Lock()
		value, begun := a.long[device]
		a.mu.Unlock()
		if begun {
			return value, nil
		}
	}
	if a.kept() {
		return a.get(), nil
	}
	value, err := a.read(ctx, r)
	return slices.Clone(value), err
}

// remember keeps, or forgets, what a device has read the beginning of.
func (a *attribute) remember(device dbus.ObjectPath, value []byte, more bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	delete(a.long, device)
	if more {
		if a.long == nil {
			a.long = map[dbus.ObjectPath][]byte{}
		}
		a.long[device] = value
	}
}

// errTooLong says by how much.
func errTooLong(length, limit int) error {
	return fmt.Errorf("the value has %d bytes, more than %d: %w", length, limit, facade.ATTInvalidValueLength)
}

// flags returns the properties in the words of BlueZ: without those that it adds itself, and
// with the one for which it asks before prepared writes.
func (a *attribute) flags() []bluezgen.CharacteristicFlag {
	properties := a.char.Properties
	if a.desc != nil {
		properties = a.desc.properties()
	}
	var flags []bluezgen.CharacteristicFlag
	for _, p := range properties {
		if p != facade.PropertyExtendedProperties {
			flags = append(flags, bluezgen.CharacteristicFlag(p))
		}
	}
	if a.authorize != nil && !slices.Contains(properties, facade.PropertyAuthorize) {
		flags = append(flags, bluezgen.CharacteristicFlagAuthorize)
	}
	return flags
}

// refusal returns the D-Bus error that BlueZ makes the ATT error of, as far as it can: by
// its name, and for the codes of applications by a text that is a number. A name that it
// does not know becomes ATTUnlikely.
func refusal(err error, writing bool) error {
	var code facade.ATTError
	if !errors.As(err, &code) {
		return bus.ErrFailed.With(strings.ToValidUTF8(err.Error(), "?"))
	}
	permitted := facade.ATTReadNotPermitted
	if writing {
		permitted = facade.ATTWriteNotPermitted
	}
	switch {
	case 0x80 <= code && code <= 0x9f:
		return bluezgen.ErrFailed.With(fmt.Sprintf("0x%02x", uint8(code)))
	case code == permitted:
		return bluezgen.ErrNotPermitted.With(err.Error())
	}
	for from, to := range map[facade.ATTError]*bus.Error{
		facade.ATTRequestNotSupported:        bluezgen.ErrNotSupported,
		facade.ATTInsufficientAuthorization:  bluezgen.ErrNotAuthorized,
		facade.ATTInvalidOffset:              bluezgen.ErrInvalidOffset,
		facade.ATTInvalidValueLength:         bluezgen.ErrInvalidValueLength,
		facade.ATTProcedureAlreadyInProgress: bluezgen.ErrInProgress,
		facade.ATTImproperlyConfigured:       bluezgen.ErrImproperlyConfigured,
	} {
		if code == from {
			return to.With(err.Error())
		}
	}
	return bus.ErrFailed.With(err.Error())
}
