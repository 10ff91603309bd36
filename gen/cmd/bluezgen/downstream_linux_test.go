package main

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/godbus/dbus/v5"

	"github.com/gobluez/bluez/gen/bus"
	"github.com/gobluez/bluez/gen/bus/bustest"
	"github.com/gobluez/bluez/gen/wire"
)

// lights is the module that the README builds step by step.
const lights = "testdata/lights"

// step is one step of the README: files of the module that it shows or links to, or commands.
type step struct {
	file     string // of the module
	content  string // what the README shows of it, if it does
	commands []string
}

// readmeSteps reads the section of the README.
func readmeSteps(t *testing.T) []step {
	t.Helper()
	_, section, ok := strings.Cut(read(t, "../../../README.md"), "\n## Extend it to a new BlueZ interface\n")
	if !ok {
		t.Fatal("README.md has no such section")
	}
	section, _, _ = strings.Cut(section, "\n## ")
	link := regexp.MustCompile(`\(gen/cmd/bluezgen/` + lights + `/([^)]+)\)`)
	var steps []step
	for i, part := range strings.Split(section, "```") {
		if i%2 == 0 {
			for _, match := range link.FindAllStringSubmatch(part, -1) {
				steps = append(steps, step{file: match[1]})
			}
			continue
		}
		language, text, _ := strings.Cut(part, "\n")
		if language == "" {
			steps = append(steps, step{commands: strings.Split(strings.TrimSpace(text), "\n")})
			continue
		}
		_, file, ok := strings.Cut(language, " ")
		if !ok {
			t.Fatalf("README.md does not name the file that begins\n%.80s", text)
		}
		steps = append(steps, step{file: file, content: text})
	}
	return steps
}

// moduleFiles are the files of the module, by name.
func moduleFiles(t *testing.T) map[string]string {
	t.Helper()
	files := make(map[string]string)
	err := fs.WalkDir(os.DirFS(lights), ".", func(path string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			files[path] = read(t, filepath.Join(lights, path))
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}

// plugin is a lamp as its plugin in bluetoothd describes it.
type plugin struct{}

func (plugin) Serve() *bus.ServedInterface {
	return &bus.ServedInterface{
		Name: "com.example.Lamp1",
		XML: `<interface name="com.example.Lamp1"><method name="Blink"><arg name="count" type="q" direction="in"/>` +
			`<arg name="options" type="a{sv}" direction="in"/><arg name="total" type="u" direction="out"/></method>` +
			`<signal name="Blinked"><arg name="total" type="u"/></signal>` +
			`<property name="Color" type="s" access="readwrite"></property><property name="Link" type="s" access="read"></property></interface>`,
		Properties: plugin{},
	}
}

func (plugin) EncodeAll(*wire.Encoder)            {}
func (plugin) Encode(string, *wire.Encoder) error { return bus.ErrUnknownProperty }
func (plugin) Set(context.Context, string, *wire.Decoder) error {
	return bus.ErrUnknownProperty
}

// startPlugin puts the lamp that the README speaks of on a bus of its own, and returns the bus' address.
func startPlugin(t *testing.T, path dbus.ObjectPath) string {
	t.Helper()
	d := bustest.Start(t)
	conn, err := bus.Dial(t.Context(), d.Address(), bus.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := conn.Close(); err != nil {
			t.Error(err)
		}
	})
	_, err = conn.Export(t.Context(), path, bus.ExportOptions{}, plugin{})
	if err = errors.Join(err, conn.RequestName(t.Context(), "org.bluez")); err != nil {
		t.Fatal(err)
	}
	return d.Address()
}

// TestDownstreamModule does what the README says, in a folder of its own, with this module as it is on disk and without the
// network, and looks at the files on the way.
func TestDownstreamModule(t *testing.T) {
	steps, files := readmeSteps(t), moduleFiles(t)
	dir := t.TempDir()
	root, err := filepath.Abs("../../..")
	if err != nil {
		t.Fatal(err)
	}
	env := append(os.Environ(), "GOFLAGS=", "GOPROXY=off", "GOWORK=off", "GOTOOLCHAIN=local", "GOPACKAGE=",
		"DBUS_SYSTEM_BUS_ADDRESS="+startPlugin(t, "/org/bluez/hci0/dev_C0_FF_EE_00_00_01"))
	run := func(line string) {
		t.Helper()
		args := strings.Fields(line)
		cmd := exec.CommandContext(t.Context(), args[0], args[1:]...)
		cmd.Dir, cmd.Env = dir, env
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("%s: %v\n%s", line, err, out)
		}
	}
	seen := make(map[string]bool)
	for _, s := range steps {
		if s.file != "" {
			seen[s.file] = true
			want, ok := files[s.file]
			if !ok || s.content != "" && s.content != want {
				t.Errorf("README.md shows %s otherwise than %s has it:\n%s", s.file, lights, s.content)
			}
			path := filepath.Join(dir, filepath.FromSlash(s.file))
			if old, err := os.ReadFile(path); err == nil && string(old) != want {
				t.Errorf("the steps before have made %s\n%s\nwant\n%s", s.file, old, want)
			}
			if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o777), os.WriteFile(path, []byte(want), 0o666)); err != nil {
				t.Fatal(err)
			}
		}
		for _, line := range s.commands {
			run(line)
			if strings.HasPrefix(line, "go mod init ") {
				// A user's module takes a released version, and its sums, from the network.
				run("go mod edit -replace github.com/gobluez/bluez=" + root)
				if err := os.WriteFile(filepath.Join(dir, "go.sum"), []byte(read(t, filepath.Join(root, "go.sum"))), 0o666); err != nil {
					t.Fatal(err)
				}
			}
		}
	}
	for name := range files {
		if !seen[name] {
			t.Errorf("README.md does not show or link to %s", name)
		}
	}
	run("go build ./...")
	if got, want := list(t, filepath.Join(dir, "lamp")), []string{"codecs.go", "com.example.Lamp1.xml", "enums.go", "lamp.go", "lamp1.go", "overlay.xml"}; !slices.Equal(got, want) {
		t.Errorf("package lamp has %v, want %v", got, want)
	}
	if mod := read(t, filepath.Join(dir, "go.mod")); !strings.Contains(mod, "\ntool github.com/gobluez/bluez/gen/cmd/bluezgen\n") {
		t.Errorf("go.mod has no tool:\n%s", mod)
	}

	// What the last step is there for.
	overlay := filepath.Join(dir, "lamp", "overlay.xml")
	if err := os.WriteFile(overlay, []byte(strings.Replace(files["lamp/overlay.xml"], "Like fire.", "Like embers.", 1)), 0o666); err != nil {
		t.Fatal(err)
	}
	check := steps[len(steps)-1].commands
	cmd := exec.CommandContext(t.Context(), "go", strings.Fields(check[len(check)-1])[1:]...)
	cmd.Dir, cmd.Env = dir, env
	if out, err := cmd.CombinedOutput(); err == nil || !strings.Contains(string(out), "+	// Like embers.") {
		t.Errorf("a stale package passes the check: %v\n%s", err, out)
	}
}
