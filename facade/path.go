package facade

import (
	"strconv"
	"strings"

	"github.com/godbus/dbus/v5"
)

// parent returns the path of the object that contains the one at path. BlueZ's
// paths nest as its objects do: adapter, device, service, characteristic,
// descriptor.
func parent(path dbus.ObjectPath) dbus.ObjectPath {
	return path[:max(0, strings.LastIndexByte(string(path), '/'))]
}

// base returns the last element of path.
func base(path dbus.ObjectPath) string {
	return string(path[strings.LastIndexByte(string(path), '/')+1:])
}

// devicePath returns the path that BlueZ gives to a device that it sees at an address.
func devicePath(adapter dbus.ObjectPath, address Address) dbus.ObjectPath {
	return adapter + "/dev_" + dbus.ObjectPath(strings.ReplaceAll(address.String(), ":", "_"))
}

// handleOf returns the handle that ends the path of a GATT object, four hexadecimal
// digits, or 0.
func handleOf(path dbus.ObjectPath) Handle {
	name := base(path)
	n, err := strconv.ParseUint(name[max(0, len(name)-4):], 16, 16)
	if err != nil {
		return 0
	}
	return Handle(n)
}
