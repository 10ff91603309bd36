package introspection

import (
	"embed"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"
)

//go:embed *.xml freedesktop/*.xml mesh/*.xml obex/*.xml
var files embed.FS

// standard is the directory of the interfaces that the D-Bus specification
// defines.
const standard = "freedesktop"

// The bus names of BlueZ's services: bluetoothd and bluetooth-meshd are on the
// system bus, obexd is on the session bus.
const (
	Bluetoothd = "org.bluez"
	Obexd      = "org.bluez.obex"
	Meshd      = "org.bluez.mesh"
)

// directories are the places of each service's interfaces.
var directories = map[string]string{Bluetoothd: ".", Obexd: "obex", Meshd: "mesh"}

// FS returns the files: those of bluetoothd's interfaces at the root, those of
// obexd in the directory obex, those of bluetooth-meshd in mesh, and those of
// the D-Bus specification in freedesktop.
func FS() fs.FS { return files }

// Interfaces returns the names of all of BlueZ's interfaces, such as
// org.bluez.Device1 and org.bluez.obex.Client1, in alphabetical order.
func Interfaces() []string {
	var names []string
	for _, dir := range directories {
		names = append(names, list(dir)...)
	}
	slices.Sort(names)
	return names
}

// InterfacesOf returns the names of the interfaces that belong to one of BlueZ's
// services, Bluetoothd, Obexd or Meshd, in alphabetical order: those that it
// exports and those of applications that it calls. Any other service has none.
func InterfacesOf(service string) []string {
	dir, ok := directories[service]
	if !ok {
		return nil
	}
	return list(dir)
}

// Standard returns the names of the interfaces of the D-Bus specification, such
// as org.freedesktop.DBus.Properties, in alphabetical order.
func Standard() []string { return list(standard) }

// Open opens the file of an interface, one of BlueZ's or of the D-Bus
// specification, by the name of the interface. The error for an interface that
// is not there wraps fs.ErrNotExist.
func Open(name string) (fs.File, error) {
	for _, dir := range []string{".", "obex", "mesh", standard} {
		if f, err := files.Open(path.Join(dir, name+".xml")); err == nil {
			return f, nil
		}
	}
	return nil, fmt.Errorf("open interface %q: %w", name, fs.ErrNotExist)
}

// list returns the names of the interfaces in a directory. Reading a directory
// that is embedded does not fail.
func list(dir string) []string {
	entries, _ := files.ReadDir(dir)
	var names []string
	for _, e := range entries {
		if name, ok := strings.CutSuffix(e.Name(), ".xml"); ok {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}
