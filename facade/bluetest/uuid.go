package bluetest

import (
	"encoding/hex"
	"fmt"
	"strings"
)

// baseUUID is what follows the first 32 bits of an assigned UUID (Core specification,
// volume 3, part B, section 2.5.1).
const baseUUID = "-0000-1000-8000-00805f9b34fb"

// The UUIDs that the simulation itself deals with.
const (
	uuidGAPService         = "00001800" + baseUUID
	uuidGATTService        = "00001801" + baseUUID
	uuidInformationService = "0000180a" + baseUUID
	uuidBatteryService     = "0000180f" + baseUUID
	uuidHIDService         = "00001812" + baseUUID
	uuidScanService        = "00001813" + baseUUID // scan parameters
	uuidMIDIService        = "03b80e5a-ede8-4b33-a751-6ce34ec4c700"

	uuidDeviceName     = "00002a00" + baseUUID
	uuidAppearance     = "00002a01" + baseUUID
	uuidServiceChanged = "00002a05" + baseUUID
	uuidBatteryLevel   = "00002a19" + baseUUID
	uuidPnPID          = "00002a50" + baseUUID
	uuidClientFeatures = "00002b29" + baseUUID
	uuidDatabaseHash   = "00002b2a" + baseUUID

	uuidExtendedProperties  = "00002900" + baseUUID
	uuidClientConfiguration = "00002902" + baseUUID
)

// parseUUID returns a UUID as BlueZ writes it: all 128 bits, in lower case. It takes
// those of 16 and 32 bits too, and any case.
func parseUUID(s string) (string, error) {
	lower := strings.ToLower(s)
	if short := strings.TrimPrefix(lower, "0x"); len(short) == 4 || len(short) == 8 {
		lower = short
	}
	digits := lower
	switch len(lower) {
	case 4:
		lower = "0000" + lower + baseUUID
	case 8:
		lower += baseUUID
	case 36:
		digits = strings.ReplaceAll(lower, "-", "")
		for _, dash := range []int{8, 13, 18, 23} {
			if lower[dash] != '-' {
				digits = ""
			}
		}
		if len(digits) != 32 {
			digits = ""
		}
	default:
		digits = ""
	}
	if _, err := hex.DecodeString(digits); err != nil || digits == "" {
		return "", fmt.Errorf("%q is not a UUID: want 4, 8 or 32 hexadecimal digits, the last with hyphens", s)
	}
	return lower, nil
}

// longUUID returns a UUID that is known to be one as BlueZ writes it, anything else as
// it is.
func longUUID(s string) string {
	if long, err := parseUUID(s); err == nil {
		return long
	}
	return s
}

// shortUUID returns the shortest way to write a UUID, for errors.
func shortUUID(s string) string {
	long := longUUID(s)
	if head, ok := strings.CutSuffix(long, baseUUID); ok {
		return strings.TrimPrefix(head, "0000")
	}
	return long
}
