//go:build linux

package facade

import (
	"errors"
	"io"
	"strings"
	"testing"
)

func TestPanicEndsItsScanOnly(t *testing.T) {
	for name, start := range map[string]func(*Central, func()) (*Scanner, error){
		"handler": func(c *Central, crash func()) (*Scanner, error) {
			return c.StartScanner(t.Context(), ScanOptions{}, func(Advertisement) { crash() })
		},
		"Match": func(c *Central, crash func()) (*Scanner, error) {
			match := func(Advertisement) bool { crash(); return true }
			return c.StartScanner(t.Context(), ScanOptions{Match: match}, func(Advertisement) {})
		},
	} {
		t.Run(name, func(t *testing.T) {
			_, _, c := startStrap(t, nil)
			heard := make(chan struct{}, 1)
			other, err := c.StartScanner(t.Context(), ScanOptions{EveryPacket: true}, func(Advertisement) {
				select {
				case heard <- struct{}{}:
				default:
				}
			})
			if err != nil {
				t.Fatal(err)
			}
			defer other.Close()
			scanner, err := start(c, func() { panic(io.ErrNoProgress) })
			if err != nil {
				t.Fatal(err)
			}
			<-scanner.Done()
			panicked, ok := errors.AsType[*PanicError](scanner.Err())
			if !ok || !errors.Is(scanner.Err(), io.ErrNoProgress) || !strings.Contains(string(panicked.Stack), "panic_test.go") {
				t.Errorf("the scan ended with %v", scanner.Err())
			}
			for range 3 {
				<-heard
			}
			if err := other.Err(); err != nil {
				t.Errorf("the other scan ended with %v", err)
			}
		})
	}
}
