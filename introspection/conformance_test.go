package introspection_test

import (
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// recordings holds what bluetoothd of one release prints when its objects are
// asked to introspect themselves: a directory a mode, a file an object, named
// after the object's path.
const (
	recordings = "testdata/bluetoothd-" + release
	release    = "5.82"
)

// Ways in which a file differs from what bluetoothd prints, on purpose.
var deviations = []struct {
	iface, member  string
	prints, really string
	reason         string
}{
	{
		iface: "org.bluez.Adapter1", member: "method ConnectDevice",
		prints: "method(in a{sv})", really: "method(in a{sv}, out o)",
		reason: "bluetoothd answers with the path of the device, as its manual page says, and does not declare it",
	},
}

// Interfaces that no recording shows.
var neverSeen = map[string]string{
	"org.bluez.AdminPolicySet1":    "Debian builds bluetoothd without the admin plugin",
	"org.bluez.AdminPolicyStatus1": "Debian builds bluetoothd without the admin plugin",
	"org.bluez.DeviceSet1":         "emulated devices are in no coordinated set",
}

// Interfaces that the recordings may show in one mode only though both have
// them.
var circumstantial = map[string]string{
	"org.bluez.Battery1": "exists while a battery level is known",
}

// Interfaces of bluetoothd and the message bus that this package does not hold yet.
var notYetCovered = []string{
	"org.bluez.HealthManager1",
	"org.bluez.Media1",
	"org.bluez.NetworkServer1",
	"org.bluez.SimAccess1",
	"org.bluez.SimAccessTest1",
	"org.freedesktop.DBus.Debug.Stats",
	"org.freedesktop.DBus.Monitoring",
}

// A recording is what one mode of bluetoothd prints: interface to the elements
// that show it, one an object.
type recording map[string][]*element

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

func readRecording(t *testing.T, mode string) recording {
	t.Helper()
	dir := os.DirFS(path.Join(recordings, mode))
	names, err := fs.Glob(dir, "*.xml")
	if err != nil {
		t.Fatal(err)
	}
	if len(names) == 0 {
		t.Fatalf("no recordings in introspection/%s: run `make introspect`, which records them from bluetoothd", path.Join(recordings, mode))
	}
	seen := make(recording)
	for _, name := range names {
		for _, i := range parseFile(t, dir, name).all("interface") {
			seen[i.name()] = append(seen[i.name()], i)
		}
	}
	return seen
}

// shows tells whether a recording has an interface or, if member is not empty,
// a member of it.
func (r recording) shows(iface, member string) bool {
	return slices.ContainsFunc(r[iface], func(i *element) bool {
		return member == "" || i.members()[member] != nil
	})
}

// exported tells whether bluetoothd of the recorded release exports an
// interface or member of ours.
func exported(e *element) bool {
	role := e.inherited(own + "Role")
	return role != "client" && !newer(e.inherited(since))
}

// newer tells whether a release came after the recorded one.
func newer(version string) bool {
	if version == "" {
		return false
	}
	numbers := func(v string) (n []int) {
		for field := range strings.SplitSeq(v, ".") {
			i, _ := strconv.Atoi(field)
			n = append(n, i)
		}
		return n
	}
	return slices.Compare(numbers(version), numbers(release)) > 0
}

func TestWhatBluetoothdPrintsIsDeclared(t *testing.T) {
	interfaces := ours(t)
	for _, mode := range []string{"normal", "experimental"} {
		for name, shown := range readRecording(t, mode) {
			declared := interfaces[name]
			if declared == nil {
				if !slices.Contains(notYetCovered, name) {
					t.Errorf("%s: %s/%s: the interface %s has no file and is not listed as not yet covered",
						recordings, mode, shown[0].where, name)
				}
				continue
			}
			if !exported(declared) {
				t.Errorf("%s: bluetoothd %s prints the interface, against its role or version", declared.where, release)
			}
			for _, i := range shown {
				compareMembers(t, mode, i, declared)
			}
		}
	}
}

// compareMembers holds each member that bluetoothd prints against ours.
func compareMembers(t *testing.T, mode string, shown, declared *element) {
	t.Helper()
	members := declared.members()
	for key, m := range shown.members() {
		d := members[key]
		if d == nil {
			t.Errorf("%s: %s is missing, which %s/%s has", declared.where, key, mode, m.where)
			continue
		}
		if !exported(d) {
			t.Errorf("%s: bluetoothd %s prints %s, against its role or version", d.where, release, key)
		}
		if got, want := d.signature(), really(declared.name(), key, m.signature()); got != want {
			t.Errorf("%s: %s is declared as %s, but is %s in %s/%s", d.where, key, got, want, mode, m.where)
		}
	}
}

// really corrects what bluetoothd prints of a member by the known deviations.
func really(iface, member, prints string) string {
	for _, d := range deviations {
		if d.iface == iface && d.member == member && d.prints == prints {
			return d.really
		}
	}
	return prints
}

func TestWhatIsDeclaredIsPrintedByBluetoothd(t *testing.T) {
	normal, experimental := readRecording(t, "normal"), readRecording(t, "experimental")
	for name, declared := range ours(t) {
		if !exported(declared) {
			continue
		}
		seen := normal.shows(name, "") || experimental.shows(name, "")
		if reason, listed := neverSeen[name]; listed || !seen {
			if listed && seen {
				t.Errorf("%s: %s is listed as never seen (%s), but the recordings show it", declared.where, name, reason)
			}
			if !listed {
				t.Errorf("%s: no recording shows %s", declared.where, name)
			}
			continue
		}
		for key, d := range declared.members() {
			if exported(d) && !experimental.shows(name, key) && !normal.shows(name, key) {
				t.Errorf("%s: %s is declared, but bluetoothd %s does not print it", d.where, key, release)
			}
		}
	}
}

func TestExperimentalIsWhatOnlyTheExperimentalModeHas(t *testing.T) {
	normal, experimental := readRecording(t, "normal"), readRecording(t, "experimental")
	for name, declared := range ours(t) {
		_, either := circumstantial[name]
		if either && (!normal.shows(name, "") || !experimental.shows(name, "")) {
			continue
		}
		for key, d := range declared.members() {
			n, e := normal.shows(name, key), experimental.shows(name, key)
			if !n && !e {
				continue // the other tests complain
			}
			if !e {
				t.Errorf("%s: %s is printed only without --experimental", d.where, key)
			}
			if flagged := d.inherited(own+"Experimental") == "true"; flagged != !n {
				t.Errorf("%s: %s: Experimental is %t, but bluetoothd without --experimental prints it: %t", d.where, key, flagged, n)
			}
		}
	}
}

func TestTheListsOfExceptionsAreTrue(t *testing.T) {
	interfaces := ours(t)
	normal, experimental := readRecording(t, "normal"), readRecording(t, "experimental")
	shows := func(iface, member string) bool {
		return normal.shows(iface, member) || experimental.shows(iface, member)
	}
	for _, d := range deviations {
		printed := slices.ContainsFunc(experimental[d.iface], func(i *element) bool {
			m := i.members()[d.member]
			return m != nil && m.signature() == d.prints
		})
		if !printed {
			t.Errorf("bluetoothd %s does not print %s of %s as %s any more", release, d.member, d.iface, d.prints)
		}
		if d.reason == "" {
			t.Errorf("no reason is given for %s of %s", d.member, d.iface)
		}
	}
	for _, name := range notYetCovered {
		if interfaces[name] != nil {
			t.Errorf("%s is listed as not yet covered, but has a file", name)
		}
		if !shows(name, "") {
			t.Errorf("%s is listed as not yet covered, but no recording shows it", name)
		}
	}
	for name := range neverSeen {
		if interfaces[name] == nil {
			t.Errorf("%s is listed as never seen, but has no file", name)
		}
	}
	for name := range circumstantial {
		if interfaces[name] == nil {
			t.Errorf("%s is listed as circumstantial, but has no file", name)
		}
	}
}
