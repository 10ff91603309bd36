package debian

import (
	"archive/tar"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// Unpack unpacks packages into a tree whose /bin, /sbin and so on are links into /usr, as Debian's are. It runs none of their
// scripts.
func Unpack(ctx context.Context, debs []string, tree string) error {
	for _, link := range []string{"bin", "sbin", "lib", "lib64"} {
		if err := os.MkdirAll(filepath.Join(tree, "usr", link), 0o755); err != nil {
			return err
		}
		if err := os.Symlink("usr/"+link, filepath.Join(tree, link)); err != nil {
			return err
		}
	}
	for _, deb := range debs {
		err := Read(ctx, deb, func(r *tar.Reader) error { return extract(r, tree) })
		if err != nil {
			return err
		}
	}
	return nil
}

// Read gives read the files of a package, as a tar archive that it need not read to the end.
func Read(ctx context.Context, deb string, read func(*tar.Reader) error) error {
	cmd := exec.CommandContext(ctx, "dpkg-deb", "--fsys-tarfile", deb)
	var said strings.Builder
	cmd.Stderr = &said
	stream, err := cmd.StdoutPipe()
	if err != nil {
		return err
	}
	if err := cmd.Start(); err != nil {
		return err
	}
	err = read(tar.NewReader(stream))
	if err != nil {
		stream.Close() // ends dpkg-deb, should it still be writing
	} else {
		_, err = io.Copy(io.Discard, stream)
	}
	if waitErr := cmd.Wait(); waitErr != nil && err == nil {
		err = Failure(cmd, waitErr, said.String())
	}
	if err != nil {
		return fmt.Errorf("unpack %s: %w", filepath.Base(deb), err)
	}
	return nil
}

// extract writes directories, files and links; packages of today have nothing else that matters.
func extract(r *tar.Reader, tree string) error {
	for {
		h, err := r.Next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		if !filepath.IsLocal(h.Name) {
			return fmt.Errorf("entry %q leaves the tree", h.Name)
		}
		name := filepath.Join(tree, h.Name)
		switch h.Typeflag {
		case tar.TypeDir:
			err = os.MkdirAll(name, 0o755) // follows the links of the merged /usr
		case tar.TypeSymlink:
			err = os.Symlink(h.Linkname, name)
			if errors.Is(err, fs.ErrExist) {
				err = nil // the links of the merged /usr
			}
		case tar.TypeLink:
			err = os.Link(filepath.Join(tree, h.Linkname), name)
		case tar.TypeReg:
			err = extractFile(r, name, h.FileInfo().Mode().Perm())
		}
		if err != nil {
			return err
		}
	}
}

func extractFile(r io.Reader, name string, perm fs.FileMode) error {
	f, err := os.OpenFile(name, os.O_CREATE|os.O_EXCL|os.O_WRONLY, perm|0o600)
	if err != nil {
		return err
	}
	_, err = io.Copy(f, r)
	return errors.Join(err, f.Close())
}
