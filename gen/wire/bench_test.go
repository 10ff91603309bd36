package wire

import (
	"testing"

	"github.com/godbus/dbus/v5"
)

// advertisementBody is the body of the PropertiesChanged signal that bluetoothd
// sends for an advertisement: RSSI and 24 bytes of manufacturer data.
func advertisementBody() []byte {
	e := NewEncoder(LittleEndian)
	e.String("org.bluez.Device1")
	properties := e.Array(8)
	e.Struct()
	e.String("RSSI")
	e.VariantOf("n")
	e.Int16(-67)
	e.Struct()
	e.String("ManufacturerData")
	e.VariantOf("a{qv}")
	data := e.Array(8)
	e.Struct()
	e.Uint16(0x004c)
	e.VariantOf("ay")
	e.Bytes([]byte("\x02\x15 24 bytes of beacon.."))
	e.EndArray(data)
	e.EndArray(properties)
	e.EndArray(e.Array(4))
	return e.Body()
}

// notificationBody is the body of the PropertiesChanged signal for a notification
// of n bytes.
func notificationBody(n int) []byte {
	e := NewEncoder(LittleEndian)
	e.String("org.bluez.GattCharacteristic1")
	properties := e.Array(8)
	e.Struct()
	e.String("Value")
	e.VariantOf("ay")
	e.Bytes(make([]byte, n))
	e.EndArray(properties)
	e.EndArray(e.Array(4))
	return e.Body()
}

// signalFrame is a whole PropertiesChanged signal around body.
func signalFrame(body []byte) []byte {
	frame, err := AppendFrame(nil, &Header{
		Type:      Signal,
		Flags:     NoReplyExpected,
		Serial:    4711,
		Path:      []byte("/org/bluez/hci0/dev_C0_FF_EE_00_00_01"),
		Interface: []byte("org.freedesktop.DBus.Properties"),
		Member:    []byte("PropertiesChanged"),
		Sender:    []byte(":1.3"),
		Signature: []byte("sa{sv}as"),
	}, body)
	if err != nil {
		panic(err)
	}
	return frame
}

type device struct {
	rssi         int16
	manufacturer map[uint16][]byte
}

// decodeDevice reads as generated code does.
func decodeDevice(d *Decoder, dev *device) {
	for end := d.Array(8); d.More(end); {
		d.Struct()
		switch string(d.StringView()) {
		case "RSSI":
			if d.VariantOf("n", "org.bluez.Device1.RSSI") {
				dev.rssi = d.Int16()
			}
		case "ManufacturerData":
			if d.VariantOf("a{qv}", "org.bluez.Device1.ManufacturerData") {
				dev.manufacturer = make(map[uint16][]byte)
				for end := d.Array(8); d.More(end); {
					d.Struct()
					company := d.Uint16()
					if d.VariantOf("ay", "org.bluez.Device1.ManufacturerData") {
						dev.manufacturer[company] = d.Bytes()
					}
				}
			}
		default:
			d.SkipVariant()
		}
	}
	for end := d.Array(4); d.More(end); {
		d.StringView()
	}
}

// decodeValue reads the Value of a characteristic as generated code does.
func decodeValue(d *Decoder) (value []byte) {
	for end := d.Array(8); d.More(end); {
		d.Struct()
		switch string(d.StringView()) {
		case "Value":
			if d.VariantOf("ay", "org.bluez.GattCharacteristic1.Value") {
				value = d.Bytes()
			}
		default:
			d.SkipVariant()
		}
	}
	for end := d.Array(4); d.More(end); {
		d.StringView()
	}
	return value
}

func BenchmarkDecodeAdvertisement(b *testing.B) {
	body := advertisementBody()
	var d Decoder
	var dev device
	b.ReportAllocs()
	for b.Loop() {
		d.Reset(body, LittleEndian, nil)
		d.StringView()
		decodeDevice(&d, &dev)
		if d.Err() != nil || d.Remaining() != 0 {
			b.Fatal(d.Err())
		}
	}
}

func BenchmarkDecodeNotification20(b *testing.B)  { benchmarkNotification(b, 20) }
func BenchmarkDecodeNotification512(b *testing.B) { benchmarkNotification(b, 512) }

func benchmarkNotification(b *testing.B, size int) {
	body := notificationBody(size)
	var d Decoder
	b.ReportAllocs()
	for b.Loop() {
		d.Reset(body, LittleEndian, nil)
		d.StringView()
		if value := decodeValue(&d); len(value) != size || d.Err() != nil {
			b.Fatal(d.Err())
		}
	}
}

func BenchmarkParseFrame(b *testing.B) {
	frame := signalFrame(advertisementBody())
	var h Header
	b.ReportAllocs()
	for b.Loop() {
		if _, err := ParseFrame(frame, &h); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkSkipProperties(b *testing.B) {
	body := advertisementBody()
	var d Decoder
	b.ReportAllocs()
	for b.Loop() {
		d.Reset(body, LittleEndian, nil)
		d.Skip("sa{sv}as")
		if d.Err() != nil {
			b.Fatal(d.Err())
		}
	}
}

func BenchmarkVariant(b *testing.B) {
	e := NewEncoder(LittleEndian)
	e.Variant(dbus.MakeVariant(map[string]dbus.Variant{"RSSI": dbus.MakeVariant(int16(-67))}))
	var d Decoder
	b.ReportAllocs()
	for b.Loop() {
		d.Reset(e.Body(), LittleEndian, nil)
		d.Variant()
		if d.Err() != nil {
			b.Fatal(d.Err())
		}
	}
}

func BenchmarkEncodeWrite(b *testing.B) {
	value := make([]byte, 20)
	header := Header{
		Type:        MethodCall,
		Serial:      1 << 31,
		Path:        []byte("/org/bluez/hci0/dev_C0_FF_EE_00_00_01/service000a/char000b"),
		Interface:   []byte("org.bluez.GattCharacteristic1"),
		Member:      []byte("WriteValue"),
		Destination: []byte("org.bluez"),
		Signature:   []byte("aya{sv}"),
	}
	e := NewEncoder(LittleEndian)
	var frame []byte
	b.ReportAllocs()
	for b.Loop() {
		e.Reset(LittleEndian)
		e.Bytes(value)
		options := e.Array(8)
		e.Struct()
		e.String("type")
		e.VariantOf("s")
		e.String("command")
		e.EndArray(options)
		var err error
		if frame, err = AppendFrame(frame[:0], &header, e.Body()); err != nil {
			b.Fatal(err)
		}
	}
}
