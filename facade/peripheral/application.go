package peripheral

import (
	"context"

	"github.com/gobluez/bluez/bluezgen"
	"github.com/gobluez/bluez/facade"
)

// An Application is a GATT tree as it is declared, and who wants to know what happens to
// it. Serve reads it and keeps its pointers: it must not be changed while it is served.
// It can be served several times, on several adapters.
type Application struct {
	// Services are served in this order, but that a service that another one includes
	// comes before it. BlueZ itself has the services Generic Access (0x1800), Generic
	// Attribute (0x1801) and Device Information (0x180A, with the PnP ID only).
	Services []*Service
	// Event, when not nil, is told what happens, one event at a time and in order, on a
	// goroutine of its own. Nothing else waits for it.
	Event func(Event)
}

// A Service is a GATT service of this machine.
type Service struct {
	UUID facade.UUID
	// Secondary services are found only through services that include them.
	Secondary bool
	// Includes are services of the same Application.
	Includes []*Service
	// Handle, when not zero, is the handle that the service shall have, as far as it is
	// free; it has as many as it has attributes, without gaps.
	Handle          facade.Handle
	Characteristics []*Characteristic
}

// A Characteristic is a value of a Service, and what may be done with it.
//
// Its functions are called in the order in which BlueZ passes on what devices ask, one
// at a time for each characteristic. Their ctx ends when the Server is closed and when
// bluetoothd or the bus goes away, that of Read also when the device disconnects: what
// was written is carried out even then. A function that panics fails its own request only;
// the panic is logged by the Central.
//
// What a function returns as error is what the device gets: an ATTError its code, as far
// as BlueZ can express it. That are the codes 0x80 to 0x9f, ATTRequestNotSupported,
// ATTInsufficientAuthorization, ATTInvalidOffset, ATTInvalidValueLength,
// ATTProcedureAlreadyInProgress, ATTImproperlyConfigured, and ATTReadNotPermitted for reads
// and ATTWriteNotPermitted for writes. All other errors arrive as ATTUnlikely.
type Characteristic struct {
	UUID facade.UUID
	// Properties say what may be done, and how well the link has to be protected for it. At
	// least one is needed. What BlueZ makes of some is more than they say:
	// with PropertyEncryptWrite and the like PropertyWrite is there as well.
	Properties []facade.Property
	// Handle, when not zero, is the handle that the declaration shall have; the value has
	// the next one, the Client Characteristic Configuration that BlueZ adds the one
	// after that. The service must have a Handle too.
	Handle facade.Handle

	// Value is what the characteristic is at first, if the Server keeps it: reads without
	// Read return it, writes without Write replace it, and Server.SetValue does. A value
	// has 512 bytes at most. Nil is no value, an empty one is.
	Value []byte
	// Read, when not nil, returns the value, all of it. It is called once for a long read,
	// of which it gets the beginning.
	Read func(ctx context.Context, r *Request) ([]byte, error)
	// Write, when not nil, takes a value. A long write comes as one value as long as the
	// device has written it from its beginning; else r.Offset says where it begins.
	//
	// With PropertyWriteWithoutResponse BlueZ does not wait for the result: what Write
	// returns then reaches nobody, even if the device has asked for a response.
	Write func(ctx context.Context, r *Request, value []byte) error
	// Authorize, when not nil, says whether a device may write; if not, it mostly returns
	// facade.ATTInsufficientAuthorization. It is asked before each Write, and of a long or
	// reliable write also before BlueZ collects it.
	Authorize func(ctx context.Context, r *Request) error
	// Acquire has what is written come through a socket, which is several times faster: a
	// characteristic with PropertyWriteWithoutResponse may say so. Write is called as
	// before, but BlueZ then answers every write at once with success, does not tell
	// where it begins, and drops what comes while 200 kB or more wait for Write.
	//
	// Now and then the first value of a connection has other bytes than the device has
	// written, of the same length: bluetoothd (5.82, and the newest too) keeps it, until the
	// socket is there, in a buffer that the next packet overwrites. Leave Acquire out where
	// the first value matters.
	Acquire bool
	// Subscribed, when not nil, runs on a goroutine of its own for each device that
	// subscribes to notifications or indications, from then on. Its ctx ends with the
	// subscription. It may notify that device, or return and leave it to Server.Notify.
	Subscribed func(ctx context.Context, s *Subscriber)

	Descriptors []*Descriptor
}

// A Descriptor is a further attribute of a Characteristic. Its fields mean what those of
// the same name mean there. BlueZ itself adds the Client Characteristic Configuration
// (0x2902) to what notifies or indicates, and the Extended Properties (0x2900).
type Descriptor struct {
	UUID facade.UUID
	// Properties are those for reading and writing. None are facade.PropertyRead.
	Properties []facade.Property
	Handle     facade.Handle
	Value      []byte
	Read       func(ctx context.Context, r *Request) ([]byte, error)
	Write      func(ctx context.Context, r *Request, value []byte) error
	Authorize  func(ctx context.Context, r *Request) error
}

// maxValue is the length of the longest value of an attribute (Core Specification, Vol 3,
// Part F, 3.2.9).
const maxValue = 512

// An Attribute is a *Characteristic or a *Descriptor. No other types implement it.
type Attribute interface{ attribute() }

func (*Characteristic) attribute() {}
func (*Descriptor) attribute()     {}

// A Request says who asks, and for what.
type Request struct {
	Server         *Server
	Device         facade.Device
	Link           Link            // over which it is connected
	MTU            int             // of its connection, in bytes
	Offset         int             // where the value that is written begins; 0 for reads
	Characteristic *Characteristic // that is meant, or that the Descriptor belongs to
	Descriptor     *Descriptor     // that is meant; nil if it is the Characteristic
}

// A Link is the kind of a connection.
type Link string

// The kinds of connections.
const (
	LinkLE    = Link(bluezgen.LinkTypeLE)    // Low Energy
	LinkBREDR = Link(bluezgen.LinkTypeBREDR) // Classic
)
