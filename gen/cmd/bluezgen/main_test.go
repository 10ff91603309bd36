package main

import (
	"bytes"
	"errors"
	"flag"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"go.uber.org/goleak"
)

// runEnv makes the test binary run as bluezgen.
const runEnv = "BLUEZGEN_TEST_RUN"

func TestMain(m *testing.M) {
	if os.Getenv(runEnv) != "" {
		main()
		return
	}
	goleak.VerifyTestMain(m)
}

// result is what a run of the command did.
type result struct {
	code           int
	stdout, stderr string
}

// bluezgen runs the command in a directory. Arguments of the form NAME=VALUE that come first are environment variables.
func bluezgen(t *testing.T, dir string, args ...string) result {
	t.Helper()
	env := append(os.Environ(), runEnv+"=1", "GOPACKAGE=")
	for len(args) > 0 && !strings.HasPrefix(args[0], "-") && strings.Contains(args[0], "=") {
		env, args = append(env, args[0]), args[1:]
	}
	cmd := exec.CommandContext(t.Context(), os.Args[0], args...)
	cmd.Dir, cmd.Env = dir, env
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	err := cmd.Run()
	if _, ok := errors.AsType[*exec.ExitError](err); err != nil && !ok {
		t.Fatal(err)
	}
	return result{cmd.ProcessState.ExitCode(), stdout.String(), stderr.String()}
}

// expect checks the exit code and that each text is in the output.
func (r result) expect(t *testing.T, code int, texts ...string) {
	t.Helper()
	if r.code != code {
		t.Errorf("exit code %d, want %d\n%s%s", r.code, code, r.stdout, r.stderr)
	}
	for _, text := range texts {
		if !strings.Contains(r.stdout+r.stderr, text) {
			t.Errorf("output does not say %q:\n%s%s", text, r.stdout, r.stderr)
		}
	}
}

func thing(name string) string {
	return "<node>\n<interface name=\"org.example." + name + "\"><method name=\"M\"/></interface>\n</node>\n"
}

// folder makes a directory with files.
func folder(t *testing.T, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, content := range files {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(content), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func list(t *testing.T, dir string) []string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		t.Fatal(err)
	}
	var names []string
	for _, entry := range entries {
		names = append(names, entry.Name())
	}
	return names
}

func TestInputs(t *testing.T) {
	files := map[string]string{"xml/a.xml": thing("A1"), "xml/b.xml": thing("B1"), "xml/notes.txt": "no XML"}
	tests := []struct {
		name   string
		inputs []string
		want   []string
	}{
		{"a file", []string{"xml/a.xml"}, []string{"a1.go", "codecs.go"}},
		{"a directory", []string{"xml"}, []string{"a1.go", "b1.go", "codecs.go"}},
		{"a pattern", []string{"xml/*.xml"}, []string{"a1.go", "b1.go", "codecs.go"}},
		{"a file twice", []string{"xml", "xml/a.xml"}, []string{"a1.go", "b1.go", "codecs.go"}},
		{"a built-in interface", []string{"org.bluez.GattDescriptor1"}, []string{"codecs.go", "enums.go", "errors.go", "gattdescriptor1.go", "options.go"}},
		{"a pattern of built-in interfaces", []string{"org.bluez.Bearer.*"}, []string{"bearerbredr1.go", "bearerle1.go", "codecs.go", "enums.go", "errors.go"}},
		{"a built-in interface of another service", []string{"org.bluez.obex.AgentManager1"}, []string{"agentmanager1.go", "codecs.go", "errors.go"}},
		{"an interface of the bus", []string{"org.freedesktop.DBus.Peer"}, []string{"codecs.go", "dbuspeer.go"}},
		{"several", []string{"xml/a.xml", "org.bluez.Battery1"}, []string{"a1.go", "battery1.go", "codecs.go"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			dir := folder(t, files)
			bluezgen(t, dir, append([]string{"-package", "p", "-out", "out"}, tt.inputs...)...).expect(t, exitDone)
			if got := list(t, filepath.Join(dir, "out")); !slices.Equal(got, tt.want) {
				t.Errorf("wrote %v, want %v", got, tt.want)
			}
		})
	}
}

func TestPackageName(t *testing.T) {
	files := map[string]string{
		"a.xml": thing("A1"), "out/doc.go": "// Package things has things.\npackage things\n", "out/x_test.go": "package other\n",
	}
	tests := []struct {
		name string
		args []string
		file string
		want string
	}{
		{"from go generate", []string{"GOPACKAGE=main", "a.xml"}, "a1.go", "main"},
		{"from go generate, for one file", []string{"GOPACKAGE=main", "-o", "one.go", "a.xml"}, "one.go", "main"},
		{"from the directory's files", []string{"GOPACKAGE=main", "-out", "out", "a.xml"}, "out/a1.go", "things"},
		{"from the directory's files, for one file", []string{"-o", "out/one.go", "a.xml"}, "out/one.go", "things"},
		{"from the directory's name", []string{"GOPACKAGE=main", "-out", "gen/lamps", "a.xml"}, "gen/lamps/a1.go", "lamps"},
		{"given", []string{"GOPACKAGE=main", "-package", "other", "-out", "out", "a.xml"}, "out/a1.go", "other"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			dir := folder(t, files)
			bluezgen(t, dir, tt.args...).expect(t, exitDone)
			src := read(t, filepath.Join(dir, tt.file))
			if !strings.HasPrefix(src, "// Code generated by bluezgen. DO NOT EDIT.\n// input: a.xml\n\npackage "+tt.want+"\n") {
				t.Errorf("got\n%.200s", src)
			}
		})
	}
}

func read(t *testing.T, path string) string {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

func TestFailures(t *testing.T) {
	dir := folder(t, map[string]string{
		"a.xml": thing("A1"), "bad.xml": "<node>\n<interface name='x'/>\n</node>", "empty/readme": "", "a1.go": "package mine\n",
		"none.xml": "<node/>", "over.xml": "<node>\n<interface name='org.example.A2'/>\n</node>",
	})
	before := list(t, dir)
	tests := []struct {
		name string
		args []string
		code int
		want string
	}{
		{"no input", nil, exitMisuse, "no input: give files"},
		{"no package", []string{"-out", "new-one", "a.xml"}, exitMisuse, "no package name; give -package"},
		{"a flag behind the input", []string{"a.xml", "-out", "new"}, exitMisuse, "-out go before the inputs"},
		{"an unknown flag", []string{"-unknown", "a.xml"}, exitMisuse, "flag provided but not defined: -unknown; bluezgen -help explains"},
		{"no such input", []string{"-package", "p", "c.xml"}, exitFailed, `input "c.xml": no such file, directory or built-in interface`},
		{"a directory without XML", []string{"-package", "p", "empty"}, exitFailed, "directory empty: no *.xml file in it"},
		{"a file with faults", []string{"-package", "p", "./bad.xml"}, exitFailed, `bad.xml:2: <interface name="x">: expected an interface name`},
		{"a file without interfaces", []string{"-package", "p", "none.xml"}, exitFailed, "the inputs have no interface"},
		{"a package name that is none", []string{"-package", "a-b", "a.xml"}, exitFailed, "expected a Go identifier"},
		{"a file made by hand in the way", []string{"-package", "p", "a.xml"}, exitFailed, "replace a1.go: it does not begin with"},
		{"a file made by hand in the way of one file", []string{"-package", "p", "-o", "a1.go", "a.xml"}, exitFailed, "replace a1.go: it does not begin with"},
		{"both forms of output", []string{"-out", "x", "-o", "y.go", "a.xml"}, exitMisuse, "-out and -o exclude each other"},
		{"both forms of comparison", []string{"-check", "-diff", "a.xml"}, exitMisuse, "-check and -diff exclude each other"},
		{"one file that is not Go", []string{"-package", "p", "-o", "x", "a.xml"}, exitFailed, `file "x": expected the name of a Go file`},
		{"roles that are none", []string{"-package", "p", "-roles", "peer", "a.xml"}, exitFailed, `roles "peer": expected one of both, client, server`},
		{"a prefix that is none", []string{"-package", "p", "-prefix", "x-", "a.xml"}, exitFailed, `prefix "x-": expected a Go name`},
		{"a name without a Go name", []string{"-name", "org.example.A1", "a.xml"}, exitMisuse, "expected the name of an interface or member, = and a Go name"},
		{"two names for one thing", []string{"-name", "org.example.A1=X", "-name", "org.example.A1=Y", "a.xml"}, exitMisuse, "org.example.A1 has the name X already"},
		{"a name for what is not there", []string{"-package", "p", "-name", "org.example.B1=X", "a.xml"}, exitFailed, `name "X" for org.example.B1: the inputs have no such`},
		{"an interface that is not there", []string{"-package", "p", "-interface", "org.example.B*", "a.xml"}, exitFailed, `interface "org.example.B*": the inputs have none`},
		{"an overlay that is not there", []string{"-package", "p", "-overlay", "no.xml", "a.xml"}, exitFailed, "no.xml"},
		{"an overlay of what is not there", []string{"-package", "p", "-overlay", "over.xml", "a.xml"}, exitFailed,
			`over.xml:2: <interface name="org.example.A2">: the inputs have no such interface, expected org.example.A1`},
		{"a package to reuse that nobody knows", []string{"-package", "p", "-reuse", "example.com/x", "a.xml"}, exitMisuse, "reuse example.com/x: expected github.com/gobluez/bluez/bluezgen, or example.com/x=INPUT"},
		{"a package to reuse from nothing", []string{"-package", "p", "-reuse", "example.com/x=y.xml", "a.xml"}, exitFailed, `reuse example.com/x=y.xml: input "y.xml": no such file`},
		{"XML with a flag for code", []string{"-xml", "-roles", "client", "a.xml"}, exitMisuse, "-roles does not go with -xml"},
		{"a service without an object", []string{"-dest", "org.bluez"}, exitMisuse, "a live object needs both -dest and -path"},
		{"an object without a service", []string{"-path", "/", "a.xml"}, exitMisuse, "a live object needs both -dest and -path"},
		{"a bus without an object", []string{"-bus", "session", "a.xml"}, exitMisuse, "-bus without an object"},
		{"a bus that is none", []string{"-bus", "user", "-dest", "org.bluez", "-path", "/"}, exitMisuse, `bus "user": expected system, session or a D-Bus address`},
		{"a service that is none", []string{"-dest", "bluez", "-path", "/"}, exitMisuse, `-dest "bluez": expected a bus name`},
		{"a path that is none", []string{"-dest", "org.bluez", "-path", "hci0"}, exitMisuse, `-path "hci0": expected an object path`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			bluezgen(t, dir, tt.args...).expect(t, tt.code, tt.want)
			if got := list(t, dir); !slices.Equal(got, before) {
				t.Errorf("directory has %v", got)
			}
		})
	}
}

func TestCheckFindsStaleFilesAndWritesNothing(t *testing.T) {
	dir := folder(t, map[string]string{"xml/a.xml": thing("A1"), "xml/b.xml": thing("B1"), "doc.go": "package p\n"})
	bluezgen(t, dir, "-package", "p", "-v", "xml").expect(t, exitDone, "write a1.go", "write b1.go", "write codecs.go")
	bluezgen(t, dir, "-package", "p", "-check", "xml").expect(t, exitDone)

	if err := os.WriteFile(filepath.Join(dir, "xml/a.xml"), []byte(strings.Replace(thing("A1"), `"M"`, `"N"`, 1)), 0o666); err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(filepath.Join(dir, "xml/b.xml")); err != nil {
		t.Fatal(err)
	}
	before, err := os.ReadFile(filepath.Join(dir, "a1.go"))
	if err != nil {
		t.Fatal(err)
	}
	diff := []string{"--- a1.go\n+++ a1.go\n", "-\tM(ctx context.Context) error\n", "+\tN(ctx context.Context) error\n", "--- b1.go\n+++ " + os.DevNull + "\n"}
	bluezgen(t, dir, "-package", "p", "-check", "xml").expect(t, exitFailed, append(diff, "bluezgen: generated files are stale")...)
	bluezgen(t, dir, "-package", "p", "-diff", "xml").expect(t, exitDone, diff...)
	if after, err := os.ReadFile(filepath.Join(dir, "a1.go")); err != nil || !bytes.Equal(before, after) {
		t.Errorf("-check or -diff wrote a1.go (%v)", err)
	}

	bluezgen(t, dir, "-package", "p", "-v", "xml").expect(t, exitDone, "write a1.go", "delete b1.go")
	bluezgen(t, dir, "-package", "p", "-check", "xml").expect(t, exitDone)
	if got := list(t, dir); !slices.Equal(got, []string{"a1.go", "codecs.go", "doc.go", "xml"}) {
		t.Errorf("directory has %v", got)
	}
}

func TestVersionAndHelp(t *testing.T) {
	bluezgen(t, t.TempDir(), "-version").expect(t, exitDone, "bluezgen ")
	bluezgen(t, t.TempDir(), "-help").expect(t, exitDone, "usage: bluezgen", "-check")
}

// TestHelpNamesAllFlags holds the text of -help, and the documentation of the command, against the flags.
func TestHelpNamesAllFlags(t *testing.T) {
	doc := read(t, "main.go")
	new(command).flags().VisitAll(func(f *flag.Flag) {
		if !strings.Contains(help, "\n  -"+f.Name+" ") {
			t.Errorf("-help does not explain -%s", f.Name)
		}
		if !regexp.MustCompile(`//.* ?-` + f.Name + `\b`).MatchString(doc) {
			t.Errorf("the documentation does not explain -%s", f.Name)
		}
	})
	for line := range strings.Lines(help) {
		if len(line) > 81 {
			t.Errorf("line of %d columns: %s", len(line)-1, line)
		}
	}
}

// TestCommittedPackagesAreFresh holds what go generate would write against the packages as they are, and so also what -reuse
// takes them for.
func TestCommittedPackagesAreFresh(t *testing.T) {
	root, err := filepath.Abs("../../..")
	if err != nil {
		t.Fatal(err)
	}
	for _, from := range generatedFrom {
		folder := strings.TrimPrefix(from.path, bluezgenPath)
		bluezgen(t, root, "-out", "bluezgen"+folder, "-check", "introspection"+folder).expect(t, exitDone)
	}
}
