//go:build linux

package bustest

import (
	"bufio"
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"
)

// eventually waits until a condition holds, for what has no event of its own.
func eventually(t *testing.T, what string, condition func() bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for !condition() {
		select {
		case <-tick.C:
		case <-ctx.Done():
			t.Fatalf("never: %s", what)
		}
	}
}

// knock connects to an address and authenticates, so that somebody must answer.
func knock(address string) error {
	name, err := socketName(address)
	if err != nil {
		return err
	}
	conn, err := net.Dial("unix", name)
	if err != nil {
		return err
	}
	defer conn.Close()
	if _, err := conn.Write([]byte("\x00AUTH\r\n")); err != nil {
		return err
	}
	_, err = bufio.NewReader(conn).ReadString('\n')
	return err
}

func TestDaemonKeepsItsAddressAcrossRestarts(t *testing.T) {
	d := Start(t)
	if err := knock(d.Address()); err != nil {
		t.Error(err)
	}
	address := d.Address()
	d.Stop()
	d.Stop()
	if err := knock(address); err == nil {
		t.Error("a stopped daemon answers")
	}
	for range 2 {
		if err := d.Restart(); err != nil {
			t.Fatal(err)
		}
	}
	if err := knock(address); err != nil || d.Address() != address {
		t.Errorf("%s, not %s: %v", d.Address(), address, err)
	}
}

// hasEnded reports whether a process has ended, though perhaps nobody waited for it.
func hasEnded(pid int) bool {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return true
	}
	_, fields, _ := strings.Cut(string(stat), ") ")
	return strings.HasPrefix(fields, "Z") || strings.HasPrefix(fields, "X")
}

// listens reports whether a socket of this address exists.
func listens(t *testing.T, address string) bool {
	t.Helper()
	name, err := socketName(address)
	if err != nil {
		t.Fatal(err)
	}
	sockets, err := os.ReadFile("/proc/net/unix")
	if err != nil {
		t.Fatal(err)
	}
	return strings.Contains(string(sockets), name)
}

func checkNoFiles(t *testing.T, dir string) {
	t.Helper()
	files, err := os.ReadDir(dir)
	if err != nil || len(files) > 0 {
		t.Errorf("left: %v, %v", files, err)
	}
}

func TestClosedDaemonLeavesNothing(t *testing.T) {
	dir := t.TempDir()
	t.Setenv("TMPDIR", dir)
	d, err := Launch()
	if err != nil {
		t.Fatal(err)
	}
	pid := d.daemon.cmd.Process.Pid
	if hasEnded(pid) || !listens(t, d.Address()) {
		t.Error("it is not there while it runs")
	}
	checkNoFiles(t, dir)
	for range 2 {
		if err := d.Close(); err != nil {
			t.Error(err)
		}
	}
	if !hasEnded(pid) || listens(t, d.Address()) {
		t.Error("it is there after Close")
	}
	checkNoFiles(t, dir)
}

func TestNothingIsLeftOfAProcessThatEndsBadly(t *testing.T) {
	for _, test := range []struct {
		name, end string
		signal    os.Signal // instead
	}{
		{"panic in another goroutine", "panic", nil},
		{"exit", "exit", nil},
		{"killed", "", os.Kill},
		{"interrupted", "", os.Interrupt},
		{"terminated", "", syscall.SIGTERM},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			cmd := exec.Command(os.Args[0], "world", test.end)
			cmd.Env = append(os.Environ(), "TMPDIR="+dir, "GORACE=atexit_sleep_ms=0")
			in, err := cmd.StdinPipe()
			if err != nil {
				t.Fatal(err)
			}
			out, err := cmd.StdoutPipe()
			if err != nil {
				t.Fatal(err)
			}
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			var pid int
			var bus, relay string
			if _, err := fmt.Fscan(out, &pid, &bus, &relay); err != nil {
				t.Fatal(err, cmd.Process.Kill(), cmd.Wait())
			}
			if hasEnded(pid) || !listens(t, bus) || !listens(t, relay) {
				t.Error("they are not there while they run")
			}
			if test.signal != nil {
				err = cmd.Process.Signal(test.signal)
			} else {
				_, err = in.Write([]byte("!"))
			}
			if err != nil {
				t.Error(err)
			}
			if err := cmd.Wait(); err == nil {
				t.Error("it ended well")
			}
			eventually(t, "the daemon ends", func() bool { return hasEnded(pid) })
			eventually(t, "the daemon's socket is gone", func() bool { return !listens(t, bus) })
			eventually(t, "the relay's socket is gone", func() bool { return !listens(t, relay) })
			checkNoFiles(t, dir)
		})
	}
}

func TestDaemonOutlivesTheThreadThatStartedIt(t *testing.T) {
	type result struct {
		d   *Daemon
		err error
		tid int
	}
	results := make(chan result)
	var launch func()
	launch = func() {
		runtime.LockOSThread() // and never unlock: the thread ends with the goroutine
		if tid := syscall.Gettid(); tid != os.Getpid() {
			d, err := Launch()
			results <- result{d, err, tid}
			return
		}
		done := make(chan struct{}) // the first thread never ends: take another
		go func() { defer close(done); launch() }()
		<-done
	}
	go launch()
	r := <-results
	if r.err != nil {
		t.Fatal(r.err)
	}
	defer r.d.Close()
	eventually(t, "the thread ends", func() bool {
		_, err := os.Stat(fmt.Sprintf("/proc/self/task/%d", r.tid))
		return os.IsNotExist(err)
	})
	if err := knock(r.d.Address()); err != nil {
		t.Error(err)
	}
}

func TestStartEndsWithTheTest(t *testing.T) {
	r := new(recorder)
	d := Start(r)
	StartRelay(r, d.Address())
	for _, cleanup := range r.cleanups {
		cleanup()
	}
	if listens(t, d.Address()) || len(r.errors) > 0 || len(r.cleanups) != 2 {
		t.Error(r.errors, len(r.cleanups))
	}
}

func TestWhatIsMissingIsNamed(t *testing.T) {
	t.Setenv("PATH", t.TempDir())
	if err := fatal(func() { Start(new(recorder)) }); !strings.Contains(err.Error(), "apt-get install dbus-daemon") {
		t.Error(err)
	}
	for _, target := range []string{"", "tcp:host=x", "unix:", "unix:runtime=yes", "unix:path=/a;unix:path=/b", "unix:path=%zz"} {
		if err := fatal(func() { StartRelay(new(recorder), target) }); !strings.Contains(err.Error(), fmt.Sprintf("%q", target)) {
			t.Errorf("%s: %v", target, err)
		}
	}
}

func TestDaemonThatDoesNotStartSaysWhy(t *testing.T) {
	dir := t.TempDir()
	script := "#!/bin/sh\necho no such luck >&2\nexit 4\n"
	if err := os.WriteFile(dir+"/dbus-daemon", []byte(script), 0o700); err != nil {
		t.Fatal(err)
	}
	t.Setenv("PATH", dir)
	if _, err := Launch(); err == nil || !strings.Contains(err.Error(), "exit status 4: no such luck") {
		t.Error(err)
	}
}

func TestProgramsDoNotLinkPackageTesting(t *testing.T) {
	cmd := exec.Command("go", "list", "-deps", ".")
	packages, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains("\n"+string(packages), "\ntesting\n") {
		t.Error("this package imports testing")
	}
}
