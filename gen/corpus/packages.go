package main

import (
	"archive/tar"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/gobluez/bluez/gen/corpus/debian"
)

// packages are those of Debian that ship introspection files.
var packages = []string{
	"accountsservice", "avahi-daemon", "bolt", "colord", "fprintd", "fwupd", "geoclue-2.0", "gnome-shell-common", "kwin-dev",
	"libflatpak-dev", "libkf5globalaccel-dev", "libkf5kio-dev", "libkf5notifications-dev", "libkf5wallet-dev",
	"libkf6globalaccel-dev", "libkf6wallet-dev", "libvirt-dbus", "lightdm", "malcontent", "modemmanager-dev",
	"network-manager-dev", "packagekit", "plasma-workspace-dev", "rtkit", "systemd-dev", "upower", "urfkill",
	"xdg-desktop-portal-dev",
}

// invalid are the files that have to be refused, and a part of the reason.
var invalid = map[string]string{
	// The type is the name of a C++ class.
	"kf5_org.kde.KGlobalAccel.xml": `signature "KGlobalAccel::MatchType": expected a type`,
}

// A file is an introspection file.
type file struct {
	debian string // package
	name   string // without directories
	data   []byte
}

// fetch returns the directory that holds the introspection files, a directory for each Debian package. They are fetched unless
// the cache has them: BLUEZ_CORPUS_CACHE, or bluez-for-go/corpus below the user's cache directory.
func fetch(ctx context.Context, log io.Writer) (string, error) {
	cache := os.Getenv("BLUEZ_CORPUS_CACHE")
	if cache == "" {
		base, err := os.UserCacheDir()
		if err != nil {
			return "", err
		}
		cache = filepath.Join(base, "bluez-for-go", "corpus")
	}
	sum := sha256.Sum256([]byte(strings.Join(packages, " ")))
	dir := filepath.Join(cache, debian.Suite+"-"+hex.EncodeToString(sum[:8]))
	if _, err := os.Stat(dir); err == nil {
		return dir, nil
	}
	if debian.NoInstall() {
		return "", fmt.Errorf("no introspection files in %s, and NO_INSTALL=1 forbids fetching Debian's packages", dir)
	}
	if err := debian.Require(ctx, log, debian.Tools()); err != nil {
		return "", err
	}
	if err := os.MkdirAll(cache, 0o755); err != nil {
		return "", err
	}
	work, err := os.MkdirTemp(cache, "fetch-")
	if err != nil {
		return "", err
	}
	defer os.RemoveAll(work)
	fmt.Fprintf(log, "corpus: fetching %d packages of Debian %s\n", len(packages), debian.Suite)
	debs, err := debian.Download(ctx, work, packages...)
	if err != nil {
		return "", err
	}
	result := filepath.Join(work, "files")
	for _, deb := range debs {
		name, _, _ := strings.Cut(filepath.Base(deb), "_")
		err := debian.Read(ctx, deb, func(r *tar.Reader) error { return extract(r, filepath.Join(result, name)) })
		if err != nil {
			return "", err
		}
	}
	if err := os.Rename(result, dir); err != nil {
		if _, statErr := os.Stat(dir); statErr != nil {
			return "", err
		}
	}
	return dir, nil
}

// extract writes the introspection files of a package into a directory.
func extract(r *tar.Reader, dir string) error {
	for {
		h, err := r.Next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		if h.Typeflag != tar.TypeReg || !strings.HasSuffix(h.Name, ".xml") {
			continue
		}
		data, err := io.ReadAll(r)
		if err != nil {
			return err
		}
		if !bytes.Contains(data, []byte("<node")) || !bytes.Contains(data, []byte("<interface")) {
			continue
		}
		if err := os.MkdirAll(dir, 0o755); err != nil {
			return err
		}
		if err := os.WriteFile(filepath.Join(dir, filepath.Base(h.Name)), data, 0o644); err != nil {
			return err
		}
	}
}

// readCorpus reads the files below dir, sorted by package and name.
func readCorpus(dir string) ([]*file, error) {
	var files []*file
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		data, err := os.ReadFile(path)
		files = append(files, &file{debian: filepath.Base(filepath.Dir(path)), name: d.Name(), data: data})
		return err
	})
	slices.SortFunc(files, func(a, b *file) int { return strings.Compare(a.debian+"/"+a.name, b.debian+"/"+b.name) })
	return files, err
}
