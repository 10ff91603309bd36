package bus

import (
	"fmt"

	"github.com/godbus/dbus/v5"

	"github.com/gobluez/bluez/gen/wire"
)

// hostOrder is the byte order that messages are written in. Either is right, so
// all machines write the same.
const hostOrder = wire.LittleEndian

// An outgoing is the header of a message to send.
type outgoing struct {
	typ         wire.Type
	flags       wire.Flags
	serial      uint32
	replySerial uint32
	dest        string
	path        dbus.ObjectPath
	iface       string
	member      string
	errorName   string
	sig         string
}

// encode writes the message into f, with the body and the descriptors of e. The
// descriptors are duplicated: whoever encoded them may close them at once.
func (o *outgoing) encode(f *frame, e *wire.Encoder) error {
	if err := e.Err(); err != nil {
		return err
	}
	h := wire.Header{
		Order:       hostOrder,
		Type:        o.typ,
		Flags:       o.flags,
		Serial:      o.serial,
		ReplySerial: o.replySerial,
		UnixFDs:     uint32(len(e.Files())),
	}
	names := nameBuffer{bytes: f.names[:0]}
	h.Destination = names.add(o.dest)
	h.Path = names.add(string(o.path))
	h.Interface = names.add(o.iface)
	h.Member = names.add(o.member)
	h.ErrorName = names.add(o.errorName)
	h.Signature = names.add(o.sig)
	f.names = names.bytes
	var err error
	if f.buf, err = wire.AppendFrame(f.buf[:0], &h, e.Body()); err != nil {
		return err
	}
	for i, file := range e.Files() {
		fd, err := duplicate(file)
		if err != nil {
			closeFDs(f.fds)
			f.fds = f.fds[:0]
			return fmt.Errorf("send descriptor %d: %w", i, err)
		}
		f.fds = append(f.fds, fd)
	}
	return nil
}

// A nameBuffer turns strings into byte slices without allocating for each.
type nameBuffer struct{ bytes []byte }

// add returns s as bytes, or nil if it is empty.
func (b *nameBuffer) add(s string) []byte {
	if s == "" {
		return nil
	}
	start := len(b.bytes)
	b.bytes = append(b.bytes, s...)
	return b.bytes[start:len(b.bytes):len(b.bytes)]
}
