// Command corpus holds the generator against the D-Bus interfaces that Debian's packages ship.
//
// It fetches the packages, takes the introspection files out of them, generates a Go package of each file and one of all files of
// each Debian package, compiles and vets everything, and prints a table. It fails if anything does not compile, and if a file is
// refused that is not known to be invalid. Nothing is installed; the introspection files, some 3 MB, stay in a cache.
//
// Usage:
//
//	go run ./gen/corpus [-staticcheck] [-keep dir] [package...]
//
// Only the named packages are looked at if there are any. -keep leaves the generated module in dir.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"time"
)

func main() {
	var o options
	flag.BoolVar(&o.staticcheck, "staticcheck", false, "run staticcheck, too")
	flag.StringVar(&o.keep, "keep", "", "leave the generated module in `dir`")
	flag.Parse()
	o.packages = flag.Args()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, o, os.Stdout, os.Stderr); err != nil {
		fmt.Fprintln(os.Stderr, "corpus:", err)
		os.Exit(1)
	}
}

type options struct {
	staticcheck bool
	keep        string
	packages    []string
}

func run(ctx context.Context, o options, out, log io.Writer) error {
	dir, err := fetch(ctx, log)
	if err != nil {
		return err
	}
	files, err := readCorpus(dir)
	if err != nil {
		return err
	}
	if len(o.packages) > 0 {
		files = slices.DeleteFunc(files, func(f *file) bool { return !slices.Contains(o.packages, f.debian) })
	}
	if len(files) == 0 {
		return fmt.Errorf("no introspection files of the packages %v, expected some of %v", o.packages, packages)
	}
	work := o.keep
	if work == "" {
		if work, err = os.MkdirTemp("", "corpus-"); err != nil {
			return err
		}
		defer os.RemoveAll(work)
	}
	if work, err = filepath.Abs(work); err != nil {
		return err
	}

	start := time.Now()
	r := generate(files, work)
	r.took("generate", time.Since(start))
	if err := writeModule(ctx, work); err != nil {
		return err
	}
	steps := [][]string{{"build", "./..."}, {"vet", "./..."}}
	if o.staticcheck {
		steps = append(steps, []string{"tool", "staticcheck", "./..."})
	}
	var errs []error
	for _, args := range steps {
		start := time.Now()
		errs = append(errs, goCommand(ctx, work, args...))
		r.took(args[len(args)-2], time.Since(start))
	}
	r.print(out)
	return errors.Join(append(errs, r.unexpected()...)...)
}
