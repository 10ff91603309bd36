package bluetest

import (
	"bytes"
	"slices"
	"time"

	"github.com/gobluez/bluez/bluezgen"
)

// The limits of a monitor's content.
const (
	unsetRSSI          = 127
	unsetTimeout       = 0
	unsetSampling      = 256
	maxSampling        = 255
	maxTimeout         = 300 // seconds
	defaultLowTimeout  = 5   // seconds
	defaultHighTimeout = 10  // seconds
)

// A monitor is an AdvertisementMonitor1 of an application. The world guards it.
type monitor struct {
	application *application
	proxy       bluezgen.AdvertisementMonitor1
	patterns    []bluezgen.Pattern
	strength    *strengthRange // nil: strength does not matter
	devices     map[*deviceObject]*tracked
}

// A strengthRange says when a device is found and when it is lost.
type strengthRange struct {
	high, low               int16 // dBm
	highTimeout, lowTimeout time.Duration
}

// A tracked is what a monitor knows of a device.
type tracked struct {
	found     bool
	seen      time.Time
	highSince time.Time // zero while it is not above the high threshold
	lowSince  time.Time // zero while it is not below the low threshold
	lost      *time.Timer
}

// newMonitor returns nil if the content is not valid: the type is unknown, there is no
// pattern or one that cannot match, or strengths and times are out of range.
func newMonitor(p *bluezgen.AdvertisementMonitor1Properties) *monitor {
	if p.Type != bluezgen.MonitorTypeOrPatterns || len(p.Patterns) == 0 ||
		slices.ContainsFunc(p.Patterns, func(p bluezgen.Pattern) bool { return !validPattern(p) }) {
		return nil
	}
	m := &monitor{patterns: slices.Clone(p.Patterns), devices: map[*deviceObject]*tracked{}}
	var ok bool
	if m.strength, ok = newStrengthRange(p); !ok {
		return nil
	}
	return m
}

// validPattern reports whether BlueZ takes a pattern: it has content, that lies within the
// 31 bytes of a legacy advertisement, of an AD type that is assigned.
func validPattern(p bluezgen.Pattern) bool {
	start, length := int(p.StartPosition), len(p.Content)
	return length > 0 && start < maxLegacy && start+length <= maxLegacy && assigned(p.ADType)
}

// assigned reports whether BlueZ's monitors know an AD type: a packet with another one
// matches nothing.
func assigned(kind byte) bool {
	const first, last = 0x01, 0x3d
	return kind >= first && kind <= last || kind == adManufacturerData
}

// newStrengthRange fills in what is not set, as BlueZ does if anything is. It is nil if
// nothing is set, and false if a value is out of range.
func newStrengthRange(p *bluezgen.AdvertisementMonitor1Properties) (s *strengthRange, ok bool) {
	high, low, sampling := int16(unsetRSSI), int16(unsetRSSI), uint16(unsetSampling)
	if p.Has(bluezgen.AdvertisementMonitor1RSSIHighThreshold) {
		high = p.RSSIHighThreshold
	}
	if p.Has(bluezgen.AdvertisementMonitor1RSSILowThreshold) {
		low = p.RSSILowThreshold
	}
	if p.Has(bluezgen.AdvertisementMonitor1RSSISamplingPeriod) {
		sampling = p.RSSISamplingPeriod
	}
	highTimeout, lowTimeout := p.RSSIHighTimeout, p.RSSILowTimeout
	if high == unsetRSSI && low == unsetRSSI && sampling == unsetSampling && highTimeout == unsetTimeout && lowTimeout == unsetTimeout {
		return nil, true
	}
	if low == unsetRSSI {
		low = minFilterRSSI
	}
	if high == unsetRSSI {
		high = low
	}
	if lowTimeout == unsetTimeout {
		lowTimeout = defaultLowTimeout
	}
	if highTimeout == unsetTimeout {
		highTimeout = defaultHighTimeout
	}
	if sampling == unsetSampling {
		sampling = maxSampling
	}
	ok = high >= minFilterRSSI && high <= maxFilterRSSI && low >= minFilterRSSI && low <= maxFilterRSSI && high >= low &&
		highTimeout <= maxTimeout && lowTimeout <= maxTimeout && sampling <= maxSampling
	return &strengthRange{
		high: high, low: low, highTimeout: time.Duration(highTimeout) * time.Second, lowTimeout: time.Duration(lowTimeout) * time.Second,
	}, ok
}

// matches reports whether a packet has one of the patterns.
func (m *monitor) matches(r *report) bool {
	for _, f := range r.fields {
		if !assigned(f.kind) {
			return false
		}
	}
	return slices.ContainsFunc(m.patterns, func(p bluezgen.Pattern) bool {
		return slices.ContainsFunc(r.fields, func(f field) bool { return f.has(p) })
	})
}

// has reports whether a field has a pattern. BlueZ looks for them in what it keeps of a
// packet: service data is there without the UUID, names and lists of UUIDs are not there.
func (f field) has(p bluezgen.Pattern) bool {
	data := f.data
	switch {
	case isServiceData(p.ADType) && isServiceData(f.kind):
		size := map[byte]int{adServiceData16: 2, adServiceData32: 4, adServiceData128: 16}[f.kind]
		data = data[min(size, len(data)):]
	case f.kind != p.ADType, f.kind >= adUUIDs16-1 && f.kind <= adName:
		return false
	}
	start := int(p.StartPosition)
	return len(data) >= start+len(p.Content) && bytes.Equal(data[start:start+len(p.Content)], p.Content)
}

func isServiceData(kind byte) bool {
	return kind == adServiceData16 || kind == adServiceData32 || kind == adServiceData128
}

// heard tells the application of a device that has sent a matching packet: at each, or
// when its strength says that it came into range or left it. The world is locked.
func (m *monitor) heard(d *deviceObject, rssi int16) {
	s := m.strength
	if s == nil {
		m.application.deviceFound(m, d.path)
		return
	}
	t, now := m.devices[d], time.Now()
	if t == nil {
		t = &tracked{}
		m.devices[d] = t
	}
	if t.lost != nil {
		t.lost.Stop()
		t.lost = nil
	}
	if now.Sub(t.seen) > s.highTimeout {
		t.highSince = time.Time{}
	}
	if now.Sub(t.seen) > s.lowTimeout {
		t.lowSince = time.Time{}
	}
	t.seen = now
	if lasts(&t.highSince, now, s.highTimeout, !t.found && rssi > s.high) {
		t.found = true
		m.application.deviceFound(m, d.path)
	}
	if lasts(&t.lowSince, now, s.lowTimeout, t.found && rssi < s.low) {
		t.found = false
		m.application.deviceLost(m, d.path)
	}
	if t.found {
		t.lost = m.application.monitors.object.bluetoothd.after(s.lowTimeout, func() { m.silent(d, t) })
	}
}

// lasts reports whether a condition holds for a time now, of which since is the begin.
func lasts(since *time.Time, now time.Time, timeout time.Duration, holds bool) bool {
	switch {
	case !holds:
		*since = time.Time{}
	case since.IsZero():
		*since = now
	default:
		return now.Sub(*since) >= timeout
	}
	return false
}

// silent is called when a device that was found was not heard any more. The world is
// locked.
func (m *monitor) silent(d *deviceObject, t *tracked) {
	if m.devices[d] != t || t.lost == nil {
		return
	}
	t.lost, t.found = nil, false
	if d.removed {
		delete(m.devices, d)
		return
	}
	m.application.deviceLost(m, d.path)
}

// stop ends the timers. The world is locked.
func (m *monitor) stop() {
	for _, t := range m.devices {
		if t.lost != nil {
			t.lost.Stop()
		}
	}
	clear(m.devices)
}

// powerOff tells that the devices in range are lost. The world is locked.
func (m *monitor) powerOff() {
	for d, t := range m.devices {
		if t.lost != nil {
			t.lost.Stop()
			t.lost = nil
			m.application.deviceLost(m, d.path)
		}
	}
}
