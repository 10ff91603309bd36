package main

import (
	"flag"
	"fmt"
	"strings"

	"github.com/gobluez/bluez/gen"
)

// help is what -help prints.
const help = `usage: bluezgen [flags] input...
       bluezgen [flags] [-bus BUS] -dest NAME -path PATH [input...]
       bluezgen -xml [flags] input...

Generates Go from D-Bus introspection XML, or with -xml prints that.

An input is a file, a directory of *.xml files, a pattern of files, or the name
or a pattern of names of built-in interfaces, such as org.bluez.Device1.

Inputs:
  -bus BUS         the bus of a live object: system (the default), session or
                   a D-Bus address
  -dest NAME       the bus name of the live object's service, such as org.bluez
  -path PATH       the path of the live object, such as /org/bluez/hci0
  -interface NAME  use only this interface of the inputs, or those that match a
                   pattern (repeatable)
  -overlay FILE    XML that adds annotations to interfaces of the inputs
                   (repeatable)

Output:
  -package NAME    the package's name; by default $GOPACKAGE, or the package in
                   the output directory, or the name of that
  -out DIR         the directory of the generated files; by default this one
  -o FILE          generate everything into one file
  -check           write nothing; print the difference to the files on disk,
                   and exit with 1 if there is one
  -diff            write nothing; print the difference to the files on disk
  -xml             print the XML of the inputs; with -o or -out write it to a
                   file, or to one for each interface

Code:
  -roles ROLES     client (proxies), server (skeletons) or both (the default)
  -prefix NAME     begin all names of the package with this
  -name DBUS=GO    the Go name of an interface, org.example.Thing1=Widget, or of
                   a member, org.example.Thing1.Start=Begin (repeatable)
  -reuse PACKAGE[=INPUT]
                   use the types of a generated package instead of generating
                   them again, such as github.com/gobluez/bluez/bluezgen; INPUT
                   is what others than BlueZ's were generated from (repeatable)

Other:
  -v               name the files that are written or deleted
  -version         print the version
  -help            print this

go doc github.com/gobluez/bluez/gen/cmd/bluezgen says more, and
go doc github.com/gobluez/bluez/introspection describes the annotations.
`

// repeated is a flag that may be repeated.
type repeated []string

func (l *repeated) String() string { return strings.Join(*l, ",") }

// Set adds a value.
func (l *repeated) Set(value string) error {
	if value == "" {
		return fmt.Errorf("expected a value")
	}
	*l = append(*l, value)
	return nil
}

// names is the flag -name.
type names map[string]string

func (n names) String() string { return "" }

// Set adds a name.
func (n names) Set(value string) error {
	wire, name, ok := strings.Cut(value, "=")
	if !ok || wire == "" || name == "" {
		return fmt.Errorf("expected the name of an interface or member, = and a Go name, such as org.example.Thing1=Widget")
	}
	if other, twice := n[wire]; twice && other != name {
		return fmt.Errorf("%s has the name %s already", wire, other)
	}
	n[wire] = name
	return nil
}

// flags are the flags, which fill in the command.
func (c *command) flags() *flag.FlagSet {
	c.options.Names = make(names)
	flags := flag.NewFlagSet("bluezgen", flag.ContinueOnError)
	flags.StringVar(&c.live.bus, "bus", "system", "")
	flags.StringVar(&c.live.dest, "dest", "", "")
	flags.StringVar(&c.live.path, "path", "", "")
	flags.Var(&c.interfaces, "interface", "")
	flags.Var(&c.overlays, "overlay", "")
	flags.StringVar(&c.options.Package, "package", "", "")
	flags.StringVar(&c.out, "out", "", "")
	flags.StringVar(&c.file, "o", "", "")
	flags.BoolVar(&c.check, "check", false, "")
	flags.BoolVar(&c.diff, "diff", false, "")
	flags.BoolVar(&c.xml, "xml", false, "")
	flags.StringVar((*string)(&c.options.Roles), "roles", string(gen.RolesBoth), "")
	flags.StringVar(&c.options.Prefix, "prefix", "", "")
	flags.Var(names(c.options.Names), "name", "")
	flags.Var(&c.reuse, "reuse", "")
	flags.BoolVar(&c.verbose, "v", false, "")
	flags.BoolVar(&c.askedVersion, "version", false, "")
	return flags
}
