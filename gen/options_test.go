package gen

import (
	"path/filepath"
	"strings"
	"testing"
)

func TestPlanRefusesOptions(t *testing.T) {
	file, err := Parse("x.xml", []byte(inInterface("<method name='A'/>", "<property name='A' type='s' access='read'/>", "<signal name='B'/>")))
	if err != nil {
		t.Fatal(err)
	}
	const iface = "org.example.Thing1"
	tests := []struct {
		name    string
		options Options
		want    string
	}{
		{"roles that are none", Options{Roles: "proxy"}, `roles "proxy": expected one of both, client, server`},
		{"a prefix in lower case", Options{Prefix: "acme"}, `prefix "acme": expected a Go name`},
		{"a file with a directory", Options{File: "a/b.go"}, `file "a/b.go": expected the name of a Go file`},
		{"a file that is not Go", Options{File: "b.xml"}, `file "b.xml": expected the name of a Go file`},
		{"a package to reuse without a path", Options{Reuse: []*Package{{Options: Options{Package: "other"}}}}, "reuse package other: expected one with an import path"},
		{"a name for nothing", Options{Names: map[string]string{"org.example.Thing2": "X"}}, `name "X" for org.example.Thing2: the inputs have no such interface or member`},
		{"a name for no member", Options{Names: map[string]string{iface + ".C": "X"}}, `name "X" for org.example.Thing1.C: the inputs have no such`},
		{"a name that is not Go's", Options{Names: map[string]string{iface: "x"}}, `name "x" for org.example.Thing1: expected a Go name`},
		{"a name for a method and a property", Options{Names: map[string]string{iface + ".A": "X"}}, "2 members have that name, expected an overlay"},
		{"a name that another thing has", Options{Names: map[string]string{iface + ".B": "Set", iface: "Codecs"}}, "Codecs"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			tt.options.Package = "p"
			if _, err := Plan([]*File{file}, nil, tt.options); err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got %v, want it to say %q", err, tt.want)
			}
		})
	}
	if file.Interfaces[0].GoName != "" {
		t.Error("Plan has changed its input")
	}
}

// TestPackagesOfAllOptionsCompile builds random interfaces with one side only, in one file, and two packages in one folder.
func TestPackagesOfAllOptionsCompile(t *testing.T) {
	dir := t.TempDir()
	module(t, dir, "options.example")
	source := []Source{{Name: "random.xml", Data: []byte(randomInterfaces(7))}}
	for i, o := range []Options{
		{Package: "client", Roles: RolesClient},
		{Package: "server", Roles: RolesServer},
		{Package: "shared", File: "first.go"},
		{Package: "shared", File: "second.go", Prefix: "Second"},
		{Package: "shared", File: "third.go", Prefix: "Third", Roles: RolesServer},
	} {
		outputs, err := Generate(source, nil, o)
		if err != nil {
			t.Fatal(i, err)
		}
		if o.File != "" && (len(outputs) != 1 || outputs[0].Name != o.File) {
			t.Errorf("%s: %d outputs", o.File, len(outputs))
		}
		for _, out := range outputs {
			write(t, filepath.Join(dir, o.Package, out.Name), out.Content)
		}
	}
	goCommand(t, dir, "vet", "./...")
}
