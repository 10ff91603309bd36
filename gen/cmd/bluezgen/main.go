// Command bluezgen generates Go packages from D-Bus introspection XML: proxies that call objects, skeletons that serve them, and
// types for what they exchange.
//
// Usage:
//
//	bluezgen [flags] input...
//	bluezgen [flags] [-bus BUS] -dest NAME -path PATH [input...]
//	bluezgen -xml [flags] input...
//
// It is meant to be run by go generate, pinned by the tool directive that go get -tool writes into go.mod:
//
//	go get -tool github.com/gobluez/bluez/gen/cmd/bluezgen
//
//	//go:generate go tool bluezgen com.example.Lamp1.xml
//
// # Inputs
//
// An input is a file, a directory whose *.xml files are read (but none below it), a pattern of files, or the name or a pattern
// of names of interfaces that bluezgen has built in: those of BlueZ, such as org.bluez.Device1, "org.bluez.Gatt*" or
// org.bluez.obex.Client1, and those of the D-Bus specification. In patterns of names a * matches dots, too. What a file can say
// by annotations that XML alone cannot say is described in package introspection. Annotations may name the enumerations and
// dictionaries that BlueZ's interfaces declare.
//
// A live object is one more input:
//
//	-bus system|session|address
//		the bus that the object is on; by default the system bus
//	-dest name
//		the bus name of the service that has the object, such as org.bluez
//	-path path
//		the path of the object, such as /org/bluez/hci0
//
// Of the object's interfaces those of the D-Bus specification that every object has (Introspectable, ObjectManager, Peer and
// Properties) are left out, unless -interface names them. What is below the object is left out too. The object counts as one file
// for each interface, which is what -xml makes of it: code that is generated from an object and from files kept of it is the same.
//
//	-interface name
//		use only this interface of the inputs, or those that a pattern such as "org.bluez.*" matches; repeatable
//	-overlay file
//		a second XML file about interfaces of the inputs; repeatable, each applies to what those before it have made
//
// # Overlays
//
// An overlay adds annotations to interfaces whose files belong to somebody else, or that only a service describes. It is
// introspection XML that has, of the interfaces, only the members and arguments that it says something of:
//
//	<node>
//	  <interface name="com.example.Lamp1">
//	    <method name="Blink">
//	      <arg name="count">
//	        <annotation name="org.gtk.GDBus.DocString" value="How often to blink."/>
//	      </arg>
//	    </method>
//	  </interface>
//	</node>
//
// Its annotations replace those of the same name that an element has; an Enum with its Values counts as one, and so do a Dict with
// its Keys and a Struct with its Fields. An argument is found by its name or, if it has none, by its place among those of the same
// direction, and then takes the name of the overlay. Types, and the access of properties, may be left out; where they are given,
// they correct the input. It is an error if an overlay names what is not there. Members cannot be added or removed: for that,
// keep a corrected copy of the XML.
//
// # Output
//
// Each interface has a file, named after it, and what they share has a few more. Everything that is generated into one directory
// comes from one run: generated files that the inputs do not account for are deleted, those of a run with -o included. Files that
// bluezgen did not make are left alone. The first lines of a file say what it was made from, by name, without paths or dates.
//
//	-package name
//		the name of the generated package; by default $GOPACKAGE, which go generate sets, if the files go into the working
//		directory; else the package whose Go files their directory holds, or else the name of the directory
//	-out dir
//		the directory of the generated files; by default the working directory
//	-o file
//		generate everything into one file, and leave all others alone
//	-check
//		write nothing; if the files on disk are not what would be generated, print the difference and exit with 1
//	-diff
//		write nothing; print the difference
//	-xml
//		print the XML of the inputs, formatted and with the overlays in it, instead of generating code. With -o it goes into a
//		file, with -out into one file for each interface. It is there to be annotated and kept: a file that differs is not
//		replaced, which is an error
//
// # Code
//
//	-roles client|server|both
//		generate proxies, which call objects and follow them, or skeletons, which serve them, or both, which is the default
//	-prefix name
//		begin all names at the level of the package with this: runs with distinct prefixes and -o can share a package
//	-name dbus=Go
//		the Go name of an interface (org.example.Thing1=Widget) or of a member of one (org.example.Thing1.Start=Begin),
//		instead of the derived one or that of an annotation; repeatable
//	-reuse package[=input]
//		the import path of a package that bluezgen generated: github.com/gobluez/bluez/bluezgen or one below it, or another
//		with the input that it was generated from, without -prefix and -name. Its enumerations, option structs, structs and
//		errors are used instead of generated again, where annotations name them or the inputs declare them in exactly the
//		same way; interfaces are always generated; repeatable
//
// Other flags are -v, which names the files that are written or deleted, -version and -help.
//
// Bluezgen exits with 0 when done, 1 when it failed, or when -check found a difference, and 2 when it was used wrongly.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"runtime/debug"
	"strings"

	"github.com/gobluez/bluez/gen"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	code := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	stop()
	os.Exit(code)
}

// Exit codes.
const (
	exitDone   = 0
	exitFailed = 1
	exitMisuse = 2
)

// misuse is an error of the command line.
type misuse struct{ error }

func misusef(format string, args ...any) error { return misuse{fmt.Errorf(format, args...)} }

// command is what the flags and arguments ask for.
type command struct {
	inputs     []string
	live       liveObject
	interfaces repeated
	overlays   repeated

	out, file        string
	check, diff, xml bool
	verbose          bool
	options          gen.Options
	reuse            repeated
	stdout, trace    io.Writer
	goPackage        string
	askedVersion     bool
}

// run does what the arguments say and returns the exit code.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	c := command{stdout: stdout, trace: stderr, goPackage: os.Getenv("GOPACKAGE")}
	err := c.parse(args)
	if err == nil {
		err = c.do(ctx)
	}
	switch _, misused := errors.AsType[misuse](err); {
	case err == nil, errors.Is(err, flag.ErrHelp):
		return exitDone
	case misused:
		fmt.Fprintf(stderr, "bluezgen: %v; bluezgen -help explains\n", err)
		return exitMisuse
	default:
		fmt.Fprintf(stderr, "bluezgen: %v\n", err)
		return exitFailed
	}
}

// parse reads the command line.
func (c *command) parse(args []string) error {
	flags := c.flags()
	flags.SetOutput(io.Discard)
	if err := flags.Parse(args); errors.Is(err, flag.ErrHelp) {
		fmt.Fprint(c.stdout, help)
		return err
	} else if err != nil {
		return misuse{err}
	}
	c.inputs = flags.Args()
	for _, input := range c.inputs {
		if strings.HasPrefix(input, "-") {
			return misusef("flags such as %s go before the inputs", input)
		}
	}
	given := make(map[string]bool)
	flags.Visit(func(f *flag.Flag) { given[f.Name] = true })
	return c.checkFlags(given)
}

// checkFlags finds flags that do not go together.
func (c *command) checkFlags(given map[string]bool) error {
	switch {
	case c.askedVersion:
		return nil
	case given["dest"] != given["path"]:
		return misusef("a live object needs both -dest and -path")
	case given["bus"] && !given["dest"]:
		return misusef("-bus without an object: give -dest and -path")
	case len(c.inputs) == 0 && !given["dest"]:
		return misusef("no input: give files, directories or interface names, or a live object")
	case given["out"] && given["o"]:
		return misusef("-out and -o exclude each other: the directory of -o is part of it")
	case c.check && c.diff:
		return misusef("-check and -diff exclude each other: -check prints the difference too")
	}
	if !c.xml {
		return nil
	}
	for _, name := range []string{"check", "diff", "package", "roles", "prefix", "name", "reuse"} {
		if given[name] {
			return misusef("-%s does not go with -xml, which generates no code", name)
		}
	}
	return nil
}

// do does what the command line asks for.
func (c *command) do(ctx context.Context) error {
	if c.askedVersion {
		fmt.Fprintln(c.stdout, "bluezgen", moduleVersion())
		return nil
	}
	files, err := c.read(ctx)
	if err != nil {
		return err
	}
	if c.xml {
		return c.printXML(files)
	}
	return c.generate(files)
}

// moduleVersion is the version that the go command recorded.
func moduleVersion() string {
	if info, ok := debug.ReadBuildInfo(); ok && info.Main.Version != "" {
		return info.Main.Version
	}
	return "(devel)"
}
