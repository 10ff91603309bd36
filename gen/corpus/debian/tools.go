package debian

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
)

// A Tool is a file or command of the host.
type Tool struct {
	Name    string // of the command, or the path of the file
	Package string // of Debian that has it
}

// Keyring is the file with the keys that Debian's archive is signed with.
const Keyring = "/usr/share/keyrings/debian-archive-keyring.gpg"

// Tools returns what this package runs and reads.
func Tools() []Tool {
	return []Tool{{"apt-get", "apt"}, {"dpkg-deb", "dpkg"}, {Keyring, "debian-archive-keyring"}}
}

// NoInstall reports whether the user forbids apt and the network, with NO_INSTALL=1 in the environment.
func NoInstall() bool { return os.Getenv("NO_INSTALL") == "1" }

// Require sees to it that the host has the tools. What is missing it installs
// through apt-get if it runs as root and may, else it says what is missing.
func Require(ctx context.Context, log io.Writer, tools []Tool) error {
	missing := lacking(tools)
	if len(missing) == 0 {
		return nil
	}
	var names, packages []string
	for _, t := range missing {
		names = append(names, t.Name)
		packages = append(packages, t.Package)
	}
	complaint := fmt.Errorf("missing on this host: %s (Debian: apt-get install %s)",
		strings.Join(names, " "), strings.Join(packages, " "))
	if _, err := exec.LookPath("apt-get"); err != nil || os.Geteuid() != 0 || NoInstall() {
		return complaint
	}
	fmt.Fprintf(log, "installing %s\n", strings.Join(packages, " "))
	install := append([]string{"install", "-y", "--no-install-recommends"}, packages...)
	for _, args := range [][]string{{"update"}, install} {
		cmd := exec.CommandContext(ctx, "apt-get", append([]string{"-qq"}, args...)...)
		cmd.Env = append(os.Environ(), "DEBIAN_FRONTEND=noninteractive")
		if err := Run(cmd); err != nil {
			return fmt.Errorf("%w: %w", complaint, err)
		}
	}
	if still := lacking(tools); len(still) > 0 {
		return complaint
	}
	return nil
}

func lacking(tools []Tool) []Tool {
	var missing []Tool
	for _, t := range tools {
		if _, err := exec.LookPath(t.Name); err == nil {
			continue
		}
		// A name with a slash may be a file to read, which LookPath refuses.
		if _, err := os.Stat(t.Name); err == nil && strings.HasPrefix(t.Name, "/") {
			continue
		}
		missing = append(missing, t)
	}
	return missing
}

// Run runs a command of the host; its error quotes the end of what the command said.
func Run(cmd *exec.Cmd) error {
	var said bytes.Buffer
	if cmd.Stdout == nil {
		cmd.Stdout = &said
	}
	if cmd.Stderr == nil {
		cmd.Stderr = &said
	}
	if err := cmd.Run(); err != nil {
		return Failure(cmd, err, said.String())
	}
	return nil
}

// Failure returns the error of a command that failed, with the end of what it said.
func Failure(cmd *exec.Cmd, err error, said string) error {
	said = strings.TrimSpace(Tail(said, 2000))
	if said == "" {
		return fmt.Errorf("%s: %w", strings.Join(cmd.Args, " "), err)
	}
	return fmt.Errorf("%s: %w", strings.Join(cmd.Args, " "), errors.Join(err, errors.New(said)))
}

// Tail returns at most n bytes of the end of s.
func Tail(s string, n int) string {
	if len(s) <= n {
		return s
	}
	return "..." + s[len(s)-n:]
}
