// Package wire reads and writes the D-Bus wire format without reflection.
//
// It has three parts, each usable alone:
//
//   - [Decoder] reads the body of a message from its bytes, value by value, in
//     the order in which the caller knows them to come. Generated code calls it
//     straight, so a property change costs no allocation beyond what it stores.
//   - [Encoder] is its mirror: it appends values to a body.
//   - [FrameSize], [ParseFrame] and [AppendFrame] deal with whole messages:
//     where one ends in a stream, what its [Header] says, how one is written.
//
// Both byte orders are read and written. What is read is believed only as far
// as the D-Bus specification allows: padding is zero, a boolean is 0 or 1,
// strings are UTF-8 without NUL, object paths, signatures and names follow
// their grammar, lengths fit what is really there, and nesting is bounded.
// Nothing is ever allocated because a length in the input asks for it, no input
// causes a panic, and the errors of reading never quote the values of a message.
//
// Errors stick. After the first one a Decoder returns zero values and its loops
// end, so code reads a whole body in a straight line and asks Err once:
//
//	d := wire.NewDecoder(body, header.Order, nil)
//	name := d.String()
//	for end := d.Array(8); d.More(end); {
//		d.Struct()
//		switch string(d.StringView()) {
//		case "RSSI":
//			if d.VariantOf("n", "org.bluez.Device1.RSSI") {
//				rssi = d.Int16()
//			}
//		default:
//			d.SkipVariant()
//		}
//	}
//	if err := d.Err(); err != nil {
//		return err
//	}
//
// A *[FormatError] means that the peer broke the protocol: the connection that
// it came from cannot be trusted any further. Any other error of a Decoder
// concerns the one body that it was reading.
//
// The vocabulary is that of github.com/godbus/dbus/v5 ([dbus.ObjectPath],
// [dbus.Signature], [dbus.Variant]), except that descriptors are *[os.File].
//
// The facts in this package are those of the D-Bus Specification
// (https://dbus.freedesktop.org/doc/dbus-specification.html), chapters "Type
// System", "Marshaling (Wire Format)" and "Message Protocol".
package wire
