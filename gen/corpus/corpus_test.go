package main

import (
	"archive/tar"
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

const lamp = `<node><interface name="org.example.Lamp1"><method name="Blink"/><property name="On" type="b" access="read"/></interface></node>`

func TestOnlyIntrospectionFilesAreTaken(t *testing.T) {
	var archive bytes.Buffer
	w := tar.NewWriter(&archive)
	for name, content := range map[string]string{
		"./usr/share/dbus-1/interfaces/org.example.Lamp1.xml": lamp,
		"./usr/share/dbus-1/interfaces/org.example.Lamp1.txt": lamp,
		"./usr/share/metainfo/lamp.xml":                       "<component/>",
		"./../../lamp.xml":                                    lamp,
	} {
		if err := w.WriteHeader(&tar.Header{Name: name, Typeflag: tar.TypeReg, Size: int64(len(content)), Mode: 0o644}); err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write([]byte(content)); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	if err := extract(tar.NewReader(&archive), filepath.Join(dir, "in", "lamp")); err != nil {
		t.Fatal(err)
	}
	files, err := readCorpus(dir)
	if err != nil || len(files) != 2 || files[0].debian != "lamp" || files[0].name != "lamp.xml" || string(files[1].data) != lamp {
		t.Errorf("got %d files, %v", len(files), err)
	}
}

func TestReport(t *testing.T) {
	files := []*file{
		{"lamps", "lamp.xml", []byte(lamp)},
		{"lamps", "other.xml", []byte(strings.Replace(lamp, "Blink", "Glow", 1))},
		{"lamps", "broken.xml", []byte("<node>")},
		{"kf5", "kf5_org.kde.KGlobalAccel.xml", []byte(strings.Replace(lamp, `"b"`, `"KGlobalAccel::MatchType"`, 1))},
	}
	dir := t.TempDir()
	r := generate(files, dir)
	var table strings.Builder
	r.print(&table)
	var lines []string
	for line := range strings.Lines(table.String()) {
		lines = append(lines, strings.Join(strings.Fields(line), " "))
	}
	text := strings.Join(lines, "\n")
	for _, want := range []string{
		"\nlamps 3 2 2 0 2 1\n", "\ntotal 4 2 2 0 2 2\n", "\n3 Go packages,", "refused: lamps: broken.xml:1: <node>: malformed XML",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("%q is not in:\n%s", want, &table)
		}
	}
	if errs := r.unexpected(); len(errs) != 1 || !strings.Contains(errs[0].Error(), "lamps: broken.xml:1") {
		t.Errorf("unexpected: %v", errs)
	}
	// The two lamps cannot be in one package.
	if names, err := os.ReadDir(filepath.Join(dir, "all-of-lamps")); err != nil || len(names) != 2 {
		t.Errorf("got %v, %v", names, err)
	}
	if src, err := os.ReadFile(filepath.Join(dir, "all-of-lamps", "lamp1.go")); err != nil || !strings.Contains(string(src), "Blink") {
		t.Errorf("the first of two that conflict is not kept: %v", err)
	}
}

func TestNothingIsFetchedIfThatIsForbidden(t *testing.T) {
	cache := t.TempDir()
	t.Setenv("BLUEZ_CORPUS_CACHE", cache)
	t.Setenv("NO_INSTALL", "1")
	var out, log strings.Builder
	err := run(t.Context(), options{}, &out, &log)
	if err == nil || !strings.Contains(err.Error(), "NO_INSTALL=1 forbids fetching") {
		t.Fatalf("got %v", err)
	}
	// The error names the directory that would have the files.
	_, dir, _ := strings.Cut(err.Error(), " in ")
	dir, _, _ = strings.Cut(dir, ",")
	if filepath.Dir(dir) != cache {
		t.Fatalf("%q is not in the cache", dir)
	}
	if err := os.MkdirAll(filepath.Join(dir, "lamps"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "lamps", "lamp.xml"), []byte(lamp), 0o644); err != nil {
		t.Fatal(err)
	}
	err = run(t.Context(), options{packages: []string{"lampions"}}, &out, &log)
	if err == nil || !strings.Contains(err.Error(), "no introspection files of the packages [lampions]") {
		t.Errorf("got %v", err)
	}
	if err := run(t.Context(), options{packages: []string{"lamps"}}, &out, &log); err != nil || !strings.Contains(out.String(), "2 Go packages") {
		t.Errorf("got %v\n%s%s", err, &out, &log)
	}
}
