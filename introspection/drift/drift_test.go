package drift

import (
	"encoding/xml"
	"errors"
	"io"
	"slices"
	"strings"
	"testing"

	"github.com/godbus/dbus/v5/introspect"

	"github.com/gobluez/bluez/introspection"
)

// faithful returns what a bluetoothd prints that has everything that is declared for the release, after edit.
func faithful(t *testing.T, release string, experimental bool, edit func(*introspect.Interface)) *Recording {
	t.Helper()
	r := &Recording{Service: introspection.Bluetoothd, Release: release, Experimental: experimental}
	for _, name := range introspection.InterfacesOf(introspection.Bluetoothd) {
		iface := read(t, name)
		d := &declaration{name: name, members: membersOf(iface), annotations: iface.Annotations}
		c := &comparison{Recording: r}
		if unseen[name] != "" || c.objection(d, nil) != "" {
			continue
		}
		hidden := func(kind, name string) bool {
			i := slices.IndexFunc(d.members, func(m member) bool { return m.name == kind+" "+name })
			return c.objection(d, &d.members[i]) != ""
		}
		iface.Methods = slices.DeleteFunc(iface.Methods, func(m introspect.Method) bool { return hidden("method", m.Name) })
		iface.Signals = slices.DeleteFunc(iface.Signals, func(s introspect.Signal) bool { return hidden("signal", s.Name) })
		iface.Properties = slices.DeleteFunc(iface.Properties, func(p introspect.Property) bool { return hidden("property", p.Name) })
		if name == "org.bluez.Adapter1" {
			for i, m := range iface.Methods {
				if m.Name == "ConnectDevice" {
					iface.Methods[i].Args = m.Args[:1] // as bluetoothd has it
				}
			}
		}
		if edit != nil {
			edit(iface)
		}
		if iface.Name == "" {
			continue
		}
		add(t, r, iface)
	}
	return r
}

func read(t *testing.T, name string) *introspect.Interface {
	t.Helper()
	f, err := introspection.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	text, err := io.ReadAll(f)
	if err := errors.Join(err, f.Close()); err != nil {
		t.Fatal(err)
	}
	var node introspect.Node
	if err := xml.Unmarshal(text, &node); err != nil {
		t.Fatal(err)
	}
	return &node.Interfaces[0]
}

func add(t *testing.T, r *Recording, iface *introspect.Interface) {
	t.Helper()
	text, err := xml.Marshal(introspect.Node{Interfaces: []introspect.Interface{*iface}})
	if err != nil {
		t.Fatal(err)
	}
	if err := r.Add(text); err != nil {
		t.Fatal(err)
	}
}

func TestWhatIsAsDeclaredIsNoDifference(t *testing.T) {
	for _, release := range []string{"5.60", "5.82", "5.87", "6.0"} {
		for _, experimental := range []bool{false, true} {
			if found := differences(t, faithful(t, release, experimental, nil)); len(found) > 0 {
				t.Errorf("BlueZ %s, experimental %t: %q", release, experimental, found)
			}
		}
	}
}

func differences(t *testing.T, r *Recording) (lines []string) {
	t.Helper()
	found, err := r.Differences()
	if err != nil {
		t.Fatal(err)
	}
	for _, d := range found {
		lines = append(lines, d.String())
	}
	return lines
}

func TestDifferences(t *testing.T) {
	on := func(name string, f func(*introspect.Interface)) func(*introspect.Interface) {
		return func(i *introspect.Interface) {
			if i.Name == name {
				f(i)
			}
		}
	}
	arg := func(direction, signature string) introspect.Arg {
		return introspect.Arg{Name: "x", Direction: direction, Type: signature}
	}
	for _, test := range []struct {
		name         string
		release      string
		experimental bool
		edit         func(*introspect.Interface)
		want         string
	}{
		{"a method more", "5.87", false, on("org.bluez.Battery1", func(i *introspect.Interface) {
			i.Methods = append(i.Methods, introspect.Method{Name: "Charge", Args: []introspect.Arg{arg("in", "y"), arg("out", "b")}})
		}), "new: org.bluez.Battery1: method Charge: method(in y, out b) is printed and not declared"},
		{"a signal less", "5.87", false, on("org.bluez.Device1", func(i *introspect.Interface) {
			i.Signals = nil
		}), "gone: org.bluez.Device1: signal Disconnected: signal(out s, out s) is declared and not printed"},
		{"another type", "5.87", false, on("org.bluez.Battery1", func(i *introspect.Interface) {
			i.Properties[0].Type = "q"
		}), "different: org.bluez.Battery1: property Percentage: read y is declared, read q is printed"},
		{"an interface less", "5.87", false, on("org.bluez.GattManager1", func(i *introspect.Interface) {
			*i = introspect.Interface{}
		}), "gone: org.bluez.GattManager1: no object prints the interface"},
		{"an interface more", "5.87", false, on("org.bluez.GattManager1", func(i *introspect.Interface) {
			i.Name = "org.bluez.GattManager2"
		}), "gone: org.bluez.GattManager1: no object prints the interface\nnew: org.bluez.GattManager2: the interface has no file"},
		{"an interface that passes", "5.87", false, on("org.bluez.Battery1", func(i *introspect.Interface) {
			*i = introspect.Interface{}
		}), ""},
		{"a member before its release", "5.82", false, on("org.bluez.Device1", func(i *introspect.Interface) {
			i.Properties = append(i.Properties, introspect.Property{Name: "CablePairing", Type: "b", Access: "read"})
		}), "different: org.bluez.Device1: property CablePairing: it is printed, though it came with BlueZ 5.83"},
		{"a member that is experimental no more", "5.87", false, on("org.bluez.Device1", func(i *introspect.Interface) {
			i.Properties = append(i.Properties, introspect.Property{Name: "PreferredBearer", Type: "s", Access: "readwrite"})
		}), "different: org.bluez.Device1: property PreferredBearer: it is printed, though it is experimental"},
		{"a member that applications have", "5.87", true, on("org.bluez.GattCharacteristic1", func(i *introspect.Interface) {
			i.Methods = append(i.Methods, introspect.Method{Name: "Confirm"})
		}), "different: org.bluez.GattCharacteristic1: method Confirm: it is printed, though applications alone have it"},
		{"an interface after its removal", "5.87", false, on("org.bluez.GattManager1", func(i *introspect.Interface) {
			i.Name = "org.bluez.HealthManager1"
			i.Methods = nil
		}), "gone: org.bluez.GattManager1: no object prints the interface\n" +
			"different: org.bluez.HealthManager1: it is printed, though it went with BlueZ 5.86"},
		{"an exception that is needed no more", "5.87", true, on("org.bluez.Adapter1", func(i *introspect.Interface) {
			for n, m := range i.Methods {
				if m.Name == "ConnectDevice" {
					i.Methods[n].Args = append(slices.Clone(m.Args), arg("out", "o"))
				}
			}
		}), "different: org.bluez.Adapter1: method ConnectDevice: the exception that method(in a{sv}) is printed is not needed any more"},
	} {
		t.Run(test.name, func(t *testing.T) {
			found := strings.Join(differences(t, faithful(t, test.release, test.experimental, test.edit)), "\n")
			if found != test.want {
				t.Errorf("found\n%s\nwant\n%s", found, test.want)
			}
		})
	}
}

func TestInterfaceThatIsListedAsNeverSeen(t *testing.T) {
	r := faithful(t, "5.87", false, nil)
	add(t, r, read(t, "org.bluez.Input1"))
	want := []string{"different: org.bluez.Input1: it is printed, though it is listed as never seen: " + noProfile}
	if found := differences(t, r); !slices.Equal(found, want) {
		t.Errorf("found %q, want %q", found, want)
	}
}

func TestWhatIsNotXML(t *testing.T) {
	if err := new(Recording).Add([]byte("<node")); err == nil {
		t.Error("no error")
	}
}

func TestReleasesAreComparedByNumber(t *testing.T) {
	ordered := []string{"", "5.9", "5.10", "5.82", "6.0"}
	for i, a := range ordered {
		for j, b := range ordered {
			if got := compareReleases(a, b); (got < 0) != (i < j) || (got > 0) != (i > j) {
				t.Errorf("compareReleases(%q, %q) = %d", a, b, got)
			}
		}
	}
}

// An exception for what there is no file of would be forgotten.
func TestExceptionsAreOfInterfacesThatExist(t *testing.T) {
	for _, list := range []map[string]string{unseen, passing, removed} {
		for name := range list {
			if !slices.Contains(introspection.Interfaces(), name) {
				t.Errorf("%s is listed, but has no file", name)
			}
		}
	}
	for name := range foreign {
		if slices.Contains(introspection.Interfaces(), name) {
			t.Errorf("%s is listed as foreign, but has a file", name)
		}
	}
}

func TestRemovedInterfacesAreDeprecated(t *testing.T) {
	for name, release := range removed {
		text := ""
		for _, a := range read(t, name).Annotations {
			if a.Name == "org.freedesktop.DBus.Deprecated" || strings.HasSuffix(a.Name, ".DocString") {
				text += a.Value
			}
		}
		if !strings.Contains(text, "true") || !strings.Contains(text, release) {
			t.Errorf("%s went with BlueZ %s, and its file does not say so", name, release)
		}
	}
}
