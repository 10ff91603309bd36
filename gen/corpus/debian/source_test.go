package debian

import (
	"os"
	"path/filepath"
	"testing"
)

func TestSourcePackageIsFoundAmongItsFiles(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{"bluez_5.82-1.1.dsc", "bluez_5.82-1.1.debian.tar.xz", "bluez_5.82.orig.tar.gz", "bluez_5.82.orig.tar.gz.asc"} {
		if err := os.WriteFile(filepath.Join(dir, name), nil, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want := Source{Version: "5.82-1.1", Upstream: filepath.Join(dir, "bluez_5.82.orig.tar.gz")}
	if got, err := sourceIn(dir, "bluez"); got != want || err != nil {
		t.Errorf("%+v, %v, want %+v", got, err, want)
	}
	if _, err := sourceIn(dir, "absent"); err == nil {
		t.Error("a package that is not there was found")
	}
}
