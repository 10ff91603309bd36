package debian

import (
	"archive/tar"
	"bytes"
	"io/fs"
	"os"
	"path/filepath"
	"testing"
)

func TestVersionIsReadFromFileName(t *testing.T) {
	debs := []string{"/x/bluez-test-tools_1-1_amd64.deb", "/x/bluez_5.82-1.1_amd64.deb", "/x/odd.deb"}
	if got := Version(debs, "bluez"); got != "5.82-1.1" {
		t.Errorf("version %q", got)
	}
	if got := Version(debs, "absent"); got != "" {
		t.Errorf("version of a package that is not there: %q", got)
	}
}

// tarball returns a tar archive of headers; regular files hold their own names.
func tarball(t *testing.T, headers ...tar.Header) *tar.Reader {
	t.Helper()
	var out bytes.Buffer
	w := tar.NewWriter(&out)
	for _, h := range headers {
		if h.Typeflag == tar.TypeReg {
			h.Size = int64(len(h.Name))
		}
		if err := w.WriteHeader(&h); err != nil {
			t.Fatal(err)
		}
		if h.Typeflag == tar.TypeReg {
			if _, err := w.Write([]byte(h.Name)); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return tar.NewReader(&out)
}

func TestExtractFollowsTheMergedUsr(t *testing.T) {
	tree := t.TempDir()
	if err := os.MkdirAll(filepath.Join(tree, "usr/bin"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("usr/bin", filepath.Join(tree, "bin")); err != nil {
		t.Fatal(err)
	}
	err := extract(tarball(t,
		tar.Header{Typeflag: tar.TypeDir, Name: "./bin/", Mode: 0o755},
		tar.Header{Typeflag: tar.TypeReg, Name: "./bin/tool", Mode: 0o555},
		tar.Header{Typeflag: tar.TypeSymlink, Name: "./bin", Linkname: "usr/bin"},
		tar.Header{Typeflag: tar.TypeSymlink, Name: "./bin/alias", Linkname: "tool"},
		tar.Header{Typeflag: tar.TypeLink, Name: "./bin/same", Linkname: "./bin/tool"},
	), tree)
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"usr/bin/tool", "usr/bin/alias", "usr/bin/same"} {
		if content, err := os.ReadFile(filepath.Join(tree, name)); err != nil || string(content) != "./bin/tool" {
			t.Errorf("%s: %q, %v", name, content, err)
		}
	}
	info, err := os.Stat(filepath.Join(tree, "usr/bin/tool"))
	if err != nil {
		t.Fatal(err)
	}
	if want := fs.FileMode(0o755); info.Mode().Perm() != want {
		t.Errorf("mode %v, want %v: executable, and the owner may replace it", info.Mode().Perm(), want)
	}
}

func TestExtractStaysInItsTree(t *testing.T) {
	for _, name := range []string{"../escaped", "/etc/passwd"} {
		if err := extract(tarball(t, tar.Header{Typeflag: tar.TypeReg, Name: name, Mode: 0o644}), t.TempDir()); err == nil {
			t.Errorf("an entry %q was extracted", name)
		}
	}
}
