//go:build linux

package facade

import (
	"context"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gobluez/bluez/bluezgen"
	"github.com/gobluez/bluez/facade/bluetest"
)

var (
	faultCount = flag.Int("faults", 20, "how many faults TestRandomFaults makes")
	faultSeed  = flag.Uint64("seed", 0, "of TestRandomFaults; 0 is another each time")
)

// A soak is a program at work, scanning and staying connected to some devices, in a world
// in which things go wrong.
type soak struct {
	*world
	central *Central
	devices []*bluetest.Peripheral
	random  *rand.Rand
	heard   atomic.Uint64   // advertisements
	read    []atomic.Uint64 // values, by device
	pulse   chan struct{}   // has a token after each of them
	rules   int             // match rules of the Central at rest
}

// faults are what goes wrong. Each returns when the cause has gone.
var faults = []struct {
	name string
	make func(s *soak) error
}{
	{"bluetoothd restarts", func(s *soak) error { return s.RestartBluetoothd(s.t.Context()) }},
	{"bluetoothd crashes", func(s *soak) error {
		s.CrashBluetoothd()
		return s.StartBluetoothd(s.t.Context())
	}},
	{"the bus restarts", func(s *soak) error { return s.RestartBus(s.t.Context()) }},
	{"the connection is cut", func(s *soak) error {
		s.CutConnections()
		return nil
	}},
	{"the connection is cut in mid-frame", func(s *soak) error {
		s.CutMidFrame()
		return nil
	}},
	{"the adapter is switched off and on", func(s *soak) error {
		s.adapter().Power(false)
		s.adapter().Power(true)
		return nil
	}},
	{"the adapter is reset", func(s *soak) error { return s.adapter().Reset() }},
	{"BlueZ forgets a device", func(s *soak) error {
		// It is no fault if BlueZ does not know the device at this moment.
		_ = s.adapter().RemoveDevice(s.t.Context(), s.device().Address())
		return nil
	}},
	{"a device is out of range for a while", func(s *soak) error {
		d := s.device()
		d.Vanish()
		d.Appear()
		return nil
	}},
	{"a device drops the link", func(s *soak) error {
		s.device().Disconnect()
		return nil
	}},
	{"replies are late", func(s *soak) error {
		defer s.LateReplies("", 20*time.Millisecond)()
		return s.recovers()
	}},
	{"replies are lost", func(s *soak) error {
		undo := s.LoseReplies("ReadValue")
		s.device().Disconnect()
		undo()
		s.CutConnections() // or those who wait would do so for ever
		return nil
	}},
	{"replies come twice", func(s *soak) error {
		defer s.DoubleReplies("")()
		return s.recovers()
	}},
	{"replies are out of order", func(s *soak) error {
		defer s.ReorderReplies("", 5*time.Millisecond)()
		return s.recovers()
	}},
	{"BlueZ is busy", func(s *soak) error {
		defer s.RefuseCalls("ReadValue", 3, bluezgen.ErrInProgress.With("In Progress"))()
		return s.recovers()
	}},
	{"somebody forges signals", func(s *soak) error {
		return s.adapter().Forge(s.device().Address(), bluezgen.Device1Properties{Device1Set: bluezgen.Device1SetOf(bluezgen.Device1Connected)})
	}},
	{"properties have foreign types", func(s *soak) error { return s.adapter().SendForeignTypes(s.device().Address()) }},
	{"signals have foreign arguments", func(s *soak) error { return s.adapter().SendForeignSignature(s.device().Address()) }},
	{"messages are malformed", func(s *soak) error {
		return s.SendMalformed(bluetest.Malformation(s.random.IntN(int(bluetest.ArrayOverrun) + 1)))
	}},
	{"the bus hangs for a moment", func(s *soak) error {
		s.Freeze()()
		return nil
	}},
}

// Whatever goes wrong, in whatever order, the program is at work again when the cause has gone, and nothing is left at the
// end.
func TestRandomFaults(t *testing.T) {
	seed := *faultSeed
	if seed == 0 {
		seed = rand.Uint64()
	}
	t.Logf("go test ./facade -run TestRandomFaults -faults %d -seed %d", *faultCount, seed)
	s := startSoak(t, seed)
	descriptors := countDescriptors(t) // with the connection to the bus and its two ends in the relay
	program, rest := context.WithCancel(t.Context())
	var tasks sync.WaitGroup
	s.work(program, &tasks)
	if err := s.recovers(); err != nil {
		t.Fatal(err)
	}
	for n := range *faultCount {
		fault := faults[s.random.IntN(len(faults))]
		err := fault.make(s)
		if err == nil {
			err = s.recovers()
		}
		if err != nil {
			t.Fatalf("fault %d, %s: %v", n, fault.name, err)
		}
	}
	rest()
	tasks.Wait()
	s.expectRest()
	// What the relay has cut is closed a moment later.
	left := countDescriptors(t)
	for end := time.Now().Add(5 * time.Second); left > descriptors && time.Now().Before(end); left = countDescriptors(t) {
		runtime.Gosched()
	}
	if left > descriptors {
		t.Errorf("%d descriptors are open, %d were before the program began", left, descriptors)
	}
}

func startSoak(t *testing.T, seed uint64) *soak {
	t.Helper()
	s := &soak{world: startWorld(t), random: rand.New(rand.NewPCG(seed, 0)), read: make([]atomic.Uint64, 3), pulse: make(chan struct{}, 1)}
	s.calls.Stop() // of which there are many
	for n := range s.read {
		d := newStrap()
		d.Address = fmt.Sprintf("C0:FF:EE:00:01:%02X", n)
		d.Advertisement.Interval = 5 * time.Millisecond
		s.devices = append(s.devices, s.add(d))
	}
	beacon := newStrap()
	beacon.Address, beacon.Services, beacon.Advertisement.Beacon = "C0:FF:EE:00:02:00", nil, true
	s.add(beacon)
	s.central = s.open(Options{})
	s.rules = s.central.Stats().Bus.MatchRules
	return s
}

// work scans, and reads from all devices, until ctx ends.
func (s *soak) work(ctx context.Context, tasks *sync.WaitGroup) {
	beat := func(count *atomic.Uint64) {
		count.Add(1)
		select {
		case s.pulse <- struct{}{}:
		default:
		}
	}
	tasks.Go(func() {
		for _, err := range s.central.Scan(ctx, ScanOptions{}) {
			if err != nil {
				s.t.Errorf("the scan ended with %v", err)
				return
			}
			beat(&s.heard)
		}
	})
	for n, d := range s.devices {
		address, err := ParseAddress(d.Address())
		if err != nil {
			s.t.Fatal(err)
		}
		o := StayOptions{MinPause: time.Millisecond, MaxPause: 50 * time.Millisecond, Connect: ConnectOptions{Timeout: 5 * time.Second}}
		tasks.Go(func() {
			_ = s.central.Stay(ctx, address, o, func(ctx context.Context, client *Client) error {
				sub, err := client.Subscribe(ctx, measurement, SubscribeOptions{})
				if err != nil {
					return s.again(ctx, client)
				}
				defer sub.Close()
				for {
					if _, err := client.Read(ctx, measurement); err != nil {
						return s.again(ctx, client)
					}
					beat(&s.read[n])
				}
			})
		})
	}
}

// again has Stay connect once more: what was refused while the link lasts is tried on another one.
func (s *soak) again(ctx context.Context, client *Client) error {
	_ = client.Disconnect(ctx)
	return nil
}

// recovers waits until the program hears and reads from all devices again.
func (s *soak) recovers() error {
	ctx, cancel := context.WithTimeout(s.t.Context(), 30*time.Second)
	defer cancel()
	heard, read := s.heard.Load(), make([]uint64, len(s.read))
	for n := range read {
		read[n] = s.read[n].Load()
	}
	// Twice, for the first may have been on its way.
	well := func() bool {
		for n := range read {
			if s.read[n].Load() < read[n]+2 {
				return false
			}
		}
		return s.heard.Load() >= heard+2
	}
	for !well() {
		select {
		case <-s.pulse:
		case <-ctx.Done():
			return fmt.Errorf("the program does not recover: heard %d (before %d), read %d (before %d), %+v",
				s.heard.Load(), heard, s.read, read, s.central.Stats())
		}
	}
	return nil
}

// device returns one of the devices.
func (s *soak) device() *bluetest.Peripheral { return s.devices[s.random.IntN(len(s.devices))] }

// expectRest looks whether the program has left anything behind.
func (s *soak) expectRest() {
	s.t.Helper()
	stats := s.central.Stats()
	if stats.Scans != 0 || stats.Clients != 0 || stats.Subscriptions != 0 || stats.Known != 0 {
		s.t.Errorf("the program has ended, but %+v", stats)
	}
	if stats.Bus.MatchRules != s.rules {
		s.t.Errorf("%d match rules are in force, and %d were at first", stats.Bus.MatchRules, s.rules)
	}
	if n := s.discoveries(); n != 0 {
		s.t.Errorf("%d discoveries are left", n)
	}
	for _, d := range s.devices {
		if d.Connected() || d.Subscribed("2a37") {
			s.t.Errorf("%s: connected %t, subscribed to %t", d.Address(), d.Connected(), d.Subscribed("2a37"))
		}
	}
}

func countDescriptors(t *testing.T) int {
	t.Helper()
	open, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	return len(open)
}

var soakTime = flag.Duration("soak", 2*time.Second, "how long TestRotatingAddressesKeepMemoryFlat scans")

// A thousand advertisements a second, of devices that change their addresses all the time, need no more memory in the end
// than when their number was reached for the first time.
func TestRotatingAddressesKeepMemoryFlat(t *testing.T) {
	const devices, interval = 100, 100 * time.Millisecond
	lifetime := *soakTime / 20 // of an address
	w := startWorld(t, bluetest.Delays{TemporaryTimeout: lifetime})
	w.calls.Stop()
	for n := range devices {
		d := newStrap()
		d.Address = fmt.Sprintf("C0:FF:EE:00:03:%02X", n)
		d.Advertisement.Interval, d.Advertisement.Rotate, d.Advertisement.Walk = interval, lifetime, 3
		w.add(d)
	}
	c := w.open(Options{})
	ctx, cancel := context.WithTimeout(t.Context(), *soakTime)
	defer cancel()
	halfTime := time.NewTimer(*soakTime / 2)
	defer halfTime.Stop()
	addresses := map[Address]bool{}
	var middle uint64
	var known int
	for adv, err := range c.Scan(ctx, ScanOptions{EveryPacket: true}) {
		if err != nil {
			t.Fatal(err)
		}
		addresses[adv.Address] = true
		known = max(known, c.Stats().Known)
		select {
		case <-halfTime.C:
			middle = heapInUse()
			clear(addresses) // they are the test's
		default:
		}
	}
	stats := c.Stats()
	if len(addresses) < 2*devices {
		t.Errorf("%d addresses were heard in the second half, of %d devices", len(addresses), devices)
	}
	if known > 4*devices {
		t.Errorf("%d devices are remembered", known)
	}
	if end := heapInUse(); end > middle+middle/2+1<<20 {
		t.Errorf("the heap has %d bytes, in the middle it had %d", end, middle)
	}
	t.Logf("%d advertisements, %d devices known at most, heap %d KiB in the middle and %d at the end",
		stats.Advertisements, known, middle>>10, heapInUse()>>10)
}

// heapInUse returns the number of bytes that are still needed.
func heapInUse() uint64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}
