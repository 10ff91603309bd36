//go:build !linux

package facade

import (
	"errors"
	"os"
)

// datagrams exist on Linux only, as BlueZ does.
type datagrams struct{}

func openDatagrams(file *os.File) (*datagrams, error) {
	file.Close()
	return nil, errors.ErrUnsupported
}

func (*datagrams) each(func([][]byte)) error { return errors.ErrUnsupported }

func (*datagrams) close() error { return nil }
