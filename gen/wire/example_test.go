package wire_test

import (
	"fmt"

	"github.com/gobluez/bluez/gen/wire"
)

// A signal is written, and read as generated code reads it.
func Example() {
	e := wire.NewEncoder(wire.LittleEndian)
	e.String("org.bluez.Device1")
	changed := e.Array(8)
	e.Struct()
	e.String("RSSI")
	e.VariantOf("n")
	e.Int16(-67)
	e.EndArray(changed)
	e.EndArray(e.Array(4)) // nothing is invalidated
	if err := e.Err(); err != nil {
		fmt.Println(err)
		return
	}
	frame, err := wire.AppendFrame(nil, &wire.Header{
		Type:      wire.Signal,
		Serial:    1,
		Path:      []byte("/org/bluez/hci0/dev_C0_FF_EE_00_00_01"),
		Interface: []byte("org.freedesktop.DBus.Properties"),
		Member:    []byte("PropertiesChanged"),
		Signature: []byte("sa{sv}as"),
	}, e.Body())
	if err != nil {
		fmt.Println(err)
		return
	}

	var header wire.Header
	body, err := wire.ParseFrame(frame, &header)
	if err != nil {
		fmt.Println(err)
		return
	}
	d := wire.NewDecoder(body, header.Order, nil)
	fmt.Printf("%s of %s\n", header.Member, d.StringView())
	for end := d.Array(8); d.More(end); {
		d.Struct()
		switch string(d.StringView()) {
		case "RSSI":
			if d.VariantOf("n", "org.bluez.Device1.RSSI") {
				fmt.Println("RSSI", d.Int16(), "dBm")
			}
		default:
			d.SkipVariant()
		}
	}
	d.Skip("as")
	fmt.Println("error", d.Err(), "and", d.Remaining(), "bytes left")

	// Output:
	// PropertiesChanged of org.bluez.Device1
	// RSSI -67 dBm
	// error <nil> and 0 bytes left
}
