package gen

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

func TestDirectoryFollowsOutputs(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "new")
	generated := func(name, text string) Output {
		return Output{Name: name, Content: []byte(header + "\n" + text)}
	}
	apply := func(outputs ...Output) []string {
		t.Helper()
		changes, err := Compare(dir, outputs)
		if err != nil {
			t.Fatal(err)
		}
		if err := Apply(dir, changes); err != nil {
			t.Fatal(err)
		}
		var names []string
		for _, c := range changes {
			name := filepath.Base(c.Path)
			if c.New == nil {
				name = "-" + name
			}
			names = append(names, name)
		}
		return names
	}
	if got := apply(generated("a.go", "1"), generated("b.go", "1")); !slices.Equal(got, []string{"a.go", "b.go"}) {
		t.Errorf("at first: %v", got)
	}
	if got := apply(generated("a.go", "1"), generated("b.go", "1")); len(got) != 0 {
		t.Errorf("again: %v", got)
	}
	write(t, filepath.Join(dir, "hand.go"), []byte("package p\n"))
	write(t, filepath.Join(dir, "text.txt"), []byte(header+"\n"))
	inputs := filepath.Join(dir, "testdata", "fuzz", "FuzzRecords")
	if err := os.MkdirAll(inputs, 0o777); err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(dir, "testdata", "old.go"), []byte(header+"\n"))
	write(t, filepath.Join(inputs, "0123456789abcdef"), []byte(header+"\n"))
	if got := apply(generated("b.go", "2")); !slices.Equal(got, []string{"-a.go", "b.go"}) {
		t.Errorf("after a change: %v", got)
	}
	for _, name := range []string{"b.go", "hand.go", "text.txt", "testdata/old.go", "testdata/fuzz/FuzzRecords/0123456789abcdef"} {
		if _, err := os.Stat(filepath.Join(dir, filepath.FromSlash(name))); err != nil {
			t.Error(err)
		}
	}
	if _, err := Compare(dir, []Output{generated("hand.go", "1")}); err == nil || !strings.Contains(err.Error(), "hand.go: it does not begin with") {
		t.Errorf("a file made by hand: %v", err)
	}
}

func TestDiffNamesTheFileOnTheSideWhereItIs(t *testing.T) {
	tests := []struct {
		name   string
		change Change
		want   string
	}{
		{"changed", Change{Path: filepath.Join("out", "a.go"), Old: []byte("a\n"), New: []byte("b\n")}, "--- out/a.go\n+++ out/a.go\n@@ -1,1 +1,1 @@\n-a\n+b\n"},
		{"new", Change{Path: "a.go", New: []byte("a\n")}, "--- " + os.DevNull + "\n+++ a.go\n@@ -0,0 +1,1 @@\n+a\n"},
		{"stale", Change{Path: "a.go", Old: []byte("a\n")}, "--- a.go\n+++ " + os.DevNull + "\n@@ -1,1 +0,0 @@\n-a\n"},
	}
	for _, tt := range tests {
		if got := tt.change.Diff(); got != tt.want {
			t.Errorf("%s: got\n%s\nwant\n%s", tt.name, got, tt.want)
		}
	}
}

func TestUnifiedDiff(t *testing.T) {
	lines := func(from, to int) string {
		var b strings.Builder
		for i := from; i < to; i++ {
			b.WriteString(strings.Repeat("x", i) + "\n")
		}
		return b.String()
	}
	tests := []struct{ name, before, after, want string }{
		{"equal", "a\n", "a\n", ""},
		{"new file", "", "a\nb\n", "--- f\n+++ t\n@@ -0,0 +1,2 @@\n+a\n+b\n"},
		{"deleted file", "a\n", "", "--- f\n+++ t\n@@ -1,1 +0,0 @@\n-a\n"},
		{"a line in the middle", lines(1, 10), lines(1, 5) + "new\n" + lines(5, 10), "--- f\n+++ t\n@@ -2,6 +2,7 @@\n xx\n xxx\n xxxx\n+new\n xxxxx\n xxxxxx\n xxxxxxx\n"},
		{"two hunks", "a\n" + lines(1, 9) + "b\n", "A\n" + lines(1, 9) + "B\n",
			"--- f\n+++ t\n@@ -1,4 +1,4 @@\n-a\n+A\n x\n xx\n xxx\n@@ -7,4 +7,4 @@\n xxxxxx\n xxxxxxx\n xxxxxxxx\n-b\n+B\n"},
		{"no newline at the end", "a", "b\n", "--- f\n+++ t\n@@ -1,1 +1,1 @@\n-a\n\\ No newline at end of file\n+b\n"},
	}
	for _, tt := range tests {
		if got := unifiedDiff("f", "t", tt.before, tt.after); got != tt.want {
			t.Errorf("%s: got\n%s\nwant\n%s", tt.name, got, tt.want)
		}
	}
}
