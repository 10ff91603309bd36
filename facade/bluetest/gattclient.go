package bluetest

import (
	"maps"
	"slices"
	"sync/atomic"

	"github.com/gobluez/bluez/bluezgen"
)

// Releases of which only a detail of GATT is known.
const (
	version556 Version = "5.56" // Battery1.Source, and no StartNotify while disconnecting
	version580 Version = "5.80" // services that BlueZ uses are exported, for reading only
)

// A gattClient is BlueZ's GATT client for a device: the objects of its services, the
// sessions on them, and what it knows of the link. The objects stay when the link ends;
// the next one finds them.
type gattClient struct {
	device *deviceObject
	mtu    atomic.Uint32 // 0 without a link; properties read it without locking the world

	// Guarded by the world.
	objects        []*serviceObject
	queue          *attQueue // nil without a link
	ready          bool      // the services are known, on this link
	whenReady      []func()
	used           map[string]bool           // the services of which BlueZ does so itself, on this link
	configurations map[uint16]*configuration // of this link, by value handle
	sessions       []*session                // all of StartNotify, in order
	battery        battery
}

func (g *gattClient) init(d *deviceObject) {
	g.device = d
	g.configurations, g.used = map[uint16]*configuration{}, map[string]bool{}
}

// linkUp begins to resolve the services over a new link, and enables the notifications
// of the sessions that have waited for one. The world is locked.
func (g *gattClient) linkUp(l *link) {
	g.queue = &attQueue{link: l}
	g.setMTU(minMTU)
	g.queue.enqueue(&attRequest{
		rounds: 1,
		serve:  func() ([]byte, ATTError) { return nil, 0 },
		answered: func(_ []byte, err ATTError) {
			if err != 0 {
				return
			}
			g.setMTU(min(maxMTU, l.peripheral.declared.Connection.MTU))
			l.peripheral.world.tasks.Go(func() { g.resolve(l) }) // BlueZ agrees on the MTU first
		},
	})
	for _, s := range slices.Clone(g.sessions) {
		s.arm()
	}
	l.peripheral.attributes.run() // a bonded central may have subscribed before
}

// setMTU notes the size of attribute packets. BlueZ tells nobody when it changes.
func (g *gattClient) setMTU(mtu uint16) {
	g.queue.link.mtu = mtu
	g.mtu.Store(uint32(mtu))
}

// linkDown ends what the end of a link ends; ServicesResolved is already false. The
// world is locked.
func (g *gattClient) linkDown() {
	q := g.queue
	if q == nil {
		return
	}
	q.linkDown()
	g.queue, g.ready = nil, false
	g.mtu.Store(0)
	waiting := g.whenReady
	g.whenReady = nil
	for _, f := range waiting {
		f()
	}
	for c := range g.characteristics() {
		c.hangUp()
	}
	for _, s := range g.sessions {
		s.registration = nil
	}
	g.configurations, g.used = map[uint16]*configuration{}, map[string]bool{}
	if g.device.removed {
		g.battery.service = ""
	} else {
		g.battery.hide()
	}
	q.link.peripheral.attributes.linkDown(q.link)
}

// onReady calls f, with the world locked, when the services are known, or the link ends
// before.
func (g *gattClient) onReady(f func()) {
	if g.ready {
		f()
		return
	}
	g.whenReady = append(g.whenReady, f)
}

// characteristics returns the objects of all characteristics, in order of their handles.
func (g *gattClient) characteristics() func(yield func(*characteristicObject) bool) {
	return func(yield func(*characteristicObject) bool) {
		for _, s := range g.objects {
			for _, c := range s.characteristics {
				if !yield(c) {
					return
				}
			}
		}
	}
}

// notified takes a notification or indication, which it thereby confirms. The world is
// locked.
func (g *gattClient) notified(of *attribute, value []byte) {
	if conf := g.configurations[of.handle]; conf != nil {
		for _, r := range slices.Clone(conf.registered) {
			r.notified(value)
		}
	}
}

// dropped counts a notification that did not reach its reader. The world is locked.
func (g *gattClient) dropped(handle uint16) {
	if at := g.queue.link.peripheral.attributes.byHandle[handle]; at != nil {
		at.dropped++
	}
}

// clientLeft ends the sessions of a client. The world is locked.
func (g *gattClient) clientLeft(name string) {
	for _, s := range slices.Clone(g.sessions) {
		if s.owner == name {
			s.end()
		}
	}
}

// remove takes the objects off the bus. The world is locked.
func (g *gattClient) remove() {
	g.battery.hide()
	for _, s := range g.objects {
		s.remove()
	}
	g.objects = nil
}

// halt ends what goes on, without a word on the bus. The world is locked.
func (g *gattClient) halt() {
	for c := range g.characteristics() {
		c.halt()
	}
	g.sessions = nil
}

// hides reports whether BlueZ keeps a service to itself. Until 5.79 it does so with the
// services that it uses, but not with the battery and the device information.
func (g *gattClient) hides(s *service) bool {
	return !g.device.adapter.bluetoothd.since(version580) && slices.Contains(usedServices, s.uuid)
}

// readOnly reports whether BlueZ uses a service itself and lets others only read and
// subscribe; that is so since 5.80.
func (g *gattClient) readOnly(s *service) bool {
	return g.device.adapter.bluetoothd.since(version580) &&
		(slices.Contains(usedServices, s.uuid) || s.uuid == uuidBatteryService || s.uuid == uuidInformationService)
}

// usedServices are those that BlueZ uses itself.
var usedServices = []string{uuidGAPService, uuidHIDService, uuidScanService, uuidMIDIService}

// uuids returns the UUIDs of the primary services, as Device1 has them.
func uuids(services []*service) []string {
	set := map[string]bool{}
	for _, s := range services {
		if s.primary {
			set[s.uuid] = true
		}
	}
	return slices.Sorted(maps.Keys(set))
}

// showResolved says that the services are known.
func (g *gattClient) showResolved(services []*service) {
	d := g.device
	known := uuids(services)
	changed := !slices.Equal(known, d.Properties().UUIDs)
	d.stored.uuids, d.stored.cached = known, true
	d.set(func(p *bluezgen.Device1Properties) {
		if changed {
			p.Add(bluezgen.Device1UUIDs)
			p.UUIDs = known
		}
		p.Add(bluezgen.Device1ServicesResolved)
		p.ServicesResolved = true
		d.addPaired(p)
	})
	d.servicesResolved()
}
