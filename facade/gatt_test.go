package facade

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/godbus/dbus/v5"
)

func TestAttributeThatSeveralHaveIsAmbiguous(t *testing.T) {
	candidates := []*Characteristic{
		{UUID: UUID16(0x2a37), Handle: 2, path: "/a"},
		{UUID: UUID16(0x2a19), Handle: 5, path: "/b"},
		{UUID: UUID16(0x2a37), Handle: 8, path: "/c"},
	}
	_, err := find(slices.Values(candidates), UUID16(0x2a37))
	if !errors.Is(err, ErrAmbiguous) || !strings.Contains(err.Error(), "handles 0x0002 and 0x0008") {
		t.Errorf("by UUID: %v", err)
	}
	third := &Characteristic{UUID: UUID16(0x2a37), Handle: 11, path: "/d"}
	if _, err := find(slices.Values(append(candidates, third)), UUID16(0x2a37)); !strings.Contains(err.Error(), "handles 0x0002, 0x0008 and 0x000b") {
		t.Errorf("one of three: %v", err)
	}
	for _, which := range []Attribute{Handle(8), candidates[2], &Characteristic{UUID: UUID16(0x2a37), path: "/c"}} {
		if got, err := find(slices.Values(candidates), which); got != candidates[2] || err != nil {
			t.Errorf("by %v: %v, %v", which, got, err)
		}
	}
	replaced := &Characteristic{UUID: UUID16(0x2a38), path: "/c"} // of new firmware, with the handle of the old
	for _, which := range []Attribute{Handle(9), UUID16(0x2a38), (*Service)(nil), (*Descriptor)(nil), &Descriptor{path: "/x"}, replaced} {
		if _, err := find(slices.Values(candidates), which); !errors.Is(err, ErrNoAttribute) {
			t.Errorf("by %v: %v", which, err)
		}
	}
}

func TestHandlesAreTheDigitsOfThePath(t *testing.T) {
	for path, want := range map[string]Handle{
		"/org/bluez/hci0/dev_X/service000a":                   0x0a,
		"/org/bluez/hci0/dev_X/service000a/charfffe":          0xfffe,
		"/org/bluez/hci0/dev_X/service000a/charfffe/desc0102": 0x0102,
		"/org/bluez/hci0/dev_X/service000a/none":              0,
		"/x":                                                  0,
	} {
		if got := handleOf(dbus.ObjectPath(path)); got != want {
			t.Errorf("%s: %v", path, got)
		}
	}
	if got := Handle(0x2a).String(); got != "0x002a" {
		t.Error(got)
	}
}

func TestAttributesSayWhatTheyAre(t *testing.T) {
	service := &Service{UUID: UUID16(0x180d), Handle: 1, path: "/s"}
	characteristic := &Characteristic{UUID: UUID16(0x2a37), Handle: 2, path: "/s/c"}
	descriptor := &Descriptor{UUID: cccd, Handle: 4, path: "/s/c/d"}
	for want, got := range map[string]string{
		"180d (0x0001)": service.String(), "2a37 (0x0002)": characteristic.String(), "2902 (0x0004)": descriptor.String(),
		"no service": (*Service)(nil).String(), "no characteristic": (*Characteristic)(nil).String(), "no descriptor": (*Descriptor)(nil).String(),
		"/s": string(service.Path()), "/s/c": string(characteristic.Path()), "/s/c/d": string(descriptor.Path()),
		"/a": string(Adapter{path: "/a"}.Path()), "hci0": Adapter{Name: "hci0"}.String(),
	} {
		if got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}
