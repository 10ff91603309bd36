package bus

import (
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// SystemBusAddress returns where the system bus is: DBUS_SYSTEM_BUS_ADDRESS if it
// is set, else the socket under /run/dbus, or under /var/run/dbus where only that
// exists. It does not check that anything answers there.
func SystemBusAddress() string {
	if address := os.Getenv("DBUS_SYSTEM_BUS_ADDRESS"); address != "" {
		return address
	}
	const socket, older = "/run/dbus/system_bus_socket", "/var/run/dbus/system_bus_socket"
	if _, err := os.Stat(socket); err != nil {
		if _, err := os.Stat(older); err == nil {
			return "unix:path=" + older
		}
	}
	return "unix:path=" + socket
}

// An address is one entry of a D-Bus address list.
type address struct {
	text      string // as it was written, for errors
	transport string
	keys      map[string]string
}

// parseAddresses splits a list such as "unix:path=/a;unixexec:path=ssh,argv1=b"
// into its entries, in order, values unescaped (D-Bus Specification, "Server
// Addresses").
func parseAddresses(list string) ([]address, error) {
	var addresses []address
	for text := range strings.SplitSeq(list, ";") {
		if text == "" {
			continue
		}
		a, err := parseAddress(text)
		if err != nil {
			return nil, fmt.Errorf("bus address %q: %w", text, err)
		}
		addresses = append(addresses, a)
	}
	if len(addresses) == 0 {
		return nil, fmt.Errorf("bus address %q: empty", list)
	}
	return addresses, nil
}

func parseAddress(text string) (address, error) {
	transport, rest, ok := strings.Cut(text, ":")
	if !ok || transport == "" {
		return address{}, errors.New(`no transport, such as "unix:"`)
	}
	a := address{text: text, transport: transport, keys: map[string]string{}}
	for pair := range strings.SplitSeq(rest, ",") {
		if pair == "" {
			continue
		}
		key, escaped, ok := strings.Cut(pair, "=")
		if !ok || key == "" {
			return address{}, fmt.Errorf("%q is not key=value", pair)
		}
		value, err := unescape(escaped)
		if err != nil {
			return address{}, fmt.Errorf("value of %q: %w", key, err)
		}
		if _, twice := a.keys[key]; twice {
			return address{}, fmt.Errorf("key %q appears twice", key)
		}
		a.keys[key] = value
	}
	return a, nil
}

// unescape replaces %XX by the byte that it stands for.
func unescape(s string) (string, error) {
	if !strings.Contains(s, "%") {
		return s, nil
	}
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] != '%' {
			b.WriteByte(s[i])
			continue
		}
		if i+3 > len(s) {
			return "", errors.New("ends inside a %XX escape")
		}
		c, err := hex.DecodeString(s[i+1 : i+3])
		if err != nil {
			return "", fmt.Errorf("%q is not a %%XX escape", s[i:i+3])
		}
		b.WriteByte(c[0])
		i += 2
	}
	return b.String(), nil
}

// socketName returns what to connect a unix socket to, as package net names it:
// abstract names begin with @.
func (a address) socketName() (string, error) {
	var names []string
	if path, ok := a.keys["path"]; ok {
		if strings.HasPrefix(path, "@") {
			path = "./" + path
		}
		names = append(names, path)
	}
	if abstract, ok := a.keys["abstract"]; ok {
		names = append(names, "@"+abstract)
	}
	if runtime, ok := a.keys["runtime"]; ok {
		if runtime != "yes" {
			return "", fmt.Errorf(`runtime=%s: only "yes" is defined`, runtime)
		}
		dir := os.Getenv("XDG_RUNTIME_DIR")
		if dir == "" {
			return "", errors.New("runtime=yes: XDG_RUNTIME_DIR is not set")
		}
		names = append(names, filepath.Join(dir, "bus"))
	}
	if len(names) != 1 || names[0] == "" || names[0] == "@" {
		return "", errors.New("needs exactly one of path, abstract and runtime")
	}
	return names[0], nil
}

// command returns the program of a unixexec address and its arguments, argv[0]
// included.
func (a address) command() (path string, argv []string, err error) {
	path = a.keys["path"]
	if path == "" {
		return "", nil, errors.New("unixexec needs a path")
	}
	argv = []string{path}
	if argv0, ok := a.keys["argv0"]; ok {
		argv[0] = argv0
	}
	for i := 1; ; i++ {
		arg, ok := a.keys[fmt.Sprintf("argv%d", i)]
		if !ok {
			return path, argv, nil
		}
		argv = append(argv, arg)
	}
}
