package main

import (
	"encoding/hex"
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// A format is how a characteristic's value is written on the command line and printed: as hex, as text, or as numbers of
// one width, in GATT's little endian order. It is the value of the --format flag; its zero value is not one.
type format struct {
	name string
	kind byte // 'x' hex, 't' text, 'u' unsigned, 'i' signed, 'f' floating point
	size int  // of one number, in bytes
}

// formats returns every format, the default one first.
func formats() []format {
	return []format{
		{"hex", 'x', 0}, {"utf8", 't', 0},
		{"u8", 'u', 1}, {"u16", 'u', 2}, {"u32", 'u', 4},
		{"i8", 'i', 1}, {"i16", 'i', 2}, {"i32", 'i', 4},
		{"f32", 'f', 4},
	}
}

func formatNames() []string {
	var names []string
	for _, f := range formats() {
		names = append(names, f.name)
	}
	return names
}

// Set chooses the format of that name.
func (f *format) Set(name string) error {
	for _, known := range formats() {
		if known.name == name {
			*f = known
			return nil
		}
	}
	return fmt.Errorf("must be one of %s", strings.Join(formatNames(), ", "))
}

func (f *format) String() string { return f.name }

// Type is what --help calls the flag's value.
func (f *format) Type() string { return strings.Join(formatNames(), "|") }

// numeric tells whether values are lists of numbers.
func (f format) numeric() bool { return f.size > 0 }

// Parse returns the bytes that text stands for. Several numbers are separated by spaces or commas.
func (f format) Parse(text string) ([]byte, error) {
	switch {
	case f.numeric():
		return f.parseNumbers(text)
	case f.kind == 't':
		if !utf8.ValidString(text) {
			return nil, fmt.Errorf("value %q is not UTF-8: write it as hex", text)
		}
		return []byte(text), nil
	}
	value, err := parseHex(text)
	if err != nil {
		return nil, fmt.Errorf("%w (--format has other notations)", err)
	}
	return value, nil
}

// parseHex reads pairs of hex digits, with an optional 0x before them and optional spaces, colons or dashes between them.
func parseHex(text string) ([]byte, error) {
	digits := strings.TrimSpace(text)
	if rest, ok := strings.CutPrefix(strings.ToLower(digits), "0x"); ok {
		digits = rest
	}
	value := make([]byte, 0, len(digits)/2)
	for digits != "" {
		if len(digits) < 2 {
			return nil, fmt.Errorf("value %q is not hex: it ends in half a byte", text)
		}
		b, err := hex.DecodeString(digits[:2])
		if err != nil {
			return nil, fmt.Errorf("value %q is not hex: %q is not a byte", text, digits[:2])
		}
		value = append(value, b[0])
		digits = digits[2:]
		if len(digits) > 1 && strings.ContainsRune(" :-", rune(digits[0])) {
			digits = digits[1:]
		}
	}
	return value, nil
}

func (f format) parseNumbers(text string) ([]byte, error) {
	words := strings.FieldsFunc(text, func(r rune) bool { return r == ',' || unicode.IsSpace(r) })
	if len(words) == 0 {
		return nil, fmt.Errorf("value %q holds no number for the format %s", text, f.name)
	}
	value := make([]byte, 0, len(words)*f.size)
	for _, word := range words {
		bits, err := f.parseNumber(word)
		if errors.Is(err, strconv.ErrRange) {
			return nil, fmt.Errorf("value %q does not fit %s (%s)", word, f.name, f.limits())
		}
		if err != nil {
			return nil, fmt.Errorf("value %q is not a number for the format %s", word, f.name)
		}
		for i := range f.size {
			value = append(value, byte(bits>>(8*i)))
		}
	}
	return value, nil
}

// parseNumber returns the bits of one number, decimal or after 0x hexadecimal. A leading 0 is just a digit.
func (f format) parseNumber(word string) (uint64, error) {
	sign, digits := "", word
	if strings.HasPrefix(digits, "-") || strings.HasPrefix(digits, "+") {
		sign, digits = digits[:1], digits[1:]
	}
	base := 10
	if rest, ok := strings.CutPrefix(strings.ToLower(digits), "0x"); ok {
		base, digits = 16, rest
	}
	if f.kind == 'f' {
		n, err := strconv.ParseFloat(word, 8*f.size)
		return uint64(math.Float32bits(float32(n))), err
	}
	magnitude, err := strconv.ParseUint(digits, base, 8*f.size)
	switch {
	case err != nil:
		return 0, err
	case f.kind == 'i':
		n, err := strconv.ParseInt(sign+digits, base, 8*f.size)
		return uint64(n), err
	case sign == "-" && magnitude > 0:
		return 0, strconv.ErrRange
	}
	return magnitude, nil
}

// limits describes the numbers that fit.
func (f format) limits() string {
	bits := 8 * f.size
	switch f.kind {
	case 'u':
		return fmt.Sprintf("0 to %d", uint64(1)<<bits-1)
	case 'i':
		return fmt.Sprintf("%d to %d", -(int64(1) << (bits - 1)), int64(1)<<(bits-1)-1)
	default:
		return fmt.Sprintf("at most %g either way", math.MaxFloat32)
	}
}

// Format returns value as one line of text that Parse reads back: hex digits, the text itself, or numbers separated by
// spaces. Text is shown as showText shows it; bytes that are no whole number of numbers are an error.
func (f format) Format(value []byte) (string, error) {
	switch {
	case f.numeric():
		numbers, err := f.numbers(value)
		if err != nil {
			return "", err
		}
		return strings.Join(numbers, " "), nil
	case f.kind == 't':
		return showText(string(value)), nil
	default:
		return hex.EncodeToString(value), nil
	}
}

// numbers returns the numbers of value, printed in decimal.
func (f format) numbers(value []byte) ([]string, error) {
	if len(value)%f.size != 0 {
		return nil, fmt.Errorf("value %x of %d bytes is no whole number of %s: --format hex shows any value", value, len(value), f.name)
	}
	numbers := make([]string, 0, len(value)/f.size)
	for ; len(value) > 0; value = value[f.size:] {
		var bits uint64
		for i := range f.size {
			bits |= uint64(value[i]) << (8 * i)
		}
		switch f.kind {
		case 'f':
			n := float64(math.Float32frombits(uint32(bits)))
			numbers = append(numbers, strconv.FormatFloat(n, 'g', -1, 32))
		case 'i':
			shift := 64 - 8*f.size
			numbers = append(numbers, strconv.FormatInt(int64(bits)<<shift>>shift, 10))
		default:
			numbers = append(numbers, strconv.FormatUint(bits, 10))
		}
	}
	return numbers, nil
}

// showText makes text that came over the air fit for a terminal: what is not printable (control characters, which could
// steer the terminal, and invalid UTF-8) is shown as Go escapes it.
func showText(text string) string {
	var b strings.Builder
	for text != "" {
		r, size := utf8.DecodeRuneInString(text)
		if r == utf8.RuneError && size == 1 {
			fmt.Fprintf(&b, `\x%02x`, text[0])
		} else if unicode.IsPrint(r) {
			b.WriteRune(r)
		} else {
			b.WriteString(strings.Trim(strconv.QuoteRune(r), "'"))
		}
		text = text[size:]
	}
	return b.String()
}
