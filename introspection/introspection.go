package introspection

import (
	"embed"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"
)

//go:embed *.xml freedesktop/*.xml
var files embed.FS

// standard is the directory of the interfaces that the D-Bus specification
// defines.
const standard = "freedesktop"

// FS returns the files: those of BlueZ's interfaces at the root, those of the
// D-Bus specification in the directory freedesktop.
func FS() fs.FS { return files }

// Interfaces returns the names of BlueZ's interfaces, such as
// org.bluez.Device1, in alphabetical order.
func Interfaces() []string { return list(".") }

// Standard returns the names of the interfaces of the D-Bus specification, such
// as org.freedesktop.DBus.Properties, in alphabetical order.
func Standard() []string { return list(standard) }

// Open opens the file of an interface, one of BlueZ's or of the D-Bus
// specification, by the name of the interface. The error for an interface that
// is not there wraps fs.ErrNotExist.
func Open(name string) (fs.File, error) {
	for _, dir := range []string{".", standard} {
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
