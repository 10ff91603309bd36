package bluetest

import (
	"encoding/binary"
	"maps"
	"slices"
	"time"

	"github.com/gobluez/bluez/bluezgen"
)

// resolve gets to know the services of a device, as its Resolve says: the link is up.
// Those that are known from before take the time of one request.
func (g *gattClient) resolve(l *link) {
	w := l.peripheral.world
	c := l.peripheral.declared.Connection
	var cached bool
	w.do(func() { cached = g.device.stored.cached })
	discovery := c.Discovery
	if cached {
		discovery = c.Attribute
	}
	switch c.Resolve {
	case ResolveNever:
		return
	case ResolveAborted:
		if sleep(l.ctx, discovery/2) == nil {
			w.do(func() { g.abort(l) })
		}
		return
	}
	g.afterwards(l, discovery, func(services []*service) {
		switch {
		case c.Resolve == ResolveEarly:
			g.showResolved(services)
			return
		case c.Resolve == ResolvePartly && len(g.objects) == 0:
			g.sync(services[:len(services)/2])
		default:
			g.sync(services)
		}
		g.finish(services)
	})
	// A moment later: what the others have done already changes nothing.
	moment := max(c.Discovery, 20*time.Millisecond)
	switch c.Resolve {
	case ResolveEarly:
		g.afterwards(l, moment, func(services []*service) {
			g.sync(services)
			g.becomeReady(services)
		})
	case ResolvePartly:
		g.afterwards(l, moment, func(services []*service) { g.sync(services) })
	}
}

// afterwards calls f with the device's services, and with the world locked, when a time
// has passed, unless the link has ended.
func (g *gattClient) afterwards(l *link, d time.Duration, f func([]*service)) {
	if sleep(l.ctx, d) != nil {
		return
	}
	l.peripheral.world.do(func() {
		if l.ctx.Err() == nil {
			f(l.peripheral.attributes.services)
		}
	})
}

// abort loses the link in the middle of the discovery.
func (g *gattClient) abort(l *link) {
	if g.device.connection.link == l {
		g.device.dropLink(bluezgen.DisconnectReasonRemote, disconnectRemote)
	}
}

// finish says that the services are known, and begins what BlueZ then does by itself.
func (g *gattClient) finish(services []*service) {
	g.showResolved(services)
	g.becomeReady(services)
}

func (g *gattClient) becomeReady(services []*service) {
	g.ready = true
	waiting := g.whenReady
	g.whenReady = nil
	for _, f := range waiting {
		f()
	}
	g.use(services)
}

// use has BlueZ use the services that it knows what to do with, each once.
func (g *gattClient) use(services []*service) {
	for _, s := range services {
		if g.used[s.String()] {
			continue
		}
		g.used[s.String()] = true
		switch s.uuid {
		case uuidGAPService:
			g.readGAP(s)
		case uuidGATTService:
			g.followServices(s, services)
		case uuidBatteryService:
			g.battery.follow(g, s)
		}
	}
}

// readGAP reads the name and the appearance of the device, and shows them.
func (g *gattClient) readGAP(s *service) {
	d := g.device
	for _, c := range s.characteristics {
		switch c.uuid {
		case uuidDeviceName:
			g.read(c.value.handle, 0, func(value []byte, err ATTError) {
				if name := d.adapter.bluetoothd.shownName(string(value)); err == 0 && name != "" && name != d.Properties().Name {
					d.showName(name)
				}
			})
		case uuidAppearance:
			g.read(c.value.handle, 0, func(value []byte, err ATTError) {
				if err == 0 && len(value) == 2 {
					d.showAppearance(binary.LittleEndian.Uint16(value))
				}
			})
		}
	}
}

func (d *deviceObject) showName(name string) {
	d.stored.name = name
	d.set(func(p *bluezgen.Device1Properties) {
		p.Add(bluezgen.Device1Name)
		p.Name = name
		if alias := d.stored.showAlias(); alias != d.Properties().Alias {
			p.Add(bluezgen.Device1Alias)
			p.Alias = alias
		}
	})
}

func (d *deviceObject) showAppearance(appearance uint16) {
	if appearance == d.Properties().Appearance {
		return
	}
	d.stored.appearance = appearance
	d.set(func(p *bluezgen.Device1Properties) {
		p.Add(bluezgen.Device1Appearance)
		p.Appearance = appearance
	})
}

// followServices subscribes to the indications that services have changed. BlueZ has
// subscribed before it says which there are, so that it misses none.
func (g *gattClient) followServices(s *service, known []*service) {
	for _, c := range s.characteristics {
		if c.uuid != uuidServiceChanged || !c.notifies() {
			continue
		}
		l := g.queue.link
		changed := func([]byte) {
			delay := l.peripheral.declared.Connection.Discovery
			l.peripheral.world.tasks.Go(func() { g.afterwards(l, delay, g.servicesChanged) })
		}
		g.configurationOf(c).register(&registration{
			enabled: func(ATTError) {
				if !slices.Equal(l.peripheral.attributes.services, known) {
					changed(nil)
				}
			},
			notified: changed,
		})
	}
}

// servicesChanged shows services that were discovered anew.
func (g *gattClient) servicesChanged(services []*service) {
	d := g.device
	g.sync(services)
	known := uuids(services)
	d.stored.uuids = known
	d.set(func(p *bluezgen.Device1Properties) {
		p.Add(bluezgen.Device1UUIDs)
		p.UUIDs = known
	})
	maps.DeleteFunc(g.used, func(layout string, _ bool) bool {
		gone := !slices.ContainsFunc(services, func(s *service) bool { return s.String() == layout })
		if gone && layout == g.battery.service {
			g.battery.hide()
		}
		return gone
	})
	g.use(services)
}

// read reads a value, with as many requests as that takes. The world is locked.
func (g *gattClient) read(handle, offset uint16, answered func([]byte, ATTError)) {
	l := g.queue.link
	g.queue.enqueue(&attRequest{
		rounds: 1,
		serve: func() ([]byte, ATTError) {
			value, err := l.peripheral.attributes.read(l, handle, offset)
			if more := len(value) / (int(l.mtu) - 1); err == 0 && more > 0 { // further requests, one for each packet that is full
				if sleep(l.ctx, time.Duration(more)*l.peripheral.declared.Connection.Attribute) != nil {
					return nil, attUnlikely
				}
			}
			return value, err
		},
		answered: answered,
	})
}
