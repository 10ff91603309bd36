package bluetest

import (
	"fmt"
	"net"
	"strings"

	"github.com/godbus/dbus/v5"
)

// parseAddress returns a device's address as BlueZ writes it, in capitals.
func parseAddress(s string) (string, error) {
	hardware, err := net.ParseMAC(s)
	if err != nil || len(hardware) != 6 || strings.Count(s, ":") != 5 {
		return "", fmt.Errorf("%q is not an address like C0:FF:EE:00:00:01", s)
	}
	return strings.ToUpper(hardware.String()), nil
}

// devicePath returns the object of a device: its address at the time when BlueZ makes
// the object.
func devicePath(adapter dbus.ObjectPath, address string) dbus.ObjectPath {
	return adapter + "/dev_" + dbus.ObjectPath(strings.ReplaceAll(address, ":", "_"))
}
