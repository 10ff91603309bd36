//go:build e2e

package e2e

import (
	"context"
	"errors"
	"flag"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/gobluez/bluez/facade/e2e/vm"
)

// TestNormal runs the guest's tests under bluetoothd as it comes.
func TestNormal(t *testing.T) { runGuest(t) }

// TestExperimental runs them under bluetoothd --experimental, with an agent registered.
func TestExperimental(t *testing.T) { runGuest(t, "-experimental") }

// runGuest boots the VM and runs the tests of package guest there, with their results as subtests of t.
func runGuest(t *testing.T, args ...string) {
	// What is left of the time after a test binary in the guest has given up is for the artefacts.
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Minute)
	defer cancel()
	const timeout = "-test.timeout=25m"

	image, err := vm.Build(ctx, os.Stderr)
	if err != nil {
		t.Fatal(err)
	}
	bin := t.TempDir()
	files := map[string]string{}
	for name, pkg := range map[string]string{
		"peripheral": "github.com/gobluez/bluez/facade/e2e/peripheral",
		"ble":        "github.com/gobluez/bluez/facade/cmd/ble",
	} {
		files[name] = filepath.Join(bin, name)
		if err := vm.GoBuild(ctx, files[name], pkg); err != nil {
			t.Fatal(err)
		}
	}
	files["guest.test"] = filepath.Join(bin, "guest.test")
	if err := vm.GoTest(ctx, files["guest.test"], "github.com/gobluez/bluez/facade/e2e/guest", "e2e"); err != nil {
		t.Fatal(err)
	}

	command := append([]string{"guest.test", "-test.v=test2json", timeout}, args...)
	if run := guestPattern(); run != "" {
		command = append(command, "-test.run", run)
	}
	// The artefacts stay with go test -artifacts: this log, and those of the daemons.
	dir := t.ArtifactDir()
	log, err := os.Create(filepath.Join(dir, "guest.log"))
	if err != nil {
		t.Fatal(err)
	}
	defer log.Close()
	events, output := io.Pipe()
	started := time.Now()
	ended := make(chan error, 1)
	go func() {
		err := image.Run(ctx, vm.Job{
			Command: vm.Command{Args: command, Env: []string{"BTMON=" + os.Getenv("BTMON")}},
			Files:   files,
			Output:  io.MultiWriter(output, log),
			OutDir:  dir,
		})
		output.Close()
		ended <- err
	}()
	showErr := show(t, events)
	err = <-ended
	t.Logf("the guest ran for %.0f s", time.Since(started).Seconds())
	var exit *vm.ExitError
	if errors.As(err, &exit) && t.Failed() {
		return // failed tests have said why
	}
	if err := errors.Join(showErr, err); err != nil {
		t.Error(err)
	}
}

// guestPattern returns the part of go test's -run that is for the guest's tests, what follows the name of the host's: it may name
// one of the checks or a test beside them.
func guestPattern() string {
	_, pattern, named := strings.Cut(flag.Lookup("test.run").Value.String(), "/")
	if !named {
		return ""
	}
	return checks + "/" + pattern + "|" + pattern
}
