package facade

import (
	"errors"
	"fmt"
	"time"

	"github.com/gobluez/bluez/bluezgen"
)

// Passive says which advertisements a passive scan listens for. A passive scan sends
// nothing: the devices need no battery for an answer, several can go on all the time, and
// controllers that can do it let the machine sleep meanwhile. What devices say only when
// they are asked, often their names, is not heard.
//
// BlueZ listens by patterns alone. There is none for everything; the flags 0x06 that
// nearly all devices advertise, ADPattern{Type: ADFlags, Content: []byte{0x06}}, come
// close. It needs BlueZ 5.56 or later, run with --experimental, and Linux 5.10.
type Passive struct {
	// Patterns are what is listened for: a packet must have one of them, at least.
	Patterns []ADPattern

	// HighRSSI, when not zero, is the strength in dBm (-127 to 20) above which a device
	// must be heard for HighTimeout (1 s to 300 s, 0 means 10 s) before it counts as here,
	// and LowRSSI the strength below which it must be for LowTimeout (1 s to 300 s, 0
	// means 5 s), or be silent so long, to count as gone. Packets of devices that are not
	// here are left out. LowRSSI that is zero is as high as HighRSSI is, if that is set, and
	// the other way round. Devices that are gone are lost, as ScanOptions.LostAfter says.
	HighRSSI, LowRSSI       int16
	HighTimeout, LowTimeout time.Duration
}

// An ADPattern is a piece of an advertisement: bytes at a place within the data of one
// type.
type ADPattern struct {
	Start   uint8  // where Content begins within the data, from 0
	Type    uint8  // the AD type, such as ADManufacturerData
	Content []byte // 1 to 31 bytes, with Start not more than 31
}

// The AD types for which BlueZ matches patterns well (Assigned Numbers, 2.3). Names and
// lists of services do not match, for BlueZ keeps them in another form.
const (
	ADFlags            = 0x01 // one byte, usually
	ADServiceData      = 0x16 // by 16-bit UUID; for BlueZ the data begins after that
	ADManufacturerData = 0xff // begins with the company identifier, low byte first
)

// validate reports what BlueZ would refuse without saying why.
func (p *Passive) validate() error {
	const longest = 31 // what a packet has room for
	if len(p.Patterns) == 0 {
		return errors.New("a passive scan needs at least one pattern")
	}
	for _, pattern := range p.Patterns {
		if n := len(pattern.Content); n == 0 || int(pattern.Start)+n > longest {
			return fmt.Errorf("pattern of type 0x%02x has %d bytes from %d, want 1 to 31 that end there", pattern.Type, n, pattern.Start)
		}
	}
	for _, rssi := range []int16{p.HighRSSI, p.LowRSSI} {
		if rssi < -127 || rssi > 20 {
			return fmt.Errorf("passive scan: RSSI is %d, not between -127 and 20 dBm", rssi)
		}
	}
	for _, timeout := range []time.Duration{p.HighTimeout, p.LowTimeout} {
		if timeout != 0 && (timeout < time.Second || timeout > 300*time.Second) {
			return fmt.Errorf("passive scan: timeout is %v, not between 1 s and 300 s", timeout)
		}
	}
	switch {
	case p.HighRSSI != 0 && p.LowRSSI != 0 && p.LowRSSI > p.HighRSSI:
		return fmt.Errorf("passive scan: LowRSSI %d is above HighRSSI %d", p.LowRSSI, p.HighRSSI)
	case !p.byStrength() && (p.HighTimeout != 0 || p.LowTimeout != 0):
		return errors.New("passive scan: timeouts have no meaning without HighRSSI or LowRSSI")
	}
	return nil
}

// byStrength reports whether strength decides which devices are here.
func (p *Passive) byStrength() bool { return p.HighRSSI != 0 || p.LowRSSI != 0 }

// bluez returns the condition in BlueZ's terms.
func (p *Passive) bluez() bluezgen.AdvertisementMonitor1Properties {
	out := bluezgen.AdvertisementMonitor1Properties{
		AdvertisementMonitor1Set: bluezgen.AdvertisementMonitor1SetOf(bluezgen.AdvertisementMonitor1Type, bluezgen.AdvertisementMonitor1Patterns),
		Type:                     bluezgen.MonitorTypeOrPatterns,
	}
	for _, pattern := range p.Patterns {
		out.Patterns = append(out.Patterns, bluezgen.Pattern{StartPosition: pattern.Start, ADType: pattern.Type, Content: pattern.Content})
	}
	if !p.byStrength() {
		return out
	}
	out.Add(bluezgen.AdvertisementMonitor1RSSIHighThreshold, bluezgen.AdvertisementMonitor1RSSILowThreshold,
		bluezgen.AdvertisementMonitor1RSSISamplingPeriod)
	out.RSSIHighThreshold, out.RSSILowThreshold = p.HighRSSI, p.LowRSSI
	if p.HighRSSI == 0 {
		out.RSSIHighThreshold = p.LowRSSI
	} else if p.LowRSSI == 0 {
		out.RSSILowThreshold = p.HighRSSI
	}
	out.RSSISamplingPeriod = 0 // every packet; a controller would pass on the first only
	if p.HighTimeout != 0 {
		out.Add(bluezgen.AdvertisementMonitor1RSSIHighTimeout)
		out.RSSIHighTimeout = seconds(p.HighTimeout)
	}
	if p.LowTimeout != 0 {
		out.Add(bluezgen.AdvertisementMonitor1RSSILowTimeout)
		out.RSSILowTimeout = seconds(p.LowTimeout)
	}
	return out
}

// seconds rounds up.
func seconds(d time.Duration) uint16 { return uint16((d + time.Second - 1) / time.Second) }
