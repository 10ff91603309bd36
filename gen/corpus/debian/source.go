package debian

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// A Source is the source package that Debian builds packages of.
type Source struct {
	Version  string // "5.82-1.1"
	Upstream string // the file with the sources as their authors release them, without Debian's patches
}

// DownloadSource fetches a source package below the directory dir.
func DownloadSource(ctx context.Context, dir, name string) (Source, error) {
	if err := configure(ctx, dir); err != nil {
		return Source{}, err
	}
	list := filepath.Join(dir, "etc/sources.list")
	binary, err := os.ReadFile(list)
	if err != nil {
		return Source{}, err
	}
	source := "deb-src" + strings.TrimPrefix(string(binary), "deb")
	if err := os.WriteFile(list, []byte(source), 0o644); err != nil {
		return Source{}, err
	}
	for _, args := range [][]string{{"update"}, {"source", "--download-only", name}} {
		if err := apt(ctx, dir, args...); err != nil {
			return Source{}, err
		}
	}
	return sourceIn(dir, name)
}

// sourceIn returns the source package whose files are in dir.
func sourceIn(dir, name string) (Source, error) {
	described, err := filepath.Glob(filepath.Join(dir, name+"_*.dsc"))
	if err != nil {
		return Source{}, err
	}
	upstream, err := filepath.Glob(filepath.Join(dir, name+"_*.orig.tar.*"))
	if err != nil {
		return Source{}, err
	}
	upstream = dropSignatures(upstream)
	if len(described) != 1 || len(upstream) != 1 {
		return Source{}, fmt.Errorf("source package %s: want one description and one archive, got %q and %q", name, described, upstream)
	}
	version := strings.TrimSuffix(strings.TrimPrefix(filepath.Base(described[0]), name+"_"), ".dsc")
	return Source{Version: version, Upstream: upstream[0]}, nil
}

// dropSignatures returns the archives among files, without the signatures that their authors made of them.
func dropSignatures(files []string) []string {
	var archives []string
	for _, file := range files {
		if filepath.Ext(file) != ".asc" {
			archives = append(archives, file)
		}
	}
	return archives
}
