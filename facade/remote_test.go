//go:build linux

package facade

import (
	"errors"
	"os"
	"strings"
	"testing"
)

// Through a program everything works but what needs descriptors to pass, and says so.
func TestBusOfAnotherMachine(t *testing.T) {
	w, p, _ := startStrap(t, nil)
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	abstract, found := strings.CutPrefix(w.Address(), "unix:abstract=")
	if !found {
		t.Fatalf("the world's address is %s", w.Address())
	}
	c, err := Open(t.Context(), Options{Bus: "unixexec:path=" + self + ",argv1=relay,argv2=%40" + abstract})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if adv, err := c.FindDevice(t.Context(), ScanOptions{Address: strap}); err != nil || adv.Name != "Strap" {
		t.Errorf("found %v, %v", adv, err)
	}
	client := connect(t, c)
	if value, err := client.Read(t.Context(), measurement); err != nil || string(value) != "value" {
		t.Errorf("read %q, %v", value, err)
	}
	if err := client.Write(t.Context(), control, []byte{1}); err != nil {
		t.Error(err)
	}
	if _, err := client.Subscribe(t.Context(), measurement, SubscribeOptions{Method: AcquireNotify}); !errors.Is(err, errors.ErrUnsupported) || w.calls.Count("AcquireNotify") > 0 {
		t.Errorf("AcquireNotify without descriptors: %v", err)
	}
	sub := subscribe(t, client, SubscribeOptions{})
	notify(t, p, "remote")
	if got := take(t, sub, 1); got[0] != "remote" {
		t.Errorf("notified %q", got)
	}
	if err := c.Close(); err != nil {
		t.Errorf("close: %v", err)
	}
}
