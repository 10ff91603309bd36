//go:build linux

// Command init is the first process of the guest. It loads the kernel modules, runs the job's
// command with the first virtio port as its output, and sends through the second port a tar
// archive of what the command left in /out, with the exit status at its end. Then it turns the
// machine off.
package main

import (
	"archive/tar"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"unsafe"

	"github.com/gobluez/bluez/facade/e2e/vm"
)

func main() {
	status, err := boot()
	if err != nil {
		fmt.Fprintln(os.Stderr, "init:", err)
	}
	if err := report(status); err != nil {
		fmt.Fprintln(os.Stderr, "init: report:", err)
	}
	syscall.Sync()
	syscall.Reboot(syscall.LINUX_REBOOT_CMD_POWER_OFF)
}

// boot brings the guest up and runs the command; it returns the command's exit status.
func boot() (int, error) {
	fmt.Fprintln(os.Stderr, vm.Alive)
	for _, m := range []struct{ kind, dir string }{{"proc", "/proc"}, {"sysfs", "/sys"}, {"devtmpfs", "/dev"}} {
		if err := syscall.Mount(m.kind, m.dir, m.kind, 0, ""); err != nil {
			return vm.StatusLost, fmt.Errorf("mount %s: %w", m.dir, err)
		}
	}
	if err := syscall.Sethostname([]byte("bluez-vm")); err != nil {
		return vm.StatusLost, err
	}
	if err := loadModules("/etc/modules"); err != nil {
		return vm.StatusLost, err
	}
	return runCommand("/job/command.json")
}

func loadModules(list string) error {
	content, err := os.ReadFile(list)
	if err != nil {
		return err
	}
	for _, path := range strings.Fields(string(content)) {
		code, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		noParameters := [1]byte{}
		_, _, errno := syscall.Syscall(syscall.SYS_INIT_MODULE,
			uintptr(unsafe.Pointer(&code[0])), uintptr(len(code)), uintptr(unsafe.Pointer(&noParameters[0])))
		// A CPU without the instructions that a module wants is no reason to stop.
		if errno != 0 && errno != syscall.EEXIST && errno != syscall.ENODEV {
			return fmt.Errorf("load %s: %w", path, errno)
		}
	}
	return nil
}

// openPort opens a device of /dev. The host plugs its ports in while the guest starts, so it
// waits for the device to appear.
func openPort(name string) (*os.File, error) {
	watch, err := syscall.InotifyInit1(syscall.IN_CLOEXEC)
	if err != nil {
		return nil, err
	}
	defer syscall.Close(watch)
	if _, err := syscall.InotifyAddWatch(watch, filepath.Dir(name), syscall.IN_CREATE); err != nil {
		return nil, err
	}
	for {
		port, err := os.OpenFile(name, os.O_WRONLY, 0)
		if !errors.Is(err, fs.ErrNotExist) {
			return port, err
		}
		events := make([]byte, 4096)
		if _, err := syscall.Read(watch, events); err != nil {
			return nil, err
		}
	}
}

func runCommand(file string) (int, error) {
	content, err := os.ReadFile(file)
	if err != nil {
		return vm.StatusLost, err
	}
	var c vm.Command
	if err := json.Unmarshal(content, &c); err != nil {
		return vm.StatusLost, fmt.Errorf("%s: %w", file, err)
	}
	port, err := openPort("/dev/vport0p1")
	if err != nil {
		return vm.StatusLost, err
	}
	defer port.Close()
	os.Setenv("PATH", "/job:/usr/bin") // where exec.Command looks
	cmd := exec.Command(c.Args[0], c.Args[1:]...)
	cmd.Dir = "/job"
	cmd.Env = append(c.Env, "PATH=/job:/usr/bin", "HOME=/root", "LANG=C.UTF-8", "TERM=dumb", vm.InsideEnv+"=1")
	cmd.Stdout, cmd.Stderr = port, port
	err = cmd.Run()
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		if s := exit.Sys().(syscall.WaitStatus); s.Signaled() {
			return 128 + int(s.Signal()), nil
		}
		return exit.ExitCode(), nil
	}
	if err != nil {
		return vm.StatusLost, err
	}
	return 0, nil
}

// report sends what is in /out to the host, and as the last entry the exit status.
func report(status int) error {
	port, err := openPort("/dev/vport0p2")
	if err != nil {
		return err
	}
	defer port.Close()
	w := tar.NewWriter(port)
	err = filepath.WalkDir("/out", func(path string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return err
		}
		return add(w, path, strings.TrimPrefix(path, "/out/"))
	})
	text := strconv.Itoa(status)
	return errors.Join(err,
		w.WriteHeader(&tar.Header{Name: vm.StatusFile, Mode: 0o644, Size: int64(len(text))}),
		write(w, text),
		w.Close())
}

func write(w io.Writer, text string) error {
	_, err := io.WriteString(w, text)
	return err
}

// add copies a file as long as it is now: a daemon may still be writing to its log.
func add(w *tar.Writer, path, name string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return err
	}
	if err := w.WriteHeader(&tar.Header{Name: name, Mode: 0o644, Size: info.Size()}); err != nil {
		return err
	}
	_, err = io.CopyN(w, f, info.Size())
	return err
}
