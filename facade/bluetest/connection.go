package bluetest

import (
	"context"
	"slices"
	"sync/atomic"
	"time"

	"github.com/gobluez/bluez/bluezgen"
)

// A connection is what BlueZ knows of the connection to a device.
type connection struct {
	link    *link             // nil while there is none
	attempt *attempt          // nil while none is under way
	grace   *time.Timer       // until the link is ended; nil if that was not asked for
	down    chan struct{}     // closed with the link; nil if nobody waits for that
	bearer  *bearer           // nil if the BlueZ that is played has none
	removal bool              // of the device, which follows the end of the link
	waiting []<-chan struct{} // each ends when a Disconnect has been answered
	untold  func()            // signals the end of the last link; nil if that is done
	quiet   atomic.Bool       // connected, though the properties do not say so; needs no lock
}

// A link is a connection that is up.
type link struct {
	device     *deviceObject // BlueZ's side; its adapter is d.adapter.adapter
	peripheral *Peripheral
	twin       *link  // the same as the other side has it; nil if that is a declared device
	mtu        uint16 // of ATT
	encrypted  bool
	mitm       bool // and the keys come from a pairing with an authenticated method

	ctx    context.Context // ends with the link
	cancel context.CancelFunc
}

// The reasons of Device1.Disconnected, in BlueZ's words.
const (
	disconnectUnspecified    = "Unspecified"
	disconnectTimeout        = "Connection timeout"
	disconnectLocal          = "Connection terminated by local host"
	disconnectRemote         = "Connection terminated by remote user"
	disconnectAuthentication = "Connection terminated due to authentication failure"
)

// connected reports whether there is a link. The world is locked, as for the methods
// below.
func (d *deviceObject) connected() bool { return d.connection.link != nil }

// connecting reports whether an attempt is under way.
func (d *deviceObject) connecting() bool { return d.connection.attempt != nil }

// disconnecting reports whether the link is about to be ended.
func (d *deviceObject) disconnecting() bool { return d.connection.grace != nil }

// makeLink makes the link and signals it. A link to a bonded device is encrypted from
// the start.
func (d *deviceObject) makeLink(p *Peripheral) *link {
	d.tellLinkDown()
	l := &link{device: d, peripheral: p, mtu: minMTU}
	l.ctx, l.cancel = context.WithCancel(d.adapter.bluetoothd.ctx)
	if d.stored.bonded && p.bonds[d.adapter.adapter] {
		l.encrypted, l.mitm = true, d.stored.mitm
	}
	d.connection.link = l
	p.links[d.adapter.adapter] = l
	p.attributes.stir()
	if d.expiry != nil {
		d.expiry.Stop()
	}
	if p.declared.Connection.Resolve == ResolveQuietly {
		d.connection.quiet.Store(true)
	} else {
		d.connection.bearer.showConnected(true)
		d.set(func(p *bluezgen.Device1Properties) {
			p.Add(bluezgen.Device1Connected)
			p.Connected = true
		})
	}
	return l
}

// minMTU is the size of attribute packets before a larger one is agreed on.
const minMTU = 23

// dropLink ends the link or the attempt, if there is one, at once, with BlueZ's signals:
// services first, then the reason, then Connected.
func (d *deviceObject) dropLink(reason bluezgen.DisconnectReason, message string) {
	l := d.connection.link
	if a := d.connection.attempt; a != nil && l == nil {
		a.end(AbortByLocal())
	} else if a != nil {
		a.end(errEarly())
	}
	if l == nil {
		return
	}
	d.unlink(l)
	l.parted(reason)
	d.showLinkDown(reason, message)
	d.gatt.linkDown()
	d.pairingLinkDown()
	if d.connection.removal {
		d.remove()
		return
	}
	d.discard()
}

// showLinkDown signals the end of a link. BlueZ sends what changed in one signal, but for
// what comes before a signal of another kind.
func (d *deviceObject) showLinkDown(reason bluezgen.DisconnectReason, message string) {
	b := d.adapter.bluetoothd
	var changed bluezgen.Device1Properties
	flush := func() {
		if !changed.Empty() {
			d.update(changed)
		}
		changed = bluezgen.Device1Properties{}
	}
	if d.Properties().ServicesResolved {
		changed.Add(bluezgen.Device1ServicesResolved)
	}
	if b.since(Version584) {
		flush()
		d.connection.bearer.linkDown(reason, message)
	}
	if d.dropKeys() {
		changed.Add(bluezgen.Device1Paired)
	}
	if b.since(version583) {
		flush()
		_ = d.EmitDisconnected(reason, message) // fails only with the connection to the bus
	}
	changed.Add(bluezgen.Device1Connected)
	waiting := d.connection.waiting
	d.release()
	if len(waiting) == 0 || d.connection.removal {
		flush()
		return
	}
	// BlueZ answers Disconnect first, and there are clients (Bleak) that rely on it.
	d.connection.untold = flush
	b.world.tasks.Go(func() {
		for _, answered := range waiting {
			<-answered
		}
		b.world.do(d.tellLinkDown)
	})
}

// tellLinkDown signals the end of a link, if that has not been done yet.
func (d *deviceObject) tellLinkDown() {
	if tell := d.connection.untold; tell != nil {
		d.connection.untold = nil
		tell()
	}
}

// unlink takes the link away from both sides.
func (d *deviceObject) unlink(l *link) {
	l.cancel()
	delete(l.peripheral.links, d.adapter.adapter)
	d.connection.link = nil
	d.connection.quiet.Store(false)
	if t := d.connection.grace; t != nil {
		t.Stop()
		d.connection.grace = nil
	}
}

// release answers those who wait for the end of the link.
func (d *deviceObject) release() {
	d.connection.waiting = nil
	if down := d.connection.down; down != nil {
		d.connection.down = nil
		close(down)
	}
}

// haltConnection ends the link or the attempt, without a word on the bus.
func (d *deviceObject) haltConnection() {
	if a := d.connection.attempt; a != nil {
		a.abandon()
	}
	if l := d.connection.link; l != nil {
		d.unlink(l)
		l.parted(bluezgen.DisconnectReasonRemote)
		d.gatt.linkDown()
	}
	d.connection.untold = nil
	d.release()
}

// vanish is called when the peripheral is not there any more. The link is lost when
// the supervision timeout ends, unless the device is back by then.
func (l *link) vanish() {
	d := l.device
	d.adapter.bluetoothd.after(d.adapter.bluetoothd.delays().Supervision, func() {
		if d.connection.link == l && l.peripheral.gone {
			d.dropLink(bluezgen.DisconnectReasonTimeout, disconnectTimeout)
		}
	})
}

// Disconnect has the device end its connections, as its user does with a button. BlueZ
// sees that the other side ended them, at once. It does nothing if there are none.
func (p *Peripheral) Disconnect() {
	p.world.fault("Disconnect", "device", p.Address())
	p.world.mu.Lock()
	defer p.world.mu.Unlock()
	for _, l := range p.allLinks() {
		l.device.dropLink(bluezgen.DisconnectReasonRemote, disconnectRemote)
	}
}

// allLinks returns the links of a device, in order of the adapters' names. The world is
// locked.
func (p *Peripheral) allLinks() []*link {
	var all []*link
	for _, a := range p.world.adapters {
		if l := p.links[a]; l != nil {
			all = append(all, l)
		}
	}
	return slices.Clip(all)
}

// Encrypted reports whether a connection to the device is encrypted.
func (p *Peripheral) Encrypted() bool {
	p.world.mu.Lock()
	defer p.world.mu.Unlock()
	return slices.ContainsFunc(p.allLinks(), func(l *link) bool { return l.encrypted })
}
