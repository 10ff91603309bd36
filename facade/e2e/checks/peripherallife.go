package checks

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/gobluez/bluez/bluezgen"
	"github.com/gobluez/bluez/facade"
	"github.com/gobluez/bluez/facade/e2e/world"
	"github.com/gobluez/bluez/facade/peripheral"
)

// greeting is a characteristic that can be read.
func greeting() *peripheral.Characteristic {
	return &peripheral.Characteristic{Properties: []facade.Property{facade.PropertyRead}, Value: []byte("hello")}
}

// greets connects to the site and reads its greeting.
func (b *bench) greets(t *testing.T, ctx context.Context, central *facade.Central) {
	t.Helper()
	client := b.connect(t, ctx, central, world.Bystander())
	if value, err := client.Read(ctx, siteUUID(1)); err != nil || string(value) != "hello" {
		t.Errorf("read %q, %v", value, err)
	}
	if err := client.Close(); err != nil {
		t.Error(err)
	}
	b.device(t, ctx, world.Bystander(), "the end of the link", linkDown)
}

// A peripheral is there again when bluetoothd is, however that ended.
func (b *bench) testPeripheralSurvivesRestart(t *testing.T) {
	for name, crash := range map[string]bool{"terminated": false, "crashed": true} {
		t.Run(name, func(t *testing.T) {
			ctx, central := b.setup(t)
			s := b.serve(t, ctx, greeting())
			b.greets(t, ctx, central)
			if err := b.Restart(ctx, crash); err != nil {
				t.Fatal(err)
			}
			s.expect(t, ctx, peripheral.Suspended)
			s.expect(t, ctx, peripheral.Resumed)
			b.greets(t, ctx, central)
			if err := s.server.Err(); err != nil {
				t.Errorf("the server has ended: %v", err)
			}
		})
	}
}

// A peripheral is heard and served again when the adapter is on again, which BlueZ alone does not see to.
func (b *bench) testPeripheralSurvivesPowerCycle(t *testing.T) {
	ctx, central := b.setup(t)
	s := b.serve(t, ctx, greeting())
	b.greets(t, ctx, central)
	for _, on := range []bool{false, true} {
		if err := s.central.SetPowered(ctx, "", on); err != nil {
			t.Fatal(err)
		}
	}
	b.greets(t, ctx, central)
}

// Several advertisements are heard, each as it is at the moment.
func (b *bench) testSeveralAdvertisements(t *testing.T) {
	ctx, central := b.setup(t)
	s := b.site(t, ctx)
	says := func(company uint16, data ...byte) peripheral.Advertisement {
		return peripheral.Advertisement{Name: "site", ManufacturerData: map[uint16][]byte{company: data}}
	}
	b.advertise(t, ctx, s, says(0xFFFE, 1))
	second := b.advertise(t, ctx, s, says(0xFFFD, 1))
	hear := func(company uint16, data byte) {
		t.Helper()
		_, err := central.FindDevice(ctx, facade.ScanOptions{Address: address(t, world.Bystander()), Match: func(a facade.Advertisement) bool {
			got := a.ManufacturerData[company]
			return len(got) == 1 && got[0] == data
		}})
		if err != nil {
			t.Errorf("never heard %d of company 0x%x: %v", data, company, err)
		}
	}
	hear(0xFFFE, 1)
	hear(0xFFFD, 1)
	if err := second.Update(ctx, says(0xFFFD, 2)); err != nil {
		t.Fatal(err)
	}
	hear(0xFFFD, 2)
	hear(0xFFFE, 1)
	if err := second.Close(); err != nil {
		t.Fatal(err)
	}
	if active := b.activeInstances(t, ctx); active != 1 {
		t.Errorf("%d advertisements are active, want 1", active)
	}
}

// activeInstances returns how many advertisements BlueZ sends for the bystander's controller.
func (b *bench) activeInstances(t *testing.T, ctx context.Context) byte {
	t.Helper()
	n, ok := b.look(t, ctx)[world.Bystander().Path()][bluezgen.LEAdvertisingManager1Interface]["ActiveInstances"].Value().(byte)
	if !ok {
		t.Fatal("the adapter cannot advertise")
	}
	return n
}

// What the library lets through, BlueZ takes.
func (b *bench) testAdvertisementsAreTaken(t *testing.T) {
	ctx, _ := b.setup(t)
	s := b.site(t, ctx)
	for what, ad := range map[string]peripheral.Advertisement{
		"nothing":      {},
		"31 bytes":     {ManufacturerData: map[uint16][]byte{0xFFFE: make([]byte, 24)}, Discoverable: true},
		"extremes":     {MinInterval: 20 * time.Millisecond, MaxInterval: 10485 * time.Second, Duration: 65535 * time.Second, Timeout: 65535 * time.Second},
		"a power":      {TxPower: new(int16), Includes: []peripheral.Include{peripheral.IncludeTxPower}},
		"its name":     {Includes: []peripheral.Include{peripheral.IncludeName}},
		"UUIDs":        {Services: []facade.UUID{facade.UUID16(0x180D), facade.UUID32(0x12345678), siteUUID(0)}},
		"a URI":        {Data: map[byte][]byte{0x24: []byte("\x17x")}},
		"a response":   {ScanResponse: peripheral.ScanResponse{Services: []facade.UUID{facade.UUID16(0x180D)}}},
		"a broadcast":  {Broadcast: true, Name: "site"},
		"hidden":       {Hidden: true},
		"discoverable": {Discoverable: true, DiscoverableTimeout: 5 * time.Second, Timeout: 10 * time.Second},
		"a channel":    {SecondaryChannel: peripheral.Channel1M, Name: "on another channel", Appearance: 0x340},
	} {
		t.Run(what, func(t *testing.T) {
			advertising, err := peripheral.Advertise(ctx, ad, s.options())
			if err != nil {
				t.Fatal(err)
			}
			if active := b.activeInstances(t, ctx); active != 1 {
				t.Errorf("%d advertisements are active, want 1", active)
			}
			if err := advertising.Close(); err != nil {
				t.Error(err)
			}
		})
	}
}

// What an adapter cannot send is refused before BlueZ is told, and what it has no room for by BlueZ.
func (b *bench) testAdvertisementsAreRefused(t *testing.T) {
	ctx, _ := b.setup(t)
	s := b.site(t, ctx)
	_, err := peripheral.Advertise(ctx, peripheral.Advertisement{ManufacturerData: map[uint16][]byte{0xFFFE: make([]byte, 260)}}, s.options())
	if !errors.Is(err, peripheral.ErrTooLong) {
		t.Errorf("an advertisement of 260 bytes: %v", err)
	}
	_, err = peripheral.Advertise(ctx, peripheral.Advertisement{Broadcast: true, Discoverable: true}, s.options())
	if !errors.Is(err, peripheral.ErrInvalid) {
		t.Errorf("an advertisement that contradicts itself: %v", err)
	}
	if active := b.activeInstances(t, ctx); active != 0 {
		t.Errorf("%d advertisements are active, want none", active)
	}
	const most = 64
	for n := range most {
		advertising, err := peripheral.Advertise(ctx, peripheral.Advertisement{Name: fmt.Sprint("site ", n)}, s.options())
		if err == nil {
			defer advertising.Close()
			continue
		}
		if !errors.Is(err, peripheral.ErrTooMany) || n == 0 {
			t.Errorf("advertisement %d: %v", n+1, err)
		}
		return
	}
	t.Errorf("%d advertisements at once, and there seems to be no end", most)
}

// A battery that a program knows of is shown by BlueZ as if it were its own knowledge.
func (b *bench) testBattery(t *testing.T) {
	ctx, central := b.setup(t)
	s := b.serve(t, ctx, greeting())
	b.connect(t, ctx, central, world.Bystander())
	device := s.expect(t, ctx, peripheral.Connected).Device
	shows := func(want any) {
		t.Helper()
		what := fmt.Sprintf("a battery of %v %%", want)
		err := world.Await(ctx, b.bus, what, func(all world.Objects) bool {
			battery := all[device.Path()][bluezgen.Battery1Interface]
			return battery["Percentage"].Value() == want && (want == nil || battery["Source"].Value() == "check")
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	provider, err := peripheral.ProvideBattery(ctx, peripheral.Battery{Device: device, Percentage: 42, Source: "check"}, s.options())
	if err != nil {
		t.Fatal(err)
	}
	shows(byte(42))
	if err := provider.Update(41); err != nil {
		t.Error(err)
	}
	shows(byte(41))
	if err := provider.Close(); err != nil {
		t.Error(err)
	}
	shows(nil)
}
