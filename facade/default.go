package facade

import (
	"context"
	"iter"
	"sync"
	"time"
)

// shared is the default Central: the one state that this package keeps. It is opened
// with its first user and closed with its last.
var shared = sharedCentral{opening: make(chan struct{}, 1)}

type sharedCentral struct {
	opening chan struct{} // holds a token while the Central is opened

	mu      sync.Mutex
	current *counted
}

// A counted Central closes with its last user.
type counted struct {
	*Central
	users int
}

// acquire returns the default Central and a function that gives it back, to be called
// once.
func (s *sharedCentral) acquire(ctx context.Context) (*Central, func(), error) {
	select {
	case s.opening <- struct{}{}:
		defer func() { <-s.opening }()
	case <-ctx.Done():
		return nil, nil, opError("open", "Bluetooth", context.Cause(ctx))
	}
	if c := s.use(); c != nil {
		return c.Central, sync.OnceFunc(func() { s.release(c) }), nil
	}
	opened, err := Open(ctx, Options{})
	if err != nil {
		return nil, nil, err
	}
	c := &counted{Central: opened, users: 1}
	s.mu.Lock()
	s.current = c
	s.mu.Unlock()
	return opened, sync.OnceFunc(func() { s.release(c) }), nil
}

// use counts another user of the Central that is open, if there is one.
func (s *sharedCentral) use() *counted {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.current == nil || s.current.ctx.Err() != nil {
		return nil
	}
	s.current.users++
	return s.current
}

func (s *sharedCentral) release(c *counted) {
	s.mu.Lock()
	c.users--
	last := c.users == 0
	if last && s.current == c {
		s.current = nil
	}
	s.mu.Unlock()
	if last {
		_ = c.Close()
	}
}

// Scan is Central.Scan on the default Central.
func Scan(ctx context.Context, o ScanOptions) iter.Seq2[Advertisement, error] {
	return func(yield func(Advertisement, error) bool) {
		c, release, err := shared.acquire(ctx)
		if err != nil {
			if ctx.Err() == nil {
				yield(Advertisement{}, err)
			}
			return
		}
		defer release()
		c.Scan(ctx, o)(yield)
	}
}

// StartScanner is Central.StartScanner on the default Central, which stays open
// until the Scanner ends.
func StartScanner(ctx context.Context, o ScanOptions, handler func(Advertisement)) (*Scanner, error) {
	c, release, err := shared.acquire(ctx)
	if err != nil {
		return nil, err
	}
	return c.startScanner(ctx, o, handler, release)
}

// Discover is Central.Discover on the default Central.
func Discover(ctx context.Context, d time.Duration, o ScanOptions) ([]Advertisement, error) {
	c, release, err := shared.acquire(ctx)
	if err != nil {
		return nil, err
	}
	defer release()
	return c.Discover(ctx, d, o)
}

// FindDevice is Central.FindDevice on the default Central.
func FindDevice(ctx context.Context, o ScanOptions) (Advertisement, error) {
	c, release, err := shared.acquire(ctx)
	if err != nil {
		return Advertisement{}, err
	}
	defer release()
	return c.FindDevice(ctx, o)
}

// Connect is Central.Connect on the default Central, which stays open until the
// Client is closed.
func Connect(ctx context.Context, target Target, o ConnectOptions) (*Client, error) {
	c, release, err := shared.acquire(ctx)
	if err != nil {
		return nil, err
	}
	return c.connect(ctx, target, o, release)
}

// Adapters is Central.Adapters on the default Central.
func Adapters(ctx context.Context) ([]Adapter, error) {
	c, release, err := shared.acquire(ctx)
	if err != nil {
		return nil, err
	}
	defer release()
	return c.Adapters(ctx)
}

// Stay is Central.Stay on the default Central.
func Stay(ctx context.Context, target Target, o StayOptions, while func(context.Context, *Client) error) error {
	c, release, err := shared.acquire(ctx)
	if err != nil {
		return err
	}
	defer release()
	return c.Stay(ctx, target, o, while)
}
