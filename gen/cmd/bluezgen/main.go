// Command bluezgen generates Go packages from D-Bus introspection XML.
//
// Usage:
//
//	bluezgen [flags] input...
//
// An input is a file, a directory whose *.xml files are read, a pattern of files, or the name or a pattern of names of
// BlueZ's own interfaces, such as org.bluez.Device1 or "org.bluez.Gatt*", which bluezgen has built in. It is meant to be run by
// go generate:
//
//	//go:generate go tool bluezgen -out . org.example.Thing1.xml
//
// Everything that is generated into one directory comes from one run: generated files that the inputs do not account for are
// deleted. Files that bluezgen did not make are left alone.
//
// The flags are:
//
//	-package name
//		the name of the generated package; by default $GOPACKAGE, which go generate sets, or else the package whose Go files
//		the output directory holds
//	-out dir
//		the directory of the generated files; the working directory by default
//	-check
//		write nothing; if the files on disk are not what would be generated, print the difference and exit with 1
//	-diff
//		write nothing; print the difference
//	-v
//		name the files that are written or deleted
//	-version
//		print the version
//
// It exits with 0 when done, 1 when it failed and 2 when it was used wrongly.
package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"runtime/debug"
	"strings"

	"github.com/gobluez/bluez/gen"
)

func main() {
	os.Exit(run(os.Args[1:], os.Getenv("GOPACKAGE"), os.Stdout, os.Stderr))
}

// Exit codes.
const (
	exitDone   = 0
	exitFailed = 1
	exitMisuse = 2
)

// command is what the flags and arguments ask for.
type command struct {
	pkg, out      string
	check, diff   bool
	verbose       bool
	inputs        []string
	stdout, trace io.Writer
}

func run(args []string, goPackage string, stdout, stderr io.Writer) int {
	c := command{stdout: stdout, trace: stderr}
	flags := flag.NewFlagSet("bluezgen", flag.ContinueOnError)
	flags.SetOutput(stderr)
	flags.Usage = func() {
		fmt.Fprintln(stderr, "usage: bluezgen [flags] FILE|DIR|PATTERN|INTERFACE...")
		flags.PrintDefaults()
	}
	flags.StringVar(&c.pkg, "package", goPackage, "the `name` of the generated package")
	flags.StringVar(&c.out, "out", ".", "the `directory` of the generated files")
	flags.BoolVar(&c.check, "check", false, "write nothing; print the difference to the files on disk, and exit with 1 if there is one")
	flags.BoolVar(&c.diff, "diff", false, "write nothing; print the difference to the files on disk")
	flags.BoolVar(&c.verbose, "v", false, "name the files that are written or deleted")
	version := flags.Bool("version", false, "print the version")
	switch err := flags.Parse(args); {
	case errors.Is(err, flag.ErrHelp):
		return exitDone
	case err != nil:
		return exitMisuse
	}
	if *version {
		fmt.Fprintln(stdout, "bluezgen", moduleVersion())
		return exitDone
	}
	if c.inputs = flags.Args(); len(c.inputs) == 0 {
		fmt.Fprintln(stderr, "bluezgen: no input; give files, directories or interface names, or -help")
		return exitMisuse
	}
	for _, input := range c.inputs {
		if strings.HasPrefix(input, "-") {
			fmt.Fprintf(stderr, "bluezgen: flags such as %s go before the inputs\n", input)
			return exitMisuse
		}
	}
	if c.pkg == "" {
		var err error
		if c.pkg, err = packageOf(c.out); err != nil {
			fmt.Fprintf(stderr, "bluezgen: %v\n", err)
			return exitFailed
		}
	}
	if c.pkg == "" {
		fmt.Fprintln(stderr, "bluezgen: no package name; give -package or run it by go generate")
		return exitMisuse
	}
	stale, err := c.generate()
	if err != nil {
		fmt.Fprintf(stderr, "bluezgen: %v\n", err)
		return exitFailed
	}
	if c.check && stale {
		return exitFailed
	}
	return exitDone
}

// generate does what the command asks for, and reports whether the files on disk were not as generated.
func (c *command) generate() (stale bool, err error) {
	sources, err := readInputs(c.inputs)
	if err != nil {
		return false, err
	}
	known, err := builtIn()
	if err != nil {
		return false, err
	}
	outputs, err := gen.Generate(sources, known, gen.Options{Package: c.pkg})
	if err != nil {
		return false, err
	}
	changes, err := gen.Compare(c.out, outputs)
	if err != nil {
		return false, err
	}
	for _, change := range changes {
		if c.check || c.diff {
			if _, err := io.WriteString(c.stdout, change.Diff()); err != nil {
				return true, err
			}
		} else if c.verbose {
			verb := "write"
			if change.New == nil {
				verb = "delete"
			}
			fmt.Fprintln(c.trace, verb, change.Path)
		}
	}
	if c.check || c.diff {
		return len(changes) > 0, nil
	}
	return len(changes) > 0, gen.Apply(c.out, changes)
}

// moduleVersion is the version that the go command recorded.
func moduleVersion() string {
	if info, ok := debug.ReadBuildInfo(); ok && info.Main.Version != "" {
		return info.Main.Version
	}
	return "(devel)"
}
