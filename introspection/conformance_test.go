package introspection_test

import (
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/gobluez/bluez/introspection"
	"github.com/gobluez/bluez/introspection/drift"
)

// recordings holds what bluetoothd of one release prints when its objects are
// asked to introspect themselves: a directory a mode, a file an object, named
// after the object's path.
const (
	recordings = "testdata/bluetoothd-" + release
	release    = "5.82"
)

// TestOneReleaseIsRecorded fails when make introspect has met another bluetoothd, so
// that the new recording is not overlooked.
func TestOneReleaseIsRecorded(t *testing.T) {
	found, err := filepath.Glob("testdata/bluetoothd-*")
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(found, []string{recordings}) {
		t.Errorf("recorded are %v: compare with the newest (the constant release) and remove the others", found)
	}
}

func readRecording(t *testing.T, mode string) *drift.Recording {
	t.Helper()
	names, err := filepath.Glob(filepath.Join(recordings, mode, "*.xml"))
	if err != nil {
		t.Fatal(err)
	}
	if len(names) == 0 {
		t.Fatalf("no recordings in introspection/%s/%s: run `make introspect`, which records them from bluetoothd", recordings, mode)
	}
	r := &drift.Recording{Service: introspection.Bluetoothd, Release: release, Experimental: mode == "experimental"}
	for _, name := range names {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		if err := r.Add(text); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
	}
	return r
}

func TestWhatIsDeclaredIsWhatBluetoothdPrints(t *testing.T) {
	for _, mode := range []string{"normal", "experimental"} {
		t.Run(mode, func(t *testing.T) {
			differences, err := readRecording(t, mode).Differences()
			if err != nil {
				t.Fatal(err)
			}
			for _, d := range differences {
				t.Errorf("%s (bluetoothd %s, %s)", d, release, mode)
			}
		})
	}
}

// The interfaces of the D-Bus specification are held against those of bluetoothd
// and of dbus-daemon, so these have to have been recorded.
func TestStandardInterfacesAreRecorded(t *testing.T) {
	r := readRecording(t, "normal")
	for _, name := range introspection.Standard() {
		if !r.Has(name) {
			t.Errorf("no recording shows %s", name)
		}
	}
}
