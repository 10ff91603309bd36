package assigned

import "strings"

// A table is lines of "number name", each with its newline: numbers in lower-case hexadecimal digits, all of one length, ascending.

// find16 returns the name of a 16-bit number in a table.
func find16(table string, number uint16) (name string, ok bool) {
	var key [4]byte
	return find(table, hexadecimal(key[:0], byte(number>>8), byte(number)))
}

// hexadecimal appends the digits of a number to key. Package encoding/hex would bring fmt into programs that have no use for it.
func hexadecimal(key []byte, number ...byte) []byte {
	const digits = "0123456789abcdef"
	for _, b := range number {
		key = append(key, digits[b>>4], digits[b&0xf])
	}
	return key
}

// find returns the name of a number in a table.
func find(table string, number []byte) (name string, ok bool) {
	for table != "" {
		middle := strings.LastIndexByte(table[:len(table)/2], '\n') + 1
		found, rest, _ := strings.Cut(table[middle:], " ")
		name, after, _ := strings.Cut(rest, "\n")
		switch { // conversions that only serve to compare do not allocate
		case string(number) == found:
			return name, true
		case string(number) < found:
			table = table[:middle]
		default:
			table = after
		}
	}
	return "", false
}
