//go:build linux

package main

import (
	"context"
	"fmt"
	"strings"
)

// A step is what a Go benchmark has shown: a part of a message's way that needs no bus.
type step struct {
	name   string // such as "Decode/advertisement"
	ns     float64
	bytes  int
	allocs int
}

func (s step) micros() float64  { return s.ns / 1e3 }
func (s step) objects() float64 { return float64(s.allocs) }

// measureSteps runs the benchmarks of decoding, encoding, routing and merging.
func measureSteps(ctx context.Context) ([]step, error) {
	const root = "github.com/gobluez/bluez/"
	text, err := output(ctx, "go", "test", "-run", "^$", "-benchmem", "-bench", "^Benchmark(Decode|EncodeWrite|DispatchTo.*|Merge|Notify)$",
		root+"bluezgen", root+"gen/bus", root+"facade")
	if err != nil {
		return nil, fmt.Errorf("benchmarks: %w: %s", err, text)
	}
	return parseSteps(text), nil
}

// parseSteps reads what go test prints of benchmarks, and leaves out everything else.
func parseSteps(text string) (all []step) {
	for line := range strings.Lines(text) {
		name, rest, ok := strings.Cut(line, "\t")
		name, isBenchmark := strings.CutPrefix(strings.TrimSpace(name), "Benchmark")
		if !ok || !isBenchmark {
			continue
		}
		s := step{name: strings.ReplaceAll(name, "_", " ")}
		if i := strings.LastIndexByte(s.name, '-'); i >= 0 {
			s.name = s.name[:i] // the number of processors
		}
		var n int
		if _, err := fmt.Sscanf(rest, "%d %f ns/op %d B/op %d allocs/op", &n, &s.ns, &s.bytes, &s.allocs); err == nil {
			all = append(all, s)
		}
	}
	return all
}

// step returns a figure of a step, false if it was not measured.
func (r *report) step(name string, of func(step) float64) func() (float64, bool) {
	return func() (float64, bool) {
		for _, s := range r.steps {
			if s.name == name {
				return of(s), true
			}
		}
		return 0, false
	}
}
