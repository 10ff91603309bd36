package vm

import (
	"bytes"
	"context"
	"debug/elf"
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/gobluez/bluez/gen/corpus/debian"
)

// modules names the kernel modules that the guest loads, in this order and each after what
// it depends on. There is no modprobe in the guest, so nothing is loaded on demand.
var modules = []string{
	"virtio_pci", "virtio_console", "virtio_rng",
	"aesni_intel", "cmac", "ecdh_generic", "algif_hash", "algif_skcipher", // pairing
	"bluetooth", "hci_vhci", // controllers by btvirt
	"rfcomm", "bnep", "hidp", "uhid", // what bluetoothd's plugins open
}

// kernel is the Debian kernel in an unpacked tree.
type kernel struct {
	release string // as of uname -r
	image   string // the bzImage
	modules string // /usr/lib/modules/RELEASE
}

func findKernel(tree string) (kernel, error) {
	images, err := filepath.Glob(filepath.Join(tree, "boot/vmlinuz-*"))
	if err != nil {
		return kernel{}, err
	}
	if len(images) != 1 {
		return kernel{}, fmt.Errorf("%d kernels in the packages, expected one", len(images))
	}
	release := strings.TrimPrefix(filepath.Base(images[0]), "vmlinuz-")
	return kernel{release, images[0], filepath.Join(tree, "usr/lib/modules", release)}, nil
}

// extractTo writes the ELF kernel that is packed in the bzImage. qemu enters it directly (by
// its PVH note), which saves unpacking under emulation at each boot.
func (k kernel) extractTo(ctx context.Context, vmlinux string) error {
	image, err := os.ReadFile(k.image)
	if err != nil {
		return err
	}
	payload, err := payload(image)
	if err != nil {
		return fmt.Errorf("kernel %s: %w", k.release, err)
	}
	elf, err := decompress(ctx, payload)
	if err != nil {
		return fmt.Errorf("kernel %s: %w", k.release, err)
	}
	if !bytes.HasPrefix(elf, []byte("\x7fELF")) {
		return fmt.Errorf("kernel %s: the payload is not ELF", k.release)
	}
	return os.WriteFile(vmlinux, elf, 0o644)
}

// payload finds the compressed kernel in a bzImage, by the setup header of the x86 boot
// protocol 2.08 (the kernel's Documentation/arch/x86/boot.rst).
func payload(image []byte) ([]byte, error) {
	if len(image) < 0x250 || string(image[0x202:0x206]) != "HdrS" {
		return nil, errors.New("not a bzImage")
	}
	if v := binary.LittleEndian.Uint16(image[0x206:]); v < 0x208 {
		return nil, fmt.Errorf("boot protocol %#x has no payload fields", v)
	}
	setup := (int(image[0x1f1]) + 1) * 512
	offset := int(binary.LittleEndian.Uint32(image[0x248:]))
	length := int(binary.LittleEndian.Uint32(image[0x24c:]))
	if start := setup + offset; length > 4 && start+length <= len(image) {
		return image[start : start+length-4], nil // the last four bytes are the unpacked size
	}
	return nil, errors.New("the payload lies outside of the image")
}

// decompress unpacks xz or zstd, told apart by their magic numbers.
func decompress(ctx context.Context, data []byte) ([]byte, error) {
	var tool string
	switch {
	case bytes.HasPrefix(data, []byte("\xfd7zXZ\x00")):
		tool = "xz"
	case bytes.HasPrefix(data, []byte("\x28\xb5\x2f\xfd")):
		tool = "zstd"
	default:
		return nil, fmt.Errorf("unknown compression, starting with % x", data[:min(len(data), 6)])
	}
	cmd := exec.CommandContext(ctx, tool, "-dc")
	cmd.Stdin = bytes.NewReader(data)
	var said bytes.Buffer
	cmd.Stderr = &said
	out, err := cmd.Output()
	if err != nil {
		return nil, debian.Failure(cmd, err, said.String())
	}
	return out, nil
}

// module is one kernel module, unpacked.
type module struct {
	path string // in the guest
	code []byte
}

// load returns the modules of the given names and all that they depend on, each after its
// dependencies. Those built into the kernel need no file and are left out.
func (k kernel) load(ctx context.Context, names []string) ([]module, error) {
	files := map[string]string{} // by module name
	err := filepath.WalkDir(k.modules, func(path string, d fs.DirEntry, err error) error {
		if name, _, ok := strings.Cut(filepath.Base(path), ".ko"); ok && !d.IsDir() {
			files[moduleName(name)] = path
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	list, err := os.ReadFile(filepath.Join(k.modules, "modules.builtin"))
	if err != nil {
		return nil, err
	}
	builtin := map[string]bool{}
	for line := range strings.Lines(string(list)) {
		name, _, _ := strings.Cut(filepath.Base(line), ".ko")
		builtin[moduleName(name)] = true
	}

	var loaded []module
	done := map[string]bool{}
	var load func(name string) error
	load = func(name string) error {
		name = moduleName(name)
		if done[name] || builtin[name] {
			return nil
		}
		done[name] = true
		file, ok := files[name]
		if !ok {
			return fmt.Errorf("kernel %s has no module %s", k.release, name)
		}
		code, err := readModule(ctx, file)
		if err != nil {
			return err
		}
		depends, err := dependencies(code)
		if err != nil {
			return fmt.Errorf("module %s: %w", name, err)
		}
		for _, d := range depends {
			if err := load(d); err != nil {
				return err
			}
		}
		loaded = append(loaded, module{"lib/modules/" + name + ".ko", code})
		return nil
	}
	for _, name := range names {
		if err := load(name); err != nil {
			return nil, err
		}
	}
	return loaded, nil
}

func readModule(ctx context.Context, file string) ([]byte, error) {
	data, err := os.ReadFile(file)
	if err != nil || filepath.Ext(file) == ".ko" {
		return data, err
	}
	code, err := decompress(ctx, data)
	if err != nil {
		return nil, fmt.Errorf("module %s: %w", filepath.Base(file), err)
	}
	return code, nil
}

// moduleName spells a module's name as the kernel does: its file may have dashes.
func moduleName(name string) string { return strings.ReplaceAll(name, "-", "_") }

// dependencies reads the names of the modules that a module needs, from its .modinfo section:
// strings "key=value", each ended by a zero byte.
func dependencies(code []byte) ([]string, error) {
	f, err := elf.NewFile(bytes.NewReader(code))
	if err != nil {
		return nil, err
	}
	section := f.Section(".modinfo")
	if section == nil {
		return nil, errors.New("no .modinfo section")
	}
	info, err := section.Data()
	if err != nil {
		return nil, err
	}
	for entry := range strings.SplitSeq(string(info), "\x00") {
		if list, ok := strings.CutPrefix(entry, "depends="); ok && list != "" {
			return strings.Split(list, ","), nil
		}
	}
	return nil, nil
}
