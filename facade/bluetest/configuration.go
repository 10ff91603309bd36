package bluetest

import (
	"encoding/binary"
	"slices"
)

// A configuration is BlueZ's view of a client characteristic configuration on a link.
// It is enabled for the first who registers, and disabled when the last is gone.
type configuration struct {
	client     *gattClient
	handle     uint16 // 0 if there is none, so that nothing is to be written
	bits       uint16 // that enable it
	registered []*registration
	waiting    []*registration // for the write that is under way to end
	writing    bool
}

// A registration is somebody's interest in notifications: a client's session, or a part
// of BlueZ itself. Its functions are called with the world locked.
type registration struct {
	enabled  func(ATTError) // called once when notifications are enabled, or could not be
	notified func(value []byte)

	of    *configuration
	ended bool
}

// configurationOf returns the configuration of a characteristic. The world is locked.
func (g *gattClient) configurationOf(c *characteristic) *configuration {
	conf := g.configurations[c.value.handle]
	if conf == nil {
		conf = &configuration{client: g, bits: configuredToIndicate}
		if c.notifiesBy(configuredToNotify) {
			conf.bits = configuredToNotify
		}
		if c.configuration != nil {
			conf.handle = c.configuration.handle
		}
		g.configurations[c.value.handle] = conf
	}
	return conf
}

// register enables notifications, unless they are.
func (c *configuration) register(r *registration) {
	r.of = c
	c.registered = append(c.registered, r)
	switch {
	case c.writing:
		c.waiting = append(c.waiting, r)
	case len(c.registered) > 1 || c.handle == 0:
		r.enabled(0)
	default:
		c.enable(r)
	}
}

// unregister disables notifications if nobody else wants them. enabled is not called any
// more.
func (r *registration) unregister() {
	c := r.of
	r.ended = true
	c.registered = without(c.registered, r)
	c.waiting = without(c.waiting, r)
	if len(c.registered) == 0 && c.handle != 0 && !c.writing && c.client.queue != nil {
		c.disable()
	}
}

func (c *configuration) enable(r *registration) {
	c.write(c.bits, func(err ATTError) {
		waiting := append([]*registration{r}, c.waiting...)
		c.waiting = nil
		for _, r := range waiting {
			if !r.ended {
				r.enabled(err)
			}
		}
		if len(c.registered) == 0 && err == 0 && !c.writing && c.client.queue != nil {
			c.disable() // they all left while it was written
		}
	})
}

func (c *configuration) disable() {
	c.write(0, func(ATTError) {
		if len(c.waiting) > 0 && c.client.queue != nil {
			next := c.waiting[0]
			c.waiting = c.waiting[1:]
			c.enable(next)
		}
	})
}

// write writes the configuration. What the device does by itself while somebody is
// subscribed begins or ends only after that, so that BlueZ is ready for it.
func (c *configuration) write(bits uint16, answered func(ATTError)) {
	c.writing = true
	l := c.client.queue.link
	a := l.peripheral.attributes
	c.client.queue.enqueue(&attRequest{
		rounds: 1,
		serve: func() ([]byte, ATTError) {
			return nil, a.write(l, write{handle: c.handle, value: binary.LittleEndian.AppendUint16(nil, bits)})
		},
		answered: func(_ []byte, err ATTError) {
			c.writing = false
			answered(err)
			a.run()
		},
	})
}

// without returns a list less one element; the old list stays as it is.
func without[E comparable](list []E, e E) []E {
	return slices.DeleteFunc(slices.Clone(list), func(other E) bool { return other == e })
}
