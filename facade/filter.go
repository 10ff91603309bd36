package facade

import (
	"bytes"
	"slices"
	"strings"
)

// matches reports whether adv is wanted. Each scan judges for itself, for BlueZ
// merges the filters of all programs and sends every program everything.
func (o *ScanOptions) matches(adv *Advertisement) bool {
	switch {
	case !o.Address.IsZero() && adv.Address != o.Address,
		o.Name != "" && adv.Name != o.Name,
		o.MinRSSI != 0 && (!adv.HasRSSI || adv.RSSI < o.MinRSSI),
		o.MaxPathLoss != 0 && (!adv.HasRSSI || !adv.HasTxPower || int(adv.TxPower)-int(adv.RSSI) > int(o.MaxPathLoss)),
		o.Pattern != "" && !strings.HasPrefix(adv.Name, o.Pattern) && !strings.HasPrefix(adv.Address.String(), o.Pattern),
		len(o.Services) > 0 && !slices.ContainsFunc(adv.ServiceUUIDs, func(u UUID) bool { return slices.Contains(o.Services, u) }):
		return false
	}
	return o.Match == nil || o.Match(*adv)
}

// A filter is what BlueZ is asked to report: at least what every scan that shares the
// discovery wants. Zero fields do not restrict.
type filter struct {
	services    []UUID // sorted
	minRSSI     int16  // excludes maxPathLoss: BlueZ takes one of them
	maxPathLoss uint16
	pattern     string
	everyPacket bool

	transport    Transport // empty for TransportLE
	discoverable bool
	autoConnect  bool
}

// filter returns what the scan needs when it is alone.
func (o *ScanOptions) filter() filter {
	f := filter{
		minRSSI: o.MinRSSI, pattern: o.Pattern, everyPacket: o.EveryPacket,
		transport: o.Transport, discoverable: o.Discoverable, autoConnect: o.AutoConnect,
	}
	if f.transport == TransportLE {
		f.transport = ""
	}
	if len(o.Services) > 0 {
		f.services = slices.Clone(o.Services)
		slices.SortFunc(f.services, compareUUIDs)
		f.services = slices.Compact(f.services)
	}
	if f.minRSSI == 0 {
		f.maxPathLoss = o.MaxPathLoss
	}
	return f
}

// union returns a filter that reports what f or g report: where they differ in kind,
// neither restricts.
func (f filter) union(g filter) filter {
	u := filter{
		everyPacket: f.everyPacket || g.everyPacket, transport: TransportAuto,
		discoverable: f.discoverable || g.discoverable, autoConnect: f.autoConnect || g.autoConnect,
	}
	if f.transport == g.transport {
		u.transport = f.transport
	}
	if f.services != nil && g.services != nil {
		u.services = slices.Concat(f.services, g.services)
		slices.SortFunc(u.services, compareUUIDs)
		u.services = slices.Compact(u.services)
	}
	if f.minRSSI != 0 && g.minRSSI != 0 {
		u.minRSSI = min(f.minRSSI, g.minRSSI)
	} else if f.maxPathLoss != 0 && g.maxPathLoss != 0 {
		u.maxPathLoss = max(f.maxPathLoss, g.maxPathLoss)
	}
	if f.pattern == g.pattern {
		u.pattern = f.pattern
	}
	return u
}

// equal reports whether BlueZ would do the same for f and g.
func (f filter) equal(g filter) bool {
	return slices.Equal(f.services, g.services) && f.minRSSI == g.minRSSI && f.maxPathLoss == g.maxPathLoss &&
		f.pattern == g.pattern && f.everyPacket == g.everyPacket && f.transport == g.transport &&
		f.discoverable == g.discoverable && f.autoConnect == g.autoConnect
}

func compareUUIDs(a, b UUID) int { return bytes.Compare(a[:], b[:]) }
