package gen

import (
	"bytes"
	"flag"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"golang.org/x/tools/txtar"
)

var (
	update         = flag.Bool("update", false, "write what is generated into the golden files")
	randomPackages = flag.Int("random", 1, "how many packages of random interfaces are compiled")
)

// goldenCase is an archive below testdata/golden: the inputs in/*.xml, what is only referred to in context/*.xml, overlays in
// overlay/*.xml, what package base, which is reused, was generated from in base/*.xml, the options in options, the expected output
// in want/, and tests of the output in run/.
type goldenCase struct {
	name    string
	path    string
	archive *txtar.Archive
	options Options
}

func goldenCases(t *testing.T) []goldenCase {
	t.Helper()
	paths, err := filepath.Glob("testdata/golden/*.txtar")
	if err != nil || len(paths) == 0 {
		t.Fatalf("no golden cases: %v", err)
	}
	var cases []goldenCase
	for _, path := range paths {
		archive, err := txtar.ParseFile(path)
		if err != nil {
			t.Fatal(err)
		}
		c := goldenCase{name: strings.TrimSuffix(filepath.Base(path), ".txtar"), path: path, archive: archive}
		for _, file := range archive.Files {
			if file.Name == "options" {
				c.setOptions(t, string(file.Data))
			}
		}
		cases = append(cases, c)
	}
	return cases
}

// setOptions reads options, one a line.
func (c *goldenCase) setOptions(t *testing.T, text string) {
	t.Helper()
	for line := range strings.Lines(text) {
		name, value, _ := strings.Cut(strings.TrimSpace(line), " ")
		switch name {
		case "package":
			c.options.Package = value
		case "roles":
			c.options.Roles = Roles(value)
		case "file":
			c.options.File = value
		case "prefix":
			c.options.Prefix = value
		case "name":
			wire, name, _ := strings.Cut(value, "=")
			if c.options.Names == nil {
				c.options.Names = make(map[string]string)
			}
			c.options.Names[wire] = name
		default:
			t.Fatalf("%s: unknown option %q", c.path, name)
		}
	}
}

// files returns the files of the archive below a folder, by their names inside it.
func (c *goldenCase) files(folder string) map[string][]byte {
	files := make(map[string][]byte)
	for _, file := range c.archive.Files {
		if name, ok := strings.CutPrefix(file.Name, folder+"/"); ok {
			files[name] = file.Data
		}
	}
	return files
}

func (c *goldenCase) sources(folder string) []Source {
	var sources []Source
	for name, data := range c.files(folder) {
		sources = append(sources, Source{Name: name, Data: data})
	}
	return sources
}

// base returns the package that the case reuses, or nil.
func (c *goldenCase) base(t *testing.T) *Package {
	t.Helper()
	files, err := ParseAll(c.sources("base"))
	if err != nil {
		t.Fatal(err)
	}
	if len(files) == 0 {
		return nil
	}
	pkg, err := Plan(files, nil, Options{Package: "base", Path: "golden.example/" + c.name + "/base"})
	if err != nil {
		t.Fatal(err)
	}
	return pkg
}

func (c *goldenCase) generate(t *testing.T) []Output {
	t.Helper()
	return c.generateFrom(t, c.sources("in"))
}

func (c *goldenCase) generateFrom(t *testing.T, sources []Source) []Output {
	t.Helper()
	files, err := ParseAll(sources)
	if err != nil {
		t.Fatal(err)
	}
	known, err := ParseAll(c.sources("context"))
	if err != nil {
		t.Fatal(err)
	}
	var overlays []*Overlay
	for _, source := range c.sources("overlay") {
		overlay, err := ParseOverlay(source.Name, source.Data)
		if err != nil {
			t.Fatal(err)
		}
		overlays = append(overlays, overlay)
	}
	if files, err = Annotate(files, overlays...); err != nil {
		t.Fatal(err)
	}
	options := c.options
	if base := c.base(t); base != nil {
		options.Reuse = append(options.Reuse, base)
	}
	pkg, err := Plan(files, known, options)
	if err != nil {
		t.Fatal(err)
	}
	outputs, err := pkg.Emit()
	if err != nil {
		t.Fatal(err)
	}
	return outputs
}

// rewrite puts the outputs into the archive on disk.
func (c *goldenCase) rewrite(t *testing.T, outputs []Output) {
	t.Helper()
	c.archive.Files = slices.DeleteFunc(c.archive.Files, func(f txtar.File) bool { return strings.HasPrefix(f.Name, "want/") })
	for _, out := range outputs {
		c.archive.Files = append(c.archive.Files, txtar.File{Name: "want/" + out.Name, Data: out.Content})
	}
	if err := os.WriteFile(c.path, txtar.Format(c.archive), 0o666); err != nil {
		t.Fatal(err)
	}
}

func TestGeneratedCodeIsAsExpected(t *testing.T) {
	for _, c := range goldenCases(t) {
		t.Run(c.name, func(t *testing.T) {
			outputs := c.generate(t)
			if *update {
				c.rewrite(t, outputs)
			}
			want := c.files("want")
			for _, out := range outputs {
				if diff := unifiedDiff("want/"+out.Name, "generated", string(want[out.Name]), string(out.Content)); diff != "" {
					t.Errorf("go test -run %s ./gen -update accepts this:\n%s", t.Name(), diff)
				}
				delete(want, out.Name)
			}
			for name := range want {
				t.Errorf("%s is expected, but not generated", name)
			}
		})
	}
}

func TestGenerationDoesNotDependOnOrder(t *testing.T) {
	for _, c := range goldenCases(t) {
		sources := c.sources("in")
		slices.SortFunc(sources, func(a, b Source) int { return strings.Compare(a.Name, b.Name) })
		first := c.generateFrom(t, sources)
		slices.Reverse(sources)
		second := c.generateFrom(t, sources)
		if !slices.EqualFunc(first, second, func(a, b Output) bool { return a.Name == b.Name && bytes.Equal(a.Content, b.Content) }) {
			t.Errorf("%s: another order of the inputs gives another output", c.name)
		}
	}
}

// TestGeneratedCodeRuns builds a module of all golden cases, vets it, and runs the tests that the cases hold.
func TestGeneratedCodeRuns(t *testing.T) {
	dir := t.TempDir()
	module(t, dir, "golden.example")
	for _, c := range goldenCases(t) {
		for _, out := range c.generate(t) {
			write(t, filepath.Join(dir, c.name, out.Name), out.Content)
		}
		if base := c.base(t); base != nil {
			outputs, err := base.Emit()
			if err != nil {
				t.Fatal(err)
			}
			for _, out := range outputs {
				write(t, filepath.Join(dir, c.name, "base", out.Name), out.Content)
			}
		}
		for name, data := range c.files("run") {
			write(t, filepath.Join(dir, c.name, name), data)
		}
	}
	goCommand(t, dir, "vet", "./...")
	goCommand(t, dir, "test", "./...")
}

// module makes dir a module that uses this one, as it is on disk, without the network.
func module(t *testing.T, dir, path string) {
	t.Helper()
	root, err := filepath.Abs("..")
	if err != nil {
		t.Fatal(err)
	}
	goMod, err := os.ReadFile(filepath.Join(root, "go.mod"))
	if err != nil {
		t.Fatal(err)
	}
	// The versions are those of this module, which are in the module cache.
	var text strings.Builder
	text.WriteString("module " + path + "\n\nrequire github.com/gobluez/bluez v0.0.0\n\nreplace github.com/gobluez/bluez => " + root + "\n\n")
	keep := false
	for line := range strings.Lines(string(goMod)) {
		keep = keep || strings.HasPrefix(line, "go ") || strings.HasPrefix(line, "require ")
		if keep {
			text.WriteString(line)
		}
		// A block lasts from its parenthesis to the one that closes it.
		keep = keep && (strings.HasSuffix(line, "(\n") || strings.HasPrefix(line, "\t"))
	}
	write(t, filepath.Join(dir, "go.mod"), []byte(text.String()))
	sum, err := os.ReadFile(filepath.Join(root, "go.sum"))
	if err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(dir, "go.sum"), sum)
}

func write(t *testing.T, path string, content []byte) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, content, fs.FileMode(0o666)); err != nil {
		t.Fatal(err)
	}
}

// goCommand runs the go command in a module, offline.
func goCommand(t *testing.T, dir string, args ...string) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "go", args...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "GOFLAGS=-mod=mod", "GOPROXY=off", "GOWORK=off")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("go %s: %v\n%s", strings.Join(args, " "), err, out)
	}
}
