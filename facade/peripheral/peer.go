package peripheral

import (
	"context"
	"errors"
	"fmt"

	"github.com/godbus/dbus/v5"

	"github.com/gobluez/bluez/facade"
)

// A peer is a device that is connected.
type peer struct {
	device facade.Device
	mtu    int             // that was told last; 0 if none was
	bonded bool            // BlueZ keeps its subscriptions when it disconnects
	ctx    context.Context // ends with the connection
	leave  context.CancelCauseFunc
}

// errDisconnected ends what goes on for a device whose link has ended.
var errDisconnected = fmt.Errorf("the device has %w", facade.ErrDisconnected)

// watch learns of devices that connect and disconnect, until the session ends.
func (n *session) watch() {
	for n.ctx.Err() == nil {
		for e, err := range n.central.WatchDevices(n.ctx, facade.WatchOptions{Adapter: n.adapter.Name}) {
			switch {
			case errors.Is(err, facade.ErrOverflow):
				n.log().Warn("events of devices were lost")
			case err != nil:
				return
			case e.Kind == facade.DeviceDisconnected || e.Kind == facade.DeviceRemoved:
				n.disconnected(e.Device.Path(), errDisconnected)
			case e.Device.Connected:
				n.connected(e.Device)
			}
		}
	}
}

// connected learns that a device is connected.
func (n *session) connected(d facade.KnownDevice) {
	p := n.peer(d.Path())
	n.mu.Lock()
	defer n.mu.Unlock()
	if p == nil || n.peers[d.Path()] != p { // it is not connected any more
		return
	}
	p.bonded = d.Bonded
	for a, o := range n.objects {
		if p.bonded && o.dormant[d.Path()] {
			n.add(a, &Subscriber{path: d.Path(), peer: p}, nil)
		}
	}
}

// peer returns the device at path, which asks for something. It is nil after the end of the
// session. What a device asks for may be worked on when its link has ended already: then
// it is nobody's peer any more, and nothing goes on for it.
func (n *session) peer(path dbus.ObjectPath) *peer {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.closed {
		return nil
	}
	if p := n.peers[path]; p != nil {
		return p
	}
	known := n.central.DeviceAt(path)
	p := &peer{device: known.Device, bonded: known.Bonded}
	p.ctx, p.leave = context.WithCancelCause(n.ctx)
	if known.Connected {
		n.peers[path] = p
		n.herald.tell(Event{Kind: Connected, Device: p.device})
	}
	return p
}

// learnMTU notes the MTU of a device's connection, if BlueZ has told it.
func (n *session) learnMTU(p *peer, mtu uint16, told bool) int {
	n.mu.Lock()
	defer n.mu.Unlock()
	if told {
		p.mtu = int(mtu)
	}
	return p.mtu
}

// disconnected learns that a device's link has ended.
func (n *session) disconnected(path dbus.ObjectPath, cause error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	p := n.peers[path]
	if p == nil {
		return
	}
	delete(n.peers, path)
	p.leave(cause)
	for a, o := range n.objects {
		if sub := o.subscribers[path]; sub != nil {
			if p.bonded {
				o.dormant[path] = true
			}
			n.unsubscribed(a, sub, cause)
		}
	}
	for _, a := range n.attributes {
		a.remember(path, nil, false)
	}
	n.herald.tell(Event{Kind: Disconnected, Device: p.device})
}

// disconnectAll ends everything that goes on for devices, and lets nothing begin.
func (n *session) disconnectAll() {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.closed = true
	for a, o := range n.objects {
		for _, sub := range o.subscribers {
			n.unsubscribed(a, sub, errServerEnded)
		}
	}
	for path, p := range n.peers {
		delete(n.peers, path)
		p.leave(errServerEnded)
		n.herald.tell(Event{Kind: Disconnected, Device: p.device})
	}
}

// errServerEnded ends what goes on for devices when BlueZ does not know the application
// any more.
var errServerEnded = fmt.Errorf("the server is %w", facade.ErrClosed)
