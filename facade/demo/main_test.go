//go:build linux

package main

import (
	"bufio"
	"bytes"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
)

// asDemo has this test's program be the demo.
const asDemo = "BE_THE_DEMO"

func TestMain(m *testing.M) {
	if os.Getenv(asDemo) != "" {
		os.Exit(run(os.Stdout, os.Stderr))
	}
	os.Exit(m.Run())
}

// wantEmpty fails unless nothing is left in a directory.
func wantEmpty(t *testing.T, dir string) {
	t.Helper()
	files, err := os.ReadDir(dir)
	if err != nil || len(files) > 0 {
		t.Errorf("left in the directory for temporary files: %v, %v", files, err)
	}
}

func TestDemoShowsEachCommand(t *testing.T) {
	dir := t.TempDir()
	t.Setenv("TMPDIR", dir)
	var out, complaints bytes.Buffer
	if err := demo(t.Context(), &out, &complaints); err != nil {
		t.Fatalf("%v: %s%s", err, complaints.String(), out.String())
	}
	for _, want := range []string{
		"$ ble adapters\nhci0", "$ ble scan --duration 1s\n", "Thermometer", "$ ble inspect C0:FF:EE:00:00:01\n", "Heart Rate",
		"$ ble read C0:FF:EE:00:00:01 2a19 --format u8\n87\n", "2a29 --format utf8\nbluetest\n", "$ ble notify C0:FF:EE:00:00:01 2a37 --count 3\n",
	} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("no %q in:\n%s", want, out.String())
		}
	}
	wantEmpty(t, dir)
}

func TestEndedDemoLeavesNothing(t *testing.T) {
	for _, signal := range []os.Signal{os.Interrupt, syscall.SIGTERM} {
		t.Run(signal.String(), func(t *testing.T) {
			dir := t.TempDir()
			cmd := exec.Command(os.Args[0])
			cmd.Env = append(os.Environ(), asDemo+"=1", "TMPDIR="+dir)
			out, err := cmd.StdoutPipe()
			if err != nil {
				t.Fatal(err)
			}
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			if line, err := bufio.NewReader(out).ReadString('\n'); err != nil || !strings.HasPrefix(line, "$ ble") {
				t.Errorf("output %q, %v", line, err)
			}
			if err := cmd.Process.Signal(signal); err != nil {
				t.Error(err)
			}
			if err := cmd.Wait(); cmd.ProcessState.ExitCode() != 1 {
				t.Errorf("ended with %v", err)
			}
			wantEmpty(t, dir)
		})
	}
}
