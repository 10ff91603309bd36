package main

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/gobluez/bluez/facade"
	"github.com/gobluez/bluez/facade/peripheral"
)

// A data flag is KEY=HEX and may be given several times. A map of values is its target.
type (
	companyData struct{ target *map[uint16][]byte }
	serviceData struct{ target *map[facade.UUID][]byte }
	typedData   struct{ target *map[byte][]byte }
)

func (d companyData) Set(text string) error {
	return setData(d.target, text, "must be a company and its data in hex, such as 0x004c=0215", func(key string) (uint16, error) {
		n, err := parseID(key, 16)
		return uint16(n), err
	})
}

func (d serviceData) Set(text string) error {
	return setData(d.target, text, "must be a service and its data in hex, such as 180f=64", facade.ParseUUID)
}

func (d typedData) Set(text string) error {
	return setData(d.target, text, "must be a type and its data in hex, such as 0x24=1768692e6368", func(key string) (byte, error) {
		n, err := parseID(key, 8)
		return byte(n), err
	})
}

// parseID reads an assigned number as it is mostly written, in hexadecimal, with or without 0x.
func parseID(text string, bits int) (uint64, error) {
	return strconv.ParseUint(strings.TrimPrefix(strings.ToLower(text), "0x"), 16, bits)
}

func setData[K comparable](target *map[K][]byte, text, want string, parse func(string) (K, error)) error {
	left, right, found := strings.Cut(text, "=")
	key, err := parse(left)
	if err != nil || !found {
		return errors.New(want)
	}
	value, err := parseHex(right)
	if err != nil {
		return err
	}
	if _, twice := (*target)[key]; twice {
		return fmt.Errorf("%s is there twice", left)
	}
	if *target == nil {
		*target = make(map[K][]byte)
	}
	(*target)[key] = value
	return nil
}

func (d companyData) String() string {
	return showData(d.target, "%04x=%x", func(a, b uint16) int { return cmp.Compare(a, b) })
}

func (d serviceData) String() string {
	return showData(d.target, "%s=%x", func(a, b facade.UUID) int { return slices.Compare(a[:], b[:]) })
}

func (d typedData) String() string {
	return showData(d.target, "%02x=%x", func(a, b byte) int { return cmp.Compare(a, b) })
}

func showData[K comparable](target *map[K][]byte, format string, compare func(a, b K) int) string {
	if target == nil { // of the zero value, by which the flags package tells defaults
		return ""
	}
	var all []string
	for _, key := range slices.SortedFunc(maps.Keys(*target), compare) {
		all = append(all, fmt.Sprintf(format, key, (*target)[key]))
	}
	return strings.Join(all, ",")
}

func (companyData) Type() string { return "ID=HEX" }
func (serviceData) Type() string { return "UUID=HEX" }
func (typedData) Type() string   { return "TYPE=HEX" }

// includes is the value of a flag that may be given several times.
type includes []peripheral.Include

func (i *includes) Set(text string) error {
	known := []peripheral.Include{peripheral.IncludeTxPower, peripheral.IncludeAppearance, peripheral.IncludeName, peripheral.IncludeRSI}
	if !slices.Contains(known, peripheral.Include(text)) {
		return fmt.Errorf("must be one of %v", known)
	}
	*i = append(*i, peripheral.Include(text))
	return nil
}

func (i *includes) String() string {
	var all []string
	for _, include := range *i {
		all = append(all, string(include))
	}
	return strings.Join(all, ",")
}

func (i *includes) Type() string { return "WHAT" }

// channel is a flag's secondary channel.
type channel peripheral.SecondaryChannel

func (c *channel) Set(text string) error {
	for _, known := range []peripheral.SecondaryChannel{peripheral.Channel1M, peripheral.Channel2M, peripheral.ChannelCoded} {
		if strings.EqualFold(text, string(known)) {
			*c = channel(known)
			return nil
		}
	}
	return errors.New("must be 1M, 2M or Coded")
}

func (c *channel) String() string { return string(*c) }

func (c *channel) Type() string { return "PHY" }

// appearance is a flag's appearance, decimal or after 0x hexadecimal.
type appearance uint16

func (a *appearance) Set(text string) error {
	value, err := strconv.ParseUint(text, 0, 16)
	if err != nil || value == 0 {
		return errors.New("must be a number from 1 to 0xffff, such as 0x0340")
	}
	*a = appearance(value)
	return nil
}

func (a *appearance) String() string {
	if *a == 0 {
		return ""
	}
	return fmt.Sprintf("0x%04x", uint16(*a))
}

func (a *appearance) Type() string { return "N" }

// power is a flag's power in dBm, which may be 0.
type power struct{ target **int16 }

func (p power) Set(text string) error {
	value, err := strconv.ParseInt(text, 10, 16)
	if err != nil {
		return errors.New("must be a whole number of dBm, such as -8")
	}
	*p.target = new(int16(value))
	return nil
}

func (p power) String() string {
	if p.target == nil || *p.target == nil {
		return ""
	}
	return strconv.Itoa(int(**p.target))
}

func (p power) Type() string { return "DBM" }

// seconds is a flag's span of time that BlueZ takes in 16 bits of seconds.
type seconds struct{ target *time.Duration }

func (s seconds) Set(text string) error {
	var span duration
	if err := span.Set(text); err != nil {
		return err
	}
	if d := time.Duration(span); d%time.Second != 0 || d > math.MaxUint16*time.Second {
		return fmt.Errorf("must be whole seconds, %d at most", math.MaxUint16)
	}
	*s.target = time.Duration(span)
	return nil
}

func (s seconds) String() string {
	if s.target == nil {
		return ""
	}
	return (*duration)(s.target).String()
}

func (seconds) Type() string { return "D" }
