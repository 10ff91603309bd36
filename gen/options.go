package gen

import (
	"fmt"
	"go/token"
	"maps"
	"slices"
	"strings"
)

// Options say how a package is generated. Only Package has to be set.
type Options struct {
	// Package is the name of the generated package.
	Package string
	// Path is its import path. Only a package that others reuse needs one.
	Path string
	// Roles are what is generated of each interface, by default both.
	Roles Roles
	// File is the name of the one file that everything goes into. By default each interface has a file, named after it, and what
	// they share has a few more.
	File string
	// Prefix begins all names at the level of the package, Codecs and Service included, and follows the Err of errors. Packages
	// with distinct prefixes can share a folder if each is one File.
	Prefix string
	// Names are Go names for interfaces (org.example.Thing1) and members (org.example.Thing1.Start) that overrule the derived
	// and the annotated ones. The prefix goes before those of interfaces as before others.
	Names map[string]string
	// Reuse are packages that were generated before, with their Path. Enumerations, dictionaries, structs and errors that one
	// of them has are taken from there, the first that has them, instead of being generated again: those that annotations only
	// name, and those that the files declare in exactly the same way. Interfaces are always generated.
	Reuse []*Package
}

// Roles are the sides of an interface that there is code for.
type Roles string

// The roles. The zero value is RolesBoth.
const (
	RolesBoth   Roles = "both"
	RolesClient Roles = "client" // proxies, which call an object and follow its signals and properties
	RolesServer Roles = "server" // skeletons, which serve an object
)

func (r Roles) client() bool { return r != RolesServer }
func (r Roles) server() bool { return r != RolesClient }

// local is the name of something unexported at the level of the package.
func (o *Options) local(name string) string {
	if o.Prefix == "" {
		return name
	}
	return lowerName(o.Prefix) + strings.ToUpper(name[:1]) + name[1:]
}

// check returns what is wrong with the options, except for Names, which have to be in the files.
func (o *Options) check() error {
	if !token.IsIdentifier(o.Package) || o.Package == "_" {
		return fmt.Errorf("package name %q: expected a Go identifier", o.Package)
	}
	if o.Roles != "" {
		if err := oneOf(o.Roles, RolesBoth, RolesClient, RolesServer); err != nil {
			return fmt.Errorf("roles %q: %w", o.Roles, err)
		}
	}
	if o.Prefix != "" {
		if err := checkGoName(o.Prefix); err != nil {
			return fmt.Errorf("prefix %q: %w", o.Prefix, err)
		}
	}
	if o.File != "" && (!strings.HasSuffix(o.File, ".go") || o.File == ".go" || baseName(o.File) != o.File) {
		return fmt.Errorf("file %q: expected the name of a Go file, without a directory", o.File)
	}
	for _, pkg := range o.Reuse {
		if pkg.Path == "" {
			return fmt.Errorf("reuse package %s: expected one with an import path", pkg.Package)
		}
	}
	return nil
}

// rename returns files with the names of members and interfaces that are chosen.
func rename(files []*File, chosen map[string]string) ([]*File, error) {
	if len(chosen) == 0 {
		return files, nil
	}
	var renamed []*File
	for _, file := range files {
		renamed = append(renamed, file.clone())
	}
	for _, wire := range slices.Sorted(maps.Keys(chosen)) {
		name, found := chosen[wire], false
		if err := checkGoName(name); err != nil {
			return nil, fmt.Errorf("name %q for %s: %w", name, wire, err)
		}
		for _, file := range renamed {
			for _, iface := range file.Interfaces {
				notes := iface.named(wire)
				if len(notes) > 1 {
					return nil, fmt.Errorf("name %q for %s: %d members have that name, expected an overlay with %sGoName for one of them",
						name, wire, len(notes), ownNamespace)
				}
				for _, n := range notes {
					n.GoName, found = name, true
				}
			}
		}
		if !found {
			return nil, fmt.Errorf("name %q for %s: the inputs have no such interface or member", name, wire)
		}
	}
	return renamed, nil
}

// named returns what is said about the interface or the members that have a full name.
func (i *Interface) named(name string) []*Annotations {
	if name == i.Name {
		return []*Annotations{&i.Annotations}
	}
	name, ok := strings.CutPrefix(name, i.Name+".")
	if !ok {
		return nil
	}
	var found []*Annotations
	for _, m := range i.Methods {
		if m.Name == name {
			found = append(found, &m.Annotations)
		}
	}
	for _, s := range i.Signals {
		if s.Name == name {
			found = append(found, &s.Annotations)
		}
	}
	for _, p := range i.Properties {
		if p.Name == name {
			found = append(found, &p.Annotations)
		}
	}
	return found
}
