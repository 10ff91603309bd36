package facade

import (
	"cmp"
	"context"
	"errors"
	"iter"
	"strconv"
	"strings"
	"time"

	"github.com/gobluez/bluez/bluezgen"
)

// ScanOptions says which advertisements a scan wants. The zero value wants those of
// every device on the default adapter. All conditions must hold.
type ScanOptions struct {
	// Adapter is the adapter's name ("hci0") or address; empty means the Central's default.
	Adapter string
	// Address, when not zero, is the device that is wanted.
	Address Address
	// Name, when not empty, is the advertised name that is wanted, exactly.
	Name string
	// Services, when not empty: a device must offer at least one of them.
	Services []UUID
	// MinRSSI, when not zero, is the weakest signal wanted, in dBm (-127 to 20).
	// Advertisements of unknown strength are then left out.
	MinRSSI int16
	// MaxPathLoss, when not zero, is the largest loss wanted between the advertised
	// transmit power and the received strength, in dB (1 to 137). Advertisements
	// that lack either are then left out.
	MaxPathLoss uint16
	// Pattern, when not empty, is what the device's address, in upper case, or name must begin with.
	Pattern string
	// Transport is the radio to scan with; empty means TransportLE.
	Transport Transport
	// Discoverable makes this machine's adapter discoverable, for BR/EDR and in its own
	// advertisements, for as long as the scan runs.
	Discoverable bool
	// AutoConnect has BlueZ connect by itself the devices that it knows and that this scan
	// hears, which must be chosen by a Pattern: it does nothing without one, or while
	// another scan runs without the same. It needs BlueZ 5.83; before, the scan fails with
	// an error that matches errors.ErrUnsupported.
	AutoConnect bool
	// Passive, when not nil, makes the scan passive: see there. The other options then
	// choose among the packets that it hears. They are as BlueZ merges them, also with
	// EveryPacket.
	Passive *Passive
	// Match, when not nil, must return true. It is called in the order of arrival
	// from the goroutine that reads the bus: it must be quick and must not call
	// this package.
	Match func(Advertisement) bool
	// NoResume ends the scan with the reason when Bluetooth goes away while it runs: the
	// bus, bluetoothd, the adapter or its power. Without it the scan waits for that to
	// come back and resumes.
	NoResume bool
	// LostAfter, when not zero, asks to be told when a device is not heard any more: its
	// last Advertisement then comes once more, with Lost set. A device is lost when no
	// wanted packet of it came for this long, give or take a sixteenth, or when BlueZ has
	// forgotten it, which it does 30 seconds after it last heard a device that is neither
	// paired nor connected. Devices that are connected do not advertise, so they are lost
	// to a scan. Discover and FindDevice take no notice of it.
	//
	// BlueZ passes on packets that say nothing new only under the conditions of
	// EveryPacket. Where it does not, LostAfter should be a minute or more, which leaves
	// it to BlueZ's 30 seconds.
	LostAfter time.Duration
	// EveryPacket asks for each packet that BlueZ passes on, with that packet's own
	// ManufacturerData and ServiceData. The default merges what it knows of a device
	// and may skip packets that say nothing new. The consumer must keep up: a
	// backlog of Queue packets ends the scan with ErrOverflow.
	//
	// After BlueZ 5.87, packets that differ in strength alone are passed on only while
	// some program filters by strength: set MinRSSI to -127 as well. It is not set
	// by itself, for it leaves out what a controller hears without knowing how strong.
	EveryPacket bool
	// Queue is the number of packets that may wait for the consumer when EveryPacket
	// is set; 0 means 1024. Without EveryPacket the newest update of each device
	// waits (at most 4096 devices), and Advertisement.Coalesced counts the others.
	Queue int
}

// A Transport is the radio that a scan uses.
type Transport string

// The transports of BlueZ (org.bluez.Adapter(5), SetDiscoveryFilter).
const (
	TransportLE    = Transport(bluezgen.TransportLE)    // Bluetooth Low Energy alone
	TransportBREDR = Transport(bluezgen.TransportBREDR) // classic Bluetooth alone: such devices are heard, but not what this package is for
	TransportAuto  = Transport(bluezgen.TransportAuto)  // both
)

// A Scanner is a running scan that calls a function for each advertisement. Any
// goroutine may use it.
type Scanner struct {
	scan   *scan
	cancel context.CancelFunc
	done   chan struct{}
	err    error // valid once done is closed
}

// StartScanner starts to scan and returns once BlueZ has confirmed. From then on
// handler is called for each wanted advertisement, one call at a time, from a
// goroutine of the Scanner's own, until ctx ends, Close is called or the scan fails. A
// handler that panics ends its scan with a *PanicError. One that is nil is not called:
// Scanner.Devices has what was heard.
//
// All scans of a Central on one adapter share one discovery of BlueZ. A scan
// survives the loss of the bus, of bluetoothd, of its adapter and of its power: it
// resumes when they are back, unless NoResume is set. It fails at the start with
// ErrNoBus, ErrNoBlueZ, ErrNoAdapter or ErrAdapterOff.
func (c *Central) StartScanner(ctx context.Context, o ScanOptions, handler func(Advertisement)) (*Scanner, error) {
	return c.startScanner(ctx, o, handler, func() {})
}

func (c *Central) startScanner(ctx context.Context, o ScanOptions, handler func(Advertisement), release func()) (*Scanner, error) {
	scan, err := c.startScan(ctx, o, true)
	if err == nil {
		if err = c.enlist(); err != nil {
			scan.close()
		}
	}
	if err != nil {
		release()
		return nil, opError("scan", o.Adapter, err)
	}
	if handler == nil {
		handler = func(Advertisement) {}
	}
	s := &Scanner{scan: scan, done: make(chan struct{})}
	ctx, s.cancel = context.WithCancel(ctx)
	go func() {
		defer close(s.done)
		defer release()
		defer c.scanners.Done()
		defer scan.close()
		defer s.cancel()
		var panicked error
		err := scan.each(ctx, func(adv Advertisement) bool {
			panicked = guard(func() { handler(adv) })
			return panicked == nil
		})
		s.err = opError("scan", o.Adapter, cmp.Or(panicked, err))
	}()
	return s, nil
}

// enlist counts another scanner among those that Close waits for.
func (c *Central) enlist() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if err := context.Cause(c.ctx); err != nil {
		return err
	}
	c.scanners.Add(1)
	return nil
}

// Devices returns the last advertisement of each wanted device that the scan has heard
// so far, by address. Those that are lost are not among them: BlueZ has forgotten them,
// or LostAfter has passed. It does not block, and may be called after the end.
func (s *Scanner) Devices() []Advertisement { return s.scan.present() }

// Close ends the scan and waits until handler has returned and BlueZ was told, for
// a few seconds at most. It must not be called by handler. A second Close returns
// the same.
func (s *Scanner) Close() error {
	s.cancel()
	<-s.done
	return s.err
}

// Done is closed when the scan has ended and handler will not be called again.
func (s *Scanner) Done() <-chan struct{} { return s.done }

// Err returns nil while the scan runs, and after it ended by Close or ctx; else why
// it failed.
func (s *Scanner) Err() error {
	select {
	case <-s.done:
		return s.err
	default:
		return nil
	}
}

// each calls yield for each advertisement until yield returns false or ctx ends,
// which is no error.
func (s *scan) each(ctx context.Context, yield func(Advertisement) bool) error {
	roll := newRoll(s)
	for {
		adv, err := roll.take(ctx)
		switch {
		case ctx.Err() != nil:
			return nil
		case err != nil:
			return err
		case s.central.ctx.Err() != nil:
			return ErrClosed // whatever waits
		case !yield(adv):
			return nil
		}
	}
}

// Scan returns an iterator over the wanted advertisements as they are heard. Each
// range over it is a scan of its own, like that of StartScanner: it starts with the
// loop and has ended when the loop has, whether by break, return or panic. The loop
// ends silently when ctx does; any other end yields one last pair with the error.
//
// The loop's body may take its time: meanwhile updates of one device replace each
// other.
func (c *Central) Scan(ctx context.Context, o ScanOptions) iter.Seq2[Advertisement, error] {
	return func(yield func(Advertisement, error) bool) {
		scan, err := c.startScan(ctx, o, false)
		if err == nil {
			defer scan.close()
			err = scan.each(ctx, func(adv Advertisement) bool { return yield(adv, nil) })
		}
		if err != nil && ctx.Err() == nil {
			yield(Advertisement{}, opError("scan", o.Adapter, err))
		}
	}
}

// Discover scans for d and returns the last advertisement of each wanted device in
// the order in which they were first heard. If ctx ends first, it returns those
// heard until then and ctx's error.
func (c *Central) Discover(ctx context.Context, d time.Duration, o ScanOptions) ([]Advertisement, error) {
	o.LostAfter = 0
	scan, err := c.startScan(ctx, o, false)
	if err != nil {
		return nil, opError("scan", o.Adapter, err)
	}
	defer scan.close()
	limited, cancel := context.WithTimeout(ctx, d)
	defer cancel()
	var found []Advertisement
	index := make(map[Device]int)
	err = scan.each(limited, func(adv Advertisement) bool {
		key := Device{path: adv.Device.path}
		if i, known := index[key]; known {
			found[i] = adv
		} else {
			index[key] = len(found)
			found = append(found, adv)
		}
		return true
	})
	if err == nil {
		err = context.Cause(ctx)
	}
	return found, opError("scan", o.Adapter, err)
}

// FindDevice scans until a wanted device is heard and returns its advertisement. A
// device that is connected does not advertise: it is returned at once, as BlueZ knows it,
// unless the scan is passive.
// The error matches ErrNoDevice when ctx's deadline passes first (and
// context.DeadlineExceeded too).
func (c *Central) FindDevice(ctx context.Context, o ScanOptions) (Advertisement, error) {
	adv, err := c.find(ctx, o)
	return adv, opError("find device", o.description(), err)
}

// description says in an error what was looked for, as far as it can be said.
func (o *ScanOptions) description() string {
	var words []string
	if !o.Address.IsZero() {
		words = append(words, o.Address.String())
	}
	if o.Name != "" {
		words = append(words, strconv.Quote(o.Name))
	}
	for _, u := range o.Services {
		words = append(words, u.Short())
	}
	return strings.Join(words, " ")
}

// find is FindDevice without its Error.
func (c *Central) find(ctx context.Context, o ScanOptions) (Advertisement, error) {
	found, err := c.search(ctx, o)
	if err != nil && errors.Is(err, context.Cause(ctx)) && errors.Is(ctx.Err(), context.DeadlineExceeded) {
		err = because(ErrNoDevice, err)
	}
	return found, err
}

// search returns the first advertisement that is wanted, or why ctx has ended before.
func (c *Central) search(ctx context.Context, o ScanOptions) (found Advertisement, err error) {
	o.LostAfter = 0
	scan, err := c.startScan(ctx, o, false)
	if err != nil {
		return Advertisement{}, err
	}
	defer scan.close()
	if o.Passive == nil { // a connected device has no packet that could have the patterns
		if found, ok := scan.connected(); ok {
			return found, nil
		}
	}
	err = scan.each(ctx, func(adv Advertisement) bool {
		found = adv
		return false
	})
	if err == nil && found.Device.path == "" {
		err = context.Cause(ctx)
	}
	return found, err
}
