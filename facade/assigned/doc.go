// Package assigned names Bluetooth's assigned numbers: services, characteristics, descriptors, companies, types of advertising
// data and appearances.
//
// It knows what BlueZ knows, as Debian's source package bluez 5.82-1.1 has it ([Version]): each number with its name and nothing else.
// What has been assigned since is not there; what a device is called, or what a value means, is no matter of this package.
//
// The numbers are of plain types, so that nothing else is imported: any UUID that is an array of 16 bytes fits, such as
// facade.UUID. Look-ups search text that the binary holds as it is: nothing is built at start, nothing is allocated, and of a table
// that a program does not ask, the linker keeps nothing.
package assigned

//go:generate go run ./generate
