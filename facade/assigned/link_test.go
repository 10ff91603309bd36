package assigned

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// A program pays for the tables that it asks: the linker drops the others, and with the last of them all of the package.
func TestUnusedTablesAreNotLinked(t *testing.T) {
	tables := map[string]string{
		"services": services, "characteristics": characteristics, "descriptors": descriptors, "companies": companies,
		"appearances": appearances, "adTypes": adTypes, "vendors": vendors,
	}
	for program, used := range map[string]string{"none": "", "company": "companies"} {
		binary := filepath.Join(t.TempDir(), program)
		goTool(t, "build", "-o", binary, "./testdata/"+program)
		content, err := os.ReadFile(binary)
		if err != nil {
			t.Fatal(err)
		}
		for name, table := range tables {
			if linked := bytes.Contains(content, []byte(table)); linked != (name == used) {
				t.Errorf("program %s: table %s is linked: %v", program, name, linked)
			}
		}
		var code []string
		for line := range strings.Lines(goTool(t, "tool", "nm", binary)) {
			if strings.Contains(line, "facade/assigned.") {
				code = append(code, strings.TrimSpace(line))
			}
		}
		if (len(code) > 0) != (used != "") {
			t.Errorf("program %s has of the package: %q", program, code)
		}
		for _, line := range code {
			if strings.Contains(line, ".init") || !strings.Contains(line, " T ") {
				t.Errorf("program %s initialises or holds what it need not: %s", program, line)
			}
		}
	}
}

// goTool runs the go command and returns what it prints.
func goTool(t *testing.T, args ...string) string {
	t.Helper()
	cmd := exec.Command("go", args...)
	var complaint strings.Builder
	cmd.Stderr = &complaint
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("go %s: %v\n%s", strings.Join(args, " "), err, complaint.String())
	}
	return string(out)
}
