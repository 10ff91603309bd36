package wire

import (
	"bytes"
	"encoding/binary"
	"unicode/utf8"
)

// text is what names, paths and signatures are checked as: a string of the
// caller's, or a view into a frame.
type text interface{ string | []byte }

// ValidObjectPath reports whether s is an object path: "/", or elements of
// letters, digits and underscores, each after a slash. Its length is not limited.
func ValidObjectPath(s string) bool { return validPath(s) }

// ValidInterface reports whether s is an interface name: two or more elements of
// letters, digits and underscores, none beginning with a digit, joined by
// periods, at most [MaxName] bytes in all.
func ValidInterface(s string) bool { return validInterface(s) }

// ValidErrorName reports whether s is an error name. The rules are those of
// [ValidInterface].
func ValidErrorName(s string) bool { return validInterface(s) }

// ValidMember reports whether s is a member name, that of a method or signal:
// letters, digits and underscores, the first not a digit, 1 to [MaxName] bytes.
func ValidMember(s string) bool { return validMember(s) }

// ValidBusName reports whether s is a bus name, unique (":1.42") or well-known
// ("org.bluez"): two or more elements of letters, digits, underscores and
// hyphens joined by periods, at most [MaxName] bytes in all. Elements of
// well-known names do not begin with a digit.
func ValidBusName(s string) bool { return validBusName(s) }

func validPath[T text](s T) bool {
	if len(s) == 0 || s[0] != '/' {
		return false
	}
	slash := true
	for i := 1; i < len(s); i++ {
		c := s[i]
		if c == '/' {
			if slash {
				return false
			}
			slash = true
			continue
		}
		if !isNameChar(c) {
			return false
		}
		slash = false
	}
	return !slash || len(s) == 1
}

func validInterface[T text](s T) bool {
	if len(s) > MaxName {
		return false
	}
	elements, first := 1, true
	for i := 0; i < len(s); i++ {
		c := s[i]
		if c == '.' {
			if first {
				return false
			}
			elements++
			first = true
			continue
		}
		if !isNameChar(c) || first && isDigit(c) {
			return false
		}
		first = false
	}
	return elements > 1 && !first
}

func validMember[T text](s T) bool {
	if len(s) == 0 || len(s) > MaxName || isDigit(s[0]) {
		return false
	}
	for i := 0; i < len(s); i++ {
		if !isNameChar(s[i]) {
			return false
		}
	}
	return true
}

func validBusName[T text](s T) bool {
	if len(s) == 0 || len(s) > MaxName {
		return false
	}
	unique := s[0] == ':'
	start := 0
	if unique {
		start = 1
	}
	elements, first := 1, true
	for i := start; i < len(s); i++ {
		c := s[i]
		if c == '.' {
			if first {
				return false
			}
			elements++
			first = true
			continue
		}
		if !isNameChar(c) && c != '-' || first && !unique && isDigit(c) {
			return false
		}
		first = false
	}
	return elements > 1 && !first
}

func isNameChar(c byte) bool {
	return c|0x20-'a' < 26 || isDigit(c) || c == '_'
}

func isDigit(c byte) bool { return c-'0' < 10 }

// validString reports whether b may be the content of a D-Bus string: UTF-8
// without NUL. Most strings are short and ASCII, so those are settled eight
// bytes at a time.
func validString(b []byte) bool {
	const ones, tops = 0x0101010101010101, 0x8080808080808080
	rest := b
	for len(rest) >= 8 {
		w := binary.LittleEndian.Uint64(rest)
		if (w|(w-ones))&tops != 0 { // a byte >= 0x80, or one that may be 0
			return validStringSlow(b)
		}
		rest = rest[8:]
	}
	for _, c := range rest {
		if c-1 >= 0x7f {
			return validStringSlow(b)
		}
	}
	return true
}

func validStringSlow(b []byte) bool {
	return utf8.Valid(b) && bytes.IndexByte(b, 0) < 0
}
