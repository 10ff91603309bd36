package vm

import (
	"debug/elf"
	_ "embed"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// programs are the executables of the guest, with the shared libraries that they load.
var programs = []string{
	"usr/libexec/bluetooth/bluetoothd",
	"usr/bin/bluetoothctl",
	"usr/bin/btmon",
	"usr/bin/btvirt",
	"usr/bin/dbus-daemon",
	"usr/bin/python3",
}

// trees are files and directories of the guest that are copied whole, libraries of what is in them included.
var trees = []string{
	"etc/bluetooth",
	"usr/share/dbus-1/system.conf",
	"usr/share/dbus-1/system.d", // but no services to activate: nobody else starts bluetoothd
	"usr/lib/python3",
	"usr/lib/python3.13",
	"usr/lib/x86_64-linux-gnu/girepository-1.0",
}

// unneeded are parts of Python that no script of BlueZ's imports.
var unneeded = []string{
	"test", "idlelib", "ensurepip", "pydoc_data", "lib2to3", "turtledemo", "tkinter",
	"config-3.13-x86_64-linux-gnu",
}

const (
	libraries = "usr/lib/x86_64-linux-gnu"
	examples  = "usr/share/doc/bluez-test-scripts/examples"
)

// example.py runs one of BlueZ's example peripherals on an adapter of choice.
//
//go:embed example.py
var examplePy string

// users holds root, whom everything runs as, and who dbus-daemon's configuration mentions.
const (
	users  = "root:x:0:0:root:/root:/bin/false\nmessagebus:x:100:100::/:/bin/false\n"
	groups = "root:x:0:\nmessagebus:x:100:\nbluetooth:x:101:\n"
)

// rootfs puts a guest together from a tree of unpacked packages.
type rootfs struct {
	*archive
	tree string
}

func (r rootfs) build(mods []module) error {
	for _, dir := range []string{"dev", "proc", "sys", "run/dbus", "tmp", "out", "root", "var/lib/bluetooth"} {
		r.Mkdir(dir)
	}
	for _, link := range []string{"bin", "sbin", "lib", "lib64"} {
		r.Mkdir("usr/" + link)
		r.Symlink("usr/"+link, link)
	}
	r.Symlink("/run", "var/run")
	r.Write("etc/passwd", 0o644, users)
	r.Write("etc/group", 0o644, groups)
	r.Write("etc/machine-id", 0o444, "0123456789abcdef0123456789abcdef\n")

	var order strings.Builder
	for _, m := range mods {
		r.Write("usr/"+m.path, 0o644, string(m.code))
		order.WriteString("/usr/" + m.path + "\n")
	}
	r.Write("etc/modules", 0o644, order.String())

	for _, p := range programs {
		if err := r.add(p); err != nil {
			return err
		}
	}
	for _, t := range trees {
		if err := r.addTree(t); err != nil {
			return err
		}
	}
	// gi loads these by name when a script imports GLib, GObject or Gio.
	for _, l := range []string{"libglib-2.0.so.0", "libgobject-2.0.so.0", "libgio-2.0.so.0"} {
		if err := r.add(libraries + "/" + l); err != nil {
			return err
		}
	}
	r.Copy(filepath.Join(r.tree, examples, "example-gatt-server"), "usr/share/bluez-examples/example-gatt-server")
	r.Copy(filepath.Join(r.tree, examples, "example-advertisement"), "usr/share/bluez-examples/example-advertisement")
	r.Write("usr/share/bluez-examples/run.py", 0o644, examplePy)
	return nil
}

// addTree adds a directory and what is below it.
func (r rootfs) addTree(dir string) error {
	return filepath.WalkDir(filepath.Join(r.tree, dir), func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() {
			for _, name := range unneeded {
				if d.Name() == name {
					return fs.SkipDir
				}
			}
			return nil
		}
		name, err := filepath.Rel(r.tree, path)
		if err != nil {
			return err
		}
		return r.add(name)
	})
}

// add adds a file of the tree. A symbolic link brings its target along, a program or library
// the libraries that it is linked with.
func (r rootfs) add(name string) error {
	if r.written[name] {
		return nil
	}
	host := filepath.Join(r.tree, name)
	info, err := os.Lstat(host)
	if err != nil {
		return err
	}
	if info.Mode()&fs.ModeSymlink != 0 {
		target, err := os.Readlink(host)
		if err != nil {
			return err
		}
		r.Symlink(target, name)
		if filepath.IsAbs(target) {
			return r.add(strings.TrimPrefix(target, "/"))
		}
		return r.add(filepath.Join(filepath.Dir(name), target))
	}
	r.Copy(host, name)
	needed, err := linked(host)
	if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	for _, library := range needed {
		if err := r.add(r.find(library)); err != nil {
			return fmt.Errorf("%s needs %s: %w", name, library, err)
		}
	}
	return nil
}

// find returns where a library is: the loader's own place, the usual directory, or systemd's.
func (r rootfs) find(library string) string {
	for _, dir := range []string{libraries, libraries + "/systemd"} {
		if _, err := os.Lstat(filepath.Join(r.tree, dir, library)); err == nil {
			return dir + "/" + library
		}
	}
	return strings.TrimPrefix(library, "/")
}

// linked returns what an ELF file needs to run: its loader, by path, and the names of its
// libraries. Of another file it returns nothing.
func linked(host string) ([]string, error) {
	file, err := os.Open(host)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	magic := make([]byte, len(elf.ELFMAG))
	if _, err := io.ReadFull(file, magic); err != nil || string(magic) != elf.ELFMAG {
		return nil, nil
	}
	f, err := elf.NewFile(file)
	if err != nil {
		return nil, err
	}
	needed, err := f.ImportedLibraries()
	if err != nil {
		return nil, err
	}
	for _, p := range f.Progs {
		if p.Type != elf.PT_INTERP {
			continue
		}
		loader := make([]byte, p.Filesz)
		if _, err := p.ReadAt(loader, 0); err != nil {
			return nil, err
		}
		needed = append(needed, strings.TrimRight(string(loader), "\x00"))
	}
	return needed, nil
}
