//go:build linux

package main

import (
	"bufio"
	"errors"
	"fmt"
	"net"
	"strings"
	"sync"
	"syscall"

	"github.com/gobluez/bluez/gen/wire"
)

// A conn is a connection to the bus that costs as little as can be: frames go out as they were encoded before,
// and a thread of its own reads.
type conn struct {
	fd int

	mu     sync.Mutex // held while writing
	serial uint32
	frame  []byte
}

// dial connects to a bus at an abstract socket and takes a name.
func dial(address, name string) (*conn, error) {
	path, ok := strings.CutPrefix(address, "unix:abstract=")
	if !ok {
		return nil, fmt.Errorf("%s is no abstract socket", address)
	}
	path, _, _ = strings.Cut(path, ",")
	socket, err := net.DialUnix("unix", nil, &net.UnixAddr{Net: "unix", Name: "@" + path})
	if err != nil {
		return nil, err
	}
	if err := authenticate(socket); err != nil {
		return nil, fmt.Errorf("authenticate: %w", err)
	}
	file, err := socket.File()
	if err != nil {
		return nil, err
	}
	c := &conn{fd: int(file.Fd()), serial: 1}
	if err := syscall.SetNonblock(c.fd, false); err != nil {
		return nil, err
	}
	hello := wire.Header{Type: wire.MethodCall, Path: []byte("/org/freedesktop/DBus"), Interface: []byte("org.freedesktop.DBus"),
		Member: []byte("Hello"), Destination: []byte("org.freedesktop.DBus")}
	if err := c.send(&hello, nil); err != nil {
		return nil, err
	}
	request := hello
	request.Member, request.Signature = []byte("RequestName"), []byte("su")
	e := wire.NewEncoder(wire.LittleEndian)
	e.String(name)
	e.Uint32(4) // do not queue
	return c, c.send(&request, e.Body())
}

// authenticate speaks SASL. The bus takes the uid of the socket.
func authenticate(socket *net.UnixConn) error {
	lines := bufio.NewReader(socket)
	for _, step := range []struct{ say, expect string }{
		{"\x00AUTH EXTERNAL\r\n", "DATA"}, {"DATA\r\n", "OK "}, {"NEGOTIATE_UNIX_FD\r\n", "AGREE_UNIX_FD"},
	} {
		if _, err := socket.Write([]byte(step.say)); err != nil {
			return err
		}
		if line, err := lines.ReadString('\n'); err != nil || !strings.HasPrefix(line, step.expect) {
			return errors.Join(fmt.Errorf("the bus said %q", line), err)
		}
	}
	_, err := socket.Write([]byte("BEGIN\r\n"))
	return err
}

// send sends a message, with a descriptor if there is one.
func (c *conn) send(h *wire.Header, body []byte, fds ...int) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	h.Serial, h.UnixFDs = c.serial, uint32(len(fds))
	c.serial++
	var err error
	if c.frame, err = wire.AppendFrame(c.frame[:0], h, body); err != nil {
		return err
	}
	if len(fds) == 0 {
		return c.write(c.frame)
	}
	n, err := syscall.SendmsgN(c.fd, c.frame, syscall.UnixRights(fds...), nil, 0)
	if err == nil && n < len(c.frame) {
		err = c.write(c.frame[n:])
	}
	return err
}

// push sends frames that are ready.
func (c *conn) push(frames []byte) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.write(frames)
}

func (c *conn) write(p []byte) error {
	for len(p) > 0 {
		n, err := syscall.Write(c.fd, p)
		switch {
		case err == syscall.EINTR:
		case err != nil:
			return fmt.Errorf("write to the bus: %w", err)
		default:
			p = p[n:]
		}
	}
	return nil
}

// receive gives each incoming message to handle until one of them fails. Header and body are views. Descriptors
// are not received.
func (c *conn) receive(handle func(h *wire.Header, body []byte) error) error {
	buf, start, end := make([]byte, 1<<20), 0, 0
	var h wire.Header
	for {
		for end-start >= 16 {
			size, err := wire.FrameSize(buf[start:end])
			if err != nil {
				return err
			}
			if end-start < size {
				break
			}
			body, err := wire.ParseFrame(buf[start:start+size], &h)
			if err == nil {
				err = handle(&h, body)
			}
			if err != nil {
				return err
			}
			start += size
		}
		copy(buf, buf[start:end])
		start, end = 0, end-start
		n, err := syscall.Read(c.fd, buf[end:])
		if err == syscall.EINTR {
			continue
		}
		if err != nil || n == 0 {
			return fmt.Errorf("read from the bus: %d, %w", n, err)
		}
		end += n
	}
}
