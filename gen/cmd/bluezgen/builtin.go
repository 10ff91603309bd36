package main

import (
	"errors"
	"io"
	"path"
	"slices"
	"strings"

	"github.com/gobluez/bluez/gen"
	"github.com/gobluez/bluez/introspection"
)

// bluezgenPath is the import path of the package that is generated from bluetoothd's interfaces.
const bluezgenPath = "github.com/gobluez/bluez/bluezgen"

// generatedFrom are the services whose interfaces packages of this module are generated from, in the order in which the names
// that annotations use are looked for.
var generatedFrom = []struct{ path, service string }{
	{bluezgenPath, introspection.Bluetoothd},
	{bluezgenPath + "/obex", introspection.Obexd},
	{bluezgenPath + "/mesh", introspection.Meshd},
}

// builtIn returns the files of the interfaces of package introspection whose names match a pattern.
func builtIn(pattern string) ([]gen.Source, error) {
	names := slices.Concat(introspection.Interfaces(), introspection.Standard())
	return readBuiltIn(slices.DeleteFunc(names, func(name string) bool { return !matches([]string{pattern}, name) }))
}

func readBuiltIn(names []string) ([]gen.Source, error) {
	var sources []gen.Source
	for _, name := range names {
		file, err := introspection.Open(name)
		if err != nil {
			return nil, err
		}
		data, err := io.ReadAll(file)
		if err = errors.Join(err, file.Close()); err != nil {
			return nil, err
		}
		sources = append(sources, gen.Source{Name: name + ".xml", Data: data})
	}
	return sources, nil
}

// matches tells whether a name is among the patterns.
func matches(patterns []string, name string) bool {
	return slices.ContainsFunc(patterns, func(p string) bool {
		ok, err := path.Match(p, name)
		return ok && err == nil
	})
}

// knownTypes returns BlueZ's interfaces, whose enumerations and dictionaries other files may name. Those of a service that an
// input is from come first.
func knownTypes(inputs []*gen.File) ([]*gen.File, error) {
	var near, far []*gen.File
	for _, from := range generatedFrom {
		sources, err := readBuiltIn(introspection.InterfacesOf(from.service))
		if err != nil {
			return nil, err
		}
		files, err := gen.ParseAll(sources)
		if err != nil {
			return nil, err
		}
		if slices.ContainsFunc(files, func(file *gen.File) bool {
			return slices.ContainsFunc(inputs, func(input *gen.File) bool { return input.Name == file.Name })
		}) {
			near = append(near, files...)
		} else {
			far = append(far, files...)
		}
	}
	return append(near, far...), nil
}

// isUniversal tells whether an interface is one that any object has by the D-Bus specification.
func isUniversal(name string) bool {
	return strings.HasPrefix(name, "org.freedesktop.DBus.") && slices.Contains(introspection.Standard(), name)
}
