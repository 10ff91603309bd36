package checks

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"sync/atomic"
	"testing"

	"github.com/gobluez/bluez/facade"
	"github.com/gobluez/bluez/facade/e2e/world"
	"github.com/gobluez/bluez/facade/peripheral"
)

// The bystander's controller is where checks serve what they need themselves.

// A site is a peripheral of a check.
type site struct {
	central *facade.Central // its connection to BlueZ
	server  *peripheral.Server
	events  chan peripheral.Event
	service *peripheral.Service
}

// siteService is the UUID of the service of a site. Those of its characteristics differ from it in the last digits of the first group.
const siteService = 0x51_7E_00_00

func siteUUID(n uint32) facade.UUID {
	u := uuid(world.ServiceUUID)
	for i := range 4 {
		u[i] = byte((siteService + n) >> (8 * (3 - i)))
	}
	return u
}

// serve advertises and serves characteristics on the bystander's controller until the test ends. Those that lack a UUID get
// siteUUID of 1 and up.
func (b *bench) serve(t *testing.T, ctx context.Context, characteristics ...*peripheral.Characteristic) *site {
	t.Helper()
	for i, c := range characteristics {
		if c.UUID == (facade.UUID{}) {
			c.UUID = siteUUID(uint32(i + 1))
		}
	}
	s := b.site(t, ctx)
	s.service = &peripheral.Service{UUID: siteUUID(0), Characteristics: characteristics}
	var err error
	s.server, err = peripheral.Serve(ctx, peripheral.Application{
		Services: []*peripheral.Service{s.service},
		Event:    func(e peripheral.Event) { s.events <- e },
	}, s.options())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.server.Close() })
	b.advertise(t, ctx, s, peripheral.Advertisement{Name: "site", Services: []facade.UUID{siteUUID(0)}})
	return s
}

// site returns a site that does nothing yet.
func (b *bench) site(t *testing.T, ctx context.Context) *site {
	t.Helper()
	return &site{central: b.openOn(t, ctx, world.Bystander()), events: make(chan peripheral.Event, 1000)}
}

func (s *site) options() peripheral.Options { return peripheral.Options{Central: s.central} }

// advertise has a site advertise until the test ends.
func (b *bench) advertise(t *testing.T, ctx context.Context, s *site, ad peripheral.Advertisement) *peripheral.Advertising {
	t.Helper()
	advertising, err := peripheral.Advertise(ctx, ad, s.options())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { advertising.Close() })
	return advertising
}

// expect takes events until one is of that kind, for the central's controller if it is of a device.
func (s *site) expect(t *testing.T, ctx context.Context, kind peripheral.EventKind) peripheral.Event {
	t.Helper()
	e := until(t, ctx, s.events, kind.String(), func(e peripheral.Event) bool { return e.Kind == kind })
	if e.Kind != peripheral.Suspended && e.Kind != peripheral.Resumed && e.Device.Address != address(t, world.Central()) {
		t.Errorf("%s: device %s, want %s", e, e.Device, world.Central().Address)
	}
	return e
}

// An asker is what a peripheral learns of who asks.
type asker struct {
	Device  string
	Adapter string
	Link    peripheral.Link
	MTU     int
	Offset  int
}

func newAsker(r *peripheral.Request) asker {
	return asker{r.Device.Address.String(), r.Device.Adapter, r.Link, r.MTU, r.Offset}
}

// A peripheral learns who reads and writes, and over which link.
func (b *bench) testPeripheralKnowsWhoAsks(t *testing.T) {
	ctx, central := b.setup(t)
	tell := func(_ context.Context, r *peripheral.Request) ([]byte, error) { return json.Marshal(newAsker(r)) }
	writers := make(chan asker, 2)
	hear := func(_ context.Context, r *peripheral.Request, _ []byte) error { writers <- newAsker(r); return nil }
	readWrite := []facade.Property{facade.PropertyRead, facade.PropertyWrite}
	s := b.serve(t, ctx, &peripheral.Characteristic{
		Properties: readWrite, Read: tell, Write: hear,
		Descriptors: []*peripheral.Descriptor{{UUID: siteUUID(0x100), Properties: readWrite, Read: tell, Write: hear}},
	})
	want := asker{world.Central().Address, world.Bystander().Name, peripheral.LinkLE, 517, 0}
	client := b.connect(t, ctx, central, world.Bystander())
	s.expect(t, ctx, peripheral.Connected)
	c, err := client.Characteristic(siteUUID(1))
	if err != nil {
		t.Fatal(err)
	}
	d, err := c.Descriptor(siteUUID(0x100))
	if err != nil {
		t.Fatal(err)
	}
	for what, read := range map[string]func() ([]byte, error){
		"characteristic": func() ([]byte, error) { return client.Read(ctx, c) },
		"descriptor":     func() ([]byte, error) { return client.ReadDescriptor(ctx, d) },
	} {
		var got asker
		if value, err := read(); err != nil || json.Unmarshal(value, &got) != nil || got != want {
			t.Errorf("who reads the %s: %+v, %v; want %+v", what, got, err, want)
		}
	}
	if err := errors.Join(client.WriteWithResponse(ctx, c, []byte{1}), client.WriteDescriptor(ctx, d, []byte{1})); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if got := <-writers; got != want {
			t.Errorf("who writes: %+v, want %+v", got, want)
		}
	}
	if err := client.Close(); err != nil {
		t.Error(err)
	}
	s.expect(t, ctx, peripheral.Disconnected)
}

// What a peripheral refuses with arrives as far as BlueZ can express it, and a panic is the end of its own request alone.
func (b *bench) testPeripheralRefuses(t *testing.T) {
	ctx, central := b.setup(t)
	var refusal atomic.Pointer[error]
	c := &peripheral.Characteristic{
		Properties: []facade.Property{facade.PropertyRead, facade.PropertyWrite},
		Read: func(context.Context, *peripheral.Request) ([]byte, error) {
			return nil, *refusal.Load() // panics while there is none
		},
		Write: func(context.Context, *peripheral.Request, []byte) error { return *refusal.Load() },
	}
	b.serve(t, ctx, c)
	client := b.connect(t, ctx, central, world.Bystander())
	if _, err := client.Read(ctx, siteUUID(1)); !errors.Is(err, facade.ATTUnlikely) {
		t.Errorf("read what panics: %v, want %v", err, facade.ATTUnlikely)
	}
	for _, test := range []struct{ refusal, read, write error }{
		{facade.ATTError(0x80), facade.ATTError(0x80), facade.ATTError(0x80)},
		{facade.ATTError(0x9F), facade.ATTError(0x9F), facade.ATTError(0x9F)},
		{facade.ATTRequestNotSupported, facade.ATTRequestNotSupported, facade.ATTRequestNotSupported},
		{facade.ATTInsufficientAuthorization, facade.ATTInsufficientAuthorization, facade.ATTInsufficientAuthorization},
		{facade.ATTInvalidValueLength, facade.ATTInvalidValueLength, facade.ATTInvalidValueLength},
		{facade.ATTInvalidOffset, facade.ATTInvalidOffset, facade.ATTInvalidOffset},
		{facade.ATTProcedureAlreadyInProgress, facade.ATTProcedureAlreadyInProgress, facade.ATTProcedureAlreadyInProgress},
		{facade.ATTImproperlyConfigured, facade.ATTImproperlyConfigured, facade.ATTImproperlyConfigured},
		{facade.ATTReadNotPermitted, facade.ATTReadNotPermitted, facade.ATTUnlikely},
		{facade.ATTWriteNotPermitted, facade.ATTUnlikely, facade.ATTWriteNotPermitted},
		{facade.ATTValueNotAllowed, facade.ATTUnlikely, facade.ATTUnlikely},
		{errors.New("any other"), facade.ATTUnlikely, facade.ATTUnlikely},
	} {
		refusal.Store(&test.refusal)
		if _, err := client.Read(ctx, siteUUID(1)); !errors.Is(err, test.read) {
			t.Errorf("read what refuses with %v: %v, want %v", test.refusal, err, test.read)
		}
		if err := client.WriteWithResponse(ctx, siteUUID(1), []byte{1}); !errors.Is(err, test.write) {
			t.Errorf("write what refuses with %v: %v, want %v", test.refusal, err, test.write)
		}
	}
}

// A central finds what was declared, in its order, two of a kind included.
func (b *bench) testPeripheralIsFoundAsDeclared(t *testing.T) {
	ctx, central := b.setup(t)
	twin := siteUUID(9)
	b.serve(t, ctx,
		&peripheral.Characteristic{UUID: twin, Properties: []facade.Property{facade.PropertyRead}, Value: []byte("first")},
		&peripheral.Characteristic{UUID: twin, Properties: []facade.Property{facade.PropertyRead}, Value: []byte("second")},
		&peripheral.Characteristic{
			Properties: []facade.Property{facade.PropertyWrite, facade.PropertyWriteWithoutResponse, facade.PropertyNotify},
			Write:      func(context.Context, *peripheral.Request, []byte) error { return nil },
			Descriptors: []*peripheral.Descriptor{
				{UUID: facade.UUID16(0x2901), Value: []byte("for tests")},
			},
		},
	)
	client := b.connect(t, ctx, central, world.Bystander())
	service, err := client.Service(siteUUID(0))
	if err != nil || !service.Primary || len(service.Characteristics) != 3 {
		t.Fatalf("service %+v, %v", service, err)
	}
	if _, err := client.Read(ctx, twin); !errors.Is(err, facade.ErrAmbiguous) {
		t.Errorf("read by a UUID that two have: %v", err)
	}
	for i, want := range []string{"first", "second"} {
		if value, err := client.Read(ctx, service.Characteristics[i]); err != nil || string(value) != want {
			t.Errorf("read %q, %v; want %q", value, err, want)
		}
	}
	third := service.Characteristics[2]
	for _, p := range []facade.Property{facade.PropertyWrite, facade.PropertyWriteWithoutResponse, facade.PropertyNotify} {
		if !third.Has(p) {
			t.Errorf("%s has %v, but not %s", third, third.Properties, p)
		}
	}
	var descriptors []string
	for _, d := range third.Descriptors {
		descriptors = append(descriptors, d.UUID.Short())
	}
	slices.Sort(descriptors)
	if !slices.Equal(descriptors, []string{"2901", "2902"}) {
		t.Errorf("descriptors %v", descriptors)
	}
	text, err := third.Descriptor(facade.UUID16(0x2901))
	if err != nil {
		t.Fatal(err)
	}
	if value, err := client.ReadDescriptor(ctx, text); err != nil || string(value) != "for tests" {
		t.Errorf("read %q, %v", value, err)
	}
}
