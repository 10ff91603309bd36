package vm

import (
	"archive/tar"
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"sync"
)

// console keeps what the guest's console prints. It is safe for concurrent use.
type console struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (c *console) Write(p []byte) (int, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.text.Write(p)
}

// Alive reports whether the guest's init has started.
func (c *console) Alive() bool { return bytes.Contains(c.Bytes(), []byte(Alive)) }

func (c *console) Bytes() []byte {
	c.mu.Lock()
	defer c.mu.Unlock()
	return bytes.Clone(c.text.Bytes())
}

// report is what the guest sends at its end: a tar archive of its exit status and its files.
type report struct {
	dir      string // where the files go; empty drops them
	complete bool
	status   int
}

func (r *report) read(from io.Reader) error {
	archive := tar.NewReader(from)
	for {
		h, err := archive.Next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("the guest's report: %w", err)
		}
		if h.Name == StatusFile {
			text, err := io.ReadAll(archive)
			if err != nil {
				return err
			}
			if r.status, err = strconv.Atoi(string(text)); err != nil {
				return fmt.Errorf("the guest's exit status: %w", err)
			}
			r.complete = true
			continue
		}
		if r.dir == "" {
			continue
		}
		if !filepath.IsLocal(h.Name) {
			return fmt.Errorf("the guest's report: %q is no file of /out", h.Name)
		}
		name := filepath.Join(r.dir, h.Name)
		if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
			return err
		}
		if err := writeFile(archive, name); err != nil {
			return err
		}
	}
}

func writeFile(r io.Reader, name string) error {
	f, err := os.Create(name)
	if err != nil {
		return err
	}
	_, err = io.Copy(f, r)
	return errors.Join(err, f.Close())
}
