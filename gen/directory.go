package gen

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// A Change is a generated file that differs from the one on disk.
type Change struct {
	// Path is where the file is.
	Path string
	// Old is what is on disk, nil if there is no file. New is what belongs there, nil if the file is to be deleted.
	Old, New []byte
}

// Diff returns the change as a unified diff with file names, which patch understands.
func (c Change) Diff() string {
	from, to := c.Path, c.Path
	if c.Old == nil {
		from = os.DevNull
	}
	if c.New == nil {
		to = os.DevNull
	}
	return unifiedDiff(filepath.ToSlash(from), filepath.ToSlash(to), string(c.Old), string(c.New))
}

// Compare returns how a directory has to change to hold the outputs and no other generated file, sorted by path. Files that do
// not begin with the header of generated ones are other people's: to replace one is an error, and they are never deleted.
func Compare(dir string, outputs []Output) ([]Change, error) {
	changes, err := CompareFiles(dir, outputs)
	extra, extraErr := extraFiles(dir, outputs)
	changes = append(changes, extra...)
	slices.SortFunc(changes, func(a, b Change) int { return cmp.Compare(a.Path, b.Path) })
	return changes, errors.Join(err, extraErr)
}

// CompareFiles is like [Compare], but does not look at other generated files in the directory, which may come from elsewhere.
func CompareFiles(dir string, outputs []Output) ([]Change, error) {
	var changes []Change
	var errs []error
	for _, out := range outputs {
		path := filepath.Join(dir, out.Name)
		old, err := os.ReadFile(path)
		switch {
		case errors.Is(err, fs.ErrNotExist):
			changes = append(changes, Change{Path: path, New: out.Content})
		case err != nil:
			errs = append(errs, err)
		case !isGenerated(old):
			errs = append(errs, fmt.Errorf("replace %s: it does not begin with %q", path, header))
		case !bytes.Equal(old, out.Content):
			changes = append(changes, Change{Path: path, Old: old, New: out.Content})
		}
	}
	return changes, errors.Join(errs...)
}

// extraFiles are the generated files of a directory that the outputs do not have, such as that of an interface that is gone.
func extraFiles(dir string, outputs []Output) ([]Change, error) {
	entries, err := os.ReadDir(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var changes []Change
	for _, entry := range entries {
		name := entry.Name()
		wanted := slices.ContainsFunc(outputs, func(out Output) bool { return out.Name == name })
		if wanted || !entry.Type().IsRegular() || !strings.HasSuffix(name, ".go") {
			continue
		}
		path := filepath.Join(dir, name)
		content, err := os.ReadFile(path)
		if err != nil {
			return changes, err
		}
		if isGenerated(content) {
			changes = append(changes, Change{Path: path, Old: content})
		}
	}
	return changes, nil
}

// Apply makes the changes, and the directory if there is none.
func Apply(dir string, changes []Change) error {
	if len(changes) == 0 {
		return nil
	}
	if err := os.MkdirAll(dir, 0o777); err != nil {
		return err
	}
	for _, c := range changes {
		if c.New == nil {
			if err := os.Remove(c.Path); err != nil {
				return err
			}
			continue
		}
		if err := os.WriteFile(c.Path, c.New, 0o666); err != nil {
			return err
		}
	}
	return nil
}

func isGenerated(content []byte) bool {
	line, _, _ := bytes.Cut(content, []byte("\n"))
	return string(bytes.TrimSuffix(line, []byte("\r"))) == header
}
