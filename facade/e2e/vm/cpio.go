package vm

import (
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// archive writes an initramfs: a cpio archive in the "newc" format, as described in
// the kernel's Documentation/driver-api/early-userspace/buffer-format.rst.
//
// Archives can be concatenated, and the kernel lays each over the ones before.
// Parent directories appear before what is in them. Errors stick: Close returns
// the first one.
type archive struct {
	w       io.Writer
	written map[string]bool // names that are in the archive
	err     error
}

func newArchive(w io.Writer) *archive {
	return &archive{w: w, written: map[string]bool{"": true, ".": true}}
}

// File types in the mode field of a cpio header.
const (
	cpioDirectory = 0o040000
	cpioFile      = 0o100000
	cpioSymlink   = 0o120000
)

// Mkdir adds a directory and its parents. It may be there already.
func (a *archive) Mkdir(name string) {
	name = clean(name)
	if a.written[name] {
		return
	}
	a.Mkdir(filepath.Dir(name))
	a.entry(name, cpioDirectory|0o755, 0, strings.NewReader(""))
}

// Symlink adds a symbolic link, unless something of that name is there already.
func (a *archive) Symlink(target, name string) {
	name = clean(name)
	if a.written[name] {
		return
	}
	a.Mkdir(filepath.Dir(name))
	a.entry(name, cpioSymlink|0o777, int64(len(target)), strings.NewReader(target))
}

// Write adds a file with the given permissions and content.
func (a *archive) Write(name string, perm fs.FileMode, content string) {
	name = clean(name)
	a.Mkdir(filepath.Dir(name))
	a.entry(name, cpioFile|uint32(perm.Perm()), int64(len(content)), strings.NewReader(content))
}

// Copy adds a file of the host, with the permissions that it has there.
func (a *archive) Copy(host, name string) {
	name = clean(name)
	a.Mkdir(filepath.Dir(name))
	if a.err != nil {
		return
	}
	f, err := os.Open(host)
	if err != nil {
		a.err = err
		return
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		a.err = err
		return
	}
	a.entry(name, cpioFile|uint32(info.Mode().Perm()), info.Size(), f)
}

// Close ends the archive and returns the first error of all calls.
func (a *archive) Close() error {
	a.entry("TRAILER!!!", 0, 0, strings.NewReader(""))
	return a.err
}

func (a *archive) entry(name string, mode uint32, size int64, content io.Reader) {
	if a.err != nil {
		return
	}
	if size > 1<<32-1 {
		a.err = fmt.Errorf("archive %s: %d bytes do not fit a cpio entry", name, size)
		return
	}
	a.written[name] = true
	// magic, inode, mode, uid, gid, links, mtime, size, device (2), special device (2), name size, checksum
	header := fmt.Sprintf("070701%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x%s\x00",
		len(a.written), mode, 0, 0, 1, 0, size, 0, 0, 0, 0, len(name)+1, 0, name)
	if _, a.err = io.WriteString(a.w, header+padding(len(header))); a.err != nil {
		return
	}
	n, err := io.Copy(a.w, content)
	switch {
	case err != nil:
		a.err = fmt.Errorf("archive %s: %w", name, err)
	case n != size:
		a.err = fmt.Errorf("archive %s: %d bytes, expected %d", name, n, size)
	default:
		_, a.err = io.WriteString(a.w, padding(int(size%4)))
	}
}

// padding returns what brings n bytes to a multiple of four.
func padding(n int) string { return "\x00\x00\x00"[:(4-n%4)%4] }

// clean turns a name into the archive's spelling: no leading slash.
func clean(name string) string {
	return strings.TrimPrefix(filepath.Clean(name), "/")
}
