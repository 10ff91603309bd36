package bustest

import (
	"bufio"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"sync"
)

// A TB is the part of a test that [Start] and [StartRelay] need. *testing.T, B and F
// have it.
type TB interface {
	Helper()
	Cleanup(func())
	Errorf(format string, args ...any)
	Fatalf(format string, args ...any)
}

// A Daemon is a private dbus-daemon. Its methods may be called from any goroutine.
type Daemon struct {
	place place

	mu     sync.Mutex
	daemon *child // nil while stopped
}

// Start starts a Daemon that ends with the test. It fails the test if it cannot,
// for instance because dbus-daemon is not installed.
func Start(tb TB) *Daemon {
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
	p, err := newPlace()
	if err != nil {
		return nil, err
	}
	d := &Daemon{place: p}
	if err := d.start(); err != nil {
		return nil, errors.Join(err, d.Close())
	}
	return d, nil
}

// config returns dbus-daemon's configuration. The limits are those that system.conf
// sets, or that hold where it sets none.
func (d *Daemon) config() string {
	return `<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN"
 "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig>
  <type>session</type>
  <listen>` + d.Address() + `</listen>
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
func (d *Daemon) Address() string { return d.place.address() }

// Stop ends the daemon, as a crash would: connections break, names are lost. It
// waits until it is gone. Stopping a stopped Daemon does nothing.
func (d *Daemon) Stop() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.stop()
}

func (d *Daemon) stop() {
	if d.daemon == nil {
		return
	}
	d.daemon.kill()
	d.daemon = nil
	d.place.vacate()
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
	return d.place.close()
}

// start starts the daemon and waits until it listens.
func (d *Daemon) start() error {
	const program = "dbus-daemon"
	if _, err := exec.LookPath(program); err != nil {
		return fmt.Errorf("%w; install it: apt-get install dbus-daemon", err)
	}
	config, name, err := d.place.configure(d.config())
	if err != nil {
		return fmt.Errorf("configure %s: %w", program, err)
	}
	defer config.Close()
	ready, listening, err := os.Pipe()
	if err != nil {
		return err
	}
	defer ready.Close()
	cmd := exec.Command(program, "--nofork", "--nopidfile", "--nosyslog", "--print-address=3", "--config-file="+name)
	cmd.ExtraFiles = []*os.File{listening, config} // 3 and configFD
	stderr := new(strings.Builder)
	cmd.Stderr = stderr
	daemon, err := startChild(cmd)
	listening.Close()
	if err != nil {
		return err
	}
	if _, err := bufio.NewReader(ready).ReadString('\n'); err != nil {
		daemon.kill()
		return fmt.Errorf("%s did not start: %w: %s", program, daemon.err, strings.TrimSpace(stderr.String()))
	}
	d.daemon = daemon
	return nil
}

// A child is a process that ends when this one does, whichever way.
type child struct {
	cmd    *exec.Cmd
	exited chan struct{} // closed once cmd.Wait has returned
	err    error         // of cmd.Wait, valid then
}

// startChild starts a process. Linux ends it with the thread that started it, not
// with the process, and Go ends a thread if a goroutine ends that is locked to it. So
// this thread belongs to one goroutine until the child is gone.
func startChild(cmd *exec.Cmd) (*child, error) {
	endWithThread(cmd)
	c := &child{cmd: cmd, exited: make(chan struct{})}
	started := make(chan error)
	go func() {
		defer close(c.exited)
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		err := cmd.Start()
		started <- err
		if err == nil {
			c.err = cmd.Wait()
		}
	}()
	if err := <-started; err != nil {
		<-c.exited
		return nil, err
	}
	return c, nil
}

// kill ends the process and waits until it is gone.
func (c *child) kill() {
	_ = c.cmd.Process.Kill() // it may have ended by itself
	<-c.exited
}
