//go:build !linux

package peripheral

import (
	"context"
	"errors"
	"os"
)

// packets exist on Linux only, as BlueZ does.
type packets struct{}

func packetPair() (*packets, *os.File, error) { return nil, nil, errors.ErrUnsupported }

func (*packets) Receive() ([]byte, error) { return nil, errors.ErrUnsupported }

func (*packets) Send(context.Context, []byte) error { return errors.ErrUnsupported }

func (*packets) Close() error { return nil }
