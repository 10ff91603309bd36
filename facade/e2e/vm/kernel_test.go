package vm

import (
	"bytes"
	"context"
	"encoding/binary"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

func TestPayloadOfKernelImage(t *testing.T) {
	const setupSectors, offset = 2, 10
	image := make([]byte, (setupSectors+1)*512)
	image[0x1f1] = setupSectors
	copy(image[0x202:], "HdrS")
	binary.LittleEndian.PutUint16(image[0x206:], 0x20f)
	binary.LittleEndian.PutUint32(image[0x248:], offset)
	binary.LittleEndian.PutUint32(image[0x24c:], uint32(len("packed")+4))
	image = append(image, make([]byte, offset)...)
	image = append(image, "packedSIZEmore"...)

	if got, err := payload(image); err != nil || string(got) != "packed" {
		t.Errorf("payload %q, %v", got, err)
	}
	for name, broken := range map[string][]byte{
		"empty":          nil,
		"no magic":       make([]byte, 2048),
		"cut off":        image[:len(image)-8],
		"old protocol":   slices.Replace(slices.Clone(image), 0x206, 0x208, 0x07, 0x02),
		"endless length": slices.Replace(slices.Clone(image), 0x24c, 0x250, 0xff, 0xff, 0xff, 0xff),
	} {
		if got, err := payload(broken); err == nil {
			t.Errorf("%s: payload %q and no error", name, got)
		}
	}
}

func TestUnknownCompressionIsRefused(t *testing.T) {
	if _, err := decompress(context.Background(), []byte("BZh91AY")); err == nil || !strings.Contains(err.Error(), "42 5a 68") {
		t.Errorf("error %v, want one that quotes the first bytes", err)
	}
}

// object returns an ELF file with nothing but a .modinfo section, as kernel modules have it.
func object(info string) []byte {
	const names = "\x00.modinfo\x00.shstrtab\x00"
	order := binary.LittleEndian
	header := make([]byte, 64)
	copy(header, "\x7fELF\x02\x01\x01")
	order.PutUint16(header[16:], 1)  // relocatable
	order.PutUint16(header[18:], 62) // x86-64
	order.PutUint32(header[20:], 1)
	order.PutUint64(header[40:], uint64(64+len(info)+len(names))) // the section headers
	order.PutUint16(header[52:], 64)
	order.PutUint16(header[58:], 64)
	order.PutUint16(header[60:], 3)
	order.PutUint16(header[62:], 2) // the index of the names
	section := func(name, kind uint32, offset, size int) []byte {
		h := make([]byte, 64)
		order.PutUint32(h, name)
		order.PutUint32(h[4:], kind)
		order.PutUint64(h[24:], uint64(offset))
		order.PutUint64(h[32:], uint64(size))
		return h
	}
	return slices.Concat(header, []byte(info), []byte(names), make([]byte, 64),
		section(1, 1, 64, len(info)), section(10, 3, 64+len(info), len(names)))
}

func TestModulesComeAfterWhatTheyNeed(t *testing.T) {
	dir := t.TempDir()
	for name, info := range map[string]string{
		"fs/top.ko":        "license=GPL\x00depends=left_hand,right\x00",
		"lib/left-hand.ko": "depends=base\x00",
		"lib/right.ko":     "depends=base,built\x00",
		"base.ko":          "depends=\x00",
		"unused.ko":        "depends=\x00",
	} {
		file := filepath.Join(dir, "kernel", name)
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, object(info), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(filepath.Join(dir, "modules.builtin"), []byte("kernel/drivers/built.ko\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	k := kernel{release: "test", modules: dir}
	mods, err := k.load(t.Context(), []string{"built", "top", "base"})
	if err != nil {
		t.Fatal(err)
	}
	var order []string
	for _, m := range mods {
		order = append(order, strings.TrimSuffix(filepath.Base(m.path), ".ko"))
		if !bytes.HasPrefix(m.code, []byte("\x7fELF")) {
			t.Errorf("%s is not unpacked", m.path)
		}
	}
	if want := []string{"base", "left_hand", "right", "top"}; !slices.Equal(order, want) {
		t.Errorf("order %v, want %v", order, want)
	}
	if _, err := k.load(t.Context(), []string{"absent"}); err == nil || !strings.Contains(err.Error(), "absent") {
		t.Errorf("a module that is not there: %v", err)
	}
}
