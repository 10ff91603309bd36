package gen

import (
	"slices"
	"testing"
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
