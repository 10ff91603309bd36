package bluetest

import (
	"context"

	"github.com/gobluez/bluez/bluezgen"
	"github.com/gobluez/bluez/gen/bus"
	"github.com/gobluez/bluez/gen/wire"
)

// skeletons returns what a device's object serves.
func (d *deviceObject) skeletons() []bus.Skeleton {
	all := []bus.Skeleton{quietDevice{d}}
	if d.connection.bearer = newBearer(d); d.connection.bearer != nil {
		all = append(all, d.connection.bearer)
	}
	return all
}

// A quietDevice serves Device1, whose Connected may be true without any signal having
// said so; see [ResolveQuietly].
type quietDevice struct{ device *deviceObject }

// Serve is the skeleton's but for the properties.
func (q quietDevice) Serve() *bus.ServedInterface {
	served := *q.device.Device1Skeleton.Serve()
	served.Properties = q
	return &served
}

// properties returns those to be read now.
func (q quietDevice) properties() bus.ServedProperties {
	d := q.device
	if !d.connection.quiet.Load() {
		return d.Device1Skeleton.Serve().Properties
	}
	p := d.Properties()
	p.Connected = true
	return bluezgen.NewDevice1Skeleton(d, p).Serve().Properties
}

func (q quietDevice) EncodeAll(e *wire.Encoder) { q.properties().EncodeAll(e) }

func (q quietDevice) Encode(name string, e *wire.Encoder) error {
	return q.properties().Encode(name, e)
}

func (q quietDevice) Set(ctx context.Context, name string, d *wire.Decoder) error {
	return q.device.Device1Skeleton.Serve().Properties.Set(ctx, name, d)
}
