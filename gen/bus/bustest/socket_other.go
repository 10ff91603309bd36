//go:build !linux

package bustest

import "net"

const controlSize = 0

// readMsg reads bytes. Descriptors pass on Linux only.
func readMsg(c *net.UnixConn, p, _ []byte) (n int, fds []int, err error) {
	n, err = c.Read(p)
	return n, nil, err
}

func writeMsg(c *net.UnixConn, p []byte, _ []int) error {
	_, err := c.Write(p)
	return err
}

func closeFDs([]int) {}
