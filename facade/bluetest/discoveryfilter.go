package bluetest

import (
	"context"
	"slices"
	"strings"

	"github.com/gobluez/bluez/bluezgen"
	"github.com/gobluez/bluez/gen/bus"
	"github.com/gobluez/bluez/gen/wire"
)

// filterKeys are the keys of SetDiscoveryFilter, in BlueZ's order.
var filterKeys = [...]struct {
	name  string
	sig   string
	since Version
}{
	{"UUIDs", "as", Version555},
	{"RSSI", "n", Version555},
	{"Pathloss", "q", Version555},
	{"Transport", "s", Version555},
	{"DuplicateData", "b", Version555},
	{"Discoverable", "b", Version555},
	{"Pattern", "s", Version555},
	{"AutoConnect", "b", "5.83"},
}

// The limits of the values.
const (
	minFilterRSSI = -127
	maxFilterRSSI = 20
	maxPathloss   = 137
)

func errInvalidArguments() error {
	return bluezgen.ErrInvalidArguments.With("Invalid arguments in method call")
}

// filterArguments refuses dictionaries for SetDiscoveryFilter that have keys which this
// BlueZ does not know, or values of another type: generated code skips those.
func (b *bluetoothd) filterArguments(d wire.Decoder) error {
	for end := d.Array(8); d.More(end); {
		d.Struct()
		if !b.filterArgument(&d, d.String()) {
			return errInvalidArguments()
		}
	}
	return d.Err()
}

func (b *bluetoothd) filterArgument(d *wire.Decoder, name string) bool {
	for _, key := range filterKeys {
		if key.name == name && b.since(key.since) {
			ok := d.VariantOf(key.sig, name)
			if ok {
				d.Skip(key.sig)
			}
			return ok
		}
	}
	return false
}

// GetDiscoveryFilters returns the keys that SetDiscoveryFilter takes.
func (o *adapterObject) GetDiscoveryFilters(context.Context) ([]string, error) {
	var names []string
	for _, key := range filterKeys {
		if o.bluetoothd.since(key.since) {
			names = append(names, key.name)
		}
	}
	return names, nil
}

// A discoveryFilter is what a client asked for. Nil is a client without a filter.
type discoveryFilter struct {
	asked        bluezgen.DiscoveryFilter // as it was set
	uuids        []string                 // as BlueZ writes them; none: any
	rssi         bus.Opt[int16]
	pathloss     bus.Opt[uint16]
	le           bool // only that radio, where the controller has another
	bredr        bool // likewise; no device is found by it
	duplicate    bool
	discoverable bool
	pattern      string
	autoConnect  bool
}

// newDiscoveryFilter returns nil for the zero filter.
func newDiscoveryFilter(f bluezgen.DiscoveryFilter, leOnly bool) (*discoveryFilter, error) {
	d := &discoveryFilter{asked: f, rssi: f.RSSI, pathloss: f.Pathloss, pattern: f.Pattern}
	for _, uuid := range f.UUIDs {
		long, err := parseUUID(uuid)
		if err != nil {
			return nil, errInvalidArguments()
		}
		d.uuids = append(d.uuids, long)
	}
	rssi, hasRSSI := f.RSSI.Get()
	pathloss, hasPathloss := f.Pathloss.Get()
	switch {
	case hasRSSI && hasPathloss, rssi < minFilterRSSI, rssi > maxFilterRSSI, pathloss > maxPathloss:
		return nil, errInvalidArguments()
	}
	switch f.Transport {
	case "", bluezgen.TransportAuto:
	case bluezgen.TransportLE:
		d.le = !leOnly
	case bluezgen.TransportBREDR:
		d.bredr = true
	default:
		return nil, errInvalidArguments()
	}
	d.duplicate, _ = f.DuplicateData.Get()
	d.discoverable, _ = f.Discoverable.Get()
	d.autoConnect, _ = f.AutoConnect.Get()
	if f.UUIDs == nil && !hasRSSI && !hasPathloss && f.Transport == "" && !f.DuplicateData.IsSet() && !f.Discoverable.IsSet() &&
		f.Pattern == "" && !f.AutoConnect.IsSet() {
		return nil, nil
	}
	return d, nil
}

// proximity reports whether the filter asks for strength.
func (f *discoveryFilter) proximity() bool { return f != nil && (f.rssi.IsSet() || f.pathloss.IsSet()) }

// regular reports whether BlueZ discovers for this client as for one without a filter:
// if nothing is set but what the controller does anyway, such as the transport le of one
// that has no other.
func (f *discoveryFilter) regular() bool {
	return f == nil || len(f.uuids) == 0 && !f.proximity() && !f.le && !f.bredr && !f.duplicate && f.pattern == ""
}

// matches reports whether a packet is for this client. A path loss never excludes
// anything: BlueZ takes a filter that has no RSSI for one that takes any.
func (f *discoveryFilter) matches(r *report) bool {
	return f == nil || len(f.uuids) == 0 || slices.ContainsFunc(f.uuids, func(uuid string) bool { return slices.Contains(r.uuids, uuid) })
}

// hasPrefix reports whether the address or the name of a device begins with the filter's
// pattern. Case does not matter in addresses since 5.87.
func (f *discoveryFilter) hasPrefix(b *bluetoothd, address, name string) bool {
	if strings.HasPrefix(address, f.pattern) || strings.HasPrefix(name, f.pattern) {
		return true
	}
	return b.since(Version587) && len(address) >= len(f.pattern) && strings.EqualFold(address[:len(f.pattern)], f.pattern)
}

// A kernelFilter is what BlueZ has the kernel filter by, for all clients together. Nil is
// a regular discovery.
type kernelFilter struct {
	uuids []string       // sorted; none: any
	rssi  bus.Opt[int16] // the weakest that anybody wants; not set: any
	bredr bool           // nobody wants LE
}

// merge makes one filter of those of all clients. Any client without one, or one as good
// as none, lifts all restrictions; if there are only such, the discovery is regular.
func merge(filters []*discoveryFilter) *kernelFilter {
	k := &kernelFilter{bredr: true}
	anyUUID, anyRSSI, anyFilter := false, false, false
	for _, f := range filters {
		if f.regular() {
			anyUUID, anyRSSI, k.bredr = true, true, false
			continue
		}
		anyFilter = true
		k.bredr = k.bredr && f.bredr
		anyUUID = anyUUID || len(f.uuids) == 0
		k.uuids = append(k.uuids, f.uuids...)
		rssi, ok := f.rssi.Get()
		anyRSSI = anyRSSI || !ok
		if weakest, has := k.rssi.Get(); !has || rssi < weakest {
			k.rssi = bus.Some(rssi)
		}
	}
	if !anyFilter {
		return nil
	}
	if anyUUID {
		k.uuids = nil
	}
	if anyRSSI {
		k.rssi = bus.Opt[int16]{}
	}
	slices.Sort(k.uuids)
	k.uuids = slices.Compact(k.uuids)
	return k
}

// equal reports whether the kernel would do the same.
func (k *kernelFilter) equal(other *kernelFilter) bool {
	if k == nil || other == nil {
		return k == other
	}
	return slices.Equal(k.uuids, other.uuids) && k.rssi == other.rssi && k.bredr == other.bredr
}

// passes reports whether the kernel passes a packet on to BlueZ. A strength that is not
// known is too weak.
func (k *kernelFilter) passes(r *report, rssi int16) bool {
	if k == nil {
		return true
	}
	if k.bredr {
		return false
	}
	if weakest, ok := k.rssi.Get(); ok && (rssi == unknownRSSI || rssi < weakest) {
		return false
	}
	return len(k.uuids) == 0 || slices.ContainsFunc(r.uuids, func(uuid string) bool { return slices.Contains(k.uuids, uuid) })
}
