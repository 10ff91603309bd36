package bluetest

import "github.com/gobluez/bluez/bluezgen"

// accept makes the other side of a link that another adapter has made to this one: the
// device that the other adapter is, connected, over a link of its own that begins and
// ends with the first. A link to a declared device has no other side. The world is locked.
func (l *link) accept() {
	a := l.peripheral.adapter
	if a == nil {
		return
	}
	central := l.device.adapter.adapter.station
	o := a.object()
	if o == nil {
		return
	}
	d, _, err := o.discovered(central, bluezgen.Device1Properties{})
	if err != nil {
		o.bluetoothd.complain("show a central", err)
		return
	}
	if attempt := d.connection.attempt; attempt != nil {
		attempt.end(nil) // there is a link now, whoever made it
	}
	l.twin = d.makeLink(central)
	l.twin.twin = l
	o.advertising.connected(l)
}

// parted ends the other side of a link that has ended on this one, of which it learns from
// the radio. The world is locked.
func (l *link) parted(reason bluezgen.DisconnectReason) {
	other := l.twin
	if other == nil {
		return
	}
	l.twin, other.twin = nil, nil
	for _, side := range [...]*link{l, other} {
		if a := side.peripheral.adapter; a.object() != nil {
			a.object().advertising.disconnected(side)
		}
	}
	d := other.device
	if d.adapter.bluetoothd.ctx.Err() != nil || d.connection.link != other {
		return
	}
	switch reason {
	case bluezgen.DisconnectReasonTimeout:
		d.dropLink(bluezgen.DisconnectReasonTimeout, disconnectTimeout)
	case bluezgen.DisconnectReasonAuthentication:
		d.dropLink(bluezgen.DisconnectReasonAuthentication, disconnectAuthentication)
	default:
		d.dropLink(bluezgen.DisconnectReasonRemote, disconnectRemote)
	}
}
