//go:build linux

package facade

import (
	"bytes"
	"context"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/gobluez/bluez/facade/bluetest"
)

// A person is an agent that answers as a test says, and notes what it is asked.
type person struct {
	t       *testing.T
	device  *bluetest.Peripheral // whose display it reads
	no      error                // what it answers to everything, if not nil
	passkey string               // what it types; what the device shows if it is empty
	pin     string

	mu    sync.Mutex
	asked []string
	more  chan struct{}
}

func newPerson(t *testing.T, device *bluetest.Peripheral) *person {
	return &person{t: t, device: device, more: make(chan struct{}, 100)}
}

func (p *person) note(format string, args ...any) error {
	p.mu.Lock()
	p.asked = append(p.asked, fmt.Sprintf(format, args...))
	p.mu.Unlock()
	p.more <- struct{}{}
	return p.no
}

// heard waits for these questions and no others.
func (p *person) heard(want ...string) {
	p.t.Helper()
	for range want {
		select {
		case <-p.more:
		case <-time.After(inTime):
			p.t.Fatalf("not asked %q", want)
		}
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if !slices.Equal(p.asked, want) {
		p.t.Errorf("asked %q, want %q", p.asked, want)
	}
	p.asked = nil
}

// agent returns an agent that can do all that a person can.
func (p *person) agent() *Agent {
	return &Agent{
		RequestPasskey: func(_ context.Context, d Device) (Passkey, error) {
			if err := p.note("enter passkey of %v", d); err != nil {
				return 0, err
			}
			if p.passkey != "" {
				return ParsePasskey(p.passkey)
			}
			return ParsePasskey(p.device.Passkey())
		},
		DisplayPasskey: func(_ context.Context, d Device, passkey Passkey, entered int) {
			_ = p.note("type %v on %v, %d typed", passkey, d, entered)
		},
		Confirm: func(_ context.Context, d Device, passkey Passkey) error {
			return p.note("does %v show %v?", d, passkey)
		},
		RequestPIN: func(_ context.Context, d Device) (string, error) { return p.pin, p.note("enter PIN of %v", d) },
		DisplayPIN: func(_ context.Context, d Device, pin string) { _ = p.note("type PIN %s on %v", pin, d) },
		Authorize:  func(_ context.Context, d Device) error { return p.note("may %v pair?", d) },
		AuthorizeService: func(_ context.Context, d Device, service UUID) error {
			return p.note("may %v use %v?", d, service)
		},
	}
}

// A buffer is a bytes.Buffer for many goroutines.
type buffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (b *buffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.Write(p)
}

func (b *buffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.String()
}
