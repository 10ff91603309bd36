//go:build linux

package facade

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/gobluez/bluez/bluezgen"
	"github.com/gobluez/bluez/gen/bus"
)

func TestWhatIsNotFoundIsADeviceOrAnAttribute(t *testing.T) {
	_, _, c := startStrap(t, nil)
	client := connect(t, c)
	shortly := func() context.Context {
		ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
		t.Cleanup(cancel)
		return ctx
	}
	kinds := []error{ErrNoDevice, ErrNoAttribute}
	for what, test := range map[string]struct {
		want error
		err  func() error
	}{
		"connect to an address": {ErrNoDevice, func() error { _, err := c.Connect(shortly(), number(9), ConnectOptions{}); return err }},
		"connect to nothing":    {ErrNoDevice, func() error { _, err := c.Connect(t.Context(), nil, ConnectOptions{}); return err }},
		"find":                  {ErrNoDevice, func() error { _, err := c.FindDevice(shortly(), ScanOptions{Name: "Nobody"}); return err }},
		"forget":                {ErrNoDevice, func() error { return c.Forget(t.Context(), number(9)) }},
		"read":                  {ErrNoAttribute, func() error { _, err := client.Read(t.Context(), UUID16(0x1234)); return err }},
		"look up":               {ErrNoAttribute, func() error { _, err := client.Service(Handle(0x1234)); return err }},
	} {
		err := test.err()
		for _, kind := range kinds {
			if errors.Is(err, kind) != (kind == test.want) {
				t.Errorf("%s: %v", what, err)
			}
		}
		if !errors.Is(err, ErrNotFound) || !errors.As(err, new(*Error)) {
			t.Errorf("%s: %v", what, err)
		}
	}
}

// A characteristic of which BlueZ knows no more is not there, whatever its error says.
func TestAttributeThatHasJustGoneIsNotFound(t *testing.T) {
	t.Parallel() // it has to wait
	w, _, c := startStrap(t, nil)
	client := connect(t, c)
	for _, reply := range []*bus.Error{bus.ErrUnknownObject, bus.ErrUnknownMethod, bus.ErrUnknownInterface} {
		undo := w.RefuseCalls("ReadValue", 1, reply)
		_, err := client.Read(t.Context(), measurement)
		undo()
		if !errors.Is(err, ErrNoAttribute) || errors.Is(err, ErrNoDevice) || !errors.Is(err, reply) {
			t.Errorf("%v: %v", reply, err)
		}
	}
}

// The same of an adapter.
func TestAdapterThatHasJustGoneIsNone(t *testing.T) {
	w := startWorld(t)
	c := w.open(Options{})
	for _, reply := range []*bus.Error{bus.ErrUnknownObject, bus.ErrUnknownMethod} {
		undo := w.RefuseCalls("SetDiscoveryFilter", 1, reply)
		_, err := c.Discover(t.Context(), time.Hour, ScanOptions{})
		undo()
		if !errors.Is(err, ErrNoAdapter) || errors.Is(err, ErrNotFound) {
			t.Errorf("%v: %v", reply, err)
		}
	}
}

// The policy of the bus may keep this user from BlueZ, from the beginning or from some of it.
func TestPolicyThatForbidsBlueZIsTold(t *testing.T) {
	w := startWorld(t)
	denied := bus.ErrAccessDenied.With("Rejected send message, 2 matched rules")
	check := func(what string, err error) {
		t.Helper()
		if !errors.Is(err, ErrBusRefused) || !errors.Is(err, ErrUnavailable) || !errors.Is(err, bus.ErrAccessDenied) || errors.Is(err, ErrNoBlueZ) {
			t.Errorf("%s: %v", what, err)
		} else if !strings.Contains(err.Error(), "policy") {
			t.Errorf("%s: %v does not say what to do", what, err)
		}
	}
	undo := w.RefuseCalls("GetManagedObjects", 1, denied)
	_, err := Open(t.Context(), Options{Bus: w.Address()})
	undo()
	check("open", err)

	c := w.open(Options{})
	undo = w.RefuseCalls("StartDiscovery", 1, denied)
	_, err = c.StartScanner(t.Context(), ScanOptions{}, nil)
	undo()
	check("scan", err)
}

// Who wants to know exactly has the name and the text of BlueZ's error.
func TestErrorsHaveWhatBlueZSaid(t *testing.T) {
	w, _, c := startStrap(t, nil)
	client := connect(t, c)
	defer w.RefuseCalls("ReadValue", 1, bluezgen.ErrNotPermitted.With("Read not permitted"))()
	_, err := client.Read(t.Context(), measurement)
	var what *Error
	if !errors.As(err, &what) || what.Op != "read" || what.Target != "C0:FF:EE:00:00:01 0x0011" {
		t.Errorf("%#v", err)
	}
	var said *bus.Error
	if !errors.As(err, &said) || said.Name != "org.bluez.Error.NotPermitted" || said.Message != "Read not permitted" {
		t.Errorf("%#v", said)
	}
	var code ATTError
	if !errors.As(err, &code) || code != 2 {
		t.Errorf("%#v", code)
	}
}

// What the default Central refuses for want of time is an Error like any other.
func TestContextThatHasEndedIsSaid(t *testing.T) {
	w := startWorld(t)
	t.Setenv("DBUS_SYSTEM_BUS_ADDRESS", w.Address())
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	shared.opening <- struct{}{} // as while another goroutine opens it
	_, err := Discover(ctx, time.Second, ScanOptions{})
	<-shared.opening
	if !errors.As(err, new(*Error)) || !errors.Is(err, context.Canceled) {
		t.Errorf("%#v", err)
	}
}
