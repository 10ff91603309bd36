package bluetest

import (
	"github.com/gobluez/bluez/bluezgen"
	"github.com/gobluez/bluez/gen/bus"
	"github.com/gobluez/bluez/gen/wire"
)

// attributeSkeleton returns a skeleton of a characteristic or descriptor as BlueZ has it: it
// refuses options of foreign types.
func attributeSkeleton(skeleton bus.Skeleton, without ...string) bus.Skeleton {
	return trimmed{Skeleton: skeleton, without: without, guards: map[string]func(wire.Decoder) error{
		"ReadValue": func(d wire.Decoder) error { return checkOptions(&d) },
		"WriteValue": func(d wire.Decoder) error {
			d.BytesView()
			return checkOptions(&d)
		},
	}}
}

// checkOptions checks the types of the options of a read or write.
func checkOptions(d *wire.Decoder) error {
	foreign := false
	d.OnMismatch(func(string, string, string) { foreign = true })
	for end := d.Array(8); d.More(end); {
		d.Struct()
		switch string(d.StringView()) {
		case "offset":
			if d.VariantOf("q", "") {
				d.Uint16()
			}
		case "type":
			if d.VariantOf("s", "") {
				d.StringView()
			}
		default:
			d.SkipVariant()
		}
	}
	if foreign {
		return errInvalidArguments()
	}
	return nil
}

// characteristicLacks returns what the BlueZ that is played does not have of
// GattCharacteristic1.
func (b *bluetoothd) characteristicLacks() []string {
	lacks := []string{"Confirm"} // applications only
	if !b.since(version569) {
		lacks = append(lacks, bluezgen.GattCharacteristic1Handle.String())
	}
	if !b.since(version562) {
		lacks = append(lacks, bluezgen.GattCharacteristic1MTU.String())
	}
	return lacks
}

// descriptorLacks is that of GattDescriptor1.
func (b *bluetoothd) descriptorLacks() []string {
	lacks := []string{bluezgen.GattDescriptor1Flags.String()} // applications only
	if !b.since(version569) {
		lacks = append(lacks, bluezgen.GattDescriptor1Handle.String())
	}
	return lacks
}
