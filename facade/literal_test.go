package facade

import (
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// dbusName matches the names and paths that only the generated code may spell out.
var dbusName = regexp.MustCompile(`org[./](bluez|freedesktop)`)

func TestNoNameOfDBusIsWrittenOut(t *testing.T) {
	files := token.NewFileSet()
	for _, pattern := range []string{"*.go", "cmd/ble/*.go", "peripheral/*.go"} {
		names, err := filepath.Glob(pattern)
		if err != nil || len(names) == 0 {
			t.Fatalf("%s: %v, %v", pattern, names, err)
		}
		for _, name := range names {
			if strings.HasSuffix(name, "_test.go") {
				continue
			}
			file, err := parser.ParseFile(files, name, nil, 0)
			if err != nil {
				t.Fatal(err)
			}
			ast.Inspect(file, func(n ast.Node) bool {
				literal, ok := n.(*ast.BasicLit)
				if !ok || literal.Kind != token.STRING {
					return true
				}
				if text, err := strconv.Unquote(literal.Value); err != nil || dbusName.MatchString(text) {
					t.Errorf("%s: %s, which package bluezgen has a name for", files.Position(literal.Pos()), literal.Value)
				}
				return true
			})
		}
	}
}
