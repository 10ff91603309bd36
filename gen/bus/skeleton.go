package bus

import (
	"context"
	"fmt"
	"slices"
	"sync"

	"github.com/gobluez/bluez/gen/wire"
)

// A Skeleton is the served side of one interface, which generated code makes of an
// implementation. [Conn.Export] puts it on the bus.
type Skeleton interface {
	// Serve describes what is served. It is called once an Export.
	Serve() *ServedInterface
}

// A ServedInterface is what a Skeleton serves.
type ServedInterface struct {
	Name       string           // of the D-Bus interface
	XML        string           // its <interface> element, for Introspect
	Methods    []ServedMethod   // those that the implementation serves
	Properties ServedProperties // nil if it has none
	Emitter    *Emitter         // nil if it has neither signals nor properties
}

// A ServedMethod serves the calls of one method.
type ServedMethod struct {
	Method // Priority says nothing here

	// Serve decodes the arguments from in, whose signature is In, runs the method,
	// and returns what encodes the results, nil if there are none. The decoder is
	// valid until Serve returns. Files that out encodes are closed once they are
	// sent.
	//
	// An *[Error] goes to the caller as it is, any other error as ErrFailed with its
	// text. ctx is described at [Conn.Export].
	Serve func(ctx context.Context, in *wire.Decoder) (out func(*wire.Encoder), err error)
}

// ServedProperties are the properties of a served interface. EncodeAll and Encode
// are called with the Emitter locked: they must not call it.
type ServedProperties interface {
	// EncodeAll writes the entries of an a{sv}, one for each property that is
	// present and readable.
	EncodeAll(e *wire.Encoder)
	// Encode writes one property as a variant. A property that is unknown, absent or
	// write-only is ErrUnknownProperty.
	Encode(name string, e *wire.Encoder) error
	// Set sets a property to the variant that d stands at. Errors are those of a
	// served method, such as ErrUnknownProperty, ErrPropertyReadOnly and
	// ErrInvalidArgs.
	Set(ctx context.Context, name string, d *wire.Decoder) error
}

// An Emitter sends the signals of a Skeleton, of which it is a part. The zero
// value is ready for use; it must not be copied. Its methods may be called from any
// goroutine. They do not block, unless the bus is a thousand messages behind.
type Emitter struct {
	mu     sync.Mutex
	served *served // nil while the skeleton is not exported
}

// Emit sends a signal. sig is the signature of its arguments, which encode writes;
// encode may be nil. If the skeleton is not exported, the error matches
// [ErrNotExported].
func (e *Emitter) Emit(member, sig string, encode func(*wire.Encoder)) error {
	body := newEncoder()
	defer putEncoder(body)
	if encode != nil {
		encode(body)
	}
	e.mu.Lock()
	s := e.live()
	if s == nil {
		e.mu.Unlock()
		return fmt.Errorf("emit %s: %w", member, ErrNotExported)
	}
	err := s.emit(s.description.Name, member, sig, body)
	e.mu.Unlock()
	if err != nil {
		return fmt.Errorf("emit %s.%s of %s: %w", s.description.Name, member, s.export.path, err)
	}
	s.export.conn.throttle()
	return nil
}

// PropertiesChanged runs change, which changes the state that ServedProperties
// reads and writes what it did: the changed properties as a{sv} and the names of
// the invalidated ones as as. If the skeleton is exported, that is sent as the
// PropertiesChanged signal, unless it wrote no property. change runs exactly once, and no reply to Get, GetAll or
// GetManagedObjects nor another change comes between it and the signal: what peers
// see is what happened.
//
// change must not call the Emitter. The error is that of sending; the change has
// been made.
func (e *Emitter) PropertiesChanged(change func(*wire.Encoder)) error {
	body := newEncoder()
	defer putEncoder(body)
	e.mu.Lock()
	s := e.live()
	if s == nil {
		change(body)
		e.mu.Unlock()
		return nil
	}
	body.String(s.description.Name)
	nothing := len(body.Body())
	change(body)
	if body.Err() == nil && isZero(body.Body()[nothing:]) {
		e.mu.Unlock()
		return nil
	}
	err := s.emit(propertiesInterface, "PropertiesChanged", propertiesChangedSignature, body)
	e.mu.Unlock()
	if err != nil {
		return fmt.Errorf("emit changed properties of %s of %s: %w", s.description.Name, s.export.path, err)
	}
	s.export.conn.throttle()
	return nil
}

// isZero reports whether there are only zeroes, as in empty arrays and the padding between them.
func isZero(encoded []byte) bool {
	return !slices.ContainsFunc(encoded, func(b byte) bool { return b != 0 })
}

// live returns what the Emitter sends through, unless that has ended. It is locked.
func (e *Emitter) live() *served {
	if e.served != nil && e.served.export.ctx.Err() != nil {
		e.served = nil
	}
	return e.served
}

// attach makes the Emitter send through s. It is false if another export has it.
func (e *Emitter) attach(s *served) bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.live() != nil {
		return false
	}
	e.served = s
	return true
}

// detach ends what attach began.
func (e *Emitter) detach(s *served) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.served == s {
		e.served = nil
	}
}
