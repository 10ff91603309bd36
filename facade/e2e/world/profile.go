package world

import "encoding/binary"

// ExampleName is what BlueZ's example-advertisement says.
const ExampleName = "TestAdvertisement"

// What our own peripheral advertises and serves. Tests of the central hold it to this.
const (
	OwnName         = "gobluez"
	OwnManufacturer = 0xFFFF // the identifier for tests, of no company
	ServiceUUID     = "b5ea0000-7e57-4000-8000-00805f9b34fb"

	// ValueUUID can be read and written, up to 512 bytes.
	ValueUUID = "b5ea0001-7e57-4000-8000-00805f9b34fb"
	// NoteUUID is a descriptor of ValueUUID that can be read and written.
	NoteUUID = "b5ea0002-7e57-4000-8000-00805f9b34fb"
	// CommandUUID can be written without response only, and read.
	CommandUUID = "b5ea0003-7e57-4000-8000-00805f9b34fb"
	// RefusedUUID answers each read and write with ATT error RefusedCode.
	RefusedUUID = "b5ea0004-7e57-4000-8000-00805f9b34fb"
	// CounterUUID notifies, on request, as the peripheral changes its Value property.
	CounterUUID = "b5ea0005-7e57-4000-8000-00805f9b34fb"
	// StreamUUID notifies, on request, through a socket that bluetoothd acquires of the peripheral.
	StreamUUID = "b5ea0006-7e57-4000-8000-00805f9b34fb"
	// ControlUUID takes a Control.
	ControlUUID = "b5ea0007-7e57-4000-8000-00805f9b34fb"
	// StatusUUID reads as a Status in JSON.
	StatusUUID = "b5ea0008-7e57-4000-8000-00805f9b34fb"

	// NoteAtFirst is the descriptor's value before it is written.
	NoteAtFirst = "a note"
	// RefusedCode is an ATT error code of the range for applications.
	RefusedCode = 0x80
)

// OwnManufacturerData is what is advertised for OwnManufacturer.
func OwnManufacturerData() []byte { return []byte{0xC0, 0xFF, 0xEE} }

// Operation says what a Control asks for.
type Operation byte

const (
	// Count has CounterUUID and StreamUUID, whichever are subscribed to, notify Control.Count numbers from 0, each as four bytes,
	// little endian.
	Count Operation = 1 + iota
	// Disconnect has the peripheral end the connection.
	Disconnect
)

// Control is a request to our own peripheral.
type Control struct {
	Operation Operation
	Count     uint16
	Interval  uint16 // ms between the numbers; 0 sends them as fast as they go
}

const controlSize = 5

// Bytes returns the control as it is written to ControlUUID.
func (c Control) Bytes() []byte {
	b := binary.LittleEndian.AppendUint16([]byte{byte(c.Operation)}, c.Count)
	return binary.LittleEndian.AppendUint16(b, c.Interval)
}

// ParseControl is the inverse of Bytes; ok is false for anything else.
func ParseControl(b []byte) (c Control, ok bool) {
	if len(b) != controlSize {
		return Control{}, false
	}
	return Control{Operation(b[0]), binary.LittleEndian.Uint16(b[1:]), binary.LittleEndian.Uint16(b[3:])}, true
}

// Status is what StatusUUID tells of the peripheral's side.
type Status struct {
	Counter  bool // somebody is subscribed to CounterUUID
	Stream   bool // and to StreamUUID
	Commands int  // values that CommandUUID was written so far
}
