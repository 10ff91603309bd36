package main

import (
	"errors"
	"fmt"
	"go/token"
	"io"
	"path/filepath"

	"github.com/gobluez/bluez/gen"
)

// errStale says that the files on disk are not as generated. The difference has been printed.
var errStale = errors.New("generated files are stale: generate them again (go generate)")

// generate generates code and brings the files on disk up to date, or says how they differ.
func (c *command) generate(files []*gen.File) error {
	dir, err := c.plan()
	if err != nil {
		return err
	}
	known, err := knownTypes(files)
	if err != nil {
		return err
	}
	if c.options.Reuse, err = reused(c.reuse); err != nil {
		return err
	}
	pkg, err := gen.Plan(files, known, c.options)
	if err != nil {
		return err
	}
	outputs, err := pkg.Emit()
	if err != nil {
		return err
	}
	compare := gen.Compare
	if c.options.File != "" {
		compare = gen.CompareFiles
	}
	changes, err := compare(dir, outputs)
	if err != nil {
		return err
	}
	if c.check || c.diff {
		return c.printDiff(changes)
	}
	if err := gen.Apply(dir, changes); err != nil {
		return err
	}
	for _, change := range changes {
		c.report(change.Path, change.New == nil)
	}
	return nil
}

// plan decides where the code goes and which package it is.
func (c *command) plan() (dir string, err error) {
	dir = filepath.Clean(c.out)
	if c.file != "" {
		dir, c.options.File = filepath.Split(c.file)
		dir = filepath.Clean(dir)
	}
	if c.options.Package == "" {
		if c.options.Package, err = c.defaultPackage(dir); err != nil {
			return "", err
		}
	}
	return dir, checkPackage(dir, c.options.Package)
}

// defaultPackage is the name of the package in a directory.
func (c *command) defaultPackage(dir string) (string, error) {
	if dir == "." && c.goPackage != "" {
		return c.goPackage, nil
	}
	if name, _, err := packageOf(dir); name != "" || err != nil {
		return name, err
	}
	abs, err := filepath.Abs(dir)
	if err != nil {
		return "", err
	}
	name := filepath.Base(abs)
	if !token.IsIdentifier(name) {
		return "", misusef("no package name; give -package or run it by go generate")
	}
	return name, nil
}

func (c *command) printDiff(changes []gen.Change) error {
	for _, change := range changes {
		if _, err := io.WriteString(c.stdout, change.Diff()); err != nil {
			return err
		}
	}
	if c.check && len(changes) > 0 {
		return errStale
	}
	return nil
}

// report names a file that was written or deleted.
func (c *command) report(path string, deleted bool) {
	verb := "write"
	if deleted {
		verb = "delete"
	}
	if c.verbose {
		fmt.Fprintln(c.trace, verb, path)
	}
}
