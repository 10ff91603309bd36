// Package bustest starts private dbus-daemons for tests.
//
// A [Daemon] lets everybody do everything, as a session bus does, but has the
// limits of a system bus: 128 calls waiting for replies and 512 match rules a
// connection. What works on it works on a system bus too.
package bustest

import (
	"bufio"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

// A Daemon is a private dbus-daemon. Its methods may be called from any goroutine.
type Daemon struct {
	dir string

	mu  sync.Mutex
	cmd *exec.Cmd // nil while stopped
}

// Start starts a Daemon that ends with the test. It fails the test if it cannot,
// for instance because dbus-daemon is not installed.
func Start(tb testing.TB) *Daemon {
	tb.Helper()
	d, err := Launch()
	if err != nil {
		tb.Fatalf("start a private bus: %v", err)
	}
	tb.Cleanup(func() {
		if err := d.Close(); err != nil {
			tb.Errorf("end the private bus: %v", err)
		}
	})
	return d
}

// Launch starts a Daemon outside of a test. Close ends it.
func Launch() (*Daemon, error) {
	dir, err := os.MkdirTemp("", "bustest")
	if err != nil {
		return nil, err
	}
	d := &Daemon{dir: dir}
	if err := os.WriteFile(d.file("bus.conf"), []byte(d.config()), 0o600); err != nil {
		return nil, errors.Join(err, d.Close())
	}
	if err := d.start(); err != nil {
		return nil, errors.Join(err, d.Close())
	}
	return d, nil
}

func (d *Daemon) file(name string) string { return filepath.Join(d.dir, name) }

// config returns dbus-daemon's configuration. The limits are those that system.conf
// sets, or that hold where it sets none.
func (d *Daemon) config() string {
	return `<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN"
 "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig>
  <type>session</type>
  <listen>unix:path=` + d.file("socket") + `</listen>
  <auth>EXTERNAL</auth>
  <policy context="default">
    <allow send_destination="*" eavesdrop="true"/>
    <allow eavesdrop="true"/>
    <allow own="*"/>
  </policy>
  <limit name="max_replies_per_connection">128</limit>
  <limit name="max_match_rules_per_connection">512</limit>
  <limit name="max_names_per_connection">512</limit>
  <limit name="max_connections_per_user">256</limit>
  <limit name="max_message_unix_fds">16</limit>
</busconfig>
`
}

// Address returns the bus' address, the same across restarts.
func (d *Daemon) Address() string { return "unix:path=" + d.file("socket") }

// Stop ends the daemon, as a crash would: connections break, names are lost. It
// waits until it is gone. Stopping a stopped Daemon does nothing.
func (d *Daemon) Stop() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.stop()
}

func (d *Daemon) stop() {
	if d.cmd == nil {
		return
	}
	_ = d.cmd.Process.Kill()
	_ = d.cmd.Wait() // says that it was killed
	d.cmd = nil
	_ = os.Remove(d.file("socket"))
}

// Restart stops the daemon and starts it again at the same address.
func (d *Daemon) Restart() error {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.stop()
	return d.start()
}

// Close ends the daemon for good. Only a Daemon from Launch needs it.
func (d *Daemon) Close() error {
	d.Stop()
	return os.RemoveAll(d.dir)
}

// start starts the daemon and waits until it listens.
func (d *Daemon) start() error {
	const program = "dbus-daemon"
	if _, err := exec.LookPath(program); err != nil {
		return fmt.Errorf("%w; install it: apt-get install dbus-daemon", err)
	}
	ready, listening, err := os.Pipe()
	if err != nil {
		return err
	}
	defer ready.Close()
	cmd := exec.Command(program, "--nofork", "--nopidfile", "--nosyslog", "--print-address=3", "--config-file="+d.file("bus.conf"))
	cmd.ExtraFiles = []*os.File{listening}
	stderr := new(strings.Builder)
	cmd.Stderr = stderr
	endWithParent(cmd)
	err = cmd.Start()
	listening.Close()
	if err != nil {
		return err
	}
	if _, err := bufio.NewReader(ready).ReadString('\n'); err != nil {
		_ = cmd.Process.Kill()
		waited := cmd.Wait()
		return fmt.Errorf("%s did not start: %w: %s", program, waited, strings.TrimSpace(stderr.String()))
	}
	d.cmd = cmd
	return nil
}
