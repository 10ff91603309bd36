//go:build e2e

package guest

import (
	"errors"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
)

// The uid that a process has in a user namespace of its own says nothing to the bus, which goes by that of the socket.
func TestUserNamespace(t *testing.T) {
	for name, env := range map[string]string{"uid of the socket": "", "uid that is told": "BLEAK_DBUS_AUTH_UID=0"} {
		t.Run(name, func(t *testing.T) {
			cmd := exec.CommandContext(t.Context(), "ble", "adapters")
			cmd.Env = append(os.Environ(), env)
			cmd.SysProcAttr = &syscall.SysProcAttr{
				Cloneflags:  syscall.CLONE_NEWUSER,
				UidMappings: []syscall.SysProcIDMap{{ContainerID: 1000, HostID: os.Getuid(), Size: 1}},
				GidMappings: []syscall.SysProcIDMap{{ContainerID: 1000, HostID: os.Getgid(), Size: 1}},
			}
			out, err := cmd.Output()
			if exit, ok := errors.AsType[*exec.ExitError](err); ok {
				t.Fatalf("ble adapters: %v: %s", err, exit.Stderr)
			} else if err != nil {
				t.Fatal(err)
			}
			if !strings.Contains(string(out), "hci0") {
				t.Errorf("printed %q", out)
			}
		})
	}
	t.Run("the namespace is one", func(t *testing.T) {
		cmd := exec.CommandContext(t.Context(), "python3", "-c", "import os; print(os.getuid())")
		cmd.SysProcAttr = &syscall.SysProcAttr{
			Cloneflags:  syscall.CLONE_NEWUSER,
			UidMappings: []syscall.SysProcIDMap{{ContainerID: 1000, HostID: os.Getuid(), Size: 1}},
		}
		if out, err := cmd.Output(); err != nil || strings.TrimSpace(string(out)) != "1000" {
			t.Errorf("the uid is %q, %v, want 1000", out, err)
		}
	})
}
