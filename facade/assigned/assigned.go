package assigned

// Service returns the name of a service: "Heart Rate" for 180d. Of the 16-bit numbers that are assigned to companies (fc00 to
// ffff) it is the name of the company or of what it uses the number for. Profiles and service classes of Bluetooth Classic, which
// BlueZ lists among the services of a device, are known too, and the 128-bit UUIDs of some vendors. ok is false if BlueZ knows no
// name.
func Service(uuid [16]byte) (name string, ok bool) { return attribute(services, uuid) }

// Characteristic returns the name of a characteristic: "Heart Rate Measurement" for 2a37. The 128-bit UUIDs of some vendors are
// known too; BlueZ does not tell apart which of those are services. ok is false if BlueZ knows no name.
func Characteristic(uuid [16]byte) (name string, ok bool) { return attribute(characteristics, uuid) }

// Descriptor returns the name of a descriptor: "Client Characteristic Configuration" for 2902. ok is false if BlueZ knows no name.
func Descriptor(uuid [16]byte) (name string, ok bool) {
	number, short := assignedNumber(uuid)
	if !short {
		return "", false
	}
	return find16(descriptors, number)
}

// Company returns the name of a company by its identifier, which manufacturer data begins with: "Nordic Semiconductor ASA" for
// 0x0059. ok is false if BlueZ knows no name.
func Company(id uint16) (name string, ok bool) { return find16(companies, id) }

// ADType returns the name of a type of advertising data (Core Specification Supplement, Part A): "Flags" for 0x01. ok is false if
// BlueZ knows no such type.
func ADType(number uint8) (name string, ok bool) {
	var key [2]byte
	return find(adTypes, hexadecimal(key[:0], number))
}

// Appearance returns what a device says that it looks like: "Keyboard" for 961. Of a subcategory without a name (the lowest six
// bits) it is the name of the category. ok is false if BlueZ knows neither.
func Appearance(number uint16) (name string, ok bool) {
	const subcategory = 1<<6 - 1
	if name, ok := find16(appearances, number); ok {
		return name, true
	}
	return find16(appearances, number&^subcategory)
}

// attribute looks a UUID up in a table of 16-bit numbers, or among those of vendors if it is none.
func attribute(table string, uuid [16]byte) (string, bool) {
	if number, short := assignedNumber(uuid); short {
		return find16(table, number)
	}
	var key [32]byte
	return find(vendors, hexadecimal(key[:0], uuid[:]...))
}

// base is what UUIDs of assigned numbers end with (Core Specification, Vol 3, Part B, 2.5.1).
const base = "\x00\x00\x10\x00\x80\x00\x00\x80\x5f\x9b\x34\xfb"

// assignedNumber returns the 16-bit number that a UUID stands for, if it does.
func assignedNumber(uuid [16]byte) (number uint16, ok bool) {
	if uuid[0] != 0 || uuid[1] != 0 || string(uuid[4:]) != base {
		return 0, false
	}
	return uint16(uuid[2])<<8 | uint16(uuid[3]), true
}
