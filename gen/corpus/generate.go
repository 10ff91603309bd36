package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"

	"github.com/gobluez/bluez/gen"
	"github.com/gobluez/bluez/gen/corpus/debian"
)

const modulePath = "github.com/gobluez/bluez"

// generate writes a Go package for each file below dir, and one for all files of each Debian package, in which interfaces of
// several files have to get along.
func generate(files []*file, dir string) *report {
	r := &report{}
	valid := make(map[string][]*gen.File)
	for i, f := range files {
		parsed, err := gen.Parse(f.name, f.data)
		if err == nil {
			err = r.write(filepath.Join(dir, fmt.Sprintf("file%03d", i)), parsed)
		}
		if err != nil {
			r.refuse(f, err)
			continue
		}
		r.count(f, parsed)
		valid[f.debian] = append(valid[f.debian], parsed)
	}
	for name, parsed := range valid {
		// Debian's names are no names of Go packages, but may be directories.
		if err := r.write(filepath.Join(dir, "all-of-"+name), distinct(parsed)...); err != nil {
			r.refuse(&file{debian: name, name: "(all files)"}, err)
		}
	}
	return r
}

// distinct leaves out files with an interface that an earlier one has otherwise: two versions of one interface are never in one
// package.
func distinct(files []*gen.File) []*gen.File {
	var kept []*gen.File
	for _, file := range files {
		together := append(slices.Clip(kept), file)
		if _, err := gen.Plan(together, nil, gen.Options{Package: "corpus"}); !isConflict(err) {
			kept = together
		}
	}
	return kept
}

func isConflict(err error) bool {
	fault, ok := errors.AsType[*gen.Error](err)
	return ok && strings.Contains(fault.Message, "differs from the one at")
}

// write generates one Go package.
func (r *report) write(dir string, files ...*gen.File) error {
	pkg, err := gen.Plan(files, nil, gen.Options{Package: "corpus"})
	if err != nil {
		return err
	}
	outputs, err := pkg.Emit()
	if err != nil {
		return err
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	for _, out := range outputs {
		r.lines += bytes.Count(out.Content, []byte("\n"))
		if err := os.WriteFile(filepath.Join(dir, out.Name), out.Content, 0o644); err != nil {
			return err
		}
	}
	r.goPackages++
	return nil
}

// writeModule makes dir a module that uses this one as it is on disk, with the versions that it uses, which are in the module cache.
func writeModule(ctx context.Context, dir string) error {
	root, err := exec.CommandContext(ctx, "go", "list", "-m", "-f", "{{.Dir}}", modulePath).Output()
	if err != nil {
		return fmt.Errorf("find module %s: %w; run this inside its repository", modulePath, err)
	}
	from := strings.TrimSpace(string(root))
	goMod, err := os.ReadFile(filepath.Join(from, "go.mod"))
	if err != nil {
		return err
	}
	goSum, err := os.ReadFile(filepath.Join(from, "go.sum"))
	if err != nil {
		return err
	}
	_, rest, _ := strings.Cut(string(goMod), "\n")
	text := fmt.Sprintf("module corpus.example\n%s\nrequire %s v0.0.0\n\nreplace %s => %s\n", rest, modulePath, modulePath, from)
	text = strings.ReplaceAll(text, "tool "+modulePath, "// "+modulePath)
	for name, content := range map[string][]byte{"go.mod": []byte(text), "go.sum": goSum} {
		if err := os.WriteFile(filepath.Join(dir, name), content, 0o644); err != nil {
			return err
		}
	}
	return nil
}

// goCommand runs the go command in a module, offline.
func goCommand(ctx context.Context, dir string, args ...string) error {
	cmd := exec.CommandContext(ctx, "go", args...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "GOFLAGS=-mod=mod", "GOPROXY=off", "GOWORK=off")
	return debian.Run(cmd)
}
