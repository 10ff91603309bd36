package bluetest

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// The table of behaviours names tests and checks that exist.
func TestBehavioursAreTested(t *testing.T) {
	table, err := os.ReadFile("BEHAVIOURS.md")
	if err != nil {
		t.Fatal(err)
	}
	tests := sources(t, "*_test.go", `(?m)^func (Test\w+)\(t \*testing\.T\)`)
	checks := sources(t, "../e2e/checks/*.go", `\{"(Test\w+)", b\.test`)
	rows := 0
	for line := range strings.Lines(string(table)) {
		cells := strings.Split(line, "|")
		if len(cells) != 7 || strings.TrimSpace(cells[1]) == "#" || strings.HasPrefix(cells[1], " -") {
			continue
		}
		rows++
		row := "row " + strings.TrimSpace(cells[1])
		if strings.TrimSpace(cells[4]) == "" {
			t.Errorf("%s names no test", row)
		}
		for where, known := range map[int]map[string]bool{4: tests, 5: checks} {
			for _, name := range strings.FieldsFunc(cells[where], func(r rune) bool { return r == ',' || r == ' ' }) {
				if !known[name] {
					t.Errorf("%s names %s, which does not exist", row, name)
				}
			}
		}
	}
	if rows < 30 {
		t.Errorf("the table has %d rows", rows)
	}
}

// sources returns what a pattern finds in files.
func sources(t *testing.T, glob, pattern string) map[string]bool {
	t.Helper()
	files, err := filepath.Glob(glob)
	if err != nil {
		t.Fatal(err)
	}
	found := map[string]bool{}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, match := range regexp.MustCompile(pattern).FindAllStringSubmatch(string(text), -1) {
			found[match[1]] = true
		}
	}
	return found
}
