//go:build linux

package facade

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/gobluez/bluez/bluezgen"
	"github.com/gobluez/bluez/facade/bluetest"
)

func TestCachedValueAsksTheDeviceNothing(t *testing.T) {
	w, p, c := startStrap(t, func(d *bluetest.Device) {
		label := &characteristicOf(d, control).Descriptors[0]
		label.Value = []byte("label")
	})
	client := connect(t, c)
	want := func(what, want string) {
		t.Helper()
		value, err := client.CachedValue(t.Context(), measurement)
		label, errLabel := client.CachedDescriptorValue(t.Context(), controlLabel)
		if got := fmt.Sprintf("%q %q", value, label); err != nil || errLabel != nil || got != want {
			t.Errorf("%s: %s, %v, %v, want %s", what, got, err, errLabel, want)
		}
	}
	want("before anything was read", `"" ""`)
	if _, err := client.Read(t.Context(), measurement); err != nil {
		t.Fatal(err)
	}
	if _, err := client.ReadDescriptor(t.Context(), controlLabel); err != nil {
		t.Fatal(err)
	}
	want("read", `"value" "label"`)
	w.check(p.SetValue("2a37", []byte("newer")))
	want("changed on the device", `"value" "label"`)
	if n := w.calls.Count("ReadValue"); n != 2 {
		t.Errorf("%d values were read from the device", n)
	}
	w.check(client.Close())
	want("disconnected", `"value" "label"`)
	w.check(w.adapter().RemoveDevice(t.Context(), strap.String()))
	if _, err := client.CachedValue(t.Context(), measurement); !errors.Is(err, ErrNotFound) {
		t.Errorf("forgotten: %v", err)
	}
	if _, err := client.CachedValue(t.Context(), UUID16(0xffff)); !errors.Is(err, ErrNotFound) {
		t.Errorf("no such characteristic: %v", err)
	}
}

func TestMaxWriteWithoutResponseIsWhatCanBeSent(t *testing.T) {
	t.Parallel() // it has to wait
	for _, test := range []struct {
		mtu  uint16
		want int
	}{{23, 20}, {247, 244}, {517, 512}} {
		_, p, c := startStrap(t, func(d *bluetest.Device) { d.Connection.MTU = test.mtu })
		client := connect(t, c)
		n, err := client.MaxWriteWithoutResponse(t.Context())
		if err != nil || n != test.want {
			t.Errorf("MTU %d: %d, %v, want %d", test.mtu, n, err, test.want)
			continue
		}
		if err := client.WriteWithoutResponse(t.Context(), command, make([]byte, n)); err != nil {
			t.Errorf("MTU %d: %d bytes cannot be written: %v", test.mtu, n, err)
		}
		if _, err := p.AwaitWritten(t.Context(), "2a3f", 1); err != nil {
			t.Error(err)
		}
		long := int(test.mtu) - 2
		err = client.WriteWithoutResponse(t.Context(), command, make([]byte, long))
		if !errors.Is(err, ATTInvalidValueLength) || !strings.Contains(err.Error(), fmt.Sprintf("%d bytes, of which %d at most", long, n)) {
			t.Errorf("MTU %d: a packet that is too long: %v", test.mtu, err)
		}
		if err := client.Write(t.Context(), control, make([]byte, 513)); !errors.Is(err, ATTInvalidValueLength) {
			t.Errorf("MTU %d: a value that is too long: %v", test.mtu, err)
		}
		client.Close()
		if _, err := client.MaxWriteWithoutResponse(t.Context()); !errors.Is(err, ErrNotConnected) {
			t.Errorf("after Close: %v", err)
		}
	}
}

func TestConnectShowsTheServicesThatAreWanted(t *testing.T) {
	_, _, c := startStrap(t, func(d *bluetest.Device) {
		d.Services = append(d.Services, bluetest.Service{UUID: "aaaa", Handle: 0x30, Characteristics: []bluetest.Characteristic{{
			UUID: "2a37", Handle: 0x31, Flags: []bluezgen.CharacteristicFlag{bluezgen.CharacteristicFlagRead},
		}}})
	})
	for _, test := range []struct {
		services []UUID
		want     string
		err      error
	}{
		{nil, "1800 1801 180d aaaa", ErrAmbiguous},
		{[]UUID{UUID16(0x180d)}, "180d", nil},
		{[]UUID{UUID16(0x180d), UUID16(0x1234)}, "180d", nil},
		{[]UUID{UUID16(0x1234)}, "", ErrNotFound},
	} {
		client, err := c.Connect(t.Context(), strap, ConnectOptions{Services: test.services})
		if err != nil {
			t.Fatal(err)
		}
		got := ""
		for _, s := range client.Services() {
			got += " " + s.UUID.Short()
		}
		if got != "" {
			got = got[1:]
		}
		if _, err := client.Characteristic(UUID16(0x2a37)); got != test.want || !errors.Is(err, test.err) {
			t.Errorf("%v: %q, want %q; look-up: %v, want %v", test.services, got, test.want, err, test.err)
		}
		if mtu, err := client.MTU(t.Context()); err != nil || mtu != 247 {
			t.Errorf("%v: MTU %d, %v", test.services, mtu, err)
		}
		client.Close()
	}
}

func TestConnectWithCachedServicesNeedNotWaitForThem(t *testing.T) {
	w, p, c := startStrap(t, nil)
	if client, err := c.Connect(t.Context(), strap, ConnectOptions{CachedServices: true}); err != nil || len(client.Services()) == 0 {
		t.Fatalf("the first time there is nothing to remember: %v", err)
	} else {
		client.Close()
	}
	slow := newStrap()
	slow.Connection.Resolve = bluetest.ResolveNever
	w.replace(p, slow)
	short, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	if client, err := c.Connect(short, strap, ConnectOptions{}); err == nil {
		client.Close()
		t.Fatal("Connect has not waited for the services")
	}
	client, err := c.Connect(t.Context(), strap, ConnectOptions{CachedServices: true})
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	if resolved, err := bluezgen.NewDevice1(w.program(), strapPath).ServicesResolved(t.Context()); err != nil || resolved {
		t.Errorf("services resolved: %t, %v", resolved, err)
	}
	if value, err := client.Read(t.Context(), measurement); err != nil || string(value) != "value" {
		t.Errorf("read %q, %v", value, err)
	}
}
