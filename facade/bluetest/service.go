package bluetest

import (
	"context"

	"github.com/gobluez/bluez/bluezgen"
)

// maxMTU is the largest attribute packet that BlueZ takes, in bytes.
const maxMTU = 517

// A Service declares a GATT service of a device. Every device has the services GAP (1800,
// with its name and appearance) and GATT (1801, with Service Changed); they need not be
// declared.
//
// Handles ascend in the order of the declaration. Those that are 0 are given, each the
// next one; mistakes in the others are errors that name them.
type Service struct {
	UUID            string   // 16 bits as "180d", 32 bits, or all 128; in any case
	Handle          uint16   // of the declaration; 0 is the next free one
	Secondary       bool     // not a primary service
	Includes        []uint16 // handles of the services that it includes, each of which takes a handle behind Handle
	Characteristics []Characteristic
}

// A Characteristic declares a characteristic. What is read and written is Value, up to
// 512 bytes, unless Read and Write say otherwise.
type Characteristic struct {
	UUID   string
	Handle uint16 // of the declaration, the value has the next one; 0 is the next free one
	// Flags are what the characteristic allows: read, write, notify, ... BlueZ shows those
	// that are in the declaration of a real device. The others say what access needs,
	// such as encrypt-read for a read, which they allow too: an encrypted link, one whose keys
	// are authenticated (encrypt-authenticated-*, secure-*), or a bond (authorize).
	Flags []bluezgen.CharacteristicFlag
	Value []byte
	// Descriptors need not have the client characteristic configuration (2902), which those
	// with notify or indicate get by themselves, nor the extended properties (2900), which
	// follow from the flags. If a 2902 is declared, its Write runs when a central
	// subscribes or unsubscribes, after that is in force and before it is answered.
	Descriptors []Descriptor

	// Read, if not nil, answers each read with the whole value. It may block while ctx
	// lasts, which ends with the link; meanwhile the device answers nobody else. An error
	// that is an [ATTError] is what the device answers; any other is answered as an
	// unlikely error.
	Read func(ctx context.Context, p *Peripheral) ([]byte, error)
	// Write, if not nil, is called with each value that is written, before it is kept;
	// for a long write that is the whole value. What is said of Read holds here too, but
	// a write without response has no answer.
	Write func(ctx context.Context, p *Peripheral, value []byte) error
	// Notify, if not nil, runs while a central is subscribed, and sends what it wants to by
	// calling send, which blocks until the packet is on its way (an indication: until it was
	// confirmed) and fails when ctx has ended. It begins when BlueZ knows that it has
	// subscribed. It is not begun again before it has returned.
	Notify func(ctx context.Context, p *Peripheral, send func(value []byte) error)
}

// A Descriptor declares a descriptor of a characteristic. Flags, Read and Write are as in
// Characteristic.
type Descriptor struct {
	UUID   string
	Handle uint16                    // 0 is the next free one
	Flags  []bluezgen.DescriptorFlag // default: read
	Value  []byte

	Read  func(ctx context.Context, p *Peripheral) ([]byte, error)
	Write func(ctx context.Context, p *Peripheral, value []byte) error
}
