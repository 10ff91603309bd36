package bluetest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gobluez/bluez/bluezgen"
	"github.com/gobluez/bluez/gen/bus"
)

const sensor = "C0:FF:EE:00:00:01"

// quick are delays of no time, but for those that a test wants to see.
var quick = Delays{Disconnect: None, PowerOn: None, Supervision: None}

// near is a device that is connected to at once.
func near(change func(*Device)) Device {
	d := Device{
		Address: sensor, Name: "Sensor",
		Advertisement: Advertisement{Interval: 20 * time.Millisecond},
		Connection:    Connection{Latency: None, Discovery: None},
	}
	if change != nil {
		change(&d)
	}
	return d
}

// A visitor is a client that follows what is shown of the sensor, in the order of the
// wire.
type visitor struct {
	t      *testing.T
	world  *World
	conn   *bus.Conn
	device bluezgen.Device1

	mu    sync.Mutex
	notes []string
	more  chan struct{} // has a token when there are more
}

// visit has the sensor known to BlueZ, as a scan would, and follows it.
func visit(t *testing.T, options ...Option) *visitor {
	t.Helper()
	w := Start(t, options...)
	discover(t, w, sensor)
	return another(t, w)
}

func discover(t *testing.T, w *World, address string) {
	t.Helper()
	w.mu.Lock()
	defer w.mu.Unlock()
	p := w.peripheral(address)
	if _, _, err := w.adapters[0].object().discovered(p, bluezgen.Device1Properties{}); err != nil {
		t.Fatal(err)
	}
}

// another is one more visitor of a world.
func another(t *testing.T, w *World) *visitor {
	t.Helper()
	v := &visitor{t: t, world: w, conn: dial(t, w), more: make(chan struct{}, 1)}
	v.device = bluezgen.NewDevice1(v.conn, path(sensor))
	bearer := bluezgen.NewBearerLE1(v.conn, path(sensor))
	_, err := v.device.OnPropertiesChanged(t.Context(), v.noteProperties)
	v.must(err)
	_, err = v.device.OnDisconnected(t.Context(), func(s bluezgen.Device1Disconnected) {
		v.note("Disconnected " + strings.TrimPrefix(string(s.Name), "org.bluez.Reason.") + " " + s.Message)
	})
	v.must(err)
	_, err = bearer.OnDisconnected(t.Context(), func(s bluezgen.BearerLE1Disconnected) {
		v.note("bearer Disconnected " + strings.TrimPrefix(string(s.Name), "org.bluez.Reason."))
	})
	v.must(err)
	return v
}

func (v *visitor) noteProperties(u bluezgen.Device1Update) {
	p := &u.Device1Properties
	for _, property := range []struct {
		which bluezgen.Device1Property
		value any
	}{
		{bluezgen.Device1Address, p.Address}, {bluezgen.Device1AddressType, p.AddressType}, {bluezgen.Device1Bonded, p.Bonded},
		{bluezgen.Device1ServicesResolved, p.ServicesResolved}, {bluezgen.Device1Paired, p.Paired}, {bluezgen.Device1Blocked, p.Blocked},
		{bluezgen.Device1Connected, p.Connected},
	} {
		if u.Changed.Has(property.which) {
			v.note(fmt.Sprintf("%s=%v", property.which, property.value))
		}
	}
}

func (v *visitor) note(note string) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.notes = append(v.notes, note)
	select {
	case v.more <- struct{}{}:
	default:
	}
}

// expect waits for these notes, which must be the next.
func (v *visitor) expect(want ...string) {
	v.t.Helper()
	for {
		v.mu.Lock()
		got := slices.Clone(v.notes)
		v.mu.Unlock()
		if len(got) >= len(want) && slices.Equal(got[:len(want)], want) {
			v.mu.Lock()
			v.notes = v.notes[len(want):]
			v.mu.Unlock()
			return
		}
		if !slices.Equal(got, want[:min(len(want), len(got))]) {
			v.t.Fatalf("signals\n\t%s, want\n\t%s", strings.Join(got, ", "), strings.Join(want, ", "))
		}
		select {
		case <-v.more:
		case <-time.After(10 * time.Second):
			v.t.Fatalf("only signals\n\t%s, want\n\t%s", strings.Join(got, ", "), strings.Join(want, ", "))
		}
	}
}

func (v *visitor) must(err error) {
	v.t.Helper()
	if err != nil {
		v.t.Fatal(err)
	}
}

func (v *visitor) wants(err error, want error) {
	v.t.Helper()
	if want == nil && err != nil || want != nil && !errors.Is(err, want) {
		v.t.Fatalf("error %v, want %v", err, want)
	}
}

// start makes a call and returns where its error will be.
func (v *visitor) start(call func(context.Context) error) <-chan error {
	done := make(chan error, 1)
	go func() { done <- call(v.t.Context()) }()
	return done
}

// underWay waits until a condition of the world holds.
func (v *visitor) underWay(condition func(d *deviceObject) bool) {
	v.t.Helper()
	for deadline := time.Now().Add(10 * time.Second); ; {
		v.world.mu.Lock()
		d := v.world.adapters[0].object().devices[path(sensor)]
		ok := d != nil && condition(d)
		v.world.mu.Unlock()
		if ok {
			return
		}
		if time.Now().After(deadline) {
			v.t.Fatal("it did not come to that")
		}
		<-time.After(time.Millisecond)
	}
}

func TestConnect(t *testing.T) {
	v := visit(t, near(nil), quick)
	p := v.world.Peripheral(sensor)
	v.must(v.device.Connect(t.Context()))
	v.expect("Connected=true", "ServicesResolved=true")
	if !p.Connected() {
		t.Error("the device is not connected")
	}
	v.must(v.device.Connect(t.Context())) // once more is a success
	v.must(v.device.Disconnect(t.Context()))
	v.expect("ServicesResolved=false", "Connected=false")
	if p.Connected() {
		t.Error("the device is still connected")
	}
	v.must(v.device.Disconnect(t.Context())) // likewise
}

func TestConnectFails(t *testing.T) {
	for _, test := range []struct {
		name    string
		version Version
		device  func(*Device)
		want    error
	}{
		{"abort", DefaultVersion, func(d *Device) { d.Connection.Fail = func(int) error { return AbortByLocal() } }, bluezgen.ErrFailed.With("le-connection-abort-by-local")},
		{"abort before 5.62", Version555, func(d *Device) { d.Connection.Fail = func(int) error { return AbortByLocal() } }, bluezgen.ErrFailed.With("Software caused connection abort")},
		{"timeout", DefaultVersion, func(d *Device) { d.Connection.Fail = func(int) error { return ConnectionTimeout() } }, bluezgen.ErrFailed.With("le-connection-timeout")},
		{"bus error", DefaultVersion, func(d *Device) { d.Connection.Fail = func(int) error { return bluezgen.ErrNotAvailable.With("x") } }, bluezgen.ErrNotAvailable.With("x")},
		{"any error", DefaultVersion, func(d *Device) { d.Connection.Fail = func(int) error { return errors.New("out of order") } }, bluezgen.ErrFailed.With("out of order")},
		{"silent", DefaultVersion, func(d *Device) { d.Advertisement.Silent = true }, bluezgen.ErrFailed.With("le-connection-abort-by-local")},
		{"beacon", DefaultVersion, func(d *Device) { d.Advertisement.Beacon = true }, bluezgen.ErrFailed.With("le-connection-abort-by-local")},
	} {
		t.Run(test.name, func(t *testing.T) {
			v := visit(t, near(test.device), test.version, Delays{Connect: 300 * time.Millisecond})
			v.wants(v.device.Connect(t.Context()), test.want)
		})
	}
}

func TestFailuresHaveBlueZsWords(t *testing.T) {
	for _, test := range []struct {
		failure      func() error
		want, before string
	}{
		{AbortByLocal, "le-connection-abort-by-local", "Software caused connection abort"},
		{AbortByRemote, "le-connection-abort-by-remote", "Connection reset by peer"},
		{ConnectionTimeout, "le-connection-timeout", "Connection timed out"},
		{ConnectionRefused, "le-connection-refused", "Connection refused"},
		{ConnectionBusy, "le-connection-busy", "Device or resource busy"},
		{ConnectionLimit, "le-connection-concurrent-connection-limit", "Too many links"},
		{KeyMissing, "le-connection-key-missing", "Invalid exchange"},
		{ConnectionUnknown, "le-connection-unknown", "Unknown error"},
	} {
		for version, want := range map[Version]string{DefaultVersion: test.want, "5.61": test.before} {
			v := visit(t, quick, version, near(func(d *Device) { d.Connection.Fail = func(int) error { return test.failure() } }))
			if err := v.device.Connect(t.Context()); !errorIs(err, bluezgen.ErrFailed.With(want)) {
				t.Errorf("%s: %v, want %q", version, err, want)
			}
		}
	}
}

func TestAttemptsAreCounted(t *testing.T) {
	numbers := make(chan int, 3)
	v := visit(t, quick, near(func(d *Device) {
		d.Connection.Fail = func(attempt int) error {
			if numbers <- attempt; attempt < 3 {
				return AbortByLocal()
			}
			return nil
		}
	}))
	for range 2 {
		v.wants(v.device.Connect(t.Context()), bluezgen.ErrFailed)
	}
	v.must(v.device.Connect(t.Context()))
	for want := range 3 {
		if got := <-numbers; got != want+1 {
			t.Errorf("attempt %d, want %d", got, want+1)
		}
	}
}

// A device that nobody has paired or trusts is temporary again after its link, or after a
// failure.
func TestDeviceGoesSomeTimeAfterItsLink(t *testing.T) {
	for _, trusted := range []bool{false, true} {
		t.Run(fmt.Sprintf("trusted %v", trusted), func(t *testing.T) {
			v := visit(t, near(nil), Delays{Disconnect: None, TemporaryTimeout: 50 * time.Millisecond})
			v.must(v.device.SetTrusted(t.Context(), trusted))
			v.must(v.device.Connect(t.Context()))
			v.must(v.device.Disconnect(t.Context()))
			<-time.After(200 * time.Millisecond)
			_, err := v.device.Address(t.Context())
			if trusted {
				v.must(err)
			} else {
				v.wants(err, bus.ErrUnknownObject)
			}
			v.must(v.world.RestartBluetoothd(t.Context()))
			if _, err := v.device.Address(t.Context()); (err == nil) != trusted {
				t.Errorf("after a restart: %v", err)
			}
		})
	}
}

// What changes at the end of a link is one signal.
func TestEndOfLinkIsOneSignal(t *testing.T) {
	v := connected(t, quick, near(nil))
	signals := make(chan bluezgen.Device1Set, 10)
	_, err := v.device.OnPropertiesChanged(t.Context(), func(u bluezgen.Device1Update) {
		if u.Changed.Has(bluezgen.Device1Connected) || u.Changed.Has(bluezgen.Device1ServicesResolved) {
			signals <- u.Changed
		}
	})
	v.must(err)
	v.must(v.device.Disconnect(t.Context()))
	if got := <-signals; got != bluezgen.Device1SetOf(bluezgen.Device1Connected, bluezgen.Device1ServicesResolved) {
		t.Errorf("changed %v", got)
	}
}

func TestConcurrentConnect(t *testing.T) {
	for version, want := range map[Version]error{
		Version582: bluezgen.ErrInProgress.With("In Progress"), Version566: bluezgen.ErrFailed.With("Operation already in progress"),
	} {
		t.Run(string(version), func(t *testing.T) {
			v := visit(t, quick, version, near(func(d *Device) { d.Advertisement.Silent = true }))
			first := v.start(v.device.Connect)
			v.underWay((*deviceObject).connecting)
			v.wants(v.device.Connect(t.Context()), want)
			v.must(v.device.Disconnect(t.Context()))
			v.wants(<-first, bluezgen.ErrFailed.With("br-connection-canceled"))
		})
	}
}

func TestAdapterThatCannotConnect(t *testing.T) {
	for name, adapter := range map[string]AdapterConfig{
		"off":        {Off: true},
		"peripheral": {Roles: []bluezgen.AdapterRole{bluezgen.AdapterRolePeripheral}},
	} {
		t.Run(name, func(t *testing.T) {
			v := visit(t, near(nil), adapter)
			v.wants(v.device.Connect(t.Context()), bluezgen.ErrFailed.With("Input/output error"))
			v.wants(v.device.Pair(t.Context()), bluezgen.ErrAuthenticationFailed)
		})
	}
}

// The attempt is the kernel's: it goes on when its client is not there any more.
func TestAttemptOutlivesItsCaller(t *testing.T) {
	v := visit(t, quick, near(func(d *Device) { d.Advertisement.Silent = true }))
	other := another(t, v.world)
	abandoned := other.start(other.device.Connect)
	v.underWay((*deviceObject).connecting)
	other.conn.Close()
	<-abandoned
	p := v.world.Peripheral(sensor)
	p.world.do(func() { p.advertiser.advertisement.Silent = false; p.world.air.poke() })
	v.expect("Connected=true")
}

func TestOneLinkIsCreatedAtATime(t *testing.T) {
	const second = "C0:FF:EE:00:00:02"
	var mu sync.Mutex
	creating, most := 0, 0
	fail := func(int) error {
		mu.Lock()
		creating++
		most = max(most, creating)
		mu.Unlock()
		<-time.After(20 * time.Millisecond)
		mu.Lock()
		creating--
		mu.Unlock()
		return nil
	}
	v := visit(t, quick, near(func(d *Device) { d.Connection.Fail = fail }), near(func(d *Device) { d.Address, d.Connection.Fail = second, fail }))
	discover(t, v.world, second)
	other := v.start(bluezgen.NewDevice1(v.conn, path(second)).Connect)
	v.must(v.device.Connect(t.Context()))
	v.must(<-other)
	mu.Lock()
	defer mu.Unlock()
	if most != 1 {
		t.Errorf("%d links were created at a time", most)
	}
}

func TestDeviceIsRemovedWhileConnecting(t *testing.T) {
	v := visit(t, quick, near(func(d *Device) { d.Advertisement.Silent = true }))
	ctx, cancel := context.WithCancel(t.Context())
	pending := v.start(func(context.Context) error { return v.device.Connect(ctx) })
	v.underWay((*deviceObject).connecting)
	v.must(v.world.Adapter("hci0").RemoveDevice(t.Context(), sensor))
	select {
	case err := <-pending:
		t.Fatalf("Connect returned %v, but BlueZ never answers", err)
	case <-time.After(100 * time.Millisecond):
	}
	cancel()
	v.wants(<-pending, context.Canceled)
}

func TestPowerOffWhileConnecting(t *testing.T) {
	v := visit(t, quick, near(func(d *Device) { d.Advertisement.Silent = true }))
	pending := v.start(v.device.Connect)
	v.underWay((*deviceObject).connecting)
	v.world.Adapter("hci0").Power(false)
	v.wants(<-pending, bluezgen.ErrFailed.With("le-connection-abort-by-local"))
}

func TestBluetoothdEndsWhileConnecting(t *testing.T) {
	v := visit(t, quick, near(func(d *Device) { d.Advertisement.Silent = true }))
	pending := v.start(v.device.Connect)
	v.underWay((*deviceObject).connecting)
	v.world.CrashBluetoothd()
	if err := <-pending; err == nil {
		t.Error("Connect succeeded")
	}
}

func TestConnectedIsNotSignalled(t *testing.T) {
	v := visit(t, quick, near(func(d *Device) { d.Connection.Resolve = ResolveQuietly }))
	v.must(v.device.Connect(t.Context()))
	v.expect("ServicesResolved=true")
	all, err := v.device.GetAll(t.Context())
	v.must(err)
	connected, err := v.device.Connected(t.Context())
	v.must(err)
	if !all.Connected || !connected {
		t.Errorf("Connected is %v and %v, want true", all.Connected, connected)
	}
	v.must(v.device.Disconnect(t.Context()))
	v.expect("ServicesResolved=false", "Connected=false")
	if connected, err := v.device.Connected(t.Context()); connected || err != nil {
		t.Errorf("Connected %v, %v after the end of the link", connected, err)
	}
}
