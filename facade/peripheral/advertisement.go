package peripheral

import (
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/gobluez/bluez/bluezgen"
	"github.com/gobluez/bluez/facade"
)

// An Advertisement is what an adapter is to say, and how. The zero value is one that can
// be connected to and says nothing but what BlueZ adds; most set Name and Services.
//
// A packet has 31 bytes, and the scan response, which who scans actively asks for, as
// many. BlueZ puts the name into the scan response and everything else into the packet.
// Each list of UUIDs of one length and each other entry needs 2 bytes beside its content:
// a UUID has 2, 4 or 16, the company of manufacturer data 2, an appearance 2, the flags 1.
// If that is more than 31 bytes and the adapter can do better, BlueZ sends an extended
// advertisement, which older phones do not hear.
type Advertisement struct {
	// Name is what the device is called, in UTF-8. It has no bearing on the adapter's
	// alias, which is what a connected device reads. Empty sends none.
	Name string
	// Services are the services that the device offers, Solicit those that it would like
	// the other side to have.
	Services, Solicit []facade.UUID
	// ManufacturerData has data by company identifier (assigned.Company names them). No
	// value may be empty, here and below: BlueZ refuses that.
	ManufacturerData map[uint16][]byte
	// ServiceData has data by service.
	ServiceData map[facade.UUID][]byte
	// Data has further data by its type (Assigned Numbers, section 2.3), such as 0x24 for
	// a URI. Types that other fields stand for, or that are BlueZ's own business, are
	// refused.
	Data map[byte][]byte
	// Appearance is what the device looks like (assigned.Appearance names them). 0 sends
	// none.
	Appearance uint16
	// Includes is what BlueZ is to add by itself.
	Includes []Include
	// ScanResponse is what to put into the scan response, beside the name. It needs BlueZ
	// 5.80; older ones send nothing of it.
	ScanResponse ScanResponse

	// Broadcast makes an advertisement that cannot be connected to.
	Broadcast bool
	// Discoverable says in the flags that the device is generally discoverable, Hidden
	// that it is not. Without either the adapter's own setting decides. A broadcast has no
	// such flags.
	Discoverable, Hidden bool
	// DiscoverableTimeout makes it discoverable for so long only (limited discoverable),
	// in whole seconds up to 65,535. 0 means without end.
	DiscoverableTimeout time.Duration

	// MinInterval and MaxInterval bound the time between packets: 20 ms to 10,485 s, in
	// whole milliseconds. If one of them is 0 it is like the other; with both 0 the kernel
	// decides (1.28 s, or its setting). Linux before 5.11 ignores them.
	MinInterval, MaxInterval time.Duration
	// SecondaryChannel asks for an extended advertisement, on that channel. Who can be
	// connected to has no scan response then: its name goes into the packet.
	SecondaryChannel SecondaryChannel
	// TxPower is the power to send with, in dBm, from -127 to 20; new(int16(4)) is 4 dBm.
	// Nil leaves it to the controller, and so must who uses a controller that cannot set
	// it.
	TxPower *int16

	// Duration is how long to send it at a time when several advertisements take turns,
	// Timeout how long to send it at all, both in whole seconds up to 65,535. 0 means
	// BlueZ's 2 s, and without end.
	Duration, Timeout time.Duration
}

// A ScanResponse is what is sent to those that ask for it. Its fields are like those of an
// Advertisement.
type ScanResponse struct {
	Services, Solicit []facade.UUID
	ManufacturerData  map[uint16][]byte
	ServiceData       map[facade.UUID][]byte
	Data              map[byte][]byte
}

// An Include is something that BlueZ can add to an advertisement.
type Include string

// What BlueZ can add (org.bluez.LEAdvertisement(5), Includes). Not every adapter can add
// everything.
const (
	IncludeTxPower    = Include(bluezgen.AdvertisingIncludeTxPower)    // the power that is sent with
	IncludeAppearance = Include(bluezgen.AdvertisingIncludeAppearance) // the adapter's appearance
	IncludeName       = Include(bluezgen.AdvertisingIncludeLocalName)  // the adapter's name, 10 bytes of it at most
	IncludeRSI        = Include(bluezgen.AdvertisingIncludeRSI)        // the resolvable set identifier of bluetoothd's configuration
)

// A SecondaryChannel is the physical layer that extended advertisements are sent on.
type SecondaryChannel string

// The secondary channels (org.bluez.LEAdvertisement(5), SecondaryChannel).
const (
	Channel1M    = SecondaryChannel(bluezgen.SecondaryChannel1M)    // 1 Mbit/s
	Channel2M    = SecondaryChannel(bluezgen.SecondaryChannel2M)    // 2 Mbit/s
	ChannelCoded = SecondaryChannel(bluezgen.SecondaryChannelCoded) // long range; the primary channel is coded, too
)

// validate says what is wrong with an advertisement, whatever the adapter: all of it.
func (a *Advertisement) validate() error {
	var wrong mistakes
	wrong.add(validText("name", a.Name))
	a.content().validate(&wrong, "")
	a.ScanResponse.content().validate(&wrong, "scan response: ")
	a.validateIncludes(&wrong)
	a.validateDiscoverable(&wrong)
	wrong.add(wholeSeconds("duration", a.Duration), wholeSeconds("timeout", a.Timeout),
		wholeSeconds("discoverable timeout", a.DiscoverableTimeout))
	a.validateIntervals(&wrong)
	if a.TxPower != nil && (*a.TxPower < minTxPower || *a.TxPower > maxTxPower) {
		wrong.addf("TX power of %d dBm is not in %d to %d", *a.TxPower, minTxPower, maxTxPower)
	}
	switch a.SecondaryChannel {
	case "", Channel1M, Channel2M, ChannelCoded:
	default:
		wrong.addf("secondary channel %q is none of %s, %s and %s", a.SecondaryChannel, Channel1M, Channel2M, ChannelCoded)
	}
	return wrong.join()
}

// validText says what is wrong with text, which D-Bus has to take.
func validText(what, text string) error {
	switch {
	case !utf8.ValidString(text):
		return fmt.Errorf("%s %q is not UTF-8", what, text)
	case strings.ContainsRune(text, 0):
		return fmt.Errorf("%s %q contains a NUL", what, text)
	}
	return nil
}

func (a *Advertisement) validateIncludes(wrong *mistakes) {
	for i, include := range a.Includes {
		switch include {
		case IncludeTxPower, IncludeAppearance, IncludeName, IncludeRSI:
		default:
			wrong.addf("include %q is unknown", include)
		}
		if slices.Contains(a.Includes[:i], include) {
			wrong.addf("include %q is there twice", include)
		}
	}
	if a.Name != "" && a.includes(IncludeName) {
		wrong.addf("name %q and the adapter's name exclude each other", a.Name)
	}
	if a.Appearance != 0 && a.includes(IncludeAppearance) {
		wrong.addf("appearance 0x%04x and the adapter's appearance exclude each other", a.Appearance)
	}
}

func (a *Advertisement) includes(what Include) bool { return slices.Contains(a.Includes, what) }

func (a *Advertisement) validateDiscoverable(wrong *mistakes) {
	switch {
	case a.Broadcast && (a.Discoverable || a.Hidden):
		wrong.addf("a broadcast is neither discoverable nor hidden")
	case a.Discoverable && a.Hidden:
		wrong.addf("discoverable and hidden exclude each other")
	}
	switch {
	case a.DiscoverableTimeout == 0:
	case !a.Discoverable:
		wrong.addf("discoverable timeout %v of what is not discoverable", a.DiscoverableTimeout)
	case a.Timeout != 0 && a.DiscoverableTimeout > a.Timeout:
		wrong.addf("discoverable timeout %v is longer than the timeout %v", a.DiscoverableTimeout, a.Timeout)
	}
}

// wholeSeconds says what is wrong with a time that BlueZ takes in 16 bits of seconds.
func wholeSeconds(what string, d time.Duration) error {
	if d < 0 || d%time.Second != 0 || d > math.MaxUint16*time.Second {
		return fmt.Errorf("%s %v is not a whole number of seconds from 0 to %d", what, d, math.MaxUint16)
	}
	return nil
}

// The bounds of what BlueZ takes (src/advertising.c refuses anything else).
const (
	minInterval = 20 * time.Millisecond
	maxInterval = 10_485 * time.Second
	minTxPower  = -127
	maxTxPower  = 20
)

func (a *Advertisement) validateIntervals(wrong *mistakes) {
	shortest, longest := a.intervals()
	if shortest == 0 && longest == 0 {
		return
	}
	for i, d := range []time.Duration{shortest, longest} {
		if d < minInterval || d > maxInterval || d%time.Millisecond != 0 {
			wrong.addf("%s interval %v is not in %v to %v, in whole milliseconds", []string{"minimum", "maximum"}[i], d, minInterval, maxInterval)
		}
	}
	if shortest > longest {
		wrong.addf("minimum interval %v is longer than the maximum interval %v", shortest, longest)
	}
}

// intervals returns the bounds of the interval, both 0 if it has none: BlueZ takes both or
// neither.
func (a *Advertisement) intervals() (shortest, longest time.Duration) {
	shortest, longest = a.MinInterval, a.MaxInterval
	if shortest == 0 {
		shortest = longest
	}
	if longest == 0 {
		longest = shortest
	}
	return shortest, longest
}

// clone returns a copy that shares nothing with a.
func (a *Advertisement) clone() Advertisement {
	c := *a
	c.Includes = slices.Clone(a.Includes)
	own := a.content().clone()
	c.Services, c.Solicit, c.ManufacturerData, c.ServiceData, c.Data = own.services, own.solicit, own.manufacturer, own.service, own.data
	own = a.ScanResponse.content().clone()
	c.ScanResponse = ScanResponse{own.services, own.solicit, own.manufacturer, own.service, own.data}
	if a.TxPower != nil {
		c.TxPower = new(*a.TxPower)
	}
	return c
}

func (a *Advertisement) content() content {
	return content{a.Services, a.Solicit, a.ManufacturerData, a.ServiceData, a.Data}
}

func (r *ScanResponse) content() content {
	return content{r.Services, r.Solicit, r.ManufacturerData, r.ServiceData, r.Data}
}

// A content is what a packet and a scan response both can hold.
type content struct {
	services, solicit []facade.UUID
	manufacturer      map[uint16][]byte
	service           map[facade.UUID][]byte
	data              map[byte][]byte
}

func (c content) clone() content {
	return content{
		slices.Clone(c.services), slices.Clone(c.solicit),
		cloneValues(c.manufacturer), cloneValues(c.service), cloneValues(c.data),
	}
}

func cloneValues[K comparable](values map[K][]byte) map[K][]byte {
	cloned := maps.Clone(values)
	for key, value := range cloned {
		cloned[key] = slices.Clone(value)
	}
	return cloned
}

// validate adds what is wrong, in an order that is always the same.
func (c content) validate(wrong *mistakes, where string) {
	validateUUIDs(wrong, where+"service", c.services)
	validateUUIDs(wrong, where+"solicited service", c.solicit)
	for _, company := range slices.Sorted(maps.Keys(c.manufacturer)) {
		if len(c.manufacturer[company]) == 0 {
			wrong.addf("%smanufacturer data of 0x%04x is empty", where, company)
		}
	}
	for _, uuid := range slices.SortedFunc(maps.Keys(c.service), compareUUIDs) {
		if len(c.service[uuid]) == 0 {
			wrong.addf("%sservice data of %s is empty", where, uuid.Short())
		}
	}
	for _, kind := range slices.Sorted(maps.Keys(c.data)) {
		if instead, refused := refusedType(kind); refused {
			wrong.addf("%sdata of type 0x%02x: BlueZ refuses it, %s", where, kind, instead)
		} else if len(c.data[kind]) == 0 {
			wrong.addf("%sdata of type 0x%02x is empty", where, kind)
		}
	}
}

func validateUUIDs(wrong *mistakes, what string, uuids []facade.UUID) {
	for i, uuid := range uuids {
		if slices.Contains(uuids[:i], uuid) {
			wrong.addf("%s %s is there twice", what, uuid.Short())
		}
	}
}

func compareUUIDs(a, b facade.UUID) int { return slices.Compare(a[:], b[:]) }

// refusedType tells whether BlueZ refuses a type of Data (src/shared/ad.c has the list),
// and what to do about it. The types are those of the Assigned Numbers, section 2.3.
func refusedType(kind byte) (instead string, refused bool) {
	switch kind {
	case 0x01:
		return "Discoverable and Hidden decide on the flags", true
	case 0x02, 0x03, 0x04, 0x05, 0x06, 0x07:
		return "Services stands for it", true
	case 0x08, 0x09:
		return "Name stands for it", true
	case 0x0a:
		return "IncludeTxPower stands for it", true
	case 0x14, 0x15, 0x1f:
		return "Solicit stands for it", true
	case 0x16, 0x20, 0x21:
		return "ServiceData stands for it", true
	case 0x19:
		return "Appearance stands for it", true
	case 0xff:
		return "ManufacturerData stands for it", true
	case 0x0d, 0x0e, 0x0f, 0x10, 0x11, 0x12, 0x17, 0x18, 0x1a, 0x1b, 0x1c, 0x1d, 0x1e,
		0x22, 0x23, 0x27, 0x28, 0x29, 0x2a, 0x2b, 0x3d:
		return "it is for BlueZ or the kernel to send", true
	}
	return "", false
}
