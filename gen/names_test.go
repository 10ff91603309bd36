package gen

import (
	"maps"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/gobluez/bluez/gen/bus"
)

func TestGoName(t *testing.T) {
	for name, want := range map[string]string{
		"Powered": "Powered", "UUIDs": "UUIDs", "RSSI": "RSSI", "icon_name": "IconName", "fooBar": "FooBar",
		"uuid": "UUID", "device_id": "DeviceID", "write-without-response": "WriteWithoutResponse",
		"off-blocked": "OffBlocked", "BR/EDR": "BREDR", "1M": "X1M", "_": "X", "": "X", "über": "Ber", "org.bluez.Reason.Local": "OrgBluezReasonLocal",
	} {
		if got := goName(name); got != want {
			t.Errorf("goName(%q) = %q, want %q", name, got, want)
		}
	}
}

func TestLocalName(t *testing.T) {
	for name, want := range map[string]string{
		"UUID": "uuid", "UUIDs": "uuids", "ADType": "adType", "value": "value", "TxPower": "txPower", "MTU": "mtu", "device_id": "deviceID",
		"type": "typeArg", "ctx": "ctxArg", "len": "lenArg", "with space": "withSpace", "2nd": "x2nd", "HTTPServer": "httpServer", "": "arg0",
		"encodeStringSlice": "encodeStringSliceArg", "decoder": "decoder",
	} {
		if got := localName(name, "arg0"); got != want {
			t.Errorf("localName(%q) = %q, want %q", name, got, want)
		}
	}
}

func TestInterfaceName(t *testing.T) {
	tests := []struct{ name, service, want string }{
		{"org.bluez.Device1", "org.bluez", "Device1"},
		{"org.bluez.Bearer.LE1", "org.bluez", "BearerLE1"},
		{"org.bluez.obex.Client1", "org.bluez.obex", "Client1"},
		{"org.bluez.obex.Client1", "", "ObexClient1"},
		{"org.freedesktop.DBus.Properties", "", "DBusProperties"},
		{"org.freedesktop.UPower", "org.freedesktop.UPower", "UPower"},
		{"org.freedesktop.UPower.Device", "org.freedesktop.UPower", "Device"},
		{"com.example", "", "Example"},
		{"org.bluezy.Device1", "org.bluez", "Device1"},
	}
	for _, tt := range tests {
		if got := interfaceName(tt.name, tt.service); got != tt.want {
			t.Errorf("interfaceName(%q, %q) = %q, want %q", tt.name, tt.service, got, tt.want)
		}
	}
}

func TestMembersThatDifferOnlyInCaseDoNotDependOnOrder(t *testing.T) {
	name := func(spellings ...string) map[string]string {
		iface := &Interface{}
		for _, s := range spellings {
			iface.Methods = append(iface.Methods, &Method{Name: s})
		}
		got := make(map[string]string)
		for i, n := range memberNames(iface, "Thing1").methods {
			got[spellings[i]] = n
		}
		return got
	}
	spellings := []string{"foo_bar", "FooBar", "fooBar", "foo__bar", "Get", "CallGet", "get"}
	want := name(spellings...)
	if want["FooBar"] != "FooBar" || want["foo_bar"] != "X_foo_bar" || want["foo__bar"] != "X_foo__bar" || want["CallGet"] != "CallGet" {
		t.Errorf("names are %v", want)
	}
	var all []string
	for _, n := range want {
		all = append(all, n)
	}
	slices.Sort(all)
	if len(slices.Compact(all)) != len(spellings) {
		t.Errorf("names are not distinct: %v", want)
	}
	slices.Reverse(spellings)
	for spelling, got := range name(spellings...) {
		if got != want[spelling] {
			t.Errorf("%s is %s or %s, depending on the order", spelling, want[spelling], got)
		}
	}
}

func TestMethodsOfObjectAreReserved(t *testing.T) {
	object := reflect.TypeFor[bus.Object]()
	for i := range object.NumMethod() {
		if name := object.Method(i).Name; !slices.Contains(reservedMethods, name) {
			t.Errorf("a D-Bus method %s would hide that of bus.Object", name)
		}
	}
}

func TestOverloadsAreNamedAfterTheirSignatures(t *testing.T) {
	method := func(name string, args ...string) *Method {
		m := &Method{Name: name}
		for _, arg := range args {
			typ, err := ParseType(arg)
			if err != nil {
				t.Fatal(err)
			}
			m.In = append(m.In, &Arg{Type: typ})
		}
		return m
	}
	iface := &Interface{Methods: []*Method{
		method("close", "s", "b"), method("close", "a{s(uu)}"), method("close"), method("Close"), method("Close_s"), method("get", "s"), method("get", "u"),
	}}
	want := []string{"Close_sb", "Close_aDsSuuZZ", "V_close_", "Close", "CloseS", "Get_s", "Get_u"}
	if got := memberNames(iface, "Thing1").methods; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

// TestChosenNamesStay plays the cases in which a new member takes the name of an old one, which an annotation gives back.
func TestChosenNamesStay(t *testing.T) {
	text, number := []*Arg{{Type: &Type{Code: 's'}}}, []*Arg{{Type: &Type{Code: 'u'}}}
	tests := []struct {
		name  string
		iface Interface
		want  string // methods, signals and properties, in this order
	}{
		{"a property like a method", Interface{
			Methods:    []*Method{{Name: "Foo", Annotations: Annotations{GoName: "Foo"}}},
			Properties: []*Property{{Name: "Foo", Readable: true}},
		}, "Foo FooProperty"},
		{"a property whose setter is like a method", Interface{
			Methods:    []*Method{{Name: "SetFoo", Annotations: Annotations{GoName: "SetFoo"}}},
			Properties: []*Property{{Name: "Foo", Readable: true, Writable: true}},
		}, "SetFoo FooProperty"},
		{"a signal like a method", Interface{
			Methods: []*Method{{Name: "OnFoo", Annotations: Annotations{GoName: "OnFoo"}}},
			Signals: []*Signal{{Name: "Foo"}},
		}, "OnFoo X_Foo"},
		{"a method that is spelled like the Go name", Interface{
			Methods: []*Method{{Name: "foo_bar", Annotations: Annotations{GoName: "FooBar"}}, {Name: "FooBar"}},
		}, "FooBar X_FooBar"},
		{"a method with other arguments", Interface{
			Methods: []*Method{{Name: "Close", In: text, Annotations: Annotations{GoName: "Close"}}, {Name: "Close", In: number}},
		}, "Close Close_u"},
		{"a method without arguments", Interface{
			Methods: []*Method{{Name: "Close", In: text, Annotations: Annotations{GoName: "Close"}}, {Name: "Close"}},
		}, "Close V_Close_"},
		{"a signal without arguments", Interface{
			Signals: []*Signal{{Name: "Closed", Args: text, Annotations: Annotations{GoName: "Closed"}}, {Name: "Closed"}},
		}, "Closed V_Closed_"},
		{"a property in lower case", Interface{
			Properties: []*Property{{Name: "foo", Annotations: Annotations{GoName: "Foo"}}, {Name: "Foo"}},
		}, "Foo X_Foo"},
	}
	for _, tt := range tests {
		n := memberNames(&tt.iface, "Thing1")
		if got := strings.Join(slices.Concat(n.methods, n.signals, n.properties), " "); got != tt.want {
			t.Errorf("%s: got %s, want %s", tt.name, got, tt.want)
		}
	}
}

func TestEscapedNamesAreDistinct(t *testing.T) {
	seen := make(map[string]string)
	for _, name := range []string{"a-b", "a_b", "a b", "a_2d_b", "a-_b", "a_-b", "a--b", "aü", "a\u00fc_", "-", "2", "", "U_a", "X_a"} {
		got := escapedName(name)
		if other, twice := seen[got]; twice {
			t.Errorf("%q and %q are both %s", name, other, got)
		}
		if !isMemberName(got) {
			t.Errorf("%q becomes %q", name, got)
		}
		seen[got] = name
	}
}

func TestLongInterfaceNamesHaveShortFiles(t *testing.T) {
	var files []string
	for _, name := range []string{"a." + strings.Repeat("b", 253), "a." + strings.Repeat("b", 252) + "c", "a.b.Thing"} {
		iface := &ifacePlan{Interface: &Interface{Name: name}}
		iface.setName("")
		if len(iface.file) > 255 {
			t.Errorf("file name of %d bytes for %s", len(iface.file), name)
		}
		files = append(files, iface.file)
	}
	if files[0] == files[1] || files[2] != "thing.go" {
		t.Errorf("got %q", files)
	}
}

func TestOnlyTheLongerOfTwoNamesGrows(t *testing.T) {
	name := func(names ...string) map[string]string {
		pl := &planner{pkg: &Package{}}
		for _, n := range names {
			pl.pkg.ifaces = append(pl.pkg.ifaces, &ifacePlan{Interface: &Interface{Name: n}})
		}
		pl.nameInterfaces()
		got := make(map[string]string)
		for _, iface := range pl.pkg.ifaces {
			got[iface.Name] = iface.base
		}
		return got
	}
	got := name("org.freedesktop.DBus.Properties", "org.freedesktop.DBus", "a.b.Device", "c.d.Device", "e.f.Thing", "e.f.ThingSet")
	want := map[string]string{
		"org.freedesktop.DBus.Properties": "OrgFreedesktopDBusProperties", "org.freedesktop.DBus": "DBus",
		"a.b.Device": "ABDevice", "c.d.Device": "CDDevice", "e.f.Thing": "Thing", "e.f.ThingSet": "EFThingSet",
	}
	if !maps.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}
