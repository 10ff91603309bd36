package gen

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestLayersWorkAlone makes the input of each layer by hand.
func TestLayersWorkAlone(t *testing.T) {
	text := &Type{Code: 's'}
	model := &File{Name: "lamp.xml", Interfaces: []*Interface{{
		Pos:     Pos{File: "lamp.xml", Line: 2},
		Name:    "org.example.Lamp1",
		Methods: []*Method{{Name: "type", In: []*Arg{{Name: "ctx", Type: text}, {Type: text}}}},
	}}}
	planned, err := Plan([]*File{model}, nil, Options{Package: "lamp"})
	if err != nil {
		t.Fatal(err)
	}
	method := planned.ifaces[0].methods[0]
	if planned.ifaces[0].base != "Lamp1" || method.goName != "Type" || method.in[0].local != "ctxArg" || method.in[1].local != "arg1" {
		t.Errorf("planned %s, %s, %s, %s", planned.ifaces[0].base, method.goName, method.in[0].local, method.in[1].local)
	}

	byHand := &Package{Options: Options{Package: "lamp"}, ifaces: []*ifacePlan{{
		Interface: &Interface{Name: "org.example.Lamp1"},
		base:      "Torch",
		file:      "torch.go",
		methods:   []*methodPlan{{Method: &Method{Name: "type"}, goName: "Burn"}},
	}}}
	outputs, err := byHand.Emit()
	if err != nil || len(outputs) != 2 || outputs[1].Name != "torch.go" {
		t.Fatalf("got %d outputs, %v", len(outputs), err)
	}
	if source := string(outputs[1].Content); !strings.Contains(source, "\nfunc (p Torch) Burn(ctx context.Context) error {\n") {
		t.Errorf("got\n%s", source)
	}
}

// BenchmarkBlueZ generates packages bluezgen, obex and mesh.
func BenchmarkBlueZ(b *testing.B) {
	var sets [3][]Source
	lines := 0
	for i, dir := range []string{"", "obex", "mesh"} {
		paths, err := filepath.Glob(filepath.Join("..", "introspection", dir, "*.xml"))
		if err != nil || len(paths) == 0 {
			b.Fatalf("no files: %v", err)
		}
		for _, path := range paths {
			data, err := os.ReadFile(path)
			if err != nil {
				b.Fatal(err)
			}
			sets[i] = append(sets[i], Source{Name: path, Data: data})
		}
	}
	for b.Loop() {
		lines = 0
		for _, sources := range sets {
			outputs, err := Generate(sources, nil, Options{Package: "p"})
			if err != nil {
				b.Fatal(err)
			}
			for _, out := range outputs {
				lines += strings.Count(string(out.Content), "\n")
			}
		}
	}
	b.ReportMetric(float64(lines), "lines")
}
