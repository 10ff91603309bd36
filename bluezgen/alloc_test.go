package bluezgen

import (
	"testing"

	"github.com/gobluez/bluez/gen/bus"
	"github.com/gobluez/bluez/gen/wire"
)

// changed is the body of a PropertiesChanged behind its first argument.
func changed(properties func(e *wire.Encoder)) []byte {
	e := wire.NewEncoder(wire.LittleEndian)
	mark := e.Array(8)
	properties(e)
	e.EndArray(mark)
	e.EndArray(e.Array(4))
	return e.Body()
}

// advertisement is what bluetoothd signals most: strength and 24 bytes of manufacturer data.
func advertisement() []byte {
	return changed(func(e *wire.Encoder) {
		p := Device1Properties{RSSI: -67, ManufacturerData: map[uint16][]byte{0x004C: make([]byte, 24)}}
		p.encodeEntries(e, Device1SetOf(Device1RSSI, Device1ManufacturerData))
	})
}

// notification is a value of a characteristic.
func notification(size int) []byte {
	return changed(func(e *wire.Encoder) {
		p := GattCharacteristic1Properties{Value: make([]byte, size)}
		p.encodeEntries(e, GattCharacteristic1SetOf(GattCharacteristic1Value))
	})
}

// hot are the messages that come often, with what they may allocate: the data that their receiver keeps.
var hot = []struct {
	name string
	body []byte
	into bus.Record
	most float64
}{
	{"advertisement", advertisement(), new(Device1Update), 4},
	{"RSSI", changed(func(e *wire.Encoder) {
		p := Device1Properties{RSSI: -67}
		p.encodeEntries(e, Device1SetOf(Device1RSSI))
	}), new(Device1Update), 0},
	{"notification of 20 bytes", notification(20), new(GattCharacteristic1Update), 1},
	{"notification of 512 bytes", notification(512), new(GattCharacteristic1Update), 1},
}

func TestHotMessagesAllocateWhatTheyHold(t *testing.T) {
	var d wire.Decoder
	for _, test := range hot {
		got := testing.AllocsPerRun(100, func() {
			d.Reset(test.body, wire.LittleEndian, nil)
			test.into.Apply(&d)
		})
		if d.Err() != nil || d.Remaining() > 0 {
			t.Errorf("%s: %v, %d bytes left", test.name, d.Err(), d.Remaining())
		}
		if got > test.most {
			t.Errorf("%s: %v allocations, want at most %v", test.name, got, test.most)
		}
	}
}

func TestEncodingOptionsAllocatesNothing(t *testing.T) {
	e, value := wire.NewEncoder(wire.LittleEndian), make([]byte, 20)
	got := testing.AllocsPerRun(100, func() {
		e.Reset(wire.LittleEndian)
		e.Bytes(value)
		encodeWriteOptions(e, WriteOptions{Type: WriteTypeCommand})
	})
	if got != 0 || e.Err() != nil {
		t.Errorf("%v allocations, %v", got, e.Err())
	}
}

func BenchmarkDecode(b *testing.B) {
	for _, test := range hot {
		b.Run(test.name, func(b *testing.B) {
			var d wire.Decoder
			b.ReportAllocs()
			for b.Loop() {
				d.Reset(test.body, wire.LittleEndian, nil)
				test.into.Apply(&d)
			}
			if d.Err() != nil {
				b.Fatal(d.Err())
			}
		})
	}
}

func BenchmarkEncodeWrite(b *testing.B) {
	e, value := wire.NewEncoder(wire.LittleEndian), make([]byte, 20)
	b.ReportAllocs()
	for b.Loop() {
		e.Reset(wire.LittleEndian)
		e.Bytes(value)
		encodeWriteOptions(e, WriteOptions{Type: WriteTypeCommand})
	}
}
