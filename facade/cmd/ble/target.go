package main

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/gobluez/bluez/facade"
)

// A device is a DEVICE argument: an address, or else a name.
type device struct {
	address facade.Address
	name    string
}

// parseDevice reads a DEVICE argument. What has the shape of an address must be one; everything else is a name.
func parseDevice(text string) (device, error) {
	if text == "" {
		return device{}, errors.New("DEVICE is empty: it must be an address or a name")
	}
	address, err := facade.ParseAddress(text)
	if err == nil && address.IsZero() {
		return device{}, fmt.Errorf("DEVICE %q is nobody's address", text)
	}
	if err != nil && looksLikeAddress(text) {
		return device{}, fmt.Errorf("DEVICE %q is not an address: want six pairs of hex digits, such as C0:FF:EE:00:00:01", text)
	}
	if err != nil {
		return device{name: text}, nil
	}
	return device{address: address}, nil
}

// looksLikeAddress tells whether text is three or more groups of one or two letters or digits, separated by colons.
func looksLikeAddress(text string) bool {
	groups := strings.Split(text, ":")
	for _, group := range groups {
		if len(group) > 2 || strings.Trim(strings.ToLower(group), "0123456789abcdefghijklmnopqrstuvwxyz") != "" {
			return false
		}
	}
	return len(groups) > 2
}

// parseCharacteristic reads a CHARACTERISTIC argument: a UUID, or a handle after "handle:". A bare number is
// a UUID; find takes it for a handle if the device has no such UUID.
func parseCharacteristic(text string) (facade.Attribute, error) {
	digits, isHandle := strings.CutPrefix(strings.ToLower(text), "handle:")
	if !isHandle {
		uuid, err := facade.ParseUUID(text)
		if err != nil {
			return nil, fmt.Errorf("CHARACTERISTIC %q is neither a UUID (2a37, 0x2a37, or 8 or 32 digits) nor a handle (handle:0010)", text)
		}
		return uuid, nil
	}
	// Four digits, neither more nor fewer: handle:16 would leave open whether it is hex or decimal.
	digits = strings.TrimPrefix(digits, "0x")
	handle, err := strconv.ParseUint(digits, 16, 16)
	if err != nil || len(digits) != 4 || handle == 0 {
		return nil, fmt.Errorf("CHARACTERISTIC %q is not a handle: want 4 hex digits, as ble inspect prints them (handle:0010)", text)
	}
	return facade.Handle(handle), nil
}

// parseTarget reads the two arguments that most commands begin with.
func parseTarget(args []string) (device, facade.Attribute, error) {
	d, err := parseDevice(args[0])
	if err != nil {
		return device{}, nil, usageError{err}
	}
	which, err := parseCharacteristic(args[1])
	if err != nil {
		return device{}, nil, usageError{err}
	}
	return d, which, nil
}

// handleText writes a handle as CHARACTERISTIC arguments do.
func handleText(h facade.Handle) string { return fmt.Sprintf("handle:%04x", uint16(h)) }
