//go:build !linux

package bluetest

import (
	"errors"
	"os"
)

// A packetSocket is BlueZ's end of a pair of SEQPACKET sockets, which only Linux has.
type packetSocket struct{}

func newPacketSocket() (*packetSocket, *os.File, error) { return nil, nil, errors.ErrUnsupported }

func packetSocketOf(*os.File) (*packetSocket, error) { return nil, errors.ErrUnsupported }

func (*packetSocket) send([]byte) bool { return false }

func (*packetSocket) receive() (packet []byte, more bool) { return nil, false }

func (*packetSocket) close() {}
