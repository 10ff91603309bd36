package main

import (
	"fmt"
	"path"
	"strings"

	"github.com/gobluez/bluez/gen"
	"github.com/gobluez/bluez/introspection"
)

// reused plans the packages that -reuse names.
func reused(args []string) ([]*gen.Package, error) {
	var packages []*gen.Package
	for _, arg := range args {
		pkg, err := reusedPackage(arg)
		if err != nil {
			return nil, fmt.Errorf("reuse %s: %w", arg, err)
		}
		packages = append(packages, pkg)
	}
	return packages, nil
}

func reusedPackage(arg string) (*gen.Package, error) {
	importPath, input, given := strings.Cut(arg, "=")
	var sources []gen.Source
	var err error
	if given {
		sources, err = readInput(input, nil)
	} else {
		for _, from := range generatedFrom {
			if from.path == importPath {
				sources, err = readBuiltIn(introspection.InterfacesOf(from.service))
			}
		}
	}
	if err != nil {
		return nil, err
	}
	if len(sources) == 0 {
		return nil, misusef("expected %s, or %s=INPUT with what it was generated from", bluezgenPath, importPath)
	}
	files, err := gen.ParseAll(sources)
	if err != nil {
		return nil, err
	}
	known, err := knownTypes(files)
	if err != nil {
		return nil, err
	}
	return gen.Plan(files, known, gen.Options{Package: packageName(importPath), Path: importPath})
}

// packageName is what a package is called that has an import path: its last element, unless that is a version.
func packageName(importPath string) string {
	dir, name := path.Split(importPath)
	if version, ok := strings.CutPrefix(name, "v"); ok && dir != "" && strings.Trim(version, "0123456789") == "" {
		name = path.Base(dir)
	}
	return name
}
