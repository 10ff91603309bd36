package bluetest

import (
	"testing"

	"github.com/gobluez/bluez/bluezgen"
	"github.com/gobluez/bluez/gen/bus"
)

// discovering starts a world with one device that sends packets when told to, and a
// client that discovers.
func discovering(t *testing.T, filter bluezgen.DiscoveryFilter, options ...Option) (*World, *observer, *Peripheral) {
	t.Helper()
	w := Start(t, silent("C0:FF:EE:00:00:01"), Options(options...))
	o := observe(t, w)
	o.start(filter)
	o.take()
	return w, o, w.Peripheral("C0:FF:EE:00:00:01")
}

// send sends packets of -60 dBm.
func send(t *testing.T, p *Peripheral, packets ...Advertisement) {
	t.Helper()
	for _, a := range packets {
		if err := p.Packet(a); err != nil {
			t.Fatal(err)
		}
	}
}

func manufacturer(company uint16, data ...byte) Advertisement {
	return Advertisement{ManufacturerData: map[uint16][]byte{company: data}}
}

func TestNewObjectHasWhatWasAdvertised(t *testing.T) {
	_, o, p := discovering(t, bluezgen.DiscoveryFilter{})
	power, flags := int8(-4), byte(0x1a)
	send(t, p, Advertisement{
		LocalName: "Thing", TxPower: &power, Flags: &flags, ServiceUUIDs: []string{"180D"},
		ManufacturerData: map[uint16][]byte{0x4c: {1, 2}}, ServiceData: map[string][]byte{"180f": {87}}, Data: map[byte][]byte{0x26: {5}},
	})
	o.expect("+01 Name=Thing Alias=Thing RSSI=-60 TxPower=-4 " +
		"UUIDs=[0000180d-0000-1000-8000-00805f9b34fb 0000180f-0000-1000-8000-00805f9b34fb] ManufacturerData=map[76:[1 2]] " +
		"ServiceData=map[0000180f-0000-1000-8000-00805f9b34fb:[87]] AdvertisingFlags=[26] AdvertisingData=map[38:[5]]")
}

func TestAppearanceHasAnIcon(t *testing.T) {
	w := Start(t, Device{Address: "C0:FF:EE:00:00:01", Appearance: 0x03c1, Advertisement: Advertisement{Silent: true}})
	o := observe(t, w)
	o.start(bluezgen.DiscoveryFilter{})
	o.take()
	send(t, w.Peripheral("C0:FF:EE:00:00:01"), Advertisement{})
	o.expect("+01 Alias=C0-FF-EE-00-00-01 Appearance=961 Icon=input-keyboard RSSI=-60 UUIDs=[] AdvertisingFlags=[6]")
}

func TestAdvertisingDataWasExperimental(t *testing.T) {
	packet := Advertisement{Data: map[byte][]byte{0x26: {5}}}
	for _, test := range []struct {
		option Option
		want   string
	}{
		{Version566, "+01 Alias=C0-FF-EE-00-00-01 RSSI=-60 UUIDs=[] AdvertisingFlags=[6]"},
		{Options(Version566, Experimental()), "+01 Alias=C0-FF-EE-00-00-01 RSSI=-60 UUIDs=[] AdvertisingFlags=[6] AdvertisingData=map[38:[5]]"},
	} {
		_, o, p := discovering(t, bluezgen.DiscoveryFilter{}, test.option)
		send(t, p, packet)
		o.expect(test.want)
	}
}

func TestDataAccumulates(t *testing.T) {
	_, o, p := discovering(t, bluezgen.DiscoveryFilter{})
	send(t, p, Advertisement{})
	o.take()
	send(t, p, manufacturer(1, 10), manufacturer(1, 10), manufacturer(2, 20), manufacturer(1, 11), Advertisement{})
	o.expect("01 ManufacturerData=map[1:[10]]", "01 ManufacturerData=map[1:[10] 2:[20]]", "01 ManufacturerData=map[1:[11] 2:[20]]")
	service := func(value byte) Advertisement { return Advertisement{ServiceData: map[string][]byte{"180f": {value}}} }
	send(t, p, service(1), service(1), service(2))
	o.expect("01 UUIDs=[0000180f-0000-1000-8000-00805f9b34fb] ServiceData=map[0000180f-0000-1000-8000-00805f9b34fb:[1]]",
		"01 ServiceData=map[0000180f-0000-1000-8000-00805f9b34fb:[2]]")
}

func TestDuplicateDataShowsEachPacketAlone(t *testing.T) {
	w, o, p := discovering(t, bluezgen.DiscoveryFilter{})
	send(t, p, Advertisement{})
	observe(t, w).start(bluezgen.DiscoveryFilter{DuplicateData: bus.Some(true)})
	o.take()
	send(t, p, manufacturer(1, 10), manufacturer(1, 10), manufacturer(2, 20), Advertisement{})
	o.expect("01 RSSI=-60 ManufacturerData=map[1:[10]]", "01 RSSI=-60 ManufacturerData=map[1:[10]]", "01 RSSI=-60 ManufacturerData=map[2:[20]]", "01 RSSI=-60")
}

// TestOnePacketIsOneSignal: BlueZ gathers changes of an object.
func TestOnePacketIsOneSignal(t *testing.T) {
	_, o, p := discovering(t, bluezgen.DiscoveryFilter{})
	send(t, p, Advertisement{})
	o.take()
	power, flags := int8(0), byte(0x02)
	send(t, p, Advertisement{RSSI: -40, TxPower: &power, Flags: &flags, LocalName: "Thing", ManufacturerData: map[uint16][]byte{1: {2}}})
	o.expect("01 Name=Thing Alias=Thing RSSI=-40 TxPower=0 ManufacturerData=map[1:[2]] AdvertisingFlags=[2]")
}

func TestNameIsKept(t *testing.T) {
	_, o, p := discovering(t, bluezgen.DiscoveryFilter{})
	send(t, p, Advertisement{LocalName: "Thing"})
	o.take()
	short := Advertisement{Data: map[byte][]byte{adShortName: []byte("Thi")}}
	send(t, p, Advertisement{}, short, Advertisement{LocalName: "Other"})
	o.expect("01 Name=Other Alias=Other")
	o.must(bluezgen.NewDevice1(o.conn, path("C0:FF:EE:00:00:01")).SetAlias(t.Context(), "Mine"))
	send(t, p, Advertisement{LocalName: "Third"})
	o.expect("01 Alias=Mine", "01 Name=Third")
}

func TestNameComesLater(t *testing.T) {
	_, o, p := discovering(t, bluezgen.DiscoveryFilter{})
	send(t, p, Advertisement{LocalName: "Thing", NameLater: true}, Advertisement{LocalName: "Thing", NameLater: true})
	o.expect("+01 Alias=C0-FF-EE-00-00-01 RSSI=-60 UUIDs=[] AdvertisingFlags=[6]", "01 Name=Thing Alias=Thing")
}

func TestScanResponseMakesNoObject(t *testing.T) {
	_, o, p := discovering(t, bluezgen.DiscoveryFilter{})
	o.must(p.ScanResponse(Advertisement{LocalName: "Thing"}))
	o.expect()
	send(t, p, Advertisement{})
	o.must(p.ScanResponse(Advertisement{LocalName: "Thing"}))
	o.expect("+01 Alias=C0-FF-EE-00-00-01 RSSI=-60 UUIDs=[] AdvertisingFlags=[6]", "01 Name=Thing Alias=Thing")

	_, o, p = discovering(t, bluezgen.DiscoveryFilter{}, Version566)
	o.must(p.ScanResponse(Advertisement{LocalName: "Thing"}))
	o.expect("+01 Name=Thing Alias=Thing RSSI=-60 UUIDs=[] AdvertisingFlags=[6]")
}

// TestHiddenDevices: without a filter, BlueZ tells only of devices that say that they are
// discoverable.
func TestHiddenDevices(t *testing.T) {
	hidden := byte(0x04)
	const bare = "+01 Alias=C0-FF-EE-00-00-01 UUIDs=[]"
	const full = "+01 Alias=C0-FF-EE-00-00-01 RSSI=-60 UUIDs=[] AdvertisingFlags=[4]"
	for _, test := range []struct {
		name    string
		version Version
		filter  bluezgen.DiscoveryFilter
		beacon  bool
		want    []string
	}{
		{"regular", Version566, bluezgen.DiscoveryFilter{}, false, nil},
		{"regular 5.82", Version582, bluezgen.DiscoveryFilter{}, false, []string{bare}},
		{"regular 5.82, beacon", Version582, bluezgen.DiscoveryFilter{}, true, nil},
		{"regular 5.84", Version584, bluezgen.DiscoveryFilter{}, false, nil},
		{"filtered", Version584, bluezgen.DiscoveryFilter{DuplicateData: bus.Some(true)}, true, []string{full}},
	} {
		t.Run(test.name, func(t *testing.T) {
			_, o, p := discovering(t, test.filter, test.version)
			send(t, p, Advertisement{Flags: &hidden, Beacon: test.beacon})
			o.expect(test.want...)
		})
	}
}

func TestUnknownStrength(t *testing.T) {
	_, o, p := discovering(t, bluezgen.DiscoveryFilter{})
	send(t, p, Advertisement{NoRSSI: true}, Advertisement{NoRSSI: true})
	o.expect("+01 Alias=C0-FF-EE-00-00-01 RSSI=127 UUIDs=[] AdvertisingFlags=[6]")
}

// TestServicesThatWereResolvedStay: once BlueZ knows what a device really has, what it
// advertises does not matter.
func TestServicesThatWereResolvedStay(t *testing.T) {
	w, o, p := discovering(t, bluezgen.DiscoveryFilter{})
	send(t, p, Advertisement{ServiceUUIDs: []string{"180d"}})
	w.do(func() {
		w.bluetoothd.objects[w.adapter("hci0")].device(p).set(func(p *bluezgen.Device1Properties) {
			p.Add(bluezgen.Device1ServicesResolved)
			p.ServicesResolved = true
		})
	})
	o.take()
	send(t, p, Advertisement{ServiceUUIDs: []string{"180f"}})
	o.expect()
}

func TestEachAdapterHears(t *testing.T) {
	w := Start(t, AdapterConfig{}, AdapterConfig{}, silent("C0:FF:EE:00:00:01"))
	o := observe(t, w)
	o.start(bluezgen.DiscoveryFilter{})
	o.must(bluezgen.NewAdapter1(o.conn, "/org/bluez/hci1").StartDiscovery(t.Context()))
	o.take()
	send(t, w.Peripheral("C0:FF:EE:00:00:01"), Advertisement{})
	if notes := o.take(); len(notes) != 2 {
		t.Errorf("signals %q, want one of each adapter", notes)
	}
}
