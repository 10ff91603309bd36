package bluetest

import (
	"encoding/binary"
	"fmt"
	"hash/fnv"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/gobluez/bluez/bluezgen"
)

// An advertiser sends the advertisements of a peripheral.
type advertiser struct {
	peripheral *Peripheral

	// Guarded by the world.
	advertisement Advertisement
	report        *report // what is heard of it
	random        *rand.Rand
	strength      int16     // of the last packet
	at            time.Time // of the next
	scheduled     bool      // in the air, at an index of its queue
	index         int
	rotation      *time.Timer
	link          *link                            // that was made by it, of an adapter; it pauses meanwhile
	sent          chan struct{}                    // closed with the next packet that one can connect to; nil if nobody waits
	objects       map[*adapterObject]*deviceObject // where BlueZ has the device; may be outdated
}

// init takes the declaration, which was validated.
func (a *advertiser) init(p *Peripheral) {
	a.peripheral = p
	a.objects = map[*adapterObject]*deviceObject{}
	hash := fnv.New64a()
	hash.Write([]byte(p.address))
	a.random = rand.New(rand.NewPCG(hash.Sum64(), 0)) // what a device does is the same in each run
	report, _ := p.declared.Advertisement.report(&p.declared)
	a.set(p.declared.Advertisement, report)
}

// start begins to advertise. The world is locked.
func (a *advertiser) start() {
	a.peripheral.world.air.add(a)
	a.rotateLater()
}

// set replaces what is advertised. The world is locked, or has not begun.
func (a *advertiser) set(advertisement Advertisement, report *report) {
	a.advertisement = advertisement.withDefaults()
	a.report = report
	a.strength = a.advertisement.RSSI
}

// SetAdvertisement replaces what the device advertises. Mistakes are errors.
func (p *Peripheral) SetAdvertisement(a Advertisement) error {
	report, err := a.report(&p.declared)
	if err != nil {
		return fmt.Errorf("device %s: %w", p.Address(), err)
	}
	p.world.do(func() {
		p.advertiser.set(a, report)
		p.advertiser.rotateLater()
		p.world.air.update(&p.advertiser)
	})
	return nil
}

// Advertise begins to advertise, if the device is silent.
func (p *Peripheral) Advertise() { p.world.do(func() { p.advertiser.advertisement.Silent = false }) }

// Silence ends advertising, as a device does that was switched to save power. Nobody can
// connect to it then.
func (p *Peripheral) Silence() { p.world.do(func() { p.advertiser.advertisement.Silent = true }) }

// Packet sends one packet now, whatever the device advertises otherwise, and also while
// it is silent or connected: with what the advertisement declares, and with its RSSI.
// Adapters that scan have heard it when Packet returns, unless the device has vanished.
// Mistakes are errors.
func (p *Peripheral) Packet(a Advertisement) error { return p.packet(a, false) }

// ScanResponse sends one scan response now whose advertisement was lost on the way; it is
// like Packet otherwise. BlueZ makes no object of it, since 5.67.
func (p *Peripheral) ScanResponse(a Advertisement) error { return p.packet(a, true) }

func (p *Peripheral) packet(a Advertisement, scanResponse bool) error {
	heard, err := a.report(&p.declared)
	if err != nil {
		return fmt.Errorf("device %s: %w", p.Address(), err)
	}
	if scanResponse {
		heard = heard.asScanResponse()
	}
	p.world.mu.Lock()
	defer p.world.mu.Unlock()
	if !p.gone {
		p.advertiser.send(heard, a.withDefaults().RSSI, a.NameLater)
	}
	return nil
}

// audible reports whether the device advertises, where adapters can hear it. The world is
// locked.
func (a *advertiser) audible() bool {
	p := a.peripheral
	if p.adapter != nil {
		return !a.advertisement.Silent && p.adapter.powered && p.adapter.object() != nil && (a.link == nil || a.advertisement.Beacon)
	}
	return !p.gone && !a.advertisement.Silent && (len(p.links) == 0 || a.advertisement.Connected)
}

// connectable reports whether the device advertises and can be connected to. The world
// is locked.
func (p *Peripheral) connectable() bool {
	if p.adapter != nil {
		o := p.adapter.object()
		return o != nil && o.advertising.connectable() != nil
	}
	return p.advertiser.audible() && !p.advertiser.advertisement.Beacon
}

// nextPacket returns a channel that is closed when the device is next heard and can be
// connected to, which is when a controller connects. The world is locked.
func (p *Peripheral) nextPacket() <-chan struct{} {
	a := &p.advertiser
	if a.sent == nil {
		a.sent = make(chan struct{})
	}
	return a.sent
}

// tick sends the packet that is due. The world is locked.
func (a *advertiser) tick() {
	if a.audible() {
		a.send(a.report, a.walk(), a.advertisement.NameLater)
	}
}

// walk returns the strength of the next packet.
func (a *advertiser) walk() int16 {
	const reach = 20 // dB from where it begins
	if step := int(a.advertisement.Walk); step > 0 {
		middle := a.advertisement.RSSI
		next := a.strength + int16(a.random.IntN(2*step+1)-step)
		a.strength = min(max(next, middle-reach, -127), middle+reach, 20)
	}
	return a.strength
}

// send has the adapters hear a packet. If the name comes later, those that do not know the
// device hear the packet twice: the scan response misses the first time. The world is
// locked.
func (a *advertiser) send(r *report, rssi int16, nameLater bool) {
	p := a.peripheral
	if b := p.world.bluetoothd; b != nil {
		for _, o := range b.objects {
			if !o.listening() || o.adapter == p.adapter {
				continue
			}
			if nameLater && p.advertiser.object(o) == nil {
				o.hear(p, r.withoutName(), rssi)
			}
			o.hear(p, r, rssi)
		}
	}
	if own := &p.advertiser; own.sent != nil && r.connectable && !r.scanResponse {
		close(own.sent)
		own.sent = nil
	}
}

// object returns what BlueZ has of the device on an adapter, or nil. The world is locked.
func (a *advertiser) object(o *adapterObject) *deviceObject {
	d := a.objects[o]
	if d != nil && !d.removed && d.stored.is(a.peripheral) {
		return d
	}
	if d = o.device(a.peripheral); d != nil {
		a.objects[o] = d
	} else {
		delete(a.objects, o)
	}
	return d
}

// rotateLater begins to change the address now and then, if the device does that. The
// world is locked.
func (a *advertiser) rotateLater() {
	if a.rotation != nil {
		a.rotation.Stop()
		a.rotation = nil
	}
	if a.advertisement.Rotate == 0 {
		return
	}
	p := a.peripheral
	var timer *time.Timer
	timer = time.AfterFunc(a.advertisement.Rotate, func() {
		p.world.mu.Lock()
		defer p.world.mu.Unlock()
		if p.ctx.Err() != nil || a.rotation != timer {
			return
		}
		a.rotate()
		timer.Reset(a.advertisement.Rotate)
	})
	a.rotation = timer
}

// rotate gives the device another resolvable private address (Core specification, volume
// 6, part B, section 1.3.2.2), unless it is connected. BlueZ knows it by that only if it
// has its keys. The world is locked.
func (a *advertiser) rotate() {
	p := a.peripheral
	if len(p.links) > 0 {
		return
	}
	for {
		bits := binary.BigEndian.AppendUint64(nil, a.random.Uint64())[:6]
		bits[0] = bits[0]&0x3f | 0x40
		address := fmt.Sprintf("%02X:%02X:%02X:%02X:%02X:%02X", bits[0], bits[1], bits[2], bits[3], bits[4], bits[5])
		taken := slices.ContainsFunc(p.world.peripherals, func(q *Peripheral) bool { return q.address == address })
		if !taken {
			p.address, p.addressType = address, bluezgen.AddressTypeRandom
			return
		}
	}
}
