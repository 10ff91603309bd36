package facade

import (
	"fmt"

	"github.com/gobluez/bluez/bluezgen"
)

// An Address is the 48-bit device address of a Bluetooth device or adapter, most
// significant byte first, as it is written. Addresses are comparable; the zero
// Address stands for "any" in options.
//
// A device that uses privacy changes its address about every 15 minutes
// (Bluetooth Core Specification, Vol 6, Part B, 1.3.2).
type Address [6]byte

// ParseAddress reads an address as six pairs of hexadecimal digits in any case,
// separated by colons. The error quotes s.
func ParseAddress(s string) (Address, error) {
	var a Address
	if len(s) != 17 {
		return Address{}, addressError(s)
	}
	for i := range a {
		high, low := hexDigit(s[3*i]), hexDigit(s[3*i+1])
		if high|low > 0xf || i > 0 && s[3*i-1] != ':' {
			return Address{}, addressError(s)
		}
		a[i] = high<<4 | low
	}
	return a, nil
}

func addressError(s string) error {
	return fmt.Errorf("parse address %q: want six pairs of hexadecimal digits like AA:BB:CC:DD:EE:FF", s)
}

// IsZero reports whether a is the zero Address.
func (a Address) IsZero() bool { return a == Address{} }

// String returns the address in upper case with colons, as BlueZ prints it.
func (a Address) String() string {
	text, _ := a.AppendText(make([]byte, 0, 17))
	return string(text)
}

// AppendText implements encoding.TextAppender. Its error is always nil.
func (a Address) AppendText(b []byte) ([]byte, error) {
	const digits = "0123456789ABCDEF"
	for i, octet := range a {
		if i > 0 {
			b = append(b, ':')
		}
		b = append(b, digits[octet>>4], digits[octet&0xf])
	}
	return b, nil
}

// MarshalText implements encoding.TextMarshaler with the form of String.
func (a Address) MarshalText() ([]byte, error) { return a.AppendText(nil) }

// UnmarshalText implements encoding.TextUnmarshaler; it accepts what ParseAddress does.
func (a *Address) UnmarshalText(text []byte) error {
	parsed, err := ParseAddress(string(text))
	if err != nil {
		return err
	}
	*a = parsed
	return nil
}

// An AddressType tells which kind of address a device uses.
type AddressType string

// The address types of BlueZ (org.bluez.Device(5), AddressType).
const (
	AddressPublic = AddressType(bluezgen.AddressTypePublic) // assigned to the manufacturer
	AddressRandom = AddressType(bluezgen.AddressTypeRandom) // static or private, chosen by the device
)
