package bustest

import (
	"os/exec"
	"syscall"
)

// endWithParent makes a process end when the test that started it is killed.
func endWithParent(cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
}
