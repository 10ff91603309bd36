//go:build linux

package main

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"sync"
	"syscall"
	"time"

	"github.com/gobluez/bluez/bluezgen"
	"github.com/gobluez/bluez/facade/e2e/world"
)

// numbers calls send with each number that a control asks for, until send says that nobody listens or done is closed.
func numbers(c world.Control, done <-chan struct{}, send func(value []byte) bool) {
	var pace <-chan time.Time
	if c.Interval > 0 {
		ticker := time.NewTicker(time.Duration(c.Interval) * time.Millisecond)
		defer ticker.Stop()
		pace = ticker.C
	}
	for n := range c.Count {
		if pace != nil {
			select {
			case <-pace:
			case <-done:
				return
			}
		}
		select {
		case <-done:
			return
		default:
		}
		if !send(binary.LittleEndian.AppendUint32(nil, uint32(n))) {
			return
		}
	}
}

// counter is a characteristic that notifies through its Value property.
type counter struct {
	bluezgen.UnimplementedGattCharacteristic1Server
	skeleton *bluezgen.GattCharacteristic1Skeleton

	mu   sync.Mutex
	done chan struct{} // closed when nobody listens any more; nil while nobody does
}

func newCounter() *counter {
	c := &counter{}
	props := characteristic(world.CounterUUID, bluezgen.CharacteristicFlagNotify)
	props.Add(bluezgen.GattCharacteristic1Notifying)
	c.skeleton = bluezgen.NewGattCharacteristic1Skeleton(c, props)
	return c
}

func (c *counter) StartNotify(context.Context) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.done == nil {
		c.done = make(chan struct{})
	}
	return nil
}

func (c *counter) StopNotify(context.Context) error {
	c.stop()
	return nil
}

func (c *counter) stop() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.done != nil {
		close(c.done)
		c.done = nil
	}
}

func (c *counter) subscribed() bool { return c.listener() != nil }

func (c *counter) listener() chan struct{} {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.done
}

func (c *counter) count(control world.Control) {
	done := c.listener()
	if done == nil {
		return
	}
	numbers(control, done, func(value []byte) bool {
		err := c.skeleton.Update(bluezgen.GattCharacteristic1Properties{
			GattCharacteristic1Set: bluezgen.GattCharacteristic1SetOf(bluezgen.GattCharacteristic1Value),
			Value:                  value,
		})
		if err != nil {
			fmt.Fprintln(os.Stderr, "counter:", err)
		}
		return err == nil
	})
}

// stream is a characteristic that notifies through a socket.
type stream struct {
	bluezgen.UnimplementedGattCharacteristic1Server
	skeleton *bluezgen.GattCharacteristic1Skeleton
	readers  sync.WaitGroup

	mu     sync.Mutex
	socket *os.File // our end, nil while nobody listens
	done   chan struct{}
}

func newStream() *stream {
	s := &stream{}
	props := characteristic(world.StreamUUID, bluezgen.CharacteristicFlagNotify)
	props.Add(bluezgen.GattCharacteristic1NotifyAcquired) // that it is there makes BlueZ acquire
	s.skeleton = bluezgen.NewGattCharacteristic1Skeleton(s, props)
	return s
}

// AcquireNotify gives bluetoothd one end of a new socket pair. bluetoothd closes it when nobody listens any more.
func (s *stream) AcquireNotify(_ context.Context, o bluezgen.AcquireOptions) (*os.File, uint16, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.socket != nil {
		return nil, 0, bluezgen.ErrNotPermitted.With("notify acquired")
	}
	pair, err := syscall.Socketpair(syscall.AF_UNIX, syscall.SOCK_SEQPACKET|syscall.SOCK_CLOEXEC|syscall.SOCK_NONBLOCK, 0)
	if err != nil {
		return nil, 0, os.NewSyscallError("socketpair", err)
	}
	ours, theirs := os.NewFile(uintptr(pair[0]), "stream"), os.NewFile(uintptr(pair[1]), "stream of bluetoothd")
	done := make(chan struct{})
	s.socket, s.done = ours, done
	s.readers.Go(func() { s.awaitHangUp(ours, done) })
	mtu, ok := o.MTU.Get()
	if !ok {
		mtu = 23 // the least that a connection has
	}
	return theirs, mtu, nil
}

// awaitHangUp returns when bluetoothd has closed its end, or when stop closes ours.
func (s *stream) awaitHangUp(ours *os.File, done chan struct{}) {
	if n, err := ours.Read(make([]byte, 1)); n > 0 || !errors.Is(err, io.EOF) && !errors.Is(err, os.ErrClosed) {
		fmt.Fprintf(os.Stderr, "stream: read %d bytes, error %v\n", n, err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	close(done)
	ours.Close()
	if s.socket == ours {
		s.socket = nil
	}
}

func (s *stream) stop() {
	s.mu.Lock()
	if s.socket != nil {
		s.socket.Close()
	}
	s.mu.Unlock()
	s.readers.Wait()
}

func (s *stream) subscribed() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.socket != nil
}

func (s *stream) count(control world.Control) {
	s.mu.Lock()
	socket, done := s.socket, s.done
	s.mu.Unlock()
	if socket == nil {
		return
	}
	numbers(control, done, func(value []byte) bool {
		_, err := socket.Write(value)
		return err == nil
	})
}
