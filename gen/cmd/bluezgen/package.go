package main

import (
	"errors"
	"fmt"
	"go/ast"
	"go/build"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// packageOf returns the name of the package whose Go files a directory holds, or "" if there are none, and one of these files:
// one that was written by hand, if there is any. Tests and files that are not built here do not count.
func packageOf(dir string) (name, handmade string, err error) {
	entries, err := os.ReadDir(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return "", "", nil
	}
	if err != nil {
		return "", "", err
	}
	for _, entry := range entries {
		if !strings.HasSuffix(entry.Name(), ".go") || strings.HasSuffix(entry.Name(), "_test.go") {
			continue
		}
		if built, err := build.Default.MatchFile(dir, entry.Name()); err != nil || !built {
			continue // the compiler will say what is wrong with it
		}
		path := filepath.Join(dir, entry.Name())
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.PackageClauseOnly|parser.ParseComments)
		if err != nil {
			return "", "", err
		}
		if !ast.IsGenerated(file) {
			return file.Name.Name, path, nil
		}
		name = file.Name.Name
	}
	return name, "", nil
}

// checkPackage refuses a package name that other files of the directory do not have. Generated ones may be about to change it.
func checkPackage(dir, name string) error {
	found, handmade, err := packageOf(dir)
	if err != nil {
		return err
	}
	if handmade != "" && found != name {
		return fmt.Errorf("package %s: %s belongs to package %s", name, handmade, found)
	}
	return nil
}
