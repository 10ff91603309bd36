package bluetest

import (
	"context"
	"math/rand/v2"
	"time"

	"github.com/gobluez/bluez/bluezgen"
)

// The characteristics of [Misbehaving] that have UUIDs of their own.
const (
	// MisbehavingEmpty notifies values of no bytes, now and then one of one byte.
	MisbehavingEmpty = "bad00001-7e57-4000-8000-00805f9b34fb"
	// MisbehavingRefused answers each request with another ATT error.
	MisbehavingRefused = "bad00002-7e57-4000-8000-00805f9b34fb"
	// MisbehavingTwin is the UUID of two characteristics.
	MisbehavingTwin = "bad00003-7e57-4000-8000-00805f9b34fb"
	// MisbehavingSlow answers each read after a second.
	MisbehavingSlow = "bad00004-7e57-4000-8000-00805f9b34fb"
)

// Misbehaving is a device of that address as one meets them: it drops the link at
// random, on average after a time of that length (0: never), its first connection
// attempt fails, two of its services and two of its characteristics have the same UUIDs,
// it notifies empty values, refuses requests with all kinds of errors, and takes its
// time. What is random is so by that seed.
func Misbehaving(address string, uptime time.Duration, seed uint64) Device {
	read := []bluezgen.CharacteristicFlag{bluezgen.CharacteristicFlagRead, bluezgen.CharacteristicFlagWrite}
	service := func(more ...Characteristic) Service {
		return Service{UUID: "bad00000-7e57-4000-8000-00805f9b34fb", Characteristics: append([]Characteristic{
			{UUID: MisbehavingTwin, Flags: read, Value: []byte("one of two")},
		}, more...)}
	}
	return Device{
		Address:       address,
		Name:          "Misbehaving",
		Advertisement: Advertisement{Walk: 20},
		Connection: Connection{
			Latency: 100 * time.Millisecond,
			Resolve: ResolveEarly,
			Fail: func(attempt int) error {
				if attempt == 1 {
					return AbortByLocal()
				}
				return nil
			},
		},
		Services: []Service{
			service(
				Characteristic{UUID: MisbehavingEmpty, Flags: []bluezgen.CharacteristicFlag{bluezgen.CharacteristicFlagNotify}, Notify: notifyEmpty},
				Characteristic{UUID: MisbehavingRefused, Flags: read, Read: refuseRead, Write: refuseWrite},
				Characteristic{UUID: MisbehavingSlow, Flags: read, Read: readSlowly},
			),
			service(),
		},
		Run: func(ctx context.Context, p *Peripheral) {
			random := rand.New(rand.NewPCG(seed, 0))
			for uptime > 0 && pause(ctx, time.Duration(random.ExpFloat64()*float64(uptime))) {
				p.Disconnect()
			}
		},
	}
}

func notifyEmpty(ctx context.Context, _ *Peripheral, send func([]byte) error) {
	for n := 1; ; n++ {
		value := []byte{}
		if n%10 == 0 {
			value = []byte{byte(n)}
		}
		if send(value) != nil || !pause(ctx, 100*time.Millisecond) {
			return
		}
	}
}

// refusals are the errors of MisbehavingRefused, in turn. Those that have BlueZ raise
// the link's security are not among them.
var refusals = [...]ATTError{0x01, 0x06, 0x08, 0x0d, 0x0e, 0x11, 0x80, 0xe0, 0xfd}

// The requests of each kind that were refused so far. A device answers one request at a
// time, so they need no lock.
type (
	refusedReads  int
	refusedWrites int
)

func refuseRead(_ context.Context, p *Peripheral) ([]byte, error) {
	n := remembered(p, func() *refusedReads { return new(refusedReads) })
	*n++
	return nil, refusals[int(*n-1)%len(refusals)]
}

func refuseWrite(_ context.Context, p *Peripheral, _ []byte) error {
	n := remembered(p, func() *refusedWrites { return new(refusedWrites) })
	*n++
	return refusals[int(*n-1)%len(refusals)]
}

func readSlowly(ctx context.Context, _ *Peripheral) ([]byte, error) {
	if !pause(ctx, time.Second) {
		return nil, ctx.Err()
	}
	return []byte("at last"), nil
}
