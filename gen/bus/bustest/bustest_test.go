//go:build linux

package bustest

import (
	"net"
	"os"
	"strings"
	"testing"
)

func dial(d *Daemon) error {
	conn, err := net.Dial("unix", strings.TrimPrefix(d.Address(), "unix:path="))
	if err == nil {
		conn.Close()
	}
	return err
}

func TestDaemonKeepsItsAddressAcrossRestarts(t *testing.T) {
	d := Start(t)
	if err := dial(d); err != nil {
		t.Error(err)
	}
	address := d.Address()
	d.Stop()
	d.Stop()
	if err := dial(d); err == nil {
		t.Error("a stopped daemon answers")
	}
	for range 2 {
		if err := d.Restart(); err != nil {
			t.Fatal(err)
		}
	}
	if err := dial(d); err != nil || d.Address() != address {
		t.Errorf("%s, not %s: %v", d.Address(), address, err)
	}
}

func TestClosedDaemonLeavesNothing(t *testing.T) {
	d, err := Launch()
	if err != nil {
		t.Fatal(err)
	}
	if err := d.Close(); err != nil {
		t.Error(err)
	}
	if _, err := os.Stat(d.dir); !os.IsNotExist(err) {
		t.Errorf("directory is left: %v", err)
	}
}

func TestMissingDaemonIsNamed(t *testing.T) {
	t.Setenv("PATH", t.TempDir())
	if _, err := Launch(); err == nil || !strings.Contains(err.Error(), "apt-get install dbus-daemon") {
		t.Error(err)
	}
}
