package bluetest

import (
	"context"
	"hash/fnv"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/gobluez/bluez/bluezgen"
	"github.com/gobluez/bluez/gen/bus"
	"github.com/gobluez/bluez/gen/wire"
)

// Releases in which advertising changed.
const (
	version557 Version = "5.57" // SupportedFeatures, SupportedCapabilities
	version576 Version = "5.76" // more than 31 bytes without asking for a secondary channel
)

// An instance is an advertisement that a client has registered.
type instance struct {
	*registered
	manager *advertisingManager
	number  byte // of the adapter's, from 1

	reading sync.Mutex // guards record
	record  bluezgen.LEAdvertisement1Update

	// Guarded by the world.
	changes      *bus.Subscription // nil until the properties were read
	properties   bluezgen.LEAdvertisement1Properties
	advertiser   *advertiser // nil until it is sent
	timeout      *time.Timer // nil without one
	discoverable *time.Timer // until it is not any more; nil without one
	hidden       bool        // it is not any more
}

func errUnparsed() error { return bluezgen.ErrFailed.With("Failed to parse advertisement.") }

func errUnregistered() error { return bluezgen.ErrFailed.With("Failed to register advertisement") }

// proxy returns the client's object.
func (i *instance) proxy() bluezgen.LEAdvertisement1 {
	return bluezgen.LEAdvertisement1{Object: i.object(i.path)}
}

// open reads the properties and follows them. An object that has none, or that does not
// exist, is an advertisement of nothing.
func (i *instance) open(ctx context.Context) error {
	object := i.object(i.path)
	changes, err := object.SubscribeProperties(ctx, bluezgen.LEAdvertisement1Interface, i.noticed)
	if err != nil {
		return errUnregistered()
	}
	i.bluetoothd.world.do(func() { i.changes = changes })
	err = object.GetAll(ctx, bluezgen.LEAdvertisement1Interface, i.load)
	if err != nil && ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return nil
}

// load takes all properties.
func (i *instance) load(d *wire.Decoder) {
	i.reading.Lock()
	defer i.reading.Unlock()
	i.record.Load(d)
}

// noticed takes a change of properties, on the reader goroutine.
func (i *instance) noticed(d *wire.Decoder) {
	i.reading.Lock()
	defer i.reading.Unlock()
	i.record.Apply(d)
	update := i.record
	i.later(func() { i.bluetoothd.world.do(func() { i.changed(update) }) })
}

// begin sends the advertisement. The world is locked, as for what follows.
func (i *instance) begin() error {
	i.reading.Lock()
	i.properties = i.record.LEAdvertisement1Properties
	i.reading.Unlock()
	advertisement, report, err := i.parse()
	if err != nil {
		return err
	}
	if !i.manager.object.powered() {
		return errUnregistered()
	}
	i.startTimers()
	i.send(advertisement, report)
	i.bluetoothd.world.tasks.Go(func() { i.run(i.ctx) })
	return nil
}

// send puts the advertisement into the air, or changes what is there.
func (i *instance) send(advertisement Advertisement, report *report) {
	station := i.manager.object.adapter.station
	if i.advertiser == nil {
		hash := fnv.New64a()
		hash.Write([]byte(station.address))
		i.advertiser = &advertiser{peripheral: station, random: rand.New(rand.NewPCG(hash.Sum64(), uint64(i.number)))}
	}
	i.advertiser.set(advertisement, report)
	if air := &station.world.air; i.advertiser.scheduled {
		air.update(i.advertiser)
	} else {
		air.add(i.advertiser)
	}
}

// silence takes the advertisement out of the air.
func (i *instance) silence() {
	if a := i.advertiser; a != nil {
		a.advertisement.Silent = true
		a.peripheral.world.air.remove(a)
	}
}

// power is what BlueZ sets of the properties each time that it sends them: the power that an
// adapter has chosen which can choose one.
func (i *instance) power() []assignment {
	power := i.properties.TxPower
	if !i.manager.object.adapter.extended {
		return nil
	}
	return []assignment{{
		i.path, bluezgen.LEAdvertisement1Interface, bluezgen.LEAdvertisement1TxPower.String(), "n",
		func(e *wire.Encoder) { e.Int16(power) },
	}}
}

// which is what it sets once, since 5.87: the number of the advertisement.
func (i *instance) which() []assignment {
	number := i.number
	if !i.properties.Has(bluezgen.LEAdvertisement1Instance) || !i.bluetoothd.since(Version587) {
		return nil
	}
	return []assignment{{
		i.path, bluezgen.LEAdvertisement1Interface, bluezgen.LEAdvertisement1Instance.String(), "y",
		func(e *wire.Encoder) { e.Byte(number) },
	}}
}

// startTimers begins to count the seconds of Timeout and DiscoverableTimeout.
func (i *instance) startTimers() {
	p := &i.properties
	i.stopTimers()
	if p.Timeout > 0 {
		i.timeout = i.bluetoothd.after(time.Duration(p.Timeout)*time.Second, i.expire)
	}
	if p.Discoverable && p.DiscoverableTimeout > 0 {
		i.discoverable = i.bluetoothd.after(time.Duration(p.DiscoverableTimeout)*time.Second, func() {
			i.hidden = true
			i.refresh()
		})
	}
}

func (i *instance) stopTimers() {
	for _, t := range []*time.Timer{i.timeout, i.discoverable} {
		if t != nil {
			t.Stop()
		}
	}
	i.timeout, i.discoverable = nil, nil
}

// expire ends the advertisement when its time has passed, and releases it.
func (i *instance) expire() {
	if i.ctx.Err() != nil {
		return
	}
	i.release()
	i.manager.remove(i)
}

// release tells the client that its advertisement has ended.
func (i *instance) release() {
	i.bluetoothd.tell(func(ctx context.Context) error { return i.proxy().Release(ctx) })
}

// close takes the advertisement out of the air.
func (i *instance) close() {
	if i.changes != nil {
		i.changes.Close()
	}
	i.stopTimers()
	i.silence()
	i.end()
}

// changed takes changed properties over. What cannot be advertised changes nothing.
func (i *instance) changed(u bluezgen.LEAdvertisement1Update) {
	if i.ctx.Err() != nil || i.advertiser == nil {
		return
	}
	before := i.properties
	i.properties = u.LEAdvertisement1Properties
	if _, _, err := i.parse(); err != nil {
		i.properties = before
		return
	}
	timers := bluezgen.LEAdvertisement1SetOf(bluezgen.LEAdvertisement1Timeout, bluezgen.LEAdvertisement1DiscoverableTimeout)
	if u.Changed.Intersects(timers) || u.Invalidated.Intersects(timers) {
		i.startTimers()
	}
	i.hidden = i.hidden && !u.Changed.Has(bluezgen.LEAdvertisement1Discoverable)
	i.refresh()
	power := i.power()
	i.later(func() { i.assign(power) })
}

// refresh sends what is to be sent now.
func (i *instance) refresh() {
	if i.advertiser == nil || !i.manager.object.powered() {
		return
	}
	if advertisement, report, err := i.parse(); err == nil {
		i.send(advertisement, report)
	}
}
