package vm

import (
	"bytes"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// entries reads an archive back: "mode name content" of each entry, in order.
func entries(t *testing.T, archive []byte) (list []string) {
	t.Helper()
	field := func(header []byte, n int) (v int) {
		for _, digit := range header[6+8*n : 6+8*n+8] {
			v = v<<4 | strings.IndexByte("0123456789abcdef", digit)
		}
		return v
	}
	for len(archive) > 0 {
		if string(archive[:6]) != "070701" {
			t.Fatalf("entry %d begins with %q", len(list), archive[:6])
		}
		mode, size, nameSize := field(archive, 1), field(archive, 6), field(archive, 11)
		name := string(archive[110 : 110+nameSize-1])
		content := (110 + nameSize + 3) &^ 3
		if name == "TRAILER!!!" {
			if rest := archive[content:]; len(rest) > 0 {
				t.Fatalf("%d bytes after the trailer", len(rest))
			}
			return list
		}
		kind := map[int]string{0o04: "dir", 0o10: "file", 0o12: "link"}[mode>>12]
		list = append(list, strings.TrimSpace(kind+" "+name+" "+string(archive[content:content+size])))
		archive = archive[(content+size+3)&^3:]
	}
	t.Fatal("no trailer")
	return nil
}

func TestArchiveHasParentsBeforeContent(t *testing.T) {
	var out bytes.Buffer
	a := newArchive(&out)
	a.Mkdir("/usr/bin")
	a.Write("usr/share/doc/a", 0o644, "hello")
	a.Symlink("usr/bin", "bin")
	a.Symlink("elsewhere", "bin") // is there already
	a.Mkdir("usr/share")
	if err := a.Close(); err != nil {
		t.Fatal(err)
	}
	want := []string{"dir usr", "dir usr/bin", "dir usr/share", "dir usr/share/doc", "file usr/share/doc/a hello", "link bin usr/bin"}
	if got := entries(t, out.Bytes()); strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("entries:\n%s\nwant:\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

func TestArchiveCopiesFiles(t *testing.T) {
	host := filepath.Join(t.TempDir(), "script")
	if err := os.WriteFile(host, []byte("#!"), 0o755); err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	a := newArchive(&out)
	a.Copy(host, "job/script")
	if err := a.Close(); err != nil {
		t.Fatal(err)
	}
	if got := entries(t, out.Bytes()); len(got) != 2 || got[1] != "file job/script #!" {
		t.Errorf("entries %q", got)
	}
	if mode := "000081ed"; !strings.Contains(out.String(), mode) {
		t.Errorf("no entry has mode %s, that of an executable file", mode)
	}
}

func TestArchiveKeepsItsFirstError(t *testing.T) {
	a := newArchive(io.Discard)
	a.Copy("/no/such/file", "x")
	a.Write("y", 0o644, "")
	if err := a.Close(); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("error %v, want that of the file that is missing", err)
	}
}
