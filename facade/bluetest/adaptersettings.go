package bluetest

import (
	"cmp"
	"context"
	"time"

	"github.com/gobluez/bluez/bluezgen"
)

// systemName is what the machine is called, and the adapter while it has no alias.
const systemName = "bluetest"

// showAlias returns the adapter's alias. The world is locked.
func (a *Adapter) showAlias() string { return cmp.Or(a.alias, systemName) }

// SetAlias sets the name that the adapter shows; an empty one is the system's again.
func (o *adapterObject) SetAlias(_ context.Context, alias string) error {
	o.bluetoothd.world.do(func() {
		before := o.adapter.showAlias()
		o.adapter.alias = alias
		if shown := o.adapter.showAlias(); shown != before {
			o.update(bluezgen.Adapter1Properties{Adapter1Set: bluezgen.Adapter1SetOf(bluezgen.Adapter1Alias), Alias: shown})
			o.advertising.refresh()
		}
	})
	return nil
}

// SetDiscoverable has other devices see the adapter, until DiscoverableTimeout has passed
// or the radio goes off. It takes precedence over what a discovery asks for.
func (o *adapterObject) SetDiscoverable(_ context.Context, on bool) error {
	w := o.bluetoothd.world
	w.mu.Lock()
	defer w.mu.Unlock()
	if o.Properties().DiscoverableTimeout > 0 && !o.powered() {
		return bluezgen.ErrFailed.With("Not Powered")
	}
	o.discovery.visible = false
	if on == o.Properties().Discoverable {
		return nil
	}
	o.showDiscoverable(on)
	o.limitDiscoverable()
	return nil
}

// SetDiscoverableTimeout sets a time in seconds, 0 for none. It begins now if the adapter
// is discoverable.
func (o *adapterObject) SetDiscoverableTimeout(_ context.Context, seconds uint32) error {
	o.bluetoothd.world.do(func() {
		o.update(bluezgen.Adapter1Properties{
			Adapter1Set: bluezgen.Adapter1SetOf(bluezgen.Adapter1DiscoverableTimeout), DiscoverableTimeout: seconds,
		})
		o.limitDiscoverable()
	})
	return nil
}

// showDiscoverable shows whether other devices see the adapter. The world is locked, as
// for the methods below.
func (o *adapterObject) showDiscoverable(on bool) {
	o.update(bluezgen.Adapter1Properties{Adapter1Set: bluezgen.Adapter1SetOf(bluezgen.Adapter1Discoverable), Discoverable: on})
	o.advertising.refresh()
}

// limitDiscoverable has the adapter be discoverable no longer than DiscoverableTimeout
// from now on.
func (o *adapterObject) limitDiscoverable() {
	o.stopDiscoverableTimer()
	p := o.Properties()
	if !p.Discoverable || p.DiscoverableTimeout == 0 {
		return
	}
	o.discoverableTimer = o.bluetoothd.after(time.Duration(p.DiscoverableTimeout)*time.Second, func() {
		if o.Properties().Discoverable {
			o.showDiscoverable(false)
		}
	})
}

func (o *adapterObject) stopDiscoverableTimer() {
	if o.discoverableTimer != nil {
		o.discoverableTimer.Stop()
		o.discoverableTimer = nil
	}
}

// hide makes an adapter that goes off one that nobody sees.
func (o *adapterObject) hide() {
	o.stopDiscoverableTimer()
	if o.Properties().Discoverable {
		o.showDiscoverable(false)
	}
}

// SetPairable says whether other devices may pair with this one.
func (o *adapterObject) SetPairable(_ context.Context, on bool) error {
	o.bluetoothd.world.do(func() {
		if on != o.Properties().Pairable {
			o.update(bluezgen.Adapter1Properties{Adapter1Set: bluezgen.Adapter1SetOf(bluezgen.Adapter1Pairable), Pairable: on})
		}
	})
	return nil
}

// SetPairableTimeout sets a time in seconds, after which nothing happens.
func (o *adapterObject) SetPairableTimeout(_ context.Context, seconds uint32) error {
	o.bluetoothd.world.do(func() {
		o.update(bluezgen.Adapter1Properties{Adapter1Set: bluezgen.Adapter1SetOf(bluezgen.Adapter1PairableTimeout), PairableTimeout: seconds})
	})
	return nil
}
