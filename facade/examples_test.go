package facade

import (
	"go/ast"
	"go/doc"
	"go/parser"
	"go/token"
	"path/filepath"
	"strings"
	"testing"
)

// Each noun of the package has an example that runs, and so does each example: one without
// output is only compiled.
func TestEachNounHasAnExampleThatRuns(t *testing.T) {
	names, err := filepath.Glob("example*_test.go")
	if err != nil {
		t.Fatal(err)
	}
	var files []*ast.File
	set := token.NewFileSet()
	for _, name := range names {
		file, err := parser.ParseFile(set, name, nil, parser.ParseComments)
		if err != nil {
			t.Fatal(err)
		}
		files = append(files, file)
	}
	of := make(map[string]bool)
	for _, example := range doc.Examples(files...) {
		if example.Output == "" || example.Doc == "" && !strings.HasPrefix(example.Name, "Parse") {
			t.Errorf("Example%s has no output, or does not say what it shows", example.Name)
		}
		noun, member, _ := strings.Cut(example.Name, "_")
		of[noun], of[member] = true, true
	}
	for _, noun := range []string{
		"Central", "Adapter", "Stats", "Error", "ATTError",
		"Scan", "Scanner", "Passive", "Discover", "FindDevice", "Advertisement", "Devices", "WatchDevices", "WatchAdapters",
		"Connect", "Client", "Disconnected", "Stay", "Service", "Characteristic", "Descriptor", "Subscription", "NotifyMethod",
		"Pair", "Agent", "SetAgent", "Forget", "ParseAddress", "ParseUUID", "ParsePasskey",
	} {
		if !of[noun] {
			t.Errorf("%s has no example", noun)
		}
	}
}
