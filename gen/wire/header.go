package wire

// A Type is the kind of a message. Kinds other than the four here are well-formed
// and to be ignored, says the specification.
type Type byte

// The kinds of messages.
const (
	MethodCall   Type = 1
	MethodReturn Type = 2
	Error        Type = 3
	Signal       Type = 4
)

// String returns the name that the specification's match rules use, such as
// "method_call", or "unknown".
func (t Type) String() string {
	switch t {
	case MethodCall:
		return "method_call"
	case MethodReturn:
		return "method_return"
	case Error:
		return "error"
	case Signal:
		return "signal"
	}
	return "unknown"
}

// Flags are the flags of a message. Bits other than those here are to be ignored,
// says the specification.
type Flags byte

// The flags of messages.
const (
	// NoReplyExpected asks the receiver of a method call to send no reply.
	NoReplyExpected Flags = 1
	// NoAutoStart asks the bus not to start a service for this message.
	NoAutoStart Flags = 2
	// AllowInteractiveAuthorization says that the caller is ready to wait while a
	// human is asked for permission.
	AllowInteractiveAuthorization Flags = 4
)

// A Header is what comes before a message's body. The byte slices of a parsed
// Header are views into its frame, valid as long as the frame is; a field that is
// absent is nil.
type Header struct {
	Order       Order
	Type        Type
	Flags       Flags
	Serial      uint32 // of this message, never 0
	ReplySerial uint32 // of the call that this is the reply to; 0 when absent
	BodyLen     uint32 // in bytes; AppendFrame goes by the body itself
	UnixFDs     uint32 // how many descriptors come with the message

	Path        []byte // object that is called, or that emits the signal
	Interface   []byte
	Member      []byte // name of the method or signal
	ErrorName   []byte
	Destination []byte // bus name
	Sender      []byte // unique bus name, written by the bus
	Signature   []byte // of the body
}

// Codes of header fields.
const (
	fieldPath        = 1
	fieldInterface   = 2
	fieldMember      = 3
	fieldErrorName   = 4
	fieldReplySerial = 5
	fieldDestination = 6
	fieldSender      = 7
	fieldSignature   = 8
	fieldUnixFDs     = 9
)

// Names that only a D-Bus library may use towards its own application, never a
// message on the wire.
const (
	localPath      = "/org/freedesktop/DBus/Local"
	localInterface = "org.freedesktop.DBus.Local"
)

// problem returns what is wrong with the header of a message whose body has so
// many bytes, or "". Parsing checks the grammar of each field by itself.
func (h *Header) problem(body int) string {
	switch {
	case h.Type == 0:
		return "message type is 0"
	case h.Serial == 0:
		return "serial is 0"
	case (len(h.Signature) == 0) != (body == 0):
		return "signature and body do not agree on whether there is a body"
	case string(h.Path) == localPath || string(h.Interface) == localInterface:
		return "reserved path or interface org.freedesktop.DBus.Local"
	}
	switch h.Type {
	case MethodCall:
		if h.Path == nil || h.Member == nil {
			return "method call without path or member"
		}
	case MethodReturn:
		if h.ReplySerial == 0 {
			return "method return without reply serial"
		}
	case Error:
		if h.ErrorName == nil || h.ReplySerial == 0 {
			return "error without error name or reply serial"
		}
	case Signal:
		if h.Path == nil || h.Interface == nil || h.Member == nil {
			return "signal without path, interface or member"
		}
	}
	return ""
}
