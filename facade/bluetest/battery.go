package bluetest

import (
	"github.com/gobluez/bluez/bluezgen"
	"github.com/gobluez/bluez/gen/bus"
)

// A battery is the Battery1 of a device. BlueZ reads the level of the first Battery
// Service and subscribes to it; the interface is there while the device is connected.
type battery struct {
	// Guarded by the world.
	service  string                     // whose level it is; empty while none is
	skeleton *bluezgen.Battery1Skeleton // nil while it is not shown
	export   *bus.Export
	level    byte
}

// follow reads the level of a Battery Service, subscribes to it, and shows it.
func (b *battery) follow(g *gattClient, s *service) {
	for _, c := range s.characteristics {
		if c.uuid != uuidBatteryLevel || b.service != "" {
			continue
		}
		b.service = s.String()
		g.read(c.value.handle, 0, func(value []byte, err ATTError) {
			if err != 0 || len(value) == 0 || b.service != s.String() {
				return
			}
			b.level = value[0]
			g.configurationOf(c).register(&registration{
				enabled: func(err ATTError) {
					if err == 0 && b.service == s.String() {
						b.show(g)
					}
				},
				notified: b.notified,
			})
		})
		return
	}
}

// show exports the interface. The world is locked.
func (b *battery) show(g *gattClient) {
	if g.device.provided != nil {
		return
	}
	bluetoothd := g.device.adapter.bluetoothd
	p := bluezgen.Battery1Properties{Battery1Set: bluezgen.Battery1SetOf(bluezgen.Battery1Percentage), Percentage: b.level}
	if bluetoothd.since(version556) {
		p.Add(bluezgen.Battery1Source)
		p.Source = "GATT Battery Service"
	}
	skeleton := bluezgen.NewBattery1Skeleton(p)
	export, err := bluetoothd.export(g.device.path, skeleton)
	if err == nil { // it fails only with the connection
		b.skeleton, b.export = skeleton, export
	}
}

// notified takes a new level.
func (b *battery) notified(value []byte) {
	if len(value) == 0 || value[0] == b.level {
		return
	}
	b.level = value[0]
	if b.skeleton != nil {
		// It can fail only with the connection, and then nobody looks.
		_ = b.skeleton.Update(bluezgen.Battery1Properties{Battery1Set: bluezgen.Battery1SetOf(bluezgen.Battery1Percentage), Percentage: b.level})
	}
}

// hide takes the interface off the bus. The world is locked.
func (b *battery) hide() {
	b.service = ""
	if b.skeleton != nil {
		b.export.Close()
		b.skeleton, b.export = nil, nil
	}
}
