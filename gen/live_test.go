package gen

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/dave/jennifer/jen"
)

var liveFiles = flag.String("live", "", "a `pattern` of introspection files whose interfaces are tried on a bus, too")

const livePath = "live.example/live"

// TestGeneratedCodeWorksOnABus builds a module of generated packages, and runs the tests in testdata/live on private buses. One
// serves random interfaces by generated skeletons, calls them through generated proxies with random values, and compares each value
// that arrives with the one that was sent. Another calls dbus-daemon itself.
func TestGeneratedCodeWorksOnABus(t *testing.T) {
	dir := t.TempDir()
	module(t, dir, "live.example")
	if err := os.CopyFS(filepath.Join(dir, "live"), os.DirFS("testdata/live")); err != nil {
		t.Fatal(err)
	}
	standard, err := filepath.Glob("../introspection/freedesktop/*.xml")
	if err != nil {
		t.Fatal(err)
	}
	var sources []Source
	for _, path := range standard {
		data, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		sources = append(sources, Source{Name: path, Data: data})
	}
	outputs, err := Generate(sources, nil, Options{Package: "daemon"})
	if err != nil {
		t.Fatal(err)
	}
	for _, out := range outputs {
		write(t, filepath.Join(dir, "live", "daemon", out.Name), out.Content)
	}
	texts := []string{extremeInterfaces()}
	for seed := range uint64(*randomPackages) {
		texts = append(texts, randomInterfaces(seed))
	}
	others, err := filepath.Glob(*liveFiles)
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range others {
		data, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := Parse(path, data); err != nil {
			t.Log(err) // which gen/corpus judges
			continue
		}
		texts = append(texts, string(data))
	}
	for i, text := range texts {
		file, err := Parse("random.xml", []byte(text))
		if err != nil {
			t.Fatalf("package %d: %v", i, err)
		}
		pkg, err := Plan([]*File{file}, nil, Options{Package: "random"})
		if err != nil {
			t.Fatalf("package %d: %v", i, err)
		}
		outputs, err := pkg.Emit()
		if err != nil {
			t.Fatalf("package %d: %v", i, err)
		}
		folder := filepath.Join(dir, fmt.Sprintf("random%d", i))
		for _, out := range outputs {
			write(t, filepath.Join(folder, out.Name), out.Content)
		}
		write(t, filepath.Join(folder, "live_test.go"), liveTest(t, pkg, i))
	}
	goCommand(t, dir, "vet", "./...")
	goCommand(t, dir, "test", "./...")
}

// liveTest returns a test of a generated package: the servers of its interfaces, and the table of what there is to call.
func liveTest(t *testing.T, pkg *Package, seed int) []byte {
	t.Helper()
	file := jen.NewFile(pkg.Package)
	file.ImportName(livePath, "live")
	file.ImportName(dbusPath, "dbus")
	var table []jen.Code
	for _, iface := range pkg.ifaces {
		if strings.HasPrefix(iface.Name, "org.freedesktop.DBus.") {
			continue // package bus serves these itself
		}
		fields := jen.Dict{
			jen.Id("Name"):     jen.Lit(iface.base),
			jen.Id("New"):      jen.Id("New" + iface.base),
			jen.Id("Skeleton"): jen.Id("New" + iface.base + "Skeleton"),
		}
		if iface.served() {
			fields[jen.Id("Server")] = jen.Func().Params(jen.Id("c").Op("*").Qual(livePath, "Calls")).Any().Block(
				jen.Return(jen.Id(liveServer(file, iface)).Values(jen.Id("c"))))
		}
		if len(iface.readable()) > 0 {
			fields[jen.Id("SetOf")] = jen.Id(iface.base + "SetOf")
		}
		var methods, signals, properties []jen.Code
		for _, m := range iface.methods {
			methods = append(methods, jen.Lit(m.goName))
		}
		for _, s := range iface.signals {
			signals = append(signals, jen.Lit(s.goName))
		}
		for _, p := range iface.props {
			property := jen.Dict{
				jen.Id("Name"):     jen.Lit(p.goName),
				jen.Id("Readable"): jen.Lit(p.Readable),
				jen.Id("Writable"): jen.Lit(p.Writable),
				jen.Id("Emits"):    jen.Lit(string(p.emits)),
			}
			if p.Readable {
				property[jen.Id("Const")] = jen.Id(p.constName)
			}
			properties = append(properties, jen.Line().Values(property))
		}
		fields[jen.Id("Methods")] = jen.Index().String().Values(methods...)
		fields[jen.Id("Signals")] = jen.Index().String().Values(signals...)
		fields[jen.Id("Properties")] = jen.Index().Qual(livePath, "Property").Values(properties...)
		table = append(table, jen.Line().Values(fields))
	}
	file.Func().Id("TestLive").Params(jen.Id("t").Op("*").Qual("testing", "T")).Block(
		jen.Qual(livePath, "Run").Call(jen.Id("t"), jen.Lit(seed), jen.Index().Qual(livePath, "Interface").Values(table...)))
	var source bytes.Buffer
	if err := file.Render(&source); err != nil {
		t.Fatal(err)
	}
	return source.Bytes()
}

// liveServer adds a server that answers all calls through live.Calls, and returns its name.
func liveServer(file *jen.File, iface *ifacePlan) string {
	typ := "live" + iface.base
	file.Type().Id(typ).Struct(jen.Id("calls").Op("*").Qual(livePath, "Calls"))
	method := func(name string, in, out []*argPlan) {
		args := []jen.Code{jen.Lit(name), jen.Index().Any().ValuesFunc(func(g *jen.Group) {
			for _, a := range in {
				g.Op("&").Id(a.local)
			}
		})}
		for _, a := range out {
			args = append(args, jen.Op("&").Id(a.local))
		}
		call := jen.Id("s").Dot("calls").Dot("Serve").Call(args...)
		fn := file.Func().Params(jen.Id("s").Id(typ)).Id(name).Params(params(in)...)
		if len(out) == 0 {
			fn.Params(results(out)...).Block(jen.Return(call))
			return
		}
		fn.Params(results(out)...).Block(jen.Err().Op("=").Add(call), jen.Return())
	}
	for _, m := range iface.methods {
		method(m.goName, m.in, m.out)
	}
	for _, p := range iface.writable() {
		method("Set"+p.goName, []*argPlan{{local: "value", value: p.value}}, nil)
	}
	return typ
}
