package main

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/gobluez/bluez/gen"
)

// A report says what became of the files.
type report struct {
	rows       map[string]*row // by Debian package
	refused    []refusal
	lines      int // of generated Go
	goPackages int
	times      []string
}

// A row counts what a Debian package has.
type row struct {
	files, interfaces, methods, signals, properties, refused int
}

// A refusal is a file of which no Go was made.
type refusal struct {
	file *file
	err  error
}

func (r *report) row(debian string) *row {
	if r.rows == nil {
		r.rows = make(map[string]*row)
	}
	if r.rows[debian] == nil {
		r.rows[debian] = &row{}
	}
	return r.rows[debian]
}

func (r *report) count(f *file, parsed *gen.File) {
	row := r.row(f.debian)
	row.files++
	for _, iface := range parsed.Interfaces {
		row.interfaces++
		row.methods += len(iface.Methods)
		row.signals += len(iface.Signals)
		row.properties += len(iface.Properties)
	}
}

func (r *report) refuse(f *file, err error) {
	row := r.row(f.debian)
	row.files++
	row.refused++
	r.refused = append(r.refused, refusal{f, err})
}

func (r *report) took(step string, d time.Duration) {
	r.times = append(r.times, fmt.Sprintf("%s %.1f s", step, d.Seconds()))
}

// unexpected returns why files were refused that are not known to be invalid, and names those that should have been.
func (r *report) unexpected() []error {
	var errs []error
	for _, refused := range r.refused {
		reason, known := invalid[refused.file.name]
		if !known || !strings.Contains(refused.err.Error(), reason) {
			errs = append(errs, fmt.Errorf("%s: %w", refused.file.debian, refused.err))
		}
	}
	return errs
}

func (r *report) print(out io.Writer) {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(w, "Debian package\tfiles\tinterfaces\tmethods\tsignals\tproperties\trefused\t")
	var total row
	line := func(name string, r row) {
		fmt.Fprintf(w, "%s\t%d\t%d\t%d\t%d\t%d\t%d\t\n", name, r.files, r.interfaces, r.methods, r.signals, r.properties, r.refused)
	}
	for _, name := range slices.Sorted(maps.Keys(r.rows)) {
		row := *r.rows[name]
		line(name, row)
		total.files += row.files
		total.interfaces += row.interfaces
		total.methods += row.methods
		total.signals += row.signals
		total.properties += row.properties
		total.refused += row.refused
	}
	line("total", total)
	w.Flush()
	fmt.Fprintf(out, "\n%d Go packages, %d lines: %s\n", r.goPackages, r.lines, strings.Join(r.times, ", "))
	for _, refused := range r.refused {
		fmt.Fprintf(out, "refused: %s: %v\n", refused.file.debian, refused.err)
	}
}
