package bluetest

import "time"

// Delays are the times that BlueZ takes or waits. It is an [Option]. A field that is 0
// has BlueZ's value, [None] is no time at all. Of several Delays each sets the fields that
// it has; where two have the same, the last one counts.
type Delays struct {
	// TemporaryTimeout is how long a device that is neither connected, paired nor
	// connected to before is kept after it was last heard: 30 s (main.conf).
	TemporaryTimeout time.Duration
	// DiscoveryPause is the pause between rounds of a discovery that nobody filters: 5 s.
	DiscoveryPause time.Duration
	// DiscoveryRound is how long a round of discovery lasts: 10.24 s.
	DiscoveryRound time.Duration
	// Disconnect is the grace time of Disconnect before the link is ended: 2 s. Without
	// any, writes without response that were called just before are lost.
	Disconnect time.Duration
	// Connect is how long a connection attempt waits for the device to be heard
	// before it fails: 20 s, which is the kernel's.
	Connect time.Duration
	// Agent is how long an agent may take to answer: 60 s.
	Agent time.Duration
	// Pairing is how long the other device may take at each step of pairing: 30 s
	// (Core specification, volume 3, part H, section 3.4).
	Pairing time.Duration
	// Attribute is how long the other device may take to answer an attribute
	// request before the link is ended: 30 s (volume 3, part F, section 3.3.3).
	Attribute time.Duration
	// Application is how long an application that serves an attribute may take to answer
	// for it: 5 s.
	Application time.Duration
	// Advertising is the time between the packets of an advertisement that asks for none
	// in particular: 1.28 s, which is the kernel's.
	Advertising time.Duration
	// PowerOn is how long an adapter takes to power on or off: 50 ms.
	PowerOn time.Duration
	// Supervision is how long it takes to see that a device has vanished during a
	// connection: 2 s, BlueZ's default supervision timeout being 420 ms up to
	// several seconds.
	Supervision time.Duration
}

// None is a delay of no time.
const None = -1 * time.Nanosecond

func (d Delays) apply(c *config) error {
	mine := d.fields()
	for i, field := range c.delays.fields() {
		if *mine[i].value != 0 {
			*field.value = *mine[i].value
		}
	}
	return nil
}

func (d Delays) withDefaults() Delays {
	for _, field := range d.fields() {
		switch {
		case *field.value == 0:
			*field.value = field.blueZ
		case *field.value < 0:
			*field.value = 0
		}
	}
	return d
}

// A delay is a field of Delays, with BlueZ's value.
type delay struct {
	value *time.Duration
	blueZ time.Duration
}

func (d *Delays) fields() []delay {
	return []delay{
		{&d.TemporaryTimeout, 30 * time.Second},
		{&d.DiscoveryPause, 5 * time.Second},
		{&d.DiscoveryRound, 10240 * time.Millisecond},
		{&d.Disconnect, 2 * time.Second},
		{&d.Connect, 20 * time.Second},
		{&d.Agent, 60 * time.Second},
		{&d.Pairing, 30 * time.Second},
		{&d.Attribute, 30 * time.Second},
		{&d.Application, 5 * time.Second},
		{&d.Advertising, 1280 * time.Millisecond},
		{&d.PowerOn, 50 * time.Millisecond},
		{&d.Supervision, 2 * time.Second},
	}
}
