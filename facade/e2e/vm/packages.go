package vm

// wanted names what the guest is made of; apt adds what these depend on.
var wanted = []string{
	"linux-image-amd64",
	"bluez",              // bluetoothd, bluetoothctl, btmon
	"bluez-test-tools",   // btvirt
	"bluez-test-scripts", // example-gatt-server, example-advertisement
	"dbus-daemon",
	"python3", "python3-dbus", "python3-gi", // what the scripts import
	"python3-bleak", // a central of others
}
