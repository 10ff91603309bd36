package bus

import (
	"bytes"
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"
)

// maxAuthLine is the longest line of the authentication dialogue that is read;
// real ones have less than 100 bytes.
const maxAuthLine = 4096

// authenticate speaks the client's side of D-Bus' SASL dialogue: EXTERNAL, then
// descriptors if negotiate says so. Without a uid the server takes the one that
// the kernel tells it, which is right in user namespaces and through ssh too. It
// returns the server's GUID.
//
// All that can be said without an answer is sent at once; the bus is free to
// answer line by line.
func (s *stream) authenticate(ctx context.Context, uid string, negotiate bool) (guid string, err error) {
	stop := context.AfterFunc(ctx, func() { _ = s.conn.SetDeadline(time.Unix(1, 0)) })
	defer func() {
		if !stop() {
			err = context.Cause(ctx)
		}
	}()
	hello := "\x00AUTH EXTERNAL\r\nDATA\r\n"
	if uid != "" {
		hello = "\x00AUTH EXTERNAL " + hex.EncodeToString([]byte(uid)) + "\r\n"
	}
	if negotiate {
		hello += "NEGOTIATE_UNIX_FD\r\n"
	}
	if _, err := io.WriteString(s.conn, hello); err != nil {
		return "", err
	}
	if guid, err = s.awaitOK(uid == ""); err != nil {
		return "", err
	}
	if negotiate {
		line, err := s.readLine()
		if err != nil {
			return "", err
		}
		switch word, _, _ := strings.Cut(line, " "); word {
		case "AGREE_UNIX_FD":
			s.fds = true
		case "ERROR":
		default:
			return "", fmt.Errorf("unexpected %q", word)
		}
	}
	_, err = io.WriteString(s.conn, "BEGIN\r\n")
	return guid, err
}

// awaitOK reads until the server has accepted or refused. It asks for DATA first
// if the client gave no identity to begin with.
func (s *stream) awaitOK(data bool) (guid string, err error) {
	for {
		line, err := s.readLine()
		if err != nil {
			return "", err
		}
		word, rest, _ := strings.Cut(line, " ")
		switch {
		case word == "OK":
			return rest, nil
		case word == "DATA" && data:
			data = false
		case word == "REJECTED":
			return "", fmt.Errorf("%w (the bus offers %s)", ErrAuthentication, rest)
		default:
			return "", fmt.Errorf("unexpected %q", word)
		}
	}
}

// readLine reads a line byte by byte: what follows the last one belongs to
// nobody here.
func (s *stream) readLine() (string, error) {
	var line []byte
	var b [1]byte
	for !bytes.HasSuffix(line, []byte("\r\n")) {
		if len(line) == maxAuthLine {
			return "", errors.New("line too long")
		}
		if _, err := io.ReadFull(s.conn, b[:]); err != nil {
			return "", err
		}
		line = append(line, b[0])
	}
	return string(line[:len(line)-2]), nil
}
