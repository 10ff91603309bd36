package bluezgen_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// Package bluezgen has all of BlueZ, and a program pays for what it uses: of one that imports only the facade, the linker
// drops every interface that the facade does not use.
func TestUnusedInterfacesAreNotLinked(t *testing.T) {
	program := filepath.Join(t.TempDir(), "scan")
	goTool(t, "build", "-o", program, "./testdata/scan")
	used := []string{
		"AdvertisementMonitor1", "AdvertisementMonitorManager1", "Adapter1", "Agent1", "AgentManager1", "Device1",
		"GattCharacteristic1", "GattDescriptor1", "GattService1",
	}
	linked := make(map[string]bool)
	symbol := regexp.MustCompile(`\bgithub\.com/gobluez/bluez/bluezgen\.\(?\*?([A-Z][A-Za-z]*?1)(?:Update|Properties|Property|Set|Server|Skeleton)?\b`)
	for line := range strings.Lines(goTool(t, "tool", "nm", program)) {
		if m := symbol.FindStringSubmatch(line); m != nil {
			name := strings.TrimPrefix(strings.TrimPrefix(m[1], "Unimplemented"), "New")
			linked[name] = true
			if !slices.Contains(used, name) {
				t.Errorf("linked though it is not used: %s", strings.TrimSpace(line))
			}
		}
		if strings.Contains(line, "/bluezgen/obex.") || strings.Contains(line, "/bluezgen/mesh.") {
			t.Errorf("linked though it is not imported: %s", strings.TrimSpace(line))
		}
	}
	for _, name := range used {
		if !linked[name] {
			t.Errorf("nothing of %s is linked: the test looks for the wrong symbols", name)
		}
	}
	info, err := os.Stat(program)
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("the program has %.1f MB", float64(info.Size())/1e6)
}

// goTool runs the go command and returns what it prints.
func goTool(t *testing.T, args ...string) string {
	t.Helper()
	cmd := exec.Command("go", args...)
	out, err := cmd.Output()
	if exit, ok := err.(*exec.ExitError); ok {
		t.Fatalf("go %s: %v\n%s", strings.Join(args, " "), err, exit.Stderr)
	} else if err != nil {
		t.Fatal(err)
	}
	return string(out)
}
