package wire

// Limits of the D-Bus specification. A message beyond one of them is malformed.
const (
	// MaxMessage is the largest message in bytes, header and padding included.
	MaxMessage = 128 << 20
	// MaxArray is the largest array in bytes, from the first element to the last.
	MaxArray = 64 << 20
	// MaxSignature is the longest signature in bytes.
	MaxSignature = 255
	// MaxName is the longest interface, member, error or bus name in bytes.
	MaxName = 255
	// MaxSignatureNesting is how deep arrays may nest in one signature, and,
	// counted separately, how deep structs may.
	MaxSignatureNesting = 32
	// MaxNesting is how deep the containers of a value may nest in all, where
	// arrays, structs, dictionary entries and variants count one each.
	MaxNesting = 64
	// MaxUnixFDs is how many descriptors this package puts into one message. It
	// is the limit that dbus-daemon sets on the system bus
	// (max_message_unix_fds); the wire format itself has none.
	MaxUnixFDs = 16
)

// An Order is the byte order of a message, as the first byte of its header says it.
// The zero value counts as LittleEndian where a message is written.
type Order byte

// The byte orders of the D-Bus specification.
const (
	LittleEndian Order = 'l'
	BigEndian    Order = 'B'
)

// String returns "little endian", "big endian" or "unknown byte order".
func (o Order) String() string {
	switch o {
	case LittleEndian:
		return "little endian"
	case BigEndian:
		return "big endian"
	}
	return "unknown byte order"
}
