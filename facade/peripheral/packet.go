package peripheral

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/gobluez/bluez/bluezgen"
	"github.com/gobluez/bluez/facade"
)

// legacyLength is how much fits into a packet, and into a scan response, that is no
// extended one (Core specification, volume 6, part B, section 2.3.1).
const legacyLength = 31

// A packet is what BlueZ and the kernel put into an advertisement, or into its scan
// response, by size. Entries take 2 bytes, for length and type, beside their content (Core
// specification, volume 3, part C, section 11).
type packet struct {
	entries []entry
}

type entry struct {
	what string
	size int // 2 included
}

func (p *packet) add(what string, size int) {
	if i := slices.IndexFunc(p.entries, func(e entry) bool { return e.what == what }); i >= 0 {
		p.entries[i].size += size
		return
	}
	p.entries = append(p.entries, entry{what, size})
}

// size returns how many bytes it has.
func (p *packet) size() int {
	total := 0
	for _, e := range p.entries {
		total += e.size
	}
	return total
}

// String says what takes how much.
func (p *packet) String() string {
	var all []string
	for _, e := range p.entries {
		all = append(all, fmt.Sprintf("%s %d", e.what, e.size))
	}
	return strings.Join(all, ", ")
}

// fit says what is too long for limit bytes.
func (p *packet) fit(what string, limit int) error {
	if size := p.size(); size > limit {
		return fmt.Errorf("%s of %d bytes is %w: there is room for %d (%v)", what, size, ErrTooLong, limit, p)
	}
	return nil
}

// addContent adds what a packet and a scan response both can hold.
func (p *packet) addContent(c content) {
	p.addUUIDs("services", c.services)
	p.addUUIDs("solicited services", c.solicit)
	for _, data := range c.manufacturer {
		p.add("manufacturer data", 2+2+len(data))
	}
	for uuid, data := range c.service {
		p.add("service data", 2+uuidSize(uuid)+len(data))
	}
	for _, data := range c.data {
		p.add("data", 2+len(data))
	}
}

// addUUIDs adds a list for each of the lengths that UUIDs have.
func (p *packet) addUUIDs(what string, uuids []facade.UUID) {
	seen := make(map[int]bool)
	for _, uuid := range uuids {
		size := uuidSize(uuid)
		if !seen[size] {
			seen[size] = true
			p.add(what, 2)
		}
		p.add(what, size)
	}
}

// uuidSize returns how long the shortest form of a UUID is.
func uuidSize(u facade.UUID) int {
	switch len(u.Short()) {
	case 4:
		return 2
	case 8:
		return 4
	}
	return 16
}

// bluezUUID returns a UUID as BlueZ is to be told: it shortens those of 16 bits by itself,
// but those of 32 bits only if they come as such.
func bluezUUID(u facade.UUID) string {
	if uuidSize(u) == 4 {
		return u.Short()
	}
	return u.String()
}

// The sizes of entries whose content does not vary.
const (
	flagsSize      = 2 + 1
	txPowerSize    = 2 + 1
	appearanceSize = 2 + 2
	rsiSize        = 2 + 6
)

// adapterNameLength is how much of its own name the kernel puts into a scan response, and
// a NUL (it keeps a short name of this length).
const adapterNameLength = 10

// packets returns what an adapter is to send, and whether BlueZ makes it extended
// advertising.
func (a *Advertisement) packets(on *adapterState) (adv, scan packet, extended bool) {
	if a.Discoverable || a.Hidden {
		adv.add("flags", flagsSize)
	}
	adv.addContent(a.content())
	if a.includes(IncludeRSI) {
		adv.add("set identifier", rsiSize)
	}
	// BlueZ decides by what it has collected so far, without the rest.
	extended = a.SecondaryChannel != "" || adv.size() > legacyLength && on.room() > legacyLength

	if !a.Broadcast && on.discoverable && !a.Discoverable && !a.Hidden {
		adv.add("flags", flagsSize)
	}
	if a.includes(IncludeTxPower) {
		adv.add("TX power", txPowerSize)
	}
	if a.Appearance != 0 || a.includes(IncludeAppearance) {
		adv.add("appearance", appearanceSize)
	}
	if a.Name != "" && !a.scannable(extended) {
		adv.add("name", 2+len(a.Name))
	}

	scan.addContent(a.ScanResponse.content())
	if !a.scannable(extended) {
		return adv, scan, extended
	}
	if a.Name != "" {
		scan.add("name", 2+len(a.Name))
	}
	if a.includes(IncludeName) {
		scan.add("name", 2+min(len(on.alias), adapterNameLength)+1)
	}
	if a.includes(IncludeAppearance) {
		scan.add("appearance", appearanceSize)
	}
	return adv, scan, extended
}

// scannable reports whether there is a scan response: not for extended advertisements that
// can be connected to (Core specification, volume 4, part E, section 7.8.53).
func (a *Advertisement) scannable(extended bool) bool { return a.Broadcast || !extended }

// An adapterState is what an adapter can do at this moment.
type adapterState struct {
	bluezgen.LEAdvertisingManager1Properties
	discoverable bool
	alias        string
}

// validateOn says what an adapter cannot do of an advertisement: all of it.
func (a *Advertisement) validateOn(on *adapterState) error {
	var wrong mistakes
	for _, include := range a.Includes {
		if on.Has(bluezgen.LEAdvertisingManager1SupportedIncludes) && !slices.Contains(on.SupportedIncludes, bluezgen.AdvertisingInclude(include)) {
			wrong.add(cannot("add %q by itself", include))
		}
	}
	if a.SecondaryChannel != "" && !slices.Contains(on.SupportedSecondaryChannels, bluezgen.SecondaryChannel(a.SecondaryChannel)) {
		wrong.add(cannot("use the secondary channel %s", a.SecondaryChannel))
	}
	if a.TxPower != nil {
		wrong.add(on.canSend(*a.TxPower))
	}
	adv, scan, extended := a.packets(on)
	if !a.scannable(extended) && a.includes(IncludeName) {
		wrong.addf("an extended advertisement that can be connected to does not take the adapter's name: give it a Name")
	}
	if !a.scannable(extended) && scan.size() > 0 {
		wrong.addf("an extended advertisement that can be connected to has no scan response")
		scan = packet{}
	}
	room := legacyLength
	if extended {
		room = on.room()
	}
	wrong.add(adv.fit("advertising data", room), scan.fit("scan response", room))
	return wrong.join()
}

// room returns how many bytes fit into an extended packet, or its scan response.
func (on *adapterState) room() int {
	longest, known := on.SupportedCapabilities.MaxAdvLen.Get()
	if !known { // before BlueZ 5.57
		return legacyLength
	}
	return int(longest)
}

// canSend says why a power cannot be sent with: BlueZ would ignore that.
func (on *adapterState) canSend(power int16) error {
	if !slices.Contains(on.SupportedFeatures, bluezgen.AdvertisingFeatureCanSetTxPower) {
		return cannot("set the TX power")
	}
	lowest, known := on.SupportedCapabilities.MinTxPower.Get()
	if known && power < lowest {
		return cannot("send with %d dBm, %d dBm is the lowest", power, lowest)
	}
	highest, known := on.SupportedCapabilities.MaxTxPower.Get()
	if known && power > highest {
		return cannot("send with %d dBm, %d dBm is the highest", power, highest)
	}
	return nil
}

// cannot returns what an adapter cannot do.
func cannot(format string, args ...any) error {
	return fmt.Errorf("the adapter cannot "+format+": %w", append(args, errors.ErrUnsupported)...)
}
