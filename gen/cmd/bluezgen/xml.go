package main

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/gobluez/bluez/gen"
)

// printXML writes the inputs as XML.
func (c *command) printXML(files []*gen.File) error {
	var all []*gen.Interface
	seen := make(map[string]string)
	for _, file := range files {
		for _, iface := range file.Interfaces {
			text := string(gen.FormatXML(iface))
			switch first, twice := seen[iface.Name]; {
			case !twice:
				seen[iface.Name] = text
				all = append(all, iface)
			case first != text:
				return fmt.Errorf("%s: interface %s differs from another one of that name, expected the same", iface.Pos, iface.Name)
			}
		}
	}
	switch {
	case c.file != "":
		return c.keepXML(c.file, gen.FormatXML(all...))
	case c.out == "":
		_, err := c.stdout.Write(gen.FormatXML(all...))
		return err
	}
	var errs []error
	for _, iface := range all {
		errs = append(errs, c.keepXML(filepath.Join(c.out, iface.Name+".xml"), []byte(seen[iface.Name])))
	}
	return errors.Join(errs...)
}

// keepXML writes a file that people will edit, and therefore never replaces one.
func (c *command) keepXML(path string, text []byte) error {
	old, err := os.ReadFile(path)
	switch {
	case err == nil && bytes.Equal(old, text):
		return nil
	case err == nil:
		return fmt.Errorf("write %s: it is there and differs; delete it, or compare it with what -xml prints", path)
	case !errors.Is(err, fs.ErrNotExist):
		return err
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
		return err
	}
	if err := os.WriteFile(path, text, 0o666); err != nil {
		return err
	}
	c.report(path, false)
	return nil
}
