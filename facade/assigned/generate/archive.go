package main

import (
	"archive/tar"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
)

// unpack returns files of an archive by their names, which leave out the directory that all are in.
func unpack(archive string, names ...string) (map[string]string, error) {
	f, err := os.Open(archive)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	files, err := read(f, names)
	if err != nil {
		return nil, fmt.Errorf("unpack %s: %w", archive, err)
	}
	return files, nil
}

func read(r io.Reader, names []string) (map[string]string, error) {
	packed, err := gzip.NewReader(r)
	if err != nil {
		return nil, err
	}
	files := make(map[string]string)
	for entries := tar.NewReader(packed); len(files) < len(names); {
		entry, err := entries.Next()
		if errors.Is(err, io.EOF) {
			return nil, fmt.Errorf("not all of %q are there", names)
		}
		if err != nil {
			return nil, err
		}
		_, name, _ := strings.Cut(entry.Name, "/")
		if !slices.Contains(names, name) {
			continue
		}
		content, err := io.ReadAll(entries)
		if err != nil {
			return nil, err
		}
		files[name] = string(content)
	}
	return files, nil
}
