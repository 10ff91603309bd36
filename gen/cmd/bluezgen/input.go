package main

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/gobluez/bluez/gen"
	"github.com/gobluez/bluez/introspection"
)

// readInputs reads what the arguments name, each file once.
func readInputs(args []string) ([]gen.Source, error) {
	var sources []gen.Source
	seen := make(map[string]bool)
	for _, arg := range args {
		found, err := readInput(arg)
		if err != nil {
			return nil, err
		}
		for _, source := range found {
			if !seen[source.Name] {
				seen[source.Name] = true
				sources = append(sources, source)
			}
		}
	}
	return sources, nil
}

// readInput reads a file, a directory, the files of a pattern, or built-in interfaces, whichever there is first.
func readInput(arg string) ([]gen.Source, error) {
	info, err := os.Stat(arg)
	switch {
	case err == nil && info.IsDir():
		return readDirectory(arg)
	case err == nil:
		return readFiles([]string{arg})
	case !errors.Is(err, fs.ErrNotExist):
		return nil, err
	}
	paths, err := filepath.Glob(arg)
	if err != nil {
		return nil, fmt.Errorf("pattern %q: %w", arg, err)
	}
	if len(paths) > 0 {
		return readFiles(paths)
	}
	var names []string
	for _, name := range slices.Concat(introspection.Interfaces(), introspection.Standard()) {
		if ok, err := path.Match(arg, name); ok && err == nil {
			names = append(names, name)
		}
	}
	if len(names) == 0 {
		return nil, fmt.Errorf("input %q: no such file, directory or built-in interface", arg)
	}
	return readBuiltIn(names)
}

func readDirectory(dir string) ([]gen.Source, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	var paths []string
	for _, entry := range entries {
		if strings.HasSuffix(entry.Name(), ".xml") && !entry.IsDir() {
			paths = append(paths, filepath.Join(dir, entry.Name()))
		}
	}
	if len(paths) == 0 {
		return nil, fmt.Errorf("directory %s: no *.xml file in it", dir)
	}
	return readFiles(paths)
}

func readFiles(paths []string) ([]gen.Source, error) {
	var sources []gen.Source
	for _, p := range paths {
		data, err := os.ReadFile(p)
		if err != nil {
			return nil, err
		}
		sources = append(sources, gen.Source{Name: p, Data: data})
	}
	return sources, nil
}

// builtIn returns the files of BlueZ's interfaces, whose enumerations and dictionaries other files may name.
func builtIn() ([]gen.Source, error) { return readBuiltIn(introspection.Interfaces()) }

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
