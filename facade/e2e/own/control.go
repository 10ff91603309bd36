package own

import (
	"context"
	"encoding/binary"
	"time"

	"github.com/gobluez/bluez/facade"
	"github.com/gobluez/bluez/facade/e2e/world"
	"github.com/gobluez/bluez/facade/peripheral"
)

// control does what a world.Control asks for, after it was answered.
func (p *Peripheral) control(_ context.Context, r *peripheral.Request, value []byte) error {
	c, ok := world.ParseControl(value)
	switch {
	case !ok:
		return facade.ATTInvalidValueLength
	case c.Operation == world.Count:
		p.count(r.Server, c)
	case c.Operation == world.Disconnect:
		server, device := r.Server, r.Device
		p.tasks.Go(func() {
			// That it is disconnected by now is as good.
			_ = server.Disconnect(context.Background(), device)
		})
	default:
		return facade.ATTRequestNotSupported
	}
	return nil
}

// count has whoever is subscribed be sent numbers: to all subscribers at once, or to each alone.
func (p *Peripheral) count(server *peripheral.Server, c world.Control) {
	if len(server.Subscribers(p.counter)) > 0 {
		p.send(c, func(value []byte) bool {
			return len(server.Subscribers(p.counter)) > 0 && server.Notify(context.Background(), p.counter, value) == nil
		})
	}
	for _, s := range server.Subscribers(p.stream) {
		p.send(c, func(value []byte) bool { return s.Notify(context.Background(), value) == nil })
	}
}

// send passes on numbers until one is not taken: there is nobody any more.
func (p *Peripheral) send(c world.Control, take func(value []byte) bool) {
	p.mu.Lock()
	p.counting++
	p.mu.Unlock()
	p.tasks.Go(func() {
		defer func() {
			p.mu.Lock()
			p.counting--
			p.mu.Unlock()
		}()
		pace := time.NewTicker(max(time.Duration(c.Interval)*time.Millisecond, 1))
		defer pace.Stop()
		for n := range c.Count {
			if c.Interval > 0 {
				<-pace.C
			}
			if !take(binary.LittleEndian.AppendUint32(nil, uint32(n))) {
				return
			}
		}
	})
}
