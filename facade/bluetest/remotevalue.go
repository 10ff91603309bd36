package bluetest

import (
	"context"
	"slices"

	"github.com/gobluez/bluez/bluezgen"
	"github.com/gobluez/bluez/gen/bus"
)

// A remoteValue is what BlueZ knows of a value on a device, and what it is doing with it.
type remoteValue struct {
	client *gattClient
	handle uint16
	show   func(value []byte) // as the property Value

	// Guarded by the world.
	cached  []byte   // read or notified last; empty if neither
	reading *reading // nil if nobody does
	writing bool
}

// A reading is a read that is under way, for one client or several.
type reading struct {
	offset  uint16
	readers []chan<- answer
}

// An answer is what a call gets.
type answer struct {
	value []byte
	err   error
}

// readValue reads the value from an offset on. Who asks for the same while it is read
// gets the same answer.
func (v *remoteValue) readValue(ctx context.Context, offset uint16) ([]byte, error) {
	answers, err := v.startReading(offset)
	if err != nil {
		return nil, err
	}
	return await(ctx, answers)
}

func (v *remoteValue) startReading(offset uint16) (<-chan answer, error) {
	w := v.client.device.adapter.bluetoothd.world
	w.mu.Lock()
	defer w.mu.Unlock()
	if v.client.queue == nil {
		return nil, errNoLink()
	}
	answers := make(chan answer, 1)
	if r := v.reading; r != nil {
		if r.offset != offset {
			return nil, errInProgress()
		}
		r.readers = append(r.readers, answers)
		return answers, nil
	}
	v.reading = &reading{offset: offset, readers: []chan<- answer{answers}}
	v.client.read(v.handle, offset, v.wasRead)
	return answers, nil
}

// wasRead takes what was read. It is shown before the readers get it, and so looks like
// a notification.
func (v *remoteValue) wasRead(value []byte, err ATTError) {
	r := v.reading
	v.reading = nil
	if err == 0 {
		if missing := int(r.offset) - len(v.cached); missing > 0 {
			v.cached = append(slices.Clone(v.cached), make([]byte, missing)...)
		}
		v.update(append(slices.Clone(v.cached[:r.offset]), value...))
	}
	for _, reader := range r.readers {
		reader <- answer{value, err.dbus()}
	}
}

// update shows a value, also one that is no other than before.
func (v *remoteValue) update(value []byte) {
	v.cached = value
	v.show(value)
}

// writeRequest writes a value with response, in prepared pieces if it does not fit
// into one packet or has an offset. The world is locked.
func (v *remoteValue) writeRequest(value []byte, offset uint16, prepared bool) (<-chan answer, error) {
	l := v.client.queue.link
	w := write{handle: v.handle, value: value, offset: offset}
	rounds := 1
	if w.long = prepared || offset > 0 || len(value) > int(l.mtu)-3; w.long {
		if len(value) == 0 || len(value)+int(offset) > 0xffff {
			return nil, bluezgen.ErrFailed.With("Failed to initiate write")
		}
		piece := int(l.mtu) - 5
		rounds = (len(value)+piece-1)/piece + 1
	}
	answers := make(chan answer, 1)
	v.writing = true
	v.client.queue.enqueue(&attRequest{
		rounds: rounds,
		serve:  func() ([]byte, ATTError) { return nil, l.peripheral.attributes.write(l, w) },
		answered: func(_ []byte, err ATTError) {
			v.writing = false
			answers <- answer{err: err.dbus()}
		},
	})
	return answers, nil
}

// await lets other calls to the object in and waits for an answer. A call whose object
// goes or whose caller leaves gets none.
func await(ctx context.Context, answers <-chan answer) ([]byte, error) {
	bus.Release(ctx)
	select {
	case a := <-answers:
		return a.value, a.err
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
}
