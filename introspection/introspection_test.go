package introspection_test

import (
	"encoding/xml"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"testing"

	"github.com/gobluez/bluez/introspection"
)

func TestEveryListedInterfaceOpens(t *testing.T) {
	names := append(introspection.Interfaces(), introspection.Standard()...)
	for _, name := range names {
		f, err := introspection.Open(name)
		if err != nil {
			t.Errorf("Open(%q): %v", name, err)
			continue
		}
		node, err := parse(name, f)
		if err := errors.Join(err, f.Close()); err != nil {
			t.Error(err)
			continue
		}
		if got := node.all("interface")[0].name(); got != name {
			t.Errorf("Open(%q) holds %s", name, got)
		}
	}
	if len(names) != len(contract(t)) {
		t.Errorf("%d interfaces are listed of %d files", len(names), len(contract(t)))
	}
}

func TestInterfacesAreListedInOrder(t *testing.T) {
	for _, names := range [][]string{introspection.Interfaces(), introspection.Standard()} {
		if !slices.IsSorted(names) {
			t.Errorf("not in order: %q", names)
		}
	}
	if names := introspection.Interfaces(); !slices.Contains(names, "org.bluez.Device1") ||
		slices.Contains(names, "org.freedesktop.DBus.Properties") {
		t.Errorf("Interfaces() = %q", names)
	}
	if names := introspection.Standard(); !slices.Contains(names, "org.freedesktop.DBus.Properties") {
		t.Errorf("Standard() = %q", names)
	}
}

func TestOpenOfAnUnknownInterface(t *testing.T) {
	for _, name := range []string{"", "org.bluez.Nothing1", "../introspection", "org.bluez.Device1.xml"} {
		if _, err := introspection.Open(name); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("Open(%q) = %v, want fs.ErrNotExist", name, err)
		}
	}
}

func ExampleOpen() {
	f, err := introspection.Open("org.bluez.Battery1")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer f.Close()
	var node struct {
		Interfaces []struct {
			Properties []struct {
				Name string `xml:"name,attr"`
				Type string `xml:"type,attr"`
			} `xml:"property"`
		} `xml:"interface"`
	}
	if err := xml.NewDecoder(f).Decode(&node); err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(node.Interfaces[0].Properties)
	// Output: [{Percentage y} {Source s}]
}
