package bluetest

import (
	"errors"
	"fmt"
	"time"
)

// An Advertisement declares what a device advertises. The zero Advertisement says the
// device's name, its appearance if it has one, and its flags, every 100 ms, at -60 dBm.
//
// What is advertised fits into 31 bytes and the 31 of a scan response, which is asked for
// by who scans actively; what does not fit the one is put into the other, in the order of
// the fields below. A field needs 2 bytes beside its content, a service UUID 2, 4 or 16,
// the flags 3 in all (Core specification, volume 3, part C, section 11).
type Advertisement struct {
	Silent    bool          // it does not advertise
	Interval  time.Duration // between packets, 1 ms or more; 100 ms by default
	RSSI      int16         // strength at the adapter in dBm, -127 to 20; -60 by default
	NoRSSI    bool          // the adapter tells no strength, as emulated ones do: BlueZ shows 127
	Walk      int16         // each packet's strength is this much above or below the last at most, but within 20 dB of RSSI
	Beacon    bool          // it cannot be connected to
	NameLater bool          // the name comes with a scan response, after BlueZ has made the device's object
	Connected bool          // it goes on while connected
	Rotate    time.Duration // a new resolvable private address each time while it is not connected; 0: never
	Extended  bool          // extended advertising: up to 1650 bytes (volume 4, part E, section 7.8.54)

	Flags            *byte             // default: 0x06, general discoverable, no BR/EDR
	ServiceUUIDs     []string          // 16, 32 or 128 bits, in any case
	ManufacturerData map[uint16][]byte // by company identifier
	ServiceData      map[string][]byte // by service UUID
	TxPower          *int8             // dBm
	LocalName        string            // instead of the device's name
	Unnamed          bool              // no name
	Data             map[byte][]byte   // other data, by AD type (Assigned Numbers, section 2.3)
}

// The defaults of an Advertisement.
const (
	defaultInterval = 100 * time.Millisecond
	defaultRSSI     = -60
	defaultFlags    = 0x06
)

// The limits of what is advertised, in bytes.
const (
	maxLegacy   = 31 // and as much in the scan response
	maxExtended = 1650
)

// unknownRSSI is what a controller reports that does not measure strengths.
const unknownRSSI = 127

// validate says what is wrong with what a device advertises.
func (a *Advertisement) validate(d *Device) error {
	_, err := a.report(d)
	return err
}

// check says what is wrong with a declaration, apart from what is sent.
func (a *Advertisement) check() error {
	switch {
	case a.Interval != 0 && a.Interval < time.Millisecond:
		return fmt.Errorf("advertisement: interval %v is shorter than 1ms", a.Interval)
	case a.RSSI < -127 || a.RSSI > 20:
		return fmt.Errorf("advertisement: RSSI %d is not in -127 to 20 dBm", a.RSSI)
	case a.Walk < 0:
		return fmt.Errorf("advertisement: walk %d is negative", a.Walk)
	case a.Rotate < 0:
		return fmt.Errorf("advertisement: rotation of addresses every %v", a.Rotate)
	case a.Unnamed && (a.LocalName != "" || a.NameLater):
		return errors.New("advertisement: it is Unnamed and has a name")
	}
	return nil
}

// report returns what an adapter hears of an advertisement of a device, with its scan
// response. Declarations with mistakes are errors.
func (a *Advertisement) report(d *Device) (*report, error) {
	if err := a.check(); err != nil {
		return nil, err
	}
	fields, err := a.fields(d)
	if err != nil {
		return nil, fmt.Errorf("advertisement: %w", err)
	}
	if err := a.fit(fields); err != nil {
		return nil, fmt.Errorf("advertisement: %w", err)
	}
	return newReport(fields, !a.Beacon), nil
}

// withDefaults returns the advertisement with its defaults filled in.
func (a Advertisement) withDefaults() Advertisement {
	if a.Interval == 0 {
		a.Interval = defaultInterval
	}
	switch {
	case a.NoRSSI:
		a.RSSI, a.Walk = unknownRSSI, 0
	case a.RSSI == 0:
		a.RSSI = defaultRSSI
	}
	return a
}

// fit reports whether fields fit into packets: those that do not fit into the
// advertisement are put into the scan response.
func (a *Advertisement) fit(fields []field) error {
	if a.Extended {
		total := 0
		for _, f := range fields {
			total += f.size()
		}
		if total > maxExtended {
			return fmt.Errorf("%d bytes are more than the %d of extended advertising", total, maxExtended)
		}
		return nil
	}
	room := [2]int{maxLegacy, maxLegacy}
	for _, f := range fields {
		part := 0
		if f.size() > room[0] {
			part = 1
		}
		if room[part] -= f.size(); room[part] < 0 {
			return fmt.Errorf("%v of %d bytes does not fit beside the rest into %d bytes and %d of a scan response; Extended has more",
				f, f.size(), maxLegacy, maxLegacy)
		}
	}
	return nil
}
