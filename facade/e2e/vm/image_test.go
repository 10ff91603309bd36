package vm

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/gobluez/bluez/gen/corpus/debian"
)

func TestCacheDirCanBeChosen(t *testing.T) {
	t.Setenv("BLUEZ_VM_CACHE", "")
	user, err := os.UserCacheDir()
	if err != nil {
		t.Fatal(err)
	}
	if got, err := CacheDir(); err != nil || got != filepath.Join(user, "bluez-for-go", "vm") {
		t.Errorf("cache %q, %v", got, err)
	}
	elsewhere := t.TempDir()
	t.Setenv("BLUEZ_VM_CACHE", elsewhere)
	if got, err := CacheDir(); err != nil || got != elsewhere {
		t.Errorf("cache %q, %v", got, err)
	}
}

func TestBuildReusesTheImageOfItsRecipe(t *testing.T) {
	t.Setenv("BLUEZ_VM_CACHE", t.TempDir())
	t.Setenv("NO_INSTALL", "1")
	var log bytes.Buffer
	if want := Supported(); want != nil {
		if _, err := Build(t.Context(), &log); err == nil || err.Error() != want.Error() {
			t.Errorf("build on this machine: %v, want %v", err, want)
		}
		return
	}
	if _, err := Build(t.Context(), &log); err == nil || !strings.Contains(err.Error(), "NO_INSTALL=1") || strings.Contains(err.Error(), "\n") {
		t.Errorf("build without network: %v, want one line that says what forbids it", err)
	}

	hash, err := recipeHash()
	if err != nil {
		t.Fatal(err)
	}
	dir := filepath.Join(os.Getenv("BLUEZ_VM_CACHE"), debian.Suite+"-"+hash)
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "versions.json"), []byte(`{"bluez":"5.82-1","kernel":"6.12"}`), 0o644); err != nil {
		t.Fatal(err)
	}
	image, err := Build(t.Context(), &log)
	if err != nil {
		t.Fatal(err)
	}
	if want := (Versions{BlueZ: "5.82-1", Kernel: "6.12"}); image.Versions != want {
		t.Errorf("versions %+v, want %+v", image.Versions, want)
	}
}
