// Command generate writes the tables of package assigned: the numbers that the sources of BlueZ name, as Debian has them. Only
// numbers and names are taken. It runs in the directory of the package, through go generate, and needs a Debian host and the
// network.
//
// Usage:
//
//	go run ./generate
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"

	"github.com/gobluez/bluez/gen/corpus/debian"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx); err != nil {
		fmt.Fprintln(os.Stderr, "generate:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context) (err error) {
	if err := debian.Require(ctx, os.Stderr, debian.Tools()); err != nil {
		return err
	}
	dir, err := os.MkdirTemp("", "assigned-*")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	source, err := debian.DownloadSource(ctx, dir, "bluez")
	if err != nil {
		return err
	}
	files, err := unpack(source.Upstream, utilSource, companySource, adSource)
	if err != nil {
		return err
	}
	tables, err := tablesOf(files)
	if err != nil {
		return err
	}
	return write(".", source.Version, tables)
}
