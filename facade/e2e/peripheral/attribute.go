//go:build linux

package main

import (
	"context"
	"fmt"
	"slices"
	"sync"

	"github.com/gobluez/bluez/bluezgen"
	"github.com/gobluez/bluez/facade/e2e/world"
	"github.com/gobluez/bluez/gen/bus"
)

// maxValue is the longest value of an attribute (Core specification, volume 3, part F, 3.2.9).
const maxValue = 512

// storage is a value that is kept as it was written.
type storage struct {
	written func() // called after each write, may be nil

	mu    sync.Mutex
	value []byte
}

func (s *storage) read(o bluezgen.ReadOptions) ([]byte, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return from(s.value, o)
}

// write replaces the value, or from an offset on what follows it, as a long write does.
func (s *storage) write(value []byte, offset bus.Opt[uint16]) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	at, _ := offset.Get()
	if int(at) > len(s.value) {
		return bluezgen.ErrInvalidOffset
	}
	if int(at)+len(value) > maxValue {
		return bluezgen.ErrInvalidValueLength
	}
	s.value = append(slices.Clone(s.value[:at]), value...)
	if s.written != nil {
		s.written()
	}
	return nil
}

// from returns a value from the offset on that a read asks for.
func from(value []byte, o bluezgen.ReadOptions) ([]byte, error) {
	at, _ := o.Offset.Get()
	if int(at) > len(value) {
		return nil, bluezgen.ErrInvalidOffset
	}
	return slices.Clone(value[at:]), nil
}

// attribute is a characteristic with a stored value.
type attribute struct {
	bluezgen.UnimplementedGattCharacteristic1Server
	*storage
}

func (a *attribute) ReadValue(_ context.Context, o bluezgen.ReadOptions) ([]byte, error) {
	return a.read(o)
}

func (a *attribute) WriteValue(_ context.Context, value []byte, o bluezgen.WriteOptions) error {
	return a.write(value, o.Offset)
}

// descriptor is a descriptor with a stored value.
type descriptor struct {
	bluezgen.UnimplementedGattDescriptor1Server
	*storage
}

func (d *descriptor) ReadValue(_ context.Context, o bluezgen.ReadOptions) ([]byte, error) {
	return d.read(o)
}

func (d *descriptor) WriteValue(_ context.Context, value []byte, o bluezgen.DescriptorWriteOptions) error {
	return d.write(value, o.Offset)
}

// refuser is a characteristic that refuses everything.
type refuser struct {
	bluezgen.UnimplementedGattCharacteristic1Server
}

func (refuser) ReadValue(context.Context, bluezgen.ReadOptions) ([]byte, error) {
	return nil, refusal()
}

func (refuser) WriteValue(context.Context, []byte, bluezgen.WriteOptions) error { return refusal() }

// refusal carries an ATT error code the way that BlueZ reads it, as a number in the text of Failed.
func refusal() error { return bluezgen.ErrFailed.With(fmt.Sprintf("%#x", world.RefusedCode)) }
