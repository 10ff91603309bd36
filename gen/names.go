package gen

import (
	"fmt"
	"go/token"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// initialisms are the words that Go spells in capitals. They only matter for names in lower case, for others keep their
// spelling. The list is part of the promise that generated names are stable: it never changes.
var initialisms = map[string]string{
	"acl": "ACL", "api": "API", "ascii": "ASCII", "cpu": "CPU", "css": "CSS", "dns": "DNS", "eof": "EOF", "fd": "FD",
	"fds": "FDs", "guid": "GUID", "html": "HTML", "http": "HTTP", "https": "HTTPS", "id": "ID", "ids": "IDs", "ip": "IP",
	"json": "JSON", "mtu": "MTU", "qps": "QPS", "ram": "RAM", "rpc": "RPC", "rssi": "RSSI", "sla": "SLA", "smtp": "SMTP",
	"sql": "SQL", "ssh": "SSH", "tcp": "TCP", "tls": "TLS", "ttl": "TTL", "udp": "UDP", "ui": "UI", "uid": "UID", "uri": "URI",
	"url": "URL", "utf8": "UTF8", "uuid": "UUID", "uuids": "UUIDs", "vm": "VM", "xml": "XML",
}

// goName turns a name or a string of D-Bus into an exported Go name: words begin in upper case, what is neither letter nor
// digit separates them and is dropped. Distinct names may give the same Go name.
func goName(name string) string {
	out := goSuffix(name)
	if out == "" || out[0] >= '0' && out[0] <= '9' {
		out = "X" + out
	}
	return out
}

// goSuffix is like goName for what follows another name, so that it may begin with a digit.
func goSuffix(name string) string {
	var b strings.Builder
	words := strings.FieldsFunc(name, func(r rune) bool {
		return r >= utf8.RuneSelf || !unicode.IsLetter(r) && !unicode.IsDigit(r)
	})
	for _, word := range words {
		if upper, ok := initialisms[word]; ok {
			b.WriteString(upper)
		} else {
			b.WriteString(strings.ToUpper(word[:1]) + word[1:])
		}
	}
	return b.String()
}

// escapedName spells the name of a D-Bus member so that no two give the same Go name. Other Go names made here have no
// underscore, but for those of overloads.
func escapedName(name string) string {
	if isMemberName(name) {
		return "X_" + name
	}
	// Only properties and keys have such names.
	var b strings.Builder
	b.WriteString("U_")
	for _, r := range name {
		if r != '_' && isMemberName("_"+string(r)) {
			b.WriteRune(r)
		} else {
			fmt.Fprintf(&b, "_%x_", r)
		}
	}
	return b.String()
}

// signatureName spells a signature with letters alone.
var signatureName = strings.NewReplacer("(", "S", "{", "D", ")", "Z", "}", "Z")

// lowerName turns an exported Go name into an unexported one: UUIDs to uuids, ADType to adType, Value to value.
func lowerName(name string) string {
	n := 0
	for n < len(name) && name[n] >= 'A' && name[n] <= 'Z' {
		n++
	}
	switch {
	case n == len(name):
		return strings.ToLower(name)
	case n > 1 && name[n] == 's' && (n+1 == len(name) || name[n+1] >= 'A' && name[n+1] <= 'Z'):
		return strings.ToLower(name[:n]) + name[n:]
	case n > 1 && name[n] >= 'a' && name[n] <= 'z':
		return strings.ToLower(name[:n-1]) + name[n-1:]
	default:
		return strings.ToLower(name[:n]) + name[n:]
	}
}

// reservedLocals are the names that a parameter cannot have: receivers, other parameters and packages of generated code, and
// predeclared identifiers, which are legal but confusing.
var reservedLocals = []string{
	"bus", "context", "dbus", "iter", "os", "sync", "wire",
	"ctx", "d", "e", "err", "handler", "method", "p", "s",
	"any", "append", "bool", "byte", "cap", "clear", "close", "comparable", "complex", "complex64", "complex128", "copy",
	"delete", "error", "false", "float32", "float64", "imag", "int", "int8", "int16", "int32", "int64", "iota", "len", "make",
	"max", "min", "new", "nil", "panic", "print", "println", "real", "recover", "rune", "string", "true", "uint", "uint8",
	"uint16", "uint32", "uint64", "uintptr",
}

// localName is the name of a parameter or result, for which the D-Bus name may be anything, also empty.
func localName(name, ifEmpty string) string {
	if name == "" {
		return ifEmpty
	}
	local := lowerName(goName(name))
	if token.IsKeyword(local) || slices.Contains(reservedLocals, local) || isCodecName(local) {
		local += "Arg"
	}
	return local
}

// isCodecName tells whether a name may be that of a function that reads or writes a type.
func isCodecName(name string) bool {
	for _, verb := range []string{"decode", "encode"} {
		if rest, ok := strings.CutPrefix(name, verb); ok && rest != "" && rest[0] >= 'A' && rest[0] <= 'Z' {
			return true
		}
	}
	return false
}

// interfaceName derives the Go name of an interface: what follows the bus name of its service, or else its first two
// elements, with the dots left out.
func interfaceName(name, service string) string {
	rest, ok := strings.CutPrefix(name, service+".")
	if !ok || service == "" {
		elements := strings.Split(name, ".")
		if name == service {
			elements = elements[len(elements)-1:]
		}
		rest = strings.Join(elements[min(2, len(elements)-1):], ".")
	}
	return goName(rest)
}
