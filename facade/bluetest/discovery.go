package bluetest

import (
	"context"
	"time"

	"github.com/gobluez/bluez/bluezgen"
	"github.com/gobluez/bluez/gen/bus"
)

// A discovery holds the discovery sessions of an adapter. The world guards it.
type discovery struct {
	object  *adapterObject
	clients map[string]*discoveryClient // by unique name
	running []*discoveryFilter          // of the clients that have a session
	kernel  *kernelFilter               // merged of these
	on      bool                        // Discovering
	round   bool                        // the kernel scans; it pauses when the discovery is regular
	timer   *time.Timer                 // until the round or the pause ends
	visible bool                        // the adapter was made discoverable
}

// A discoveryClient is a client that has set a filter or has a session. A filter stays
// when the session ends.
type discoveryClient struct {
	filter  *discoveryFilter
	session bool
}

func errNotReady() error { return bluezgen.ErrNotReady.With("Resource Not Ready") }

func errDiscovering() error { return bluezgen.ErrInProgress.With("Operation already in progress") }

func errNoDiscovery() error { return bluezgen.ErrFailed.With("No discovery started") }

func (d *discovery) init(o *adapterObject) {
	d.object = o
	d.clients = map[string]*discoveryClient{}
}

// caller returns the client that calls, nil if it has neither a filter nor a session. All
// calls need the radio to be on.
func (d *discovery) caller(ctx context.Context) (name string, client *discoveryClient, err error) {
	if !d.object.powered() {
		return "", nil, errNotReady()
	}
	name = bus.Sender(ctx)
	return name, d.clients[name], nil
}

// SetDiscoveryFilter sets the filter of the calling client, and puts it in force if that
// has a session.
func (o *adapterObject) SetDiscoveryFilter(ctx context.Context, properties bluezgen.DiscoveryFilter) error {
	w := o.bluetoothd.world
	w.mu.Lock()
	defer w.mu.Unlock()
	d := &o.discovery
	name, client, err := d.caller(ctx)
	if err != nil {
		return err
	}
	filter, err := newDiscoveryFilter(properties, o.adapter.leOnly)
	if err != nil {
		return err
	}
	switch {
	case client == nil && filter == nil:
		return nil
	case client == nil:
		d.clients[name] = &discoveryClient{filter: filter}
		return nil
	}
	client.filter = filter
	if client.session {
		d.update()
	} else if filter == nil {
		delete(d.clients, name)
	}
	return nil
}

// StartDiscovery opens the one session that the calling client can have.
func (o *adapterObject) StartDiscovery(ctx context.Context) error {
	w := o.bluetoothd.world
	w.mu.Lock()
	defer w.mu.Unlock()
	d := &o.discovery
	name, client, err := d.caller(ctx)
	switch {
	case err != nil:
		return err
	case client != nil && client.session:
		return errDiscovering()
	case client == nil:
		client = &discoveryClient{}
		d.clients[name] = client
	}
	client.session = true
	if k := merge(d.filters()); k != nil && k.bredr && o.adapter.leOnly {
		// The kernel refuses to discover with a radio that the controller does not have,
		// and BlueZ has but one answer when the kernel refuses.
		client.session = false
		return errDiscovering()
	}
	d.update()
	return nil
}

// StopDiscovery ends the session of the calling client.
func (o *adapterObject) StopDiscovery(ctx context.Context) error {
	w := o.bluetoothd.world
	w.mu.Lock()
	defer w.mu.Unlock()
	d := &o.discovery
	name, client, err := d.caller(ctx)
	switch {
	case err != nil:
		return err
	case client == nil || !client.session:
		return errNoDiscovery()
	}
	client.session = false
	if client.filter == nil {
		delete(d.clients, name)
	}
	d.update()
	return nil
}

// clientLeft ends what a client had.
func (d *discovery) clientLeft(name string) {
	client := d.clients[name]
	if client == nil {
		return
	}
	delete(d.clients, name)
	if client.session {
		d.update()
	}
}

// powerOff forgets all sessions and filters, as the radio goes off. Nobody is told why.
func (d *discovery) powerOff() {
	clear(d.clients)
	d.update()
	d.object.monitors.powerOff()
}

// halt ends what goes on, without a word on the bus.
func (d *discovery) halt() {
	clear(d.clients)
	d.running, d.on, d.round = nil, false, false
	d.stopTimer()
}

// filters returns the filters of the clients that have a session, nil for those that have
// none.
func (d *discovery) filters() []*discoveryFilter {
	var all []*discoveryFilter
	for _, client := range d.clients {
		if client.session {
			all = append(all, client.filter)
		}
	}
	return all
}

// update does what follows from a change of sessions or filters: it starts, restarts or
// stops the kernel's discovery. One that goes on unchanged is left alone, also in a pause.
func (d *discovery) update() {
	d.running = d.filters()
	if len(d.running) == 0 {
		d.stop()
		return
	}
	d.showVisible()
	kernel := merge(d.running)
	if d.on && kernel.equal(d.kernel) {
		return
	}
	d.kernel = kernel
	d.begin()
	d.show(true)
}

// begin begins a round. Those of a filtered discovery follow each other without a pause.
func (d *discovery) begin() {
	d.round = true
	d.stopTimer()
	d.object.bluetoothd.world.air.poke()
	delays := d.object.bluetoothd.delays()
	if d.kernel == nil && delays.DiscoveryPause > 0 {
		d.timer = d.object.bluetoothd.after(delays.DiscoveryRound, d.pause)
	}
}

// pause ends a round of a regular discovery.
func (d *discovery) pause() {
	if !d.on || d.kernel != nil {
		return
	}
	d.round = false
	d.timer = d.object.bluetoothd.after(d.object.bluetoothd.delays().DiscoveryPause, func() {
		if d.on && !d.round {
			d.begin()
		}
	})
}

func (d *discovery) stopTimer() {
	if d.timer != nil {
		d.timer.Stop()
		d.timer = nil
	}
}

// stop ends the discovery. What was found is not in sight any more, and what one cannot
// connect to is removed at once.
func (d *discovery) stop() {
	d.showVisible()
	d.stopTimer()
	if !d.on {
		return
	}
	d.kernel, d.round = nil, false
	var gone []*deviceObject
	for _, device := range d.object.all() {
		device.outOfSight()
		if device.temporary && !device.sighting.connectable && !device.connected() {
			gone = append(gone, device)
		}
	}
	d.show(false)
	for _, device := range gone {
		device.remove()
	}
}

// show shows whether there is a discovery.
func (d *discovery) show(on bool) {
	if d.on == on {
		return
	}
	d.on = on
	d.object.update(bluezgen.Adapter1Properties{Adapter1Set: bluezgen.Adapter1SetOf(bluezgen.Adapter1Discovering), Discovering: on})
}

// showVisible makes the adapter discoverable while a client asks for that.
func (d *discovery) showVisible() {
	want := false
	for _, f := range d.running {
		want = want || f != nil && f.discoverable
	}
	if want == d.visible || want && d.object.Properties().Discoverable {
		return
	}
	d.visible = want
	d.object.showDiscoverable(want)
}

// discoverable reports whether a packet is for anybody who discovers, and whether BlueZ
// is to connect to the device. Without a filter, a device has to call itself
// discoverable. With a pattern, from whichever client, it has to match one.
func (d *discovery) discoverable(r *report, address string) (discoverable, autoConnect bool) {
	const limited, general = 0x01, 0x02
	discoverable = d.kernel != nil || r.flags&(limited|general) != 0
	for _, f := range d.running {
		if f == nil || f.pattern == "" {
			continue
		}
		if f.hasPrefix(d.object.bluetoothd, address, d.object.bluetoothd.shownName(r.name)) {
			return true, f.autoConnect
		}
		discoverable = false
	}
	return discoverable, false
}

// matches reports whether a packet passes the filters.
func (d *discovery) matches(r *report, rssi int16) bool {
	if d.kernel == nil {
		return true
	}
	if !d.kernel.passes(r, rssi) {
		return false
	}
	for _, f := range d.running {
		if f.matches(r) {
			return true
		}
	}
	return false
}

// duplicates reports whether a client wants the data of each packet alone.
func (d *discovery) duplicates() bool {
	for _, f := range d.running {
		if f != nil && f.duplicate {
			return true
		}
	}
	return false
}

// rssiStep returns the least change of strength that is shown, in dB. Filtered
// discovery shows the strength of each packet, after 5.87 only if a client filters by
// strength.
func (d *discovery) rssiStep() int16 {
	const regular = 8
	if d.kernel == nil {
		return regular
	}
	if !d.object.bluetoothd.since("5.88") {
		return 0
	}
	for _, f := range d.running {
		if f.proximity() {
			return 0
		}
	}
	return regular
}
