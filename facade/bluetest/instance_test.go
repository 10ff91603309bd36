package bluetest

import (
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/godbus/dbus/v5"

	"github.com/gobluez/bluez/bluezgen"
	"github.com/gobluez/bluez/gen/bus"
)

// heardOf has hci0 scan until it has heard something of hci1 that is as wanted, and returns what it shows then.
func (p *program) heardOf(w *World, wanted func(*bluezgen.Device1Properties) bool) *bluezgen.Device1Properties {
	p.t.Helper()
	adapter := bluezgen.NewAdapter1(p.conn, "/org/bluez/hci0")
	filter := bluezgen.DiscoveryFilter{Transport: bluezgen.TransportLE, DuplicateData: bus.Some(true)}
	if err := adapter.SetDiscoveryFilter(p.t.Context(), filter); err != nil {
		p.t.Fatal(err)
	}
	if err := adapter.StartDiscovery(p.t.Context()); err != nil {
		p.t.Fatal(err)
	}
	defer adapter.StopDiscovery(p.t.Context())
	timeout := time.After(20 * time.Second)
	look := time.NewTicker(5 * time.Millisecond)
	defer look.Stop()
	for {
		var heard *bluezgen.Device1Properties
		w.do(func() {
			if d := w.adapters[0].object().device(w.adapters[1].station); d != nil {
				properties := d.Properties()
				heard = &properties
			}
		})
		if heard != nil && wanted(heard) {
			return heard
		}
		select {
		case <-look.C:
		case <-timeout:
			p.t.Fatalf("heard %+v", heard)
		}
	}
}

// of makes properties of an advertisement.
func of(change func(*bluezgen.LEAdvertisement1Properties), properties ...bluezgen.LEAdvertisement1Property) bluezgen.LEAdvertisement1Properties {
	p := bluezgen.LEAdvertisement1Properties{LEAdvertisement1Set: bluezgen.LEAdvertisement1SetOf(properties...)}
	if change != nil {
		change(&p)
	}
	return p
}

func TestAdvertisementIsHeard(t *testing.T) {
	w := Start(t, twoAdapters())
	p := newProgram(t, w)
	a := p.advertise("/ad", of(func(p *bluezgen.LEAdvertisement1Properties) {
		p.LocalName, p.ServiceUUIDs, p.SolicitUUIDs = "station", []string{"180d"}, []string{"1812"}
		p.ManufacturerData, p.ServiceData = map[uint16][]byte{0xffff: {1, 2}}, map[string][]byte{"180f": {3}}
		p.Data, p.Appearance, p.Discoverable = map[byte][]byte{0x26: {1}}, 0x0341, true
	}, bluezgen.LEAdvertisement1LocalName, bluezgen.LEAdvertisement1ServiceUUIDs, bluezgen.LEAdvertisement1ManufacturerData,
		bluezgen.LEAdvertisement1ServiceData, bluezgen.LEAdvertisement1Data, bluezgen.LEAdvertisement1Appearance,
		bluezgen.LEAdvertisement1Discoverable, bluezgen.LEAdvertisement1SolicitUUIDs))
	heard := p.heardOf(w, func(p *bluezgen.Device1Properties) bool { return p.Name == "station" })
	if heard.Address != "00:AA:01:01:00:01" || heard.AddressType != bluezgen.AddressTypePublic || heard.Appearance != 0x0341 ||
		!slices.Equal(heard.UUIDs, []string{longUUID("180d"), longUUID("180f")}) ||
		!maps.EqualFunc(heard.ManufacturerData, map[uint16][]byte{0xffff: {1, 2}}, slices.Equal) ||
		!maps.EqualFunc(heard.ServiceData, map[string][]byte{longUUID("180f"): {3}}, slices.Equal) ||
		!maps.EqualFunc(heard.AdvertisingData, map[byte][]byte{0x26: {1}, adSolicit16: {0x12, 0x18}}, slices.Equal) ||
		!slices.Equal(heard.AdvertisingFlags, []byte{flagGeneral | flagNoBREDR}) {
		t.Errorf("heard %+v", heard)
	}
	// What changes is sent from then on.
	err := a.Update(of(func(p *bluezgen.LEAdvertisement1Properties) { p.ManufacturerData = map[uint16][]byte{0xfffe: {9}} }, bluezgen.LEAdvertisement1ManufacturerData))
	if err != nil {
		t.Fatal(err)
	}
	p.heardOf(w, func(p *bluezgen.Device1Properties) bool { return slices.Equal(p.ManufacturerData[0xfffe], []byte{9}) })
	// What cannot be sent changes nothing, nor what follows it.
	for _, kind := range []bluezgen.AdvertisementType{"loud", bluezgen.AdvertisementTypePeripheral} {
		if err := a.Update(of(func(p *bluezgen.LEAdvertisement1Properties) { p.Type = kind }, bluezgen.LEAdvertisement1Type)); err != nil {
			t.Fatal(err)
		}
	}
	if err := a.Update(of(func(p *bluezgen.LEAdvertisement1Properties) { p.LocalName = "renamed" }, bluezgen.LEAdvertisement1LocalName)); err != nil {
		t.Fatal(err)
	}
	p.heardOf(w, func(p *bluezgen.Device1Properties) bool { return p.Name == "renamed" })
}

// What an advertisement says, field by field.
func TestContentOfAdvertisements(t *testing.T) {
	for _, test := range []struct {
		name       string
		properties bluezgen.LEAdvertisement1Properties
		adapter    AdapterConfig
		want       string // kinds and data
	}{
		{"nothing", of(nil), AdapterConfig{}, ""},
		{"name", of(func(p *bluezgen.LEAdvertisement1Properties) { p.LocalName = "me" }, bluezgen.LEAdvertisement1LocalName), AdapterConfig{}, "09:6d65"},
		{"empty name", of(nil, bluezgen.LEAdvertisement1LocalName), AdapterConfig{}, ""},
		{"long name", of(func(p *bluezgen.LEAdvertisement1Properties) { p.LocalName = strings.Repeat("n", 40) }, bluezgen.LEAdvertisement1LocalName), AdapterConfig{}, "08:" + strings.Repeat("6e", 29)},
		{"included", of(func(p *bluezgen.LEAdvertisement1Properties) {
			p.Includes = []bluezgen.AdvertisingInclude{"tx-power", "appearance", "local-name", "rsi", "colour"}
		}, bluezgen.LEAdvertisement1Includes), AdapterConfig{Alias: "a long name of it"}, "0a:00 19:0000 08:61206c6f6e67206e616d"},
		{"discoverable", of(func(p *bluezgen.LEAdvertisement1Properties) { p.Discoverable = true }, bluezgen.LEAdvertisement1Discoverable), AdapterConfig{}, "01:06"},
		{"not discoverable", of(nil, bluezgen.LEAdvertisement1Discoverable), AdapterConfig{}, "01:04"},
		{"for a time", of(func(p *bluezgen.LEAdvertisement1Properties) { p.Discoverable, p.DiscoverableTimeout = true, 60 },
			bluezgen.LEAdvertisement1Discoverable, bluezgen.LEAdvertisement1DiscoverableTimeout), AdapterConfig{}, "01:05"},
		{"broadcast", of(func(p *bluezgen.LEAdvertisement1Properties) { p.Type = bluezgen.AdvertisementTypeBroadcast },
			bluezgen.LEAdvertisement1Type, bluezgen.LEAdvertisement1Discoverable), AdapterConfig{}, ""},
		{"31 bytes", of(func(p *bluezgen.LEAdvertisement1Properties) {
			p.ManufacturerData = map[uint16][]byte{1: make([]byte, 27)}
		},
			bluezgen.LEAdvertisement1ManufacturerData), AdapterConfig{}, "ff:0100" + strings.Repeat("00", 27)},
		{"extended, with its name in front", of(func(p *bluezgen.LEAdvertisement1Properties) {
			p.LocalName, p.SecondaryChannel = strings.Repeat("n", 40), bluezgen.SecondaryChannel2M
		}, bluezgen.LEAdvertisement1LocalName, bluezgen.LEAdvertisement1SecondaryChannel), AdapterConfig{ExtendedAdvertising: true}, "09:" + strings.Repeat("6e", 40)},
	} {
		t.Run(test.name, func(t *testing.T) {
			w := Start(t, AdapterConfig{}, test.adapter)
			p := newProgram(t, w)
			p.advertise("/ad", test.properties)
			w.do(func() {
				a := w.adapters[1].object().advertising.instances[0].advertiser
				var fields []string
				for _, f := range a.report.fields {
					fields = append(fields, fmt.Sprintf("%02x:%x", f.kind, f.data))
				}
				if got := strings.Join(fields, " "); got != test.want {
					t.Errorf("sent %q, want %q", got, test.want)
				}
			})
		})
	}
}

func TestRegistrationOfAdvertisements(t *testing.T) {
	w := Start(t, AdapterConfig{}, AdapterConfig{})
	p := newProgram(t, w)
	ctx := t.Context()
	unparsed := bluezgen.ErrFailed.With("Failed to parse advertisement.")
	tooLong := bluezgen.ErrFailed.With("Failed to register advertisement")
	type properties = bluezgen.LEAdvertisement1Properties
	i := 0
	for name, test := range map[string]struct {
		properties properties
		want       *bus.Error
	}{
		"type":                        {of(func(p *properties) { p.Type = "loud" }, bluezgen.LEAdvertisement1Type), unparsed},
		"UUID":                        {of(func(p *properties) { p.ServiceUUIDs = []string{"heart"} }, bluezgen.LEAdvertisement1ServiceUUIDs), unparsed},
		"UUID looked for":             {of(func(p *properties) { p.SolicitUUIDs = []string{"heart"} }, bluezgen.LEAdvertisement1SolicitUUIDs), unparsed},
		"UUID of data":                {of(func(p *properties) { p.ServiceData = map[string][]byte{"heart": nil} }, bluezgen.LEAdvertisement1ServiceData), unparsed},
		"data of flags":               {of(func(p *properties) { p.Data = map[byte][]byte{adFlags: {6}} }, bluezgen.LEAdvertisement1Data), unparsed},
		"data of a name":              {of(func(p *properties) { p.Data = map[byte][]byte{adName: {'x'}} }, bluezgen.LEAdvertisement1Data), unparsed},
		"one too long":                {of(func(p *properties) { p.ManufacturerData = map[uint16][]byte{1: make([]byte, 28)} }, bluezgen.LEAdvertisement1ManufacturerData), unparsed},
		"all too long":                {of(func(p *properties) { p.ManufacturerData = map[uint16][]byte{1: make([]byte, 14), 2: make([]byte, 14)} }, bluezgen.LEAdvertisement1ManufacturerData), tooLong},
		"empty data":                  {of(func(p *properties) { p.ManufacturerData = map[uint16][]byte{1: {}} }, bluezgen.LEAdvertisement1ManufacturerData), unparsed},
		"name twice":                  {of(func(p *properties) { p.Includes = []bluezgen.AdvertisingInclude{"local-name"} }, bluezgen.LEAdvertisement1Includes, bluezgen.LEAdvertisement1LocalName), unparsed},
		"appearance twice":            {of(func(p *properties) { p.Includes = []bluezgen.AdvertisingInclude{"appearance"} }, bluezgen.LEAdvertisement1Includes, bluezgen.LEAdvertisement1Appearance), unparsed},
		"channel of another":          {of(func(p *properties) { p.SecondaryChannel = bluezgen.SecondaryChannel1M }, bluezgen.LEAdvertisement1SecondaryChannel), unparsed},
		"intervals":                   {of(func(p *properties) { p.MinInterval, p.MaxInterval = 200, 100 }, bluezgen.LEAdvertisement1MinInterval, bluezgen.LEAdvertisement1MaxInterval), unparsed},
		"short interval":              {of(func(p *properties) { p.MinInterval, p.MaxInterval = 10, 10 }, bluezgen.LEAdvertisement1MinInterval, bluezgen.LEAdvertisement1MaxInterval), unparsed},
		"long interval":               {of(func(p *properties) { p.MinInterval, p.MaxInterval = 10486000, 10486000 }, bluezgen.LEAdvertisement1MinInterval, bluezgen.LEAdvertisement1MaxInterval), unparsed},
		"one interval":                {of(func(p *properties) { p.MinInterval = 100 }, bluezgen.LEAdvertisement1MinInterval), unparsed},
		"power":                       {of(func(p *properties) { p.TxPower = 21 }, bluezgen.LEAdvertisement1TxPower), unparsed},
		"discoverable broadcast":      {of(func(p *properties) { p.Type, p.Discoverable = "broadcast", true }, bluezgen.LEAdvertisement1Type, bluezgen.LEAdvertisement1Discoverable), unparsed},
		"discoverable for longer":     {of(func(p *properties) { p.Discoverable, p.Timeout, p.DiscoverableTimeout = true, 10, 20 }, bluezgen.LEAdvertisement1Discoverable, bluezgen.LEAdvertisement1Timeout, bluezgen.LEAdvertisement1DiscoverableTimeout), unparsed},
		"not discoverable for longer": {of(func(p *properties) { p.Timeout, p.DiscoverableTimeout = 10, 20 }, bluezgen.LEAdvertisement1Timeout, bluezgen.LEAdvertisement1DiscoverableTimeout), nil},
	} {
		i++
		path := dbusPath("/ad%d", i)
		p.advertisement(path, test.properties)
		err := p.adverts.RegisterAdvertisement(ctx, path, nil)
		if test.want == nil && err != nil || test.want != nil && !errorIs(err, test.want) {
			t.Errorf("%s: %v", name, err)
		}
		err = p.adverts.UnregisterAdvertisement(ctx, path)
		if test.want == nil && err != nil || test.want != nil && !errorIs(err, bluezgen.ErrDoesNotExist.With("Does Not Exist")) {
			t.Errorf("%s: unregister: %v", name, err)
		}
	}
	// An object that does not exist advertises nothing.
	if err := p.adverts.RegisterAdvertisement(ctx, "/nowhere", nil); err != nil {
		t.Errorf("nowhere: %v", err)
	}
	if err := p.adverts.RegisterAdvertisement(ctx, "/nowhere", nil); !errorIs(err, bluezgen.ErrAlreadyExists.With("Already Exists")) {
		t.Errorf("twice: %v", err)
	}
	w.Adapter("hci1").Power(false)
	if err := p.adverts.RegisterAdvertisement(ctx, "/off", nil); !errorIs(err, tooLong) {
		t.Errorf("without power: %v", err)
	}
}

func dbusPath(format string, a ...any) dbus.ObjectPath {
	return dbus.ObjectPath(fmt.Sprintf(format, a...))
}

// As many advertisements as an adapter has room for, and no more; those that are left are counted.
func TestAdvertisementsAreCounted(t *testing.T) {
	w := Start(t, AdapterConfig{}, AdapterConfig{})
	p, other := newProgram(t, w), newProgram(t, w)
	ctx := t.Context()
	counts := func() [2]byte {
		all, err := p.adverts.GetAll(ctx)
		if err != nil {
			t.Fatal(err)
		}
		return [2]byte{all.ActiveInstances, all.SupportedInstances}
	}
	for n := byte(0); n < maxInstances; n++ {
		if got := counts(); got != [2]byte{n, maxInstances - n} {
			t.Errorf("after %d: %v", n, got)
		}
		by := p
		if n == 0 {
			by = other
		}
		by.advertise(dbusPath("/ad%d", n), of(nil))
	}
	if err := p.adverts.RegisterAdvertisement(ctx, "/more", nil); !errorIs(err, bluezgen.ErrNotPermitted.With("Maximum advertisements reached")) {
		t.Errorf("one too many: %v", err)
	}
	if err := p.adverts.UnregisterAdvertisement(ctx, "/ad0"); !errorIs(err, bluezgen.ErrDoesNotExist) {
		t.Errorf("unregister what is another's: %v", err)
	}
	changed := make(chan byte, 10)
	watching, err := p.adverts.OnPropertiesChanged(ctx, func(u bluezgen.LEAdvertisingManager1Update) {
		if u.Changed.Has(bluezgen.LEAdvertisingManager1ActiveInstances) {
			changed <- u.ActiveInstances
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	defer watching.Close()
	other.conn.Close()
	if n := <-changed; n != maxInstances-1 {
		t.Errorf("after a client has left: %d", n)
	}
	if err := p.adverts.UnregisterAdvertisement(ctx, "/ad1"); err != nil {
		t.Error(err)
	}
	if n := <-changed; n != maxInstances-2 {
		t.Errorf("after one was unregistered: %d", n)
	}
}

// An advertisement ends by itself after its Timeout, and is then released.
func TestAdvertisementEndsByItself(t *testing.T) {
	w := Start(t, AdapterConfig{}, AdapterConfig{})
	p := newProgram(t, w)
	p.advertise("/ad", of(func(p *bluezgen.LEAdvertisement1Properties) {
		p.Timeout, p.Discoverable, p.DiscoverableTimeout = 1, true, 1
	},
		bluezgen.LEAdvertisement1Timeout, bluezgen.LEAdvertisement1Discoverable, bluezgen.LEAdvertisement1DiscoverableTimeout))
	later := p.advertise("/later", of(nil))
	if err := later.Update(of(func(p *bluezgen.LEAdvertisement1Properties) { p.Timeout = 1 }, bluezgen.LEAdvertisement1Timeout)); err != nil {
		t.Fatal(err)
	}
	calls := p.await(2)
	slices.Sort(calls)
	if !slices.Equal(calls, []string{"release /ad", "release /later"}) {
		t.Errorf("after a second: %q", calls)
	}
	if err := p.adverts.UnregisterAdvertisement(t.Context(), "/ad"); !errorIs(err, bluezgen.ErrDoesNotExist) {
		t.Errorf("unregister: %v", err)
	}
}

// Power off silences advertisements for good, though they are counted, until they are registered or change; the adapter's end
// releases them.
func TestAdvertisementsWithoutPower(t *testing.T) {
	b, p := newServedBench(t, func(p *program) { p.characteristic("s", "c", "aa01", flags(fRead)) })
	ctx := t.Context()
	hci1 := b.world.Adapter("hci1")
	sent := func() (sent bool) {
		b.world.do(func() { sent = b.device.connectable() })
		return sent
	}
	if sent() {
		t.Error("it is sent while the central is connected")
	}
	hci1.Power(false)
	b.await("... Connected=false", 1)
	hci1.Power(true)
	if n, err := p.adverts.ActiveInstances(ctx); err != nil || n != 1 || sent() {
		t.Errorf("%d advertisements, %v, on the air: %t", n, err, sent())
	}
	if err := p.adverts.UnregisterAdvertisement(ctx, "/ad"); err != nil {
		t.Fatal(err)
	}
	if err := p.adverts.RegisterAdvertisement(ctx, "/ad", nil); err != nil {
		t.Fatal(err)
	}
	b.connect() // the application is served again by itself
	if _, err := b.characteristic("aa01").ReadValue(ctx, bluezgen.ReadOptions{}); err != nil {
		t.Error(err)
	}
	p.expect("read", "c read "+central)
	if err := hci1.Reset(); err != nil {
		t.Fatal(err)
	}
	p.expect("reset", "release /ad")
	p.register()
	if err := p.adverts.RegisterAdvertisement(ctx, "/ad", nil); err != nil {
		t.Fatal(err)
	}
	b.connect()
	hci1.Unplug()
	p.expect("unplugged", "release /ad")
}

// Nobody connects to a broadcast, and it goes on while another advertisement has brought a central.
func TestBroadcast(t *testing.T) {
	b, p := newProgramBench(t, Delays{Connect: 200 * time.Millisecond})
	p.advertise("/broadcast", of(func(p *bluezgen.LEAdvertisement1Properties) {
		p.Type, p.ServiceUUIDs = bluezgen.AdvertisementTypeBroadcast, []string{"180d"}
	}, bluezgen.LEAdvertisement1Type, bluezgen.LEAdvertisement1ServiceUUIDs))
	if err := b.proxy.Connect(t.Context()); err == nil {
		t.Error("connected to a broadcast")
	}
	p.advertise("/ad", of(nil))
	b.connect()
	b.world.do(func() {
		var audible []bool
		for _, i := range b.device.adapter.object().advertising.instances {
			audible = append(audible, i.advertiser.audible())
		}
		if !reflect.DeepEqual(audible, []bool{true, false}) {
			t.Errorf("on the air: %t", audible)
		}
	})
	b.disconnect()
	b.connect()
}

// Which BlueZ has what of the manager.
func TestAdvertisingManagerByVersion(t *testing.T) {
	for version, want := range map[Version]bool{Version555: false, Version582: true} {
		p := newProgram(t, Start(t, AdapterConfig{}, AdapterConfig{ExtendedAdvertising: true}, version))
		all, err := p.adverts.GetAll(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		room, _ := all.SupportedCapabilities.MaxAdvLen.Get()
		if all.Has(bluezgen.LEAdvertisingManager1SupportedCapabilities) != want || want && room != maxExtendedAdvertisement || len(all.SupportedSecondaryChannels) != 3 {
			t.Errorf("%s: %+v", version, all)
		}
	}
}
