package vm

import (
	"archive/tar"
	"bytes"
	"os"
	"path/filepath"
	"testing"
)

func TestReportGivesStatusAndFiles(t *testing.T) {
	var out bytes.Buffer
	w := tar.NewWriter(&out)
	for _, file := range [][2]string{{"log", "text"}, {"dir/log", "more"}, {StatusFile, "3"}} {
		if err := w.WriteHeader(&tar.Header{Name: file[0], Mode: 0o644, Size: int64(len(file[1]))}); err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write([]byte(file[1])); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	whole := out.Bytes()

	r := report{dir: t.TempDir()}
	if err := r.read(bytes.NewReader(whole)); err != nil || !r.complete || r.status != 3 {
		t.Errorf("report %+v, %v; want status 3", r, err)
	}
	for name, want := range map[string]string{"log": "text", "dir/log": "more"} {
		if got, err := os.ReadFile(filepath.Join(r.dir, name)); err != nil || string(got) != want {
			t.Errorf("%s: %q, %v", name, got, err)
		}
	}

	// A guest that dies sends nothing, or a part.
	var nothing report
	if err := nothing.read(bytes.NewReader(nil)); err != nil || nothing.complete {
		t.Errorf("no report: %+v, %v", nothing, err)
	}
	var part report
	if err := part.read(bytes.NewReader(whole[:1100])); part.complete {
		t.Errorf("a part of a report is taken for all of it: %+v, %v", part, err)
	}
}

func TestConsoleKnowsThatTheGuestIsAlive(t *testing.T) {
	var c console
	for _, text := range []string{"[    0.1] hello\r\n", Alive[:5]} {
		c.Write([]byte(text))
	}
	if c.Alive() {
		t.Error("alive before its line is whole")
	}
	c.Write([]byte(Alive[5:]))
	if !c.Alive() {
		t.Error("not alive after its line")
	}
}
