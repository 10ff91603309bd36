package vm

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"
	"strings"
)

// hostTool is a file or command of the host, and the Debian package that has it.
type hostTool struct{ name, debian string }

var (
	runTools   = []hostTool{{"qemu-system-x86_64", "qemu-system-x86"}}
	buildTools = []hostTool{
		{"apt-get", "apt"},
		{"dpkg-deb", "dpkg"},
		{"xz", "xz-utils"},
		{"zstd", "zstd"},
		{debianKeyring, "debian-archive-keyring"},
	}
)

const debianKeyring = "/usr/share/keyrings/debian-archive-keyring.gpg"

// noInstall reports whether the user forbids apt and the network.
func noInstall() bool { return os.Getenv("NO_INSTALL") == "1" }

// Supported returns nil where the guest can run, else an error of one line.
func Supported() error {
	if runtime.GOOS != "linux" || runtime.GOARCH != "amd64" {
		return fmt.Errorf("the BlueZ VM needs Linux on amd64; this is %s/%s", runtime.GOOS, runtime.GOARCH)
	}
	return nil
}

// require sees to it that the host has the tools. What is missing it installs
// through apt-get if it runs as root and may, else it says what is missing.
func require(ctx context.Context, log io.Writer, tools []hostTool) error {
	missing := lacking(tools)
	if len(missing) == 0 {
		return nil
	}
	var names, packages []string
	for _, t := range missing {
		names = append(names, t.name)
		packages = append(packages, t.debian)
	}
	complaint := fmt.Errorf("missing on this host: %s (Debian: apt-get install %s)",
		strings.Join(names, " "), strings.Join(packages, " "))
	if _, err := exec.LookPath("apt-get"); err != nil || os.Geteuid() != 0 || noInstall() {
		return complaint
	}
	fmt.Fprintf(log, "vm: installing %s\n", strings.Join(packages, " "))
	install := append([]string{"install", "-y", "--no-install-recommends"}, packages...)
	for _, args := range [][]string{{"update"}, install} {
		cmd := exec.CommandContext(ctx, "apt-get", append([]string{"-qq"}, args...)...)
		cmd.Env = append(os.Environ(), "DEBIAN_FRONTEND=noninteractive")
		if err := run(cmd); err != nil {
			return fmt.Errorf("%w: %w", complaint, err)
		}
	}
	if still := lacking(tools); len(still) > 0 {
		return complaint
	}
	return nil
}

func lacking(tools []hostTool) []hostTool {
	var missing []hostTool
	for _, t := range tools {
		if _, err := exec.LookPath(t.name); err == nil {
			continue
		}
		// A name with a slash may be a file to read, which LookPath refuses.
		if _, err := os.Stat(t.name); err == nil && strings.HasPrefix(t.name, "/") {
			continue
		}
		missing = append(missing, t)
	}
	return missing
}

// run runs a command of the host; its error quotes the end of what the command said.
func run(cmd *exec.Cmd) error {
	var said bytes.Buffer
	if cmd.Stdout == nil {
		cmd.Stdout = &said
	}
	if cmd.Stderr == nil {
		cmd.Stderr = &said
	}
	if err := cmd.Run(); err != nil {
		return failure(cmd, err, said.String())
	}
	return nil
}

func failure(cmd *exec.Cmd, err error, said string) error {
	said = strings.TrimSpace(tail(said, 2000))
	if said == "" {
		return fmt.Errorf("%s: %w", strings.Join(cmd.Args, " "), err)
	}
	return fmt.Errorf("%s: %w", strings.Join(cmd.Args, " "), errors.Join(err, errors.New(said)))
}

// tail returns at most n bytes of the end of s.
func tail(s string, n int) string {
	if len(s) <= n {
		return s
	}
	return "..." + s[len(s)-n:]
}
