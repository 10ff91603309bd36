package vm

import (
	"bufio"
	"context"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"time"

	"github.com/gobluez/bluez/gen/corpus/debian"
)

// recipe holds, with that of package debian, every file that decides what a guest is made of. Its
// hash names the image in the cache, so a changed recipe is another image.
//
//go:embed cpio.go image.go kernel.go packages.go rootfs.go example.py
var recipe embed.FS

// Image is a guest on disk: a kernel and a root file system to boot it with.
type Image struct {
	Versions Versions
	dir      string
	log      io.Writer
}

// Versions tells what a guest runs.
type Versions struct {
	BlueZ  string `json:"bluez"`  // of the Debian package, "5.82-1.1"
	Kernel string `json:"kernel"` // of Linux, "6.12.43+deb13-amd64"
}

// CacheDir returns the directory that images are kept in: the value of BLUEZ_VM_CACHE, else
// bluez-for-go/vm below the user's cache directory.
func CacheDir() (string, error) {
	if dir := os.Getenv("BLUEZ_VM_CACHE"); dir != "" {
		return filepath.Abs(dir)
	}
	dir, err := os.UserCacheDir() // $XDG_CACHE_HOME or $HOME/.cache
	if err != nil {
		return "", err
	}
	return filepath.Join(dir, "bluez-for-go", "vm"), nil
}

// Build returns the guest's image, made anew unless the cache has it.
//
// Making it takes about a quarter of a minute and needs a Debian mirror, from which some 150 MB are
// fetched. Missing tools of the host are installed if the caller is root. With NO_INSTALL=1 in the
// environment neither happens, and the error says what is missing. Concurrent and interrupted builds are
// harmless: an image appears in the cache by one rename, when it is complete. Progress, that of Run too,
// goes to log.
func Build(ctx context.Context, log io.Writer) (*Image, error) {
	if err := Supported(); err != nil {
		return nil, err
	}
	cache, err := CacheDir()
	if err != nil {
		return nil, err
	}
	hash, err := recipeHash()
	if err != nil {
		return nil, err
	}
	dir := filepath.Join(cache, debian.Suite+"-"+hash)
	if image, err := open(dir, log); err == nil {
		return image, nil
	}
	if debian.NoInstall() {
		return nil, fmt.Errorf("no VM image in %s, and NO_INSTALL=1 forbids fetching Debian's packages for one", dir)
	}
	if err := debian.Require(ctx, log, buildTools()); err != nil {
		return nil, err
	}
	if err := os.MkdirAll(cache, 0o755); err != nil {
		return nil, err
	}
	sweep(cache)
	work, err := os.MkdirTemp(cache, "build-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(work)

	start := time.Now()
	fmt.Fprintf(log, "vm: building the guest from Debian %s\n", debian.Suite)
	result := filepath.Join(work, "image")
	if err := build(ctx, work, result); err != nil {
		return nil, fmt.Errorf("build VM image: %w", err)
	}
	if err := os.Rename(result, dir); err != nil {
		if image, openErr := open(dir, log); openErr == nil {
			return image, nil // another build was first
		}
		return nil, err
	}
	image, err := open(dir, log)
	if err != nil {
		return nil, err
	}
	fmt.Fprintf(log, "vm: BlueZ %s, Linux %s, built in %.0f s, kept in %s\n",
		image.Versions.BlueZ, image.Versions.Kernel, time.Since(start).Seconds(), dir)
	return image, nil
}

func recipeHash() (string, error) {
	h := sha256.New()
	var err error
	for _, files := range []embed.FS{recipe, debian.Recipe} {
		err = errors.Join(err, fs.WalkDir(files, ".", func(path string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() {
				return err
			}
			content, err := files.ReadFile(path)
			fmt.Fprintf(h, "%s %d\n", path, len(content))
			h.Write(content)
			return err
		}))
	}
	return hex.EncodeToString(h.Sum(nil))[:16], err
}

// open returns the image in a directory.
func open(dir string, log io.Writer) (*Image, error) {
	content, err := os.ReadFile(filepath.Join(dir, "versions.json"))
	if err != nil {
		return nil, err
	}
	image := &Image{dir: dir, log: log}
	if err := json.Unmarshal(content, &image.Versions); err != nil {
		return nil, fmt.Errorf("%s: %w", dir, err)
	}
	return image, nil
}

// sweep removes what builds left behind that were killed long ago. It is best effort: what
// cannot be removed only takes space.
func sweep(cache string) {
	old, err := filepath.Glob(filepath.Join(cache, "build-*"))
	if err != nil {
		return
	}
	for _, dir := range old {
		if info, err := os.Stat(dir); err == nil && time.Since(info.ModTime()) > 24*time.Hour {
			os.RemoveAll(dir)
		}
	}
}

// build makes an image in the directory result, working below the directory work.
func build(ctx context.Context, work, result string) error {
	debs, err := debian.DownloadClosure(ctx, filepath.Join(work, "apt"), wanted...)
	if err != nil {
		return err
	}
	tree := filepath.Join(work, "tree")
	if err := debian.Unpack(ctx, debs, tree); err != nil {
		return err
	}
	if err := compilePython(ctx, tree); err != nil {
		return err
	}
	kernel, err := findKernel(tree)
	if err != nil {
		return err
	}
	mods, err := kernel.load(ctx, modules)
	if err != nil {
		return err
	}
	if err := os.Mkdir(result, 0o755); err != nil {
		return err
	}
	if err := kernel.extractTo(ctx, filepath.Join(result, "vmlinux")); err != nil {
		return err
	}
	if err := pack(filepath.Join(result, "base.cpio"), func(a *archive) error {
		return rootfs{a, tree}.build(mods)
	}); err != nil {
		return err
	}
	versions, err := json.Marshal(Versions{BlueZ: debian.Version(debs, "bluez"), Kernel: kernel.release})
	if err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(result, "versions.json"), append(versions, '\n'), 0o644)
}

// compilePython compiles Python's modules with the guest's own Python, run here through the
// guest's loader. In the guest, each import would compile them again: seconds a script.
func compilePython(ctx context.Context, tree string) error {
	lib := filepath.Join(tree, libraries)
	cmd := exec.CommandContext(ctx, filepath.Join(tree, "lib64/ld-linux-x86-64.so.2"), "--library-path", lib,
		filepath.Join(tree, "usr/bin/python3"), "-m", "compileall", "-qq", "--invalidation-mode", "unchecked-hash",
		"-s", tree, filepath.Join(tree, "usr/lib/python3.13"), filepath.Join(tree, "usr/lib/python3"))
	cmd.Env = []string{"PYTHONHOME=" + filepath.Join(tree, "usr")}
	return debian.Run(cmd)
}

// pack writes a cpio archive to a file.
func pack(name string, fill func(*archive) error) error {
	f, err := os.Create(name)
	if err != nil {
		return err
	}
	buffered := bufio.NewWriterSize(f, 1<<20)
	a := newArchive(buffered)
	return errors.Join(fill(a), a.Close(), buffered.Flush(), f.Close())
}
