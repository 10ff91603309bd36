//go:build linux

package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/gobluez/bluez/facade/bench/workload"
)

// A program is what is known of the smallest program that scans.
type program struct {
	bytes    int64
	packages int     // linked, of all kinds
	foreign  int     // of these, neither the standard library's nor this module's
	start    float64 // ms until it prints the first advertisement, the median
}

// minimal builds the program, looks at it and runs it so often.
func (b *bench) minimal(ctx context.Context, rounds int) (p program, err error) {
	const path = module + "/clients/minimal"
	file := filepath.Join(b.dir, "minimal")
	if _, err := output(ctx, "go", "build", "-trimpath", "-ldflags=-s -w", "-o", file, path); err != nil {
		return p, err
	}
	info, err := os.Stat(file)
	if err != nil {
		return p, err
	}
	p.bytes = info.Size()
	list, err := output(ctx, "go", "list", "-deps", "-f", "{{.Standard}} {{.ImportPath}}", path)
	if err != nil {
		return p, err
	}
	for line := range strings.Lines(list) {
		p.packages++
		if strings.HasPrefix(line, "false ") && !strings.Contains(line, "github.com/gobluez/bluez/") {
			p.foreign++
		}
	}
	var starts []float64
	for range rounds {
		start, err := b.firstLine(ctx, file)
		if err != nil {
			return p, fmt.Errorf("the minimal scanner: %w", err)
		}
		starts = append(starts, start)
	}
	p.start = median(starts)
	return p, nil
}

// firstLine runs a program that scans until it has printed a line, and returns how many ms that took. No
// device is known before.
func (b *bench) firstLine(ctx context.Context, file string) (ms float64, err error) {
	ctx, cancel := context.WithTimeout(ctx, runTimeout)
	defer cancel()
	service, err := b.serve(ctx, workload.Spec{Address: b.address, Daemon: b.pid, Mode: workload.Scan, Events: 1, New: 1})
	if err != nil {
		return 0, err
	}
	defer func() {
		_, ended := service.end()
		err = errors.Join(err, ended)
	}()
	cmd := exec.CommandContext(ctx, file)
	cmd.Env = b.environment()
	printed, err := cmd.StderrPipe()
	if err != nil {
		return 0, err
	}
	began := time.Now()
	if err := cmd.Start(); err != nil {
		return 0, err
	}
	line, err := bufio.NewReader(printed).ReadString('\n')
	ms = float64(time.Since(began).Nanoseconds()) / 1e6
	_ = cmd.Process.Kill() // it scans for ever
	_ = cmd.Wait()
	if err == nil && !strings.Contains(line, workload.Target) {
		err = fmt.Errorf("it printed %q", line)
	}
	return ms, err
}
