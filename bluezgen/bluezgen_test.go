package bluezgen_test

import (
	"context"
	"errors"
	"go/ast"
	"go/doc"
	"go/parser"
	"go/token"
	"io"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"go.uber.org/goleak"

	"github.com/gobluez/bluez/bluezgen"
	"github.com/gobluez/bluez/bluezgen/mesh"
	"github.com/gobluez/bluez/bluezgen/obex"
	"github.com/gobluez/bluez/gen/bus"
	"github.com/gobluez/bluez/gen/bus/bustest"
	"github.com/gobluez/bluez/introspection"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// characteristic serves a value, and descriptors that hold it.
type characteristic struct {
	bluezgen.UnimplementedGattCharacteristic1Server
	value []byte
}

func (c *characteristic) ReadValue(_ context.Context, o bluezgen.ReadOptions) ([]byte, error) {
	offset, _ := o.Offset.Get()
	if int(offset) > len(c.value) {
		return nil, bluezgen.ErrInvalidOffset
	}
	return c.value[offset:], nil
}

func (c *characteristic) WriteValue(_ context.Context, value []byte, o bluezgen.WriteOptions) error {
	if o.Type == bluezgen.WriteTypeReliable {
		return bluezgen.ErrNotSupported.With("no reliable writes")
	}
	c.value = value
	return nil
}

func (c *characteristic) AcquireNotify(context.Context, bluezgen.AcquireOptions) (*os.File, uint16, error) {
	r, w, err := os.Pipe()
	if err != nil {
		return nil, 0, err
	}
	defer w.Close()
	_, err = w.Write(c.value)
	return r, 23, err
}

func TestCharacteristicOverTheBus(t *testing.T) {
	ctx := t.Context()
	daemon := bustest.Start(t)
	dial := func() *bus.Conn {
		conn, err := bus.Dial(ctx, daemon.Address(), bus.Options{})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { conn.Close() })
		return conn
	}
	server, client := dial(), dial()
	props := bluezgen.GattCharacteristic1Properties{
		GattCharacteristic1Set: bluezgen.GattCharacteristic1SetOf(bluezgen.GattCharacteristic1Flags),
		Flags:                  []bluezgen.CharacteristicFlag{bluezgen.CharacteristicFlagRead, "of-the-future"},
	}
	skeleton := bluezgen.NewGattCharacteristic1Skeleton(&characteristic{value: []byte("hello")}, props)
	if _, err := server.Export(t.Context(), "/char", bus.ExportOptions{}, skeleton); err != nil {
		t.Fatal(err)
	}
	if err := server.RequestName(ctx, bluezgen.Service); err != nil {
		t.Fatal(err)
	}
	char := bluezgen.NewGattCharacteristic1(client, "/char")

	if got, err := char.ReadValue(ctx, bluezgen.ReadOptions{Offset: bus.Some[uint16](2)}); err != nil || string(got) != "llo" {
		t.Errorf("ReadValue = %q, %v", got, err)
	}
	if _, err := char.ReadValue(ctx, bluezgen.ReadOptions{Offset: bus.Some[uint16](9)}); !errors.Is(err, bluezgen.ErrInvalidOffset) {
		t.Errorf("ReadValue behind the end: %v", err)
	}
	if err := char.WriteValue(ctx, nil, bluezgen.WriteOptions{Type: bluezgen.WriteTypeReliable}); !errors.Is(err, bluezgen.ErrNotSupported) {
		t.Errorf("reliable WriteValue: %v", err)
	}
	if err := char.WriteValue(ctx, []byte("bye"), bluezgen.WriteOptions{}); err != nil {
		t.Errorf("WriteValue: %v", err)
	}
	file, mtu, err := char.AcquireNotify(ctx, bluezgen.AcquireOptions{})
	if err != nil || mtu != 23 {
		t.Fatalf("AcquireNotify: MTU %d, %v", mtu, err)
	}
	defer file.Close()
	if got, err := io.ReadAll(file); err != nil || string(got) != "bye" {
		t.Errorf("descriptor holds %q, %v", got, err)
	}
	if flags, err := char.Flags(ctx); err != nil || len(flags) != 2 || flags[0] != bluezgen.CharacteristicFlagRead || flags[1] != "of-the-future" {
		t.Errorf("Flags = %q, %v", flags, err)
	}
	if err := char.StartNotify(ctx); !errors.Is(err, bus.ErrUnknownMethod) {
		t.Errorf("StartNotify, which is not implemented: %v", err)
	}
	if xml, err := char.Introspect(ctx); err != nil || !strings.Contains(xml, `<interface name="org.bluez.GattCharacteristic1">`) || strings.Contains(xml, "gobluez") {
		t.Errorf("Introspect = %v, %s", err, xml)
	}
}

func TestCodecsCoverEveryInterface(t *testing.T) {
	for service, codecs := range map[string][]bus.Codec{
		introspection.Bluetoothd: bluezgen.Codecs(), introspection.Obexd: obex.Codecs(), introspection.Meshd: mesh.Codecs(),
	} {
		var names []string
		for _, codec := range codecs {
			if codec.New() == nil {
				t.Errorf("codec of %s makes nothing", codec.Interface)
			}
			names = append(names, codec.Interface)
		}
		slices.Sort(names)
		if want := introspection.InterfacesOf(service); !slices.Equal(names, want) {
			t.Errorf("codecs of %s:\n%q\nwant\n%q", service, names, want)
		}
	}
}

func TestEverythingIsDocumented(t *testing.T) {
	for _, dir := range []string{".", "obex", "mesh"} {
		t.Run(dir, func(t *testing.T) { checkDocumentation(t, dir) })
	}
}

// checkDocumentation reads a package as go doc does.
func checkDocumentation(t *testing.T, dir string) {
	fset := token.NewFileSet()
	sources, err := filepath.Glob(filepath.Join(dir, "*.go"))
	if err != nil {
		t.Fatal(err)
	}
	var files []*ast.File
	for _, name := range sources {
		file, err := parser.ParseFile(fset, name, nil, parser.ParseComments)
		if err != nil {
			t.Fatal(err)
		}
		files = append(files, file)
	}
	pkg, err := doc.NewFromFiles(fset, files, path.Join("github.com/gobluez/bluez/bluezgen", dir))
	if err != nil {
		t.Fatal(err)
	}
	check := func(name, text string) {
		if ast.IsExported(name) && strings.TrimSpace(text) == "" {
			t.Errorf("%s has no documentation", name)
		}
	}
	check("Package", pkg.Doc)
	for _, c := range pkg.Consts {
		if base, ok := strings.CutSuffix(c.Names[0], "Interface"); ok && !strings.Contains(pkg.Doc, "["+base+"]") {
			t.Errorf("the documentation of the package does not mention %s", base)
		}
	}
	values := func(groups []*doc.Value) {
		for _, group := range groups {
			check(group.Names[0], group.Doc)
		}
	}
	functions := func(list []*doc.Func) {
		for _, f := range list {
			check(f.Name, f.Doc)
		}
	}
	values(pkg.Consts)
	values(pkg.Vars)
	functions(pkg.Funcs)
	for _, typ := range pkg.Types {
		check(typ.Name, typ.Doc)
		values(typ.Consts)
		values(typ.Vars)
		functions(typ.Funcs)
		functions(typ.Methods)
		fields(typ.Decl, func(name, text string) { check(typ.Name+"."+name, text) })
	}
}

// fields calls f with the exported fields and methods that a struct or interface lists, but for embedded ones.
func fields(decl *ast.GenDecl, f func(name, text string)) {
	ast.Inspect(decl, func(n ast.Node) bool {
		field, ok := n.(*ast.Field)
		if ok {
			for _, name := range field.Names {
				if ast.IsExported(name.Name) {
					f(name.Name, field.Doc.Text()+field.Comment.Text())
				}
			}
		}
		return !ok
	})
}
