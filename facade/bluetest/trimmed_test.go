package bluetest

import (
	"strings"
	"testing"

	"github.com/gobluez/bluez/bluezgen"
)

func TestIntrospectionIsThatOfTheVersion(t *testing.T) {
	for _, test := range []struct {
		option  Option
		has     []string
		without []string
	}{
		{Version555, []string{`"StartDiscovery"`, `"Roles"`}, []string{`"ConnectDevice"`, `"PowerState"`, `"Manufacturer"`, "AdvertisementMonitorManager1"}},
		{DefaultVersion, []string{`"PowerState"`, `"Manufacturer"`, `"Version"`}, []string{`"ConnectDevice"`, "AdvertisementMonitorManager1"}},
		{Experimental(), []string{`"ConnectDevice"`, "AdvertisementMonitorManager1"}, nil},
	} {
		object := dial(t, Start(t, test.option)).Object(bluezgen.Service, "/org/bluez/hci0")
		xml, err := object.Introspect(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range test.has {
			if !strings.Contains(xml, name) {
				t.Errorf("%v: %s is missing:\n%s", test.option, name, xml)
			}
		}
		for _, name := range test.without {
			if strings.Contains(xml, name) {
				t.Errorf("%v: %s is there:\n%s", test.option, name, xml)
			}
		}
	}
}

func TestCutMember(t *testing.T) {
	const xml = "<interface name=\"i\">\n  <method name=\"A\"/>\n  <method name=\"B\">\n    <arg name=\"a\" type=\"s\"/>\n  </method>\n  <property name=\"A\" type=\"s\" access=\"read\"/>\n</interface>"
	for name, want := range map[string]string{
		"A": strings.Replace(xml, "  <method name=\"A\"/>\n", "", 1),
		"B": strings.Replace(xml, "  <method name=\"B\">\n    <arg name=\"a\" type=\"s\"/>\n  </method>\n", "", 1),
		"C": xml,
	} {
		if got := cutMember(xml, "method", name); got != want {
			t.Errorf("without %s:\n%s", name, got)
		}
	}
}
