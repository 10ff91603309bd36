//go:build linux

package bus

import (
	"errors"
	"strings"
	"testing"
)

func TestAddressListIsSplitAndUnescaped(t *testing.T) {
	t.Setenv("XDG_RUNTIME_DIR", "/run/user/5")
	for _, test := range []struct {
		address string
		want    []string // socket names
	}{
		{"unix:path=/a/b", []string{"/a/b"}},
		{"unix:path=/a%20b%2cc,guid=12", []string{"/a b,c"}},
		{"unix:abstract=x", []string{"@x"}},
		{"unix:path=@x", []string{"./@x"}},
		{"unix:runtime=yes", []string{"/run/user/5/bus"}},
		{";unix:path=/a;unix:path=/b;", []string{"/a", "/b"}},
	} {
		addresses, err := parseAddresses(test.address)
		if err != nil {
			t.Errorf("%s: %v", test.address, err)
			continue
		}
		var got []string
		for _, a := range addresses {
			name, err := a.socketName()
			if err != nil {
				t.Errorf("%s: %v", test.address, err)
			}
			got = append(got, name)
		}
		if strings.Join(got, " ") != strings.Join(test.want, " ") {
			t.Errorf("%s: %q, want %q", test.address, got, test.want)
		}
	}
}

func TestUnixexecAddressHasArguments(t *testing.T) {
	addresses, err := parseAddresses("unixexec:path=ssh,argv0=-ssh,argv1=host,argv2=a%3bb")
	if err != nil {
		t.Fatal(err)
	}
	path, argv, err := addresses[0].command()
	if err != nil || path != "ssh" || strings.Join(argv, "|") != "-ssh|host|a;b" {
		t.Errorf("%q %q %v", path, argv, err)
	}
}

func TestBadAddressIsRefusedByName(t *testing.T) {
	t.Setenv("XDG_RUNTIME_DIR", "")
	for _, test := range []struct{ address, want string }{
		{"", "empty"},
		{"/run/socket", "no transport"},
		{"unix:path", "not key=value"},
		{"unix:path=/%4", "%XX"},
		{"unix:path=/%zz", "%XX"},
		{"unix:path=/a,path=/b", "twice"},
		{"unix:path=/a,abstract=b", "exactly one"},
		{"unix:guid=5", "exactly one"},
		{"unix:runtime=no", "runtime=no"},
		{"unix:runtime=yes", "XDG_RUNTIME_DIR"},
		{"unixexec:argv1=x", "path"},
		{"tcp:host=localhost,port=1", `transport "tcp"`},
	} {
		_, err := Dial(within(t), test.address, Options{})
		if err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%q: %v, want %q", test.address, err, test.want)
		}
		if errors.Is(err, ErrNoBus) == errors.Is(err, errors.ErrUnsupported) {
			t.Errorf("%q: %v matches both or neither of ErrNoBus and ErrUnsupported", test.address, err)
		}
	}
	_, err := Dial(within(t), "tcp:host=localhost", Options{})
	if !errors.Is(err, errors.ErrUnsupported) {
		t.Errorf("tcp: %v", err)
	}
}

func TestNoBusIsTold(t *testing.T) {
	_, err := Dial(within(t), "unix:path=/nonexistent;unix:abstract=nonexistent-either", Options{})
	if !errors.Is(err, ErrNoBus) || strings.Count(err.Error(), "connect to bus") != 2 {
		t.Errorf("%v", err)
	}
}

func TestSystemBusAddressIsTheEnvironments(t *testing.T) {
	t.Setenv("DBUS_SYSTEM_BUS_ADDRESS", "unix:path=/x")
	if got := SystemBusAddress(); got != "unix:path=/x" {
		t.Error(got)
	}
	t.Setenv("DBUS_SYSTEM_BUS_ADDRESS", "")
	if got := SystemBusAddress(); !strings.HasSuffix(got, "/run/dbus/system_bus_socket") {
		t.Error(got)
	}
}
