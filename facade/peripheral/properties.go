package peripheral

import (
	"bytes"
	"maps"
	"slices"
	"time"

	"github.com/gobluez/bluez/bluezgen"
	"github.com/gobluez/bluez/facade"
)

// properties returns what BlueZ is told of an advertisement, without its Timeout.
func (a *Advertisement) properties() bluezgen.LEAdvertisement1Properties {
	p := bluezgen.LEAdvertisement1Properties{Type: bluezgen.AdvertisementTypePeripheral}
	if a.Broadcast {
		p.Type = bluezgen.AdvertisementTypeBroadcast
	}
	p.Add(bluezgen.LEAdvertisement1Type)
	add := func(which bluezgen.LEAdvertisement1Property, wanted bool) {
		if wanted {
			p.Add(which)
		}
	}
	own, scan := a.content(), a.ScanResponse.content()

	p.ServiceUUIDs, p.SolicitUUIDs = bluezUUIDs(own.services), bluezUUIDs(own.solicit)
	p.ManufacturerData, p.ServiceData, p.Data = own.manufacturer, bluezServiceData(own.service), own.data
	add(bluezgen.LEAdvertisement1ServiceUUIDs, len(own.services) > 0)
	add(bluezgen.LEAdvertisement1SolicitUUIDs, len(own.solicit) > 0)
	add(bluezgen.LEAdvertisement1ManufacturerData, len(own.manufacturer) > 0)
	add(bluezgen.LEAdvertisement1ServiceData, len(own.service) > 0)
	add(bluezgen.LEAdvertisement1Data, len(own.data) > 0)

	p.ScanResponseServiceUUIDs, p.ScanResponseSolicitUUIDs = bluezUUIDs(scan.services), bluezUUIDs(scan.solicit)
	p.ScanResponseManufacturerData, p.ScanResponseServiceData, p.ScanResponseData = scan.manufacturer, bluezServiceData(scan.service), scan.data
	add(bluezgen.LEAdvertisement1ScanResponseServiceUUIDs, len(scan.services) > 0)
	add(bluezgen.LEAdvertisement1ScanResponseSolicitUUIDs, len(scan.solicit) > 0)
	add(bluezgen.LEAdvertisement1ScanResponseManufacturerData, len(scan.manufacturer) > 0)
	add(bluezgen.LEAdvertisement1ScanResponseServiceData, len(scan.service) > 0)
	add(bluezgen.LEAdvertisement1ScanResponseData, len(scan.data) > 0)

	p.LocalName, p.Appearance = a.Name, a.Appearance
	add(bluezgen.LEAdvertisement1LocalName, a.Name != "")
	add(bluezgen.LEAdvertisement1Appearance, a.Appearance != 0)
	for _, include := range a.Includes {
		p.Includes = append(p.Includes, bluezgen.AdvertisingInclude(include))
	}
	add(bluezgen.LEAdvertisement1Includes, len(a.Includes) > 0)

	p.Discoverable, p.DiscoverableTimeout = a.Discoverable, uint16(a.DiscoverableTimeout/time.Second)
	add(bluezgen.LEAdvertisement1Discoverable, a.Discoverable || a.Hidden)
	add(bluezgen.LEAdvertisement1DiscoverableTimeout, a.DiscoverableTimeout > 0)

	shortest, longest := a.intervals()
	p.MinInterval, p.MaxInterval = uint32(shortest/time.Millisecond), uint32(longest/time.Millisecond)
	add(bluezgen.LEAdvertisement1MinInterval, shortest > 0)
	add(bluezgen.LEAdvertisement1MaxInterval, longest > 0)
	p.SecondaryChannel = bluezgen.SecondaryChannel(a.SecondaryChannel)
	add(bluezgen.LEAdvertisement1SecondaryChannel, a.SecondaryChannel != "")
	if a.TxPower != nil {
		p.TxPower = *a.TxPower
		p.Add(bluezgen.LEAdvertisement1TxPower)
	}
	p.Duration = uint16(a.Duration / time.Second)
	add(bluezgen.LEAdvertisement1Duration, a.Duration > 0)
	return p
}

func bluezUUIDs(uuids []facade.UUID) []string {
	var texts []string
	for _, uuid := range uuids {
		texts = append(texts, bluezUUID(uuid))
	}
	return texts
}

func bluezServiceData(data map[facade.UUID][]byte) map[string][]byte {
	texts := make(map[string][]byte, len(data))
	for uuid, value := range data {
		texts[bluezUUID(uuid)] = value
	}
	return texts
}

// changesInPlace returns the properties that make one advertisement of another by
// announcing that they have changed. It is not ok if BlueZ does not make of them what it
// would make of the other one by itself.
func changesInPlace(before, after *Advertisement) (changes bluezgen.LEAdvertisement1Properties, ok bool) {
	if before.settings() != after.settings() || !before.ScanResponse.content().equal(after.ScanResponse.content()) {
		return changes, false
	}
	own, other := before.content(), after.content()
	all := after.properties()
	all.LEAdvertisement1Set = bluezgen.LEAdvertisement1Set{}
	add := func(which bluezgen.LEAdvertisement1Property, changed bool) {
		if changed {
			all.Add(which)
		}
	}
	add(bluezgen.LEAdvertisement1ServiceUUIDs, !slices.Equal(own.services, other.services))
	add(bluezgen.LEAdvertisement1SolicitUUIDs, !slices.Equal(own.solicit, other.solicit))
	add(bluezgen.LEAdvertisement1ManufacturerData, !equalValues(own.manufacturer, other.manufacturer))
	add(bluezgen.LEAdvertisement1ServiceData, !equalValues(own.service, other.service))
	add(bluezgen.LEAdvertisement1Data, !equalValues(own.data, other.data))
	add(bluezgen.LEAdvertisement1LocalName, before.Name != after.Name)
	add(bluezgen.LEAdvertisement1Appearance, before.Appearance != after.Appearance)
	// With changed data BlueZ forgets what it has put there itself: flags, and the set
	// identifier.
	if all.Has(bluezgen.LEAdvertisement1Data) && (after.Discoverable || after.Hidden || after.includes(IncludeRSI)) {
		return changes, false
	}
	return all, true
}

// settings are what cannot be changed in what BlueZ sends, because it takes some changes
// only with others, and some for something else: it goes on to send a name that is taken
// away.
type settings struct {
	named, appears               bool
	broadcast                    bool
	discoverable, hidden         bool
	discoverableTimeout          time.Duration
	minInterval, maxInterval     time.Duration
	channel                      SecondaryChannel
	hasPower                     bool
	power                        int16
	duration, timeout            time.Duration
	txPower, appearance, adapter bool // what BlueZ adds
	rsi                          bool
}

func (a *Advertisement) settings() settings {
	s := settings{
		named: a.Name != "", appears: a.Appearance != 0, broadcast: a.Broadcast,
		discoverable: a.Discoverable, hidden: a.Hidden, discoverableTimeout: a.DiscoverableTimeout,
		channel: a.SecondaryChannel, hasPower: a.TxPower != nil, duration: a.Duration, timeout: a.Timeout,
		txPower: a.includes(IncludeTxPower), appearance: a.includes(IncludeAppearance), adapter: a.includes(IncludeName), rsi: a.includes(IncludeRSI),
	}
	s.minInterval, s.maxInterval = a.intervals()
	if a.TxPower != nil {
		s.power = *a.TxPower
	}
	return s
}

func (c content) equal(other content) bool {
	return slices.Equal(c.services, other.services) && slices.Equal(c.solicit, other.solicit) &&
		equalValues(c.manufacturer, other.manufacturer) && equalValues(c.service, other.service) && equalValues(c.data, other.data)
}

func equalValues[K comparable](a, b map[K][]byte) bool { return maps.EqualFunc(a, b, bytes.Equal) }
