package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/gobluez/bluez/gen"
)

// read returns the inputs that the command line names, each once, with the overlays in them.
func (c *command) read(ctx context.Context) ([]*gen.File, error) {
	sources, err := readInputs(c.inputs, c.overlays)
	if err != nil {
		return nil, err
	}
	files, err := gen.ParseAll(sources)
	if err != nil {
		return nil, err
	}
	if c.live.dest != "" {
		described, err := c.readLive(ctx)
		if err != nil {
			return nil, err
		}
		files = append(files, described...)
	}
	if files, err = chosen(files, c.interfaces); err != nil {
		return nil, err
	}
	overlays, err := readOverlays(c.overlays)
	if err != nil {
		return nil, err
	}
	return gen.Annotate(files, overlays...)
}

// readLive returns the live object, a file for each of its interfaces that is wanted.
func (c *command) readLive(ctx context.Context) ([]*gen.File, error) {
	object, err := c.live.read(ctx)
	if err != nil {
		return nil, err
	}
	object.Interfaces = slices.DeleteFunc(object.Interfaces, func(iface *gen.Interface) bool {
		return isUniversal(iface.Name) && !matches(c.interfaces, iface.Name)
	})
	if len(object.Interfaces) == 0 {
		return nil, fmt.Errorf("%s: it says nothing of interfaces of its own", &c.live)
	}
	return c.live.describe(object)
}

func readOverlays(paths []string) ([]*gen.Overlay, error) {
	var overlays []*gen.Overlay
	for _, p := range paths {
		data, err := os.ReadFile(p)
		if err != nil {
			return nil, err
		}
		overlay, err := gen.ParseOverlay(p, data)
		if err != nil {
			return nil, err
		}
		overlays = append(overlays, overlay)
	}
	return overlays, nil
}

// chosen leaves only the interfaces that match a pattern, if there are any patterns, and the files that have one of them.
func chosen(files []*gen.File, patterns []string) ([]*gen.File, error) {
	for _, p := range patterns {
		found := false
		for _, file := range files {
			found = found || slices.ContainsFunc(file.Interfaces, func(i *gen.Interface) bool { return matches([]string{p}, i.Name) })
		}
		if !found {
			return nil, fmt.Errorf("interface %q: the inputs have none, but %s", p, listed(files))
		}
	}
	var kept []*gen.File
	for _, file := range files {
		if len(patterns) > 0 {
			file.Interfaces = slices.DeleteFunc(file.Interfaces, func(i *gen.Interface) bool { return !matches(patterns, i.Name) })
		}
		if len(file.Interfaces) > 0 {
			kept = append(kept, file)
		}
	}
	if len(kept) == 0 {
		return nil, errors.New("the inputs have no interface")
	}
	return kept, nil
}

// listed names the interfaces of the files, but not more than a reader looks through.
func listed(files []*gen.File) string {
	const enough = 20
	var names []string
	for _, file := range files {
		for _, i := range file.Interfaces {
			names = append(names, i.Name)
		}
	}
	if more := len(names) - enough; more > 0 {
		names = append(names[:enough], fmt.Sprintf("%d more", more))
	}
	return strings.Join(names, ", ")
}

// readInputs reads what the arguments name, each file once, and without the overlays, which may well stand beside the inputs.
func readInputs(args, overlays []string) ([]gen.Source, error) {
	var sources []gen.Source
	seen := make(map[string]bool)
	for _, arg := range args {
		found, err := readInput(arg, overlays)
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
func readInput(arg string, overlays []string) ([]gen.Source, error) {
	info, err := os.Stat(arg)
	switch {
	case err == nil && info.IsDir():
		return readDirectory(arg, overlays)
	case err == nil:
		return readFiles([]string{arg}, overlays)
	case !errors.Is(err, fs.ErrNotExist):
		return nil, err
	}
	paths, err := filepath.Glob(arg)
	if err != nil {
		return nil, fmt.Errorf("pattern %q: %w", arg, err)
	}
	if len(paths) > 0 {
		return readFiles(paths, overlays)
	}
	sources, err := builtIn(arg)
	if err == nil && len(sources) == 0 {
		err = fmt.Errorf("input %q: no such file, directory or built-in interface", arg)
	}
	return sources, err
}

func readDirectory(dir string, overlays []string) ([]gen.Source, error) {
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
	return readFiles(paths, overlays)
}

func readFiles(paths, overlays []string) ([]gen.Source, error) {
	var sources []gen.Source
	for _, p := range paths {
		if slices.ContainsFunc(overlays, func(o string) bool { return sameFile(o, p) }) {
			continue
		}
		data, err := os.ReadFile(p)
		if err != nil {
			return nil, err
		}
		sources = append(sources, gen.Source{Name: p, Data: data})
	}
	return sources, nil
}

// sameFile tells whether two paths lead to one file.
func sameFile(a, b string) bool {
	first, err := os.Stat(a)
	if err != nil {
		return false
	}
	second, err := os.Stat(b)
	return err == nil && os.SameFile(first, second)
}
