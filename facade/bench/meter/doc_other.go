//go:build !linux

// Package meter is what the benchmark's clients in Go have in common. They run on Linux.
package meter
