package facade

import (
	"encoding/hex"
	"fmt"
	"strings"
)

// A UUID identifies a GATT service, characteristic or descriptor, or a profile.
// It holds the 128-bit form in the order it is written; UUIDs are comparable
// and the short forms of an assigned number equal its long form.
type UUID [16]byte

// baseUUID is 00000000-0000-1000-8000-00805f9b34fb, which the 16-bit and 32-bit
// forms abbreviate (Bluetooth Core Specification, Vol 3, Part B, 2.5.1).
var baseUUID = UUID{4: 0x00, 5: 0x00, 6: 0x10, 7: 0x00, 8: 0x80, 9: 0x00, 10: 0x00, 11: 0x80, 12: 0x5f, 13: 0x9b, 14: 0x34, 15: 0xfb}

// UUID16 returns the UUID that the 16-bit assigned number n stands for:
// UUID16(0x180D) is the Heart Rate service.
func UUID16(n uint16) UUID { return UUID32(uint32(n)) }

// UUID32 returns the UUID that the 32-bit assigned number n stands for.
func UUID32(n uint32) UUID {
	u := baseUUID
	u[0], u[1], u[2], u[3] = byte(n>>24), byte(n>>16), byte(n>>8), byte(n)
	return u
}

// ParseUUID reads a UUID in any of its written forms, in either case: 16 bits
// ("180d"), 32 bits ("0000180d"), 128 bits with or without hyphens. The short
// forms may carry the prefix 0x. The error quotes s.
func ParseUUID(s string) (UUID, error) {
	u, ok := parseUUID(s)
	if !ok {
		return UUID{}, fmt.Errorf("parse UUID %q: want 4, 8 or 32 hexadecimal digits, the last with or without hyphens", s)
	}
	return u, nil
}

func parseUUID(s string) (UUID, bool) {
	var u UUID
	if len(s) == 36 {
		// The form in which BlueZ prints every UUID: taken apart without allocating.
		if s[8] != '-' || s[13] != '-' || s[18] != '-' || s[23] != '-' {
			return u, false
		}
		i := 0
		for _, field := range [...]string{s[:8], s[9:13], s[14:18], s[19:23], s[24:]} {
			for ; len(field) > 0; field = field[2:] {
				high, low := hexDigit(field[0]), hexDigit(field[1])
				if high|low > 0xf {
					return u, false
				}
				u[i] = high<<4 | low
				i++
			}
		}
		return u, true
	}
	if len(s) == 32 {
		_, err := hex.Decode(u[:], []byte(s))
		return u, err == nil
	}
	if rest, found := strings.CutPrefix(s, "0x"); found {
		s = rest
	} else if rest, found := strings.CutPrefix(s, "0X"); found {
		s = rest
	}
	if len(s) != 4 && len(s) != 8 {
		return u, false
	}
	u = baseUUID
	_, err := hex.Decode(u[4-len(s)/2:4], []byte(s))
	return u, err == nil
}

// hexDigit returns the value of a hexadecimal digit, 0xff for any other byte.
func hexDigit(c byte) byte {
	switch {
	case '0' <= c && c <= '9':
		return c - '0'
	case 'a' <= c && c <= 'f':
		return c - 'a' + 10
	case 'A' <= c && c <= 'F':
		return c - 'A' + 10
	}
	return 0xff
}

// String returns the 128-bit form in lower case, as BlueZ prints it:
// "0000180d-0000-1000-8000-00805f9b34fb".
func (u UUID) String() string {
	text, _ := u.AppendText(make([]byte, 0, 36))
	return string(text)
}

// Short returns the shortest form that stands for u: "180d" for an assigned
// number of 16 bits, eight digits for one of 32 bits, else what String returns.
func (u UUID) Short() string {
	if [12]byte(u[4:]) != [12]byte(baseUUID[4:]) {
		return u.String()
	}
	if u[0] == 0 && u[1] == 0 {
		return hex.EncodeToString(u[2:4])
	}
	return hex.EncodeToString(u[:4])
}

// AppendText implements encoding.TextAppender. Its error is always nil.
func (u UUID) AppendText(b []byte) ([]byte, error) {
	b = hex.AppendEncode(b, u[:4])
	for _, field := range [...][]byte{u[4:6], u[6:8], u[8:10], u[10:]} {
		b = append(b, '-')
		b = hex.AppendEncode(b, field)
	}
	return b, nil
}

// MarshalText implements encoding.TextMarshaler with the form of String.
func (u UUID) MarshalText() ([]byte, error) { return u.AppendText(nil) }

// UnmarshalText implements encoding.TextUnmarshaler; it accepts what ParseUUID does.
func (u *UUID) UnmarshalText(text []byte) error {
	parsed, err := ParseUUID(string(text))
	if err != nil {
		return err
	}
	*u = parsed
	return nil
}
