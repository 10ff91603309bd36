package peripheral

import (
	"context"
	"errors"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/godbus/dbus/v5"

	"github.com/gobluez/bluez/bluezgen"
	"github.com/gobluez/bluez/facade"
	"github.com/gobluez/bluez/gen/bus"
	"github.com/gobluez/bluez/gen/bus/bustest"
)

// fakePath is the one adapter of a fakeBlueZ.
const fakePath dbus.ObjectPath = "/org/bluez/hci0"

// A fakeBlueZ is an adapter that only advertises, in whatever mood a test wants it. The rest is for bluetest.
type fakeBlueZ struct {
	bluezgen.UnimplementedAdapter1Server
	bluezgen.UnimplementedLEAdvertisingManager1Server
	t      *testing.T
	daemon *bustest.Daemon

	mu         sync.Mutex
	conn       *bus.Conn
	manager    *bluezgen.LEAdvertisingManager1Skeleton
	can        bluezgen.LEAdvertisingManager1Properties
	refuse     []error // the outcomes of the next registrations, nil for one that succeeds
	registered []*fakeAdvertisement
	events     chan string // "register NAME", "change NAME", "unregister NAME"
}

// A fakeAdvertisement is an advertisement as BlueZ knows it.
type fakeAdvertisement struct {
	path   dbus.ObjectPath
	owner  string
	object bluezgen.LEAdvertisement1
	props  bluezgen.LEAdvertisement1Properties
	watch  *bus.Subscription
}

// startFake returns an adapter with extended advertising and room for 3 advertisements, and a Central.
func startFake(t *testing.T) (*fakeBlueZ, *facade.Central) {
	t.Helper()
	b := &fakeBlueZ{t: t, daemon: bustest.Start(t), can: extended().LEAdvertisingManager1Properties, events: make(chan string, 100)}
	b.can.SupportedInstances = 3
	b.can.Add(bluezgen.LEAdvertisingManager1SupportedInstances, bluezgen.LEAdvertisingManager1ActiveInstances,
		bluezgen.LEAdvertisingManager1SupportedFeatures, bluezgen.LEAdvertisingManager1SupportedSecondaryChannels)
	b.start()
	t.Cleanup(func() { b.stop() })
	central, err := facade.Open(t.Context(), facade.Options{Bus: b.daemon.Address()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { central.Close() })
	return b, central
}

// start begins a life of the service.
func (b *fakeBlueZ) start() {
	b.t.Helper()
	ctx := context.Background()
	conn, err := bus.Dial(ctx, b.daemon.Address(), bus.Options{})
	if err != nil {
		b.t.Fatal(err)
	}
	b.mu.Lock()
	b.conn, b.registered = conn, nil
	b.manager = bluezgen.NewLEAdvertisingManager1Skeleton(fakeManager{b}, b.can)
	b.mu.Unlock()
	adapter := bluezgen.NewAdapter1Skeleton(fakeAdapter{}, bluezgen.Adapter1Properties{
		Adapter1Set: bluezgen.Adapter1SetOf(bluezgen.Adapter1Address, bluezgen.Adapter1Powered, bluezgen.Adapter1Alias),
		Address:     "00:AA:01:00:00:00", Powered: true, Alias: "kitchen",
	})
	if _, err := conn.ExportObjectManager(ctx, "/"); err != nil {
		b.t.Fatal(err)
	}
	if _, err := conn.Export(ctx, fakePath, bus.ExportOptions{}, adapter, b.manager); err != nil {
		b.t.Fatal(err)
	}
	if err := conn.RequestName(ctx, bluezgen.Service); err != nil {
		b.t.Fatal(err)
	}
}

// stop ends the life of the service.
func (b *fakeBlueZ) stop() {
	b.mu.Lock()
	conn := b.conn
	b.mu.Unlock()
	conn.Close()
}

type fakeAdapter struct {
	bluezgen.UnimplementedAdapter1Server
}

type fakeManager struct{ *fakeBlueZ }

func (m fakeManager) RegisterAdvertisement(ctx context.Context, path dbus.ObjectPath, _ map[string]dbus.Variant) error {
	b := m.fakeBlueZ
	ad := &fakeAdvertisement{path: path, owner: bus.Sender(ctx), object: bluezgen.NewLEAdvertisement1(b.conn, bus.Sender(ctx), path)}
	props, err := ad.object.GetAll(ctx)
	if err != nil {
		return bluezgen.ErrFailed.With(err.Error())
	}
	ad.props = props
	b.mu.Lock()
	defer b.mu.Unlock()
	if len(b.refuse) > 0 {
		err, b.refuse = b.refuse[0], b.refuse[1:]
		if err != nil {
			return err
		}
	}
	b.mu.Unlock()
	ad.watch, err = ad.object.OnPropertiesChanged(ctx, func(u bluezgen.LEAdvertisement1Update) {
		b.mu.Lock()
		defer b.mu.Unlock()
		b.events <- "change " + u.LocalName
	})
	b.mu.Lock()
	if err != nil {
		return err
	}
	b.registered = append(b.registered, ad)
	b.events <- "register " + props.LocalName
	return nil
}

func (m fakeManager) UnregisterAdvertisement(ctx context.Context, path dbus.ObjectPath) error {
	b := m.fakeBlueZ
	b.mu.Lock()
	defer b.mu.Unlock()
	i := slices.IndexFunc(b.registered, func(ad *fakeAdvertisement) bool { return ad.path == path && ad.owner == bus.Sender(ctx) })
	if i < 0 {
		return bluezgen.ErrDoesNotExist
	}
	b.events <- "unregister " + b.registered[i].props.LocalName
	b.registered = slices.Delete(b.registered, i, i+1)
	return nil
}

// refuseNext sets the outcomes of the next registrations.
func (b *fakeBlueZ) refuseNext(outcomes ...error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.refuse = outcomes
}

// only returns the one advertisement that is registered.
func (b *fakeBlueZ) only() *fakeAdvertisement {
	b.t.Helper()
	b.mu.Lock()
	defer b.mu.Unlock()
	if len(b.registered) != 1 {
		b.t.Fatalf("%d advertisements are registered, want 1", len(b.registered))
	}
	return b.registered[0]
}

// release ends an advertisement as BlueZ does.
func (b *fakeBlueZ) release(ad *fakeAdvertisement) {
	b.t.Helper()
	b.mu.Lock()
	b.registered = slices.DeleteFunc(b.registered, func(other *fakeAdvertisement) bool { return other == ad })
	b.mu.Unlock()
	if err := ad.object.Release(b.t.Context()); err != nil {
		b.t.Fatal(err)
	}
}

// expect waits for the next events.
func (b *fakeBlueZ) expect(want ...string) {
	b.t.Helper()
	ctx := patience(b.t)
	for _, event := range want {
		select {
		case got := <-b.events:
			if got != event {
				b.t.Fatalf("BlueZ saw %q, want %q", got, event)
			}
		case <-ctx.Done():
			b.t.Fatalf("BlueZ did not see %q", event)
		}
	}
}

// patience returns a context for what must happen soon, so that a test that fails says where.
func patience(t *testing.T) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	t.Cleanup(cancel)
	return ctx
}

// advertise advertises and checks that it was taken.
func (b *fakeBlueZ) advertise(central *facade.Central, ad Advertisement) *Advertising {
	b.t.Helper()
	a, err := Advertise(b.t.Context(), ad, Options{Central: central})
	if err != nil {
		b.t.Fatal(err)
	}
	b.expect("register " + ad.Name)
	return a
}

var errRefused = errors.New("refused")
