//go:build linux

package facade

import (
	"context"
	"errors"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/gobluez/bluez/bluezgen"
	"github.com/gobluez/bluez/facade/bluetest"
)

func TestAdaptersAreListedInTheOrderOfTheirNumbers(t *testing.T) {
	w := startWorld(t, bluetest.AdapterConfig{Name: "hci10"}, bluetest.AdapterConfig{Name: "hci2", Alias: "kitchen"}, bluetest.AdapterConfig{Off: true})
	adapters, err := w.open(Options{}).Adapters(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, a := range adapters {
		names = append(names, a.Name)
	}
	if !slices.Equal(names, []string{"hci0", "hci2", "hci10"}) {
		t.Errorf("adapters are %v", names)
	}
	want := Adapter{
		Name: "hci2", Address: Address{0, 0xAA, 1, 0, 0, 2}, AddressType: AddressPublic, Alias: "kitchen",
		Powered: true, Central: true, Peripheral: true, path: "/org/bluez/hci2",
	}
	if adapters[1] != want {
		t.Errorf("hci2 is %#v, want %#v", adapters[1], want)
	}
}

func TestAdapterIsChosenByNameOrAddressElseThePoweredOneOfLowestNumber(t *testing.T) {
	w := startWorld(t, bluetest.AdapterConfig{Off: true}, bluetest.AdapterConfig{}, bluetest.AdapterConfig{},
		bluetest.AdapterConfig{Roles: []bluezgen.AdapterRole{bluezgen.AdapterRolePeripheral}})
	plain, chosen := w.open(Options{}), w.open(Options{Adapter: "hci2"})
	for _, test := range []struct {
		central *Central
		option  string
		want    string
		err     error
	}{
		{plain, "", "hci1", nil},
		{plain, "hci2", "hci2", nil},
		{plain, "00:aa:01:00:00:01", "hci1", nil},
		{plain, "hci0", "", ErrAdapterOff},
		{plain, "hci", "", ErrNoAdapter},
		{chosen, "", "hci2", nil},
		{chosen, "hci1", "hci1", nil},
		{chosen, "hci3", "hci3", nil},
	} {
		a, err := test.central.resolveAdapter(test.option)
		if a.Name != test.want || !errors.Is(err, test.err) {
			t.Errorf("adapter %q = %q, %v; want %q, %v", test.option, a.Name, err, test.want, test.err)
		}
	}
}

func TestAdapterThatCannotBeACentralIsChosenOnlyByName(t *testing.T) {
	w := startWorld(t, bluetest.AdapterConfig{Roles: []bluezgen.AdapterRole{bluezgen.AdapterRolePeripheral}})
	c := w.open(Options{})
	if a, err := c.resolveAdapter(""); !errors.Is(err, ErrNoAdapter) {
		t.Errorf("adapter %q, %v", a.Name, err)
	}
}

func TestWithoutBluetoothEachReasonIsAnErrorOfItsOwn(t *testing.T) {
	none, empty, off := startWorld(t), startWorld(t, bluetest.NoAdapter()), startWorld(t, bluetest.AdapterConfig{Off: true})
	none.StopBluetoothd()
	for _, test := range []struct {
		name   string
		bus    string
		want   error
		advice string
	}{
		{"no bus", "unix:path=/nonexistent/bus", ErrNoBus, "DBUS_SYSTEM_BUS_ADDRESS"},
		{"no BlueZ", none.Address(), ErrNoBlueZ, "systemctl start bluetooth"},
		{"no adapter", empty.Address(), ErrNoAdapter, "plug"},
		{"adapter off", off.Address(), ErrAdapterOff, "bluetoothctl power on"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Setenv("DBUS_SYSTEM_BUS_ADDRESS", test.bus)
			ctx, cancel := context.WithTimeout(t.Context(), inTime)
			defer cancel()
			var scanned error
			for _, err := range Scan(ctx, ScanOptions{}) {
				scanned = err
			}
			_, started := StartScanner(ctx, ScanOptions{}, func(Advertisement) {})
			_, discovered := Discover(ctx, time.Millisecond, ScanOptions{})
			_, found := FindDevice(ctx, ScanOptions{Name: "x"})
			_, connected := Connect(ctx, Address{1}, ConnectOptions{})
			for op, err := range map[string]error{
				"Scan": scanned, "StartScanner": started, "Discover": discovered, "FindDevice": found, "Connect": connected,
			} {
				for _, other := range []error{ErrNoBus, ErrNoBlueZ, ErrNoAdapter, ErrAdapterOff} {
					if errors.Is(err, other) != (other == test.want) {
						t.Errorf("%s: %v", op, err)
					}
				}
				if !errors.Is(err, ErrUnavailable) || !errors.As(err, new(*Error)) || !strings.Contains(err.Error(), test.advice) {
					t.Errorf("%s: %v; does not say %q", op, err, test.advice)
				}
			}
			if shared.current != nil {
				t.Error("the default Central is still open")
			}
		})
	}
}

func TestClosedCentralRefusesEverything(t *testing.T) {
	c := startWorld(t).open(Options{})
	if err := c.Close(); err != nil {
		t.Error(err)
	}
	if err := c.Close(); err != nil {
		t.Errorf("second close: %v", err)
	}
	_, listed := c.Adapters(t.Context())
	_, discovered := c.Discover(t.Context(), time.Millisecond, ScanOptions{})
	_, connected := c.Connect(t.Context(), Device{path: "/org/bluez/hci0/dev_X"}, ConnectOptions{})
	for op, err := range map[string]error{"Adapters": listed, "Discover": discovered, "Connect": connected} {
		if !errors.Is(err, ErrClosed) {
			t.Errorf("%s: %v", op, err)
		}
	}
}

func TestAuthUIDIsTheOneThatTheBusIsTold(t *testing.T) {
	w := startWorld(t)
	own := strconv.Itoa(os.Getuid())
	for _, test := range []struct {
		option, environment string
		want                string // in the error, nothing if there is to be none
	}{
		{"", "", ""},
		{own, "", ""},
		{"", own, ""},
		{own, "4242", ""},
		{"4242", own, ErrBusRefused.Error()},
		{"", "4242", ErrBusRefused.Error()},
		{"root", "", `"root"`},
		{"", "-1", `"-1"`},
	} {
		t.Setenv("BLEAK_DBUS_AUTH_UID", test.environment)
		c, err := Open(t.Context(), Options{Bus: w.Address(), AuthUID: test.option})
		if (err == nil) != (test.want == "") || err != nil && !strings.Contains(err.Error(), test.want) {
			t.Errorf("option %q, environment %q: %v", test.option, test.environment, err)
		}
		if err == nil {
			w.check(c.Close())
		}
	}
}

func TestOpenIsBoundedByItsContext(t *testing.T) {
	w := startWorld(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := Open(ctx, Options{Bus: w.Address()}); !errors.Is(err, context.Canceled) {
		t.Errorf("open: %v", err)
	}
	defer w.Freeze()()
	ctx, cancel = context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if _, err := Open(ctx, Options{Bus: w.Address()}); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("open on a bus that stands still: %v", err)
	}
}

func TestDefaultCentralIsSharedAndCloses(t *testing.T) {
	w := startWorld(t)
	w.know(w.add(newStrap()), newStrap().Advertisement)
	t.Setenv("DBUS_SYSTEM_BUS_ADDRESS", w.Address())
	client, err := Connect(t.Context(), strap, ConnectOptions{})
	if err != nil {
		t.Fatal(err)
	}
	c := shared.current.Central
	scanner, err := StartScanner(t.Context(), ScanOptions{}, func(Advertisement) {})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Adapters(t.Context()); err != nil || shared.current.Central != c || shared.current.users != 2 {
		t.Errorf("adapters: %v; %d users", err, shared.current.users)
	}
	if err := client.Close(); err != nil {
		t.Error(err)
	}
	if c.err() != nil {
		t.Error("the default Central closed before its last user")
	}
	if err := scanner.Close(); err != nil {
		t.Error(err)
	}
	if shared.current != nil || c.err() == nil {
		t.Error("the default Central is still open")
	}
	if w.discoveries() != 0 || w.calls.Count("Disconnect") != 1 {
		t.Error("BlueZ still scans or is connected")
	}
}

func TestWhatIsNoBusIsNotAvailable(t *testing.T) {
	answer := func(reply string) string {
		path := filepath.Join(t.TempDir(), "bus")
		l, err := net.Listen("unix", path)
		if err != nil {
			t.Fatal(err)
		}
		done := make(chan struct{})
		go func() {
			defer close(done)
			for {
				conn, err := l.Accept()
				if err != nil {
					return
				}
				if reply != "" {
					_, _ = conn.Read(make([]byte, 1000))
					_, _ = conn.Write([]byte(reply))
				}
				conn.Close()
			}
		}()
		t.Cleanup(func() {
			l.Close()
			<-done
		})
		return "unix:path=" + path
	}
	for _, test := range []struct {
		name, bus string
		want      error
		advice    string
	}{
		{"hangs up", answer(""), ErrNoBus, "DBUS_SYSTEM_BUS_ADDRESS"},
		{"refuses", answer("REJECTED\r\n"), ErrBusRefused, "BLEAK_DBUS_AUTH_UID"},
		{"speaks another protocol", answer("HTTP/1.0 400 Bad Request\r\n\r\n"), ErrNoBus, "DBUS_SYSTEM_BUS_ADDRESS"},
		{"program ends", "unixexec:path=/bin/false", ErrNoBus, "DBUS_SYSTEM_BUS_ADDRESS"},
		{"no address", "nonsense", ErrNoBus, `"nonsense"`},
	} {
		_, err := Open(t.Context(), Options{Bus: test.bus})
		if !errors.Is(err, test.want) || !errors.Is(err, ErrUnavailable) || !strings.Contains(err.Error(), test.advice) {
			t.Errorf("%s: %v", test.name, err)
		}
		if errors.Is(err, ErrNoBus) && errors.Is(err, ErrBusRefused) {
			t.Errorf("%s: %v is two reasons", test.name, err)
		}
	}
	if _, err := Open(t.Context(), Options{Bus: "tcp:host=localhost,port=1"}); !errors.Is(err, errors.ErrUnsupported) || errors.Is(err, ErrUnavailable) {
		t.Errorf("a transport that is not supported: %v", err)
	}
}
