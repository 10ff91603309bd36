//go:build linux

package facade

import (
	"context"
	"flag"
	"fmt"
	"iter"
	"math/rand/v2"
	"os"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gobluez/bluez/facade/bluetest"
)

var (
	faultCount = flag.Int("faults", 20, "how many faults TestRandomFaults makes")
	faultSeed  = flag.Uint64("seed", 0, "of TestRandomFaults; 0 is another each time")
)

// A soak is a program at work, scanning, watching and staying connected to some devices, in
// a world in which things go wrong.
type soak struct {
	*world
	central *Central
	devices []*bluetest.Peripheral
	random  *rand.Rand
	heard   [2]atomic.Uint64 // advertisements, by an active scan and by a passive one
	read    []atomic.Uint64  // values, by device
	pulse   chan struct{}    // has a token after each of them
	rest    Stats            // of the Central without the program
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
	var order []int // in which all faults come, before any comes again
	for n := range *faultCount {
		if len(order) == 0 {
			order = s.random.Perm(len(faults))
		}
		fault := faults[order[0]]
		order = order[1:]
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
	if err := s.central.SetAgent(t.Context(), nil); err != nil {
		t.Error(err)
	}
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
	s := &soak{world: startWorld(t, bluetest.Experimental()), random: rand.New(rand.NewPCG(seed, 0)), read: make([]atomic.Uint64, 4), pulse: make(chan struct{}, 1)}
	s.calls.Stop() // of which there are many
	for n := range s.read {
		d := newStrap()
		d.Address = fmt.Sprintf("C0:FF:EE:00:01:%02X", n)
		d.Advertisement.Interval = 5 * time.Millisecond
		d.Pairing.Required = n == paired || n == strict
		s.devices = append(s.devices, s.add(d))
	}
	beacon := newStrap()
	beacon.Address, beacon.Services, beacon.Advertisement.Beacon = "C0:FF:EE:00:02:00", nil, true
	beacon.Advertisement.ManufacturerData = map[uint16][]byte{0xffff: {1}}
	s.add(beacon)
	s.central = s.open(Options{})
	s.rest = s.central.Stats()
	return s
}

// What is special about some of the devices.
const (
	acquired = 1 // its values come through a socket
	paired   = 2 // it has to be, and is by the program
	strict   = 3 // it has to be, and is by BlueZ
)

// work scans, watches, and reads from all devices, until ctx ends.
func (s *soak) work(ctx context.Context, tasks *sync.WaitGroup) {
	if err := s.central.SetAgent(ctx, &Agent{Authorize: func(context.Context, Device) error { return nil }}); err != nil {
		s.t.Fatal(err)
	}
	for n, o := range []ScanOptions{{}, {Passive: ours}} {
		tasks.Go(func() { follow(s, s.central.Scan(ctx, o), func(Advertisement) { s.beat(&s.heard[n]) }) })
	}
	tasks.Go(func() { follow(s, s.central.WatchDevices(ctx, WatchOptions{}), func(DeviceEvent) {}) })
	tasks.Go(func() { follow(s, s.central.WatchAdapters(ctx), func(AdapterEvent) {}) })
	for n := range s.devices {
		tasks.Go(func() { s.stay(ctx, n) })
	}
}

// follow takes what comes. It must not end by itself.
func follow[T any](s *soak, all iter.Seq2[T, error], take func(T)) {
	for one, err := range all {
		if err != nil {
			s.t.Errorf("%T: %v", one, err)
			return
		}
		take(one)
	}
}

// stay reads from a device again and again.
func (s *soak) stay(ctx context.Context, n int) {
	address, err := ParseAddress(s.devices[n].Address())
	if err != nil {
		s.t.Error(err)
		return
	}
	o := StayOptions{MinPause: time.Millisecond, MaxPause: 50 * time.Millisecond, Connect: ConnectOptions{Timeout: 5 * time.Second}}
	subscription := SubscribeOptions{}
	switch n {
	case acquired:
		subscription.Method = AcquireNotify
	case paired:
		o.Connect.Pair = &PairOptions{Agent: &Agent{}}
	}
	if n == paired || n == strict {
		failures := 0
		o.Retry = func(error) bool {
			if failures++; failures%3 == 0 { // it may have lost its keys
				_ = s.central.Forget(ctx, address)
			}
			return true
		}
	}
	_ = s.central.Stay(ctx, address, o, func(ctx context.Context, client *Client) error {
		sub, err := client.Subscribe(ctx, measurement, subscription)
		if err != nil {
			return s.again(ctx, client)
		}
		defer sub.Close()
		for {
			if _, err := client.Read(ctx, measurement); err != nil {
				return s.again(ctx, client)
			}
			s.beat(&s.read[n])
		}
	})
}

// beat counts a sign of life.
func (s *soak) beat(count *atomic.Uint64) {
	count.Add(1)
	select {
	case s.pulse <- struct{}{}:
	default:
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
	before := s.counts()
	for {
		// Twice, for the first may have been on its way.
		now, well := s.counts(), true
		for n := range now {
			well = well && now[n] >= before[n]+2
		}
		if well {
			return nil
		}
		select {
		case <-s.pulse:
		case <-ctx.Done():
			return fmt.Errorf("the program does not recover: %d signs of life (before %d), %+v", now, before, s.central.Stats())
		}
	}
}

// counts returns how often each scan has heard something and each device was read.
func (s *soak) counts() (all []uint64) {
	for n := range s.heard {
		all = append(all, s.heard[n].Load())
	}
	for n := range s.read {
		all = append(all, s.read[n].Load())
	}
	return all
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
	if stats.Bus.MatchRules != s.rest.Bus.MatchRules || stats.Bus.Subscriptions != s.rest.Bus.Subscriptions || stats.Bus.Exports != s.rest.Bus.Exports {
		s.t.Errorf("at first there was %+v\nand there is %+v", s.rest.Bus, stats.Bus)
	}
	if n := s.discoveries(); n != 0 {
		s.t.Errorf("%d discoveries are left", n)
	}
	for _, d := range s.devices {
		if d.Connected() || d.Subscribed("2a37") {
			s.t.Errorf("%s: connected %t, subscribed to %t", d.Address(), d.Connected(), d.Subscribed("2a37"))
		}
		if n := s.notifySessionsOf(d.Address()); n != 0 {
			s.t.Errorf("%s: %d sessions of notifications are left", d.Address(), n)
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
