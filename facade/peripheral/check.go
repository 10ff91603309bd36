package peripheral

import (
	"errors"
	"fmt"
	"slices"

	"github.com/gobluez/bluez/bluezgen"
	"github.com/gobluez/bluez/facade"
)

// A checker collects the mistakes of an Application.
type checker struct {
	wrong    mistakes
	seen     map[any]bool // pointers
	handles  map[facade.Handle]bool
	services map[*Service]bool
}

// check returns all that is wrong with an Application, joined.
func (a *Application) check() error {
	c := &checker{seen: map[any]bool{}, handles: map[facade.Handle]bool{}, services: map[*Service]bool{}}
	if len(a.Services) == 0 {
		c.fail("", "there is no service")
	}
	for _, s := range a.Services {
		c.services[s] = true
	}
	for i, s := range a.Services {
		where := fmt.Sprintf("service %d", i+1)
		if s != nil {
			where = "service " + s.UUID.Short()
		}
		if s == nil || c.again(s) {
			c.fail(where, "it is nil, or declared twice")
			continue
		}
		c.service(where, s)
	}
	_, err := a.order()
	c.wrong.add(err)
	return c.wrong.join()
}

func (c *checker) fail(where, format string, args ...any) {
	text := fmt.Sprintf(format, args...)
	if where != "" {
		text = where + ": " + text
	}
	c.wrong.add(errors.New(text))
}

// again reports whether something was seen before.
func (c *checker) again(p any) bool {
	before := c.seen[p]
	c.seen[p] = true
	return before
}

// Services that BlueZ has itself and takes from nobody.
var (
	genericAccess    = facade.UUID16(0x1800)
	genericAttribute = facade.UUID16(0x1801)
)

// Descriptors that BlueZ adds where they belong.
var (
	extendedProperties  = facade.UUID16(0x2900)
	clientConfiguration = facade.UUID16(0x2902)
)

func (c *checker) uuid(where string, u facade.UUID) {
	switch u {
	case facade.UUID{}:
		c.fail(where, "it has no UUID")
	case genericAccess, genericAttribute:
		c.fail(where, "BlueZ serves this service itself")
	case extendedProperties, clientConfiguration:
		c.fail(where, "BlueZ adds this descriptor itself")
	}
}

func (c *checker) service(where string, s *Service) {
	c.uuid(where, s.UUID)
	for _, included := range s.Includes {
		if included == nil || included == s || !c.services[included] {
			c.fail(where, "it includes itself or what is no service of the application")
		}
	}
	next := c.handle(where, s.Handle, 0)
	if next != 0 {
		next += facade.Handle(len(s.Includes))
	}
	for i, char := range s.Characteristics {
		if char == nil || c.again(char) {
			c.fail(where, "characteristic %d is nil, or declared twice", i+1)
			continue
		}
		inside := where + ": characteristic " + char.UUID.Short()
		if char.Handle != 0 && s.Handle == 0 {
			c.fail(inside, "it has a handle, but its service has none")
		}
		next = c.handle(inside, char.Handle, next)
		c.characteristic(inside, char, &next)
	}
	switch {
	case s.Handle != 0 && int(s.Handle)+s.attributes() > 0x10000:
		c.fail(where, "it has %d handles, the last of them beyond 0xffff", s.attributes())
	case s.Handle != 0 && next > s.Handle && int(next-s.Handle) > s.attributes():
		c.fail(where, "its handles have gaps, which BlueZ does not allow")
	}
}

// handle checks a handle, which must not be below next, and returns the one that follows.
// Unknown handles are 0.
func (c *checker) handle(where string, h, next facade.Handle) facade.Handle {
	switch {
	case h == 0 && next == 0:
		return 0
	case h == 0:
		h = next
	case h < next:
		c.fail(where, "handle %v is too low: it is of an attribute before", h)
	}
	if c.handles[h] {
		c.fail(where, "handle %v is that of another attribute", h)
	}
	c.handles[h] = true
	return h + 1
}

func (c *checker) characteristic(where string, char *Characteristic, next *facade.Handle) {
	c.uuid(where, char.UUID)
	c.properties(where, char.Properties, characteristicProperties)
	c.functions(where, char.Properties, char.Value, char.Read != nil, char.Write != nil, char.Authorize != nil)
	*next = c.handle(where, 0, *next) // of the value
	if can(char.Properties, subscribing) {
		*next = c.handle(where, 0, *next)
	} else if char.Subscribed != nil {
		c.fail(where, "it has a function Subscribed, but neither notifies nor indicates")
	}
	extended := slices.Contains(char.Properties, facade.PropertyReliableWrite) || slices.Contains(char.Properties, facade.PropertyWritableAuxiliaries)
	if extended {
		*next = c.handle(where, 0, *next)
	} else if slices.Contains(char.Properties, facade.PropertyExtendedProperties) {
		c.fail(where, "it has extended properties, but does not say which: reliable-write or writable-auxiliaries")
	}
	command := slices.Contains(char.Properties, facade.PropertyWriteWithoutResponse)
	if char.Acquire && (!command || char.Write == nil) {
		c.fail(where, "it can be acquired only with a function Write and writes without response")
	}
	c.descriptors(where, char, next)
}

func (c *checker) descriptors(where string, char *Characteristic, next *facade.Handle) {
	uuids := map[facade.UUID]bool{}
	for i, d := range char.Descriptors {
		if d == nil || c.again(d) {
			c.fail(where, "descriptor %d is nil, or declared twice", i+1)
			continue
		}
		inside := where + ": descriptor " + d.UUID.Short()
		c.uuid(inside, d.UUID)
		if uuids[d.UUID] && d.UUID != presentationFormat {
			c.fail(inside, "the characteristic has another one of this UUID")
		}
		uuids[d.UUID] = true
		c.properties(inside, d.properties(), descriptorProperties)
		c.functions(inside, d.properties(), d.Value, d.Read != nil, d.Write != nil, d.Authorize != nil)
		if d.Handle != 0 && *next == 0 {
			c.fail(inside, "it has a handle, but its service has none")
		}
		*next = c.handle(inside, d.Handle, *next)
	}
}

// presentationFormat is the descriptor of which a characteristic may have several (Core
// Specification, Vol 3, Part G, 3.3.3.5).
var presentationFormat = facade.UUID16(0x2904)

func (c *checker) properties(where string, properties, known []facade.Property) {
	if len(properties) == 0 {
		c.fail(where, "it has no property")
	}
	for i, p := range properties {
		if !slices.Contains(known, p) {
			c.fail(where, "there is no property %q here", string(p))
		} else if slices.Contains(properties[:i], p) {
			c.fail(where, "it has property %s twice", p)
		}
	}
}

// functions checks that an attribute can do what its properties say, and no more.
func (c *checker) functions(where string, properties []facade.Property, value []byte, read, write, authorize bool) {
	readable, writable := can(properties, reading), can(properties, writing)
	switch {
	case read && !readable:
		c.fail(where, "it has a function Read, but no property for reading")
	case read && value != nil:
		c.fail(where, "it has a Value and a function Read")
	case readable && !read && value == nil:
		c.fail(where, "it can be read, but has neither Value nor Read")
	}
	switch {
	case write && !writable:
		c.fail(where, "it has a function Write, but no property for writing")
	case writable && !write && (value == nil || read):
		c.fail(where, "it can be written, but has neither Value nor Write")
	}
	switch {
	case authorize && !writable:
		c.fail(where, "it has a function Authorize, but no property for writing")
	case !authorize && slices.Contains(properties, facade.PropertyAuthorize):
		c.fail(where, "it has property authorize, but no function Authorize")
	}
	if len(value) > maxValue {
		c.fail(where, "its Value has %d bytes, more than %d", len(value), maxValue)
	}
}

// Properties that allow to read, to write and to subscribe.
var (
	reading = []facade.Property{facade.PropertyRead, facade.PropertyEncryptRead, facade.PropertyEncryptAuthenticatedRead, facade.PropertySecureRead}
	writing = []facade.Property{
		facade.PropertyWrite, facade.PropertyWriteWithoutResponse, facade.PropertyAuthenticatedSignedWrites, facade.PropertyReliableWrite,
		facade.PropertyEncryptWrite, facade.PropertyEncryptAuthenticatedWrite, facade.PropertySecureWrite,
	}
	notifying = []facade.Property{
		facade.PropertyNotify, facade.PropertyEncryptNotify, facade.PropertyEncryptAuthenticatedNotify, facade.PropertySecureNotify,
	}
	indicating = []facade.Property{
		facade.PropertyIndicate, facade.PropertyEncryptIndicate, facade.PropertyEncryptAuthenticatedIndicate, facade.PropertySecureIndicate,
	}
	subscribing = slices.Concat(notifying, indicating)

	characteristicProperties = slices.Concat(reading, writing, subscribing, []facade.Property{
		facade.PropertyBroadcast, facade.PropertyExtendedProperties, facade.PropertyWritableAuxiliaries, facade.PropertyAuthorize,
	})
	descriptorProperties = []facade.Property{
		facade.Property(bluezgen.DescriptorFlagRead), facade.Property(bluezgen.DescriptorFlagWrite),
		facade.Property(bluezgen.DescriptorFlagEncryptRead), facade.Property(bluezgen.DescriptorFlagEncryptWrite),
		facade.Property(bluezgen.DescriptorFlagEncryptAuthenticatedRead), facade.Property(bluezgen.DescriptorFlagEncryptAuthenticatedWrite),
		facade.Property(bluezgen.DescriptorFlagSecureRead), facade.Property(bluezgen.DescriptorFlagSecureWrite),
		facade.Property(bluezgen.DescriptorFlagAuthorize),
	}
)

// can reports whether any of some properties is there.
func can(properties, some []facade.Property) bool {
	return slices.ContainsFunc(properties, func(p facade.Property) bool { return slices.Contains(some, p) })
}

// properties returns what may be done with a descriptor.
func (d *Descriptor) properties() []facade.Property {
	if len(d.Properties) == 0 {
		return []facade.Property{facade.PropertyRead}
	}
	return d.Properties
}

// attributes returns how many attributes a service has, and so handles, with those that
// BlueZ adds.
func (s *Service) attributes() int {
	n := 1 + len(s.Includes)
	for _, char := range s.Characteristics {
		if char == nil {
			continue
		}
		n += 2 + len(char.Descriptors)
		if can(char.Properties, subscribing) {
			n++
		}
		if slices.Contains(char.Properties, facade.PropertyReliableWrite) || slices.Contains(char.Properties, facade.PropertyWritableAuxiliaries) {
			n++
		}
	}
	return n
}

// order returns the services such that each comes after those that it includes, which
// BlueZ wants, and otherwise as they were declared.
func (a *Application) order() ([]*Service, error) {
	var ordered []*Service
	const visiting, visited = 1, 2
	state := map[*Service]int{}
	var visit func(s *Service) error
	visit = func(s *Service) error {
		switch {
		case s == nil || state[s] == visited:
			return nil
		case state[s] == visiting:
			return fmt.Errorf("service %s includes itself by way of others", s.UUID.Short())
		}
		state[s] = visiting
		for _, included := range s.Includes {
			if included == s {
				continue
			}
			if err := visit(included); err != nil {
				return err
			}
		}
		state[s] = visited
		ordered = append(ordered, s)
		return nil
	}
	for _, s := range a.Services {
		if err := visit(s); err != nil {
			return nil, err
		}
	}
	return ordered, nil
}
