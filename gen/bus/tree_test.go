//go:build linux

package bus

import (
	"slices"
	"testing"

	"github.com/godbus/dbus/v5"
)

func TestOutermostDoesNotLookBelowWhatItFinds(t *testing.T) {
	m := &Mirror{}
	for _, path := range []dbus.ObjectPath{"/x/b", "/x/a", "/x/a/inner", "/y"} {
		m.tree.record(path, thingCodec)
	}
	m.tree.record("/y/z", Codec{Interface: "org.example.Other", New: thingCodec.New})
	look := func(prefix dbus.ObjectPath, most int) (found []dbus.ObjectPath) {
		m.View(func(v View) {
			v.Outermost(prefix, thingName, func(path dbus.ObjectPath, r Record) bool {
				if r == nil {
					t.Errorf("%s without a record", path)
				}
				found = append(found, path)
				return len(found) < most
			})
		})
		return found
	}
	for _, test := range []struct {
		prefix dbus.ObjectPath
		most   int
		want   []dbus.ObjectPath
	}{
		{"/", 9, []dbus.ObjectPath{"/x/a", "/x/b", "/y"}},
		{"/", 2, []dbus.ObjectPath{"/x/a", "/x/b"}},
		{"/x/a", 9, []dbus.ObjectPath{"/x/a"}},
		{"/y/z", 9, nil},
		{"/none", 9, nil},
	} {
		if got := look(test.prefix, test.most); !slices.Equal(got, test.want) {
			t.Errorf("%s: %q, want %q", test.prefix, got, test.want)
		}
	}
}
