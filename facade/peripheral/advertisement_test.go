package peripheral

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/gobluez/bluez/bluezgen"
	"github.com/gobluez/bluez/facade"
	"github.com/gobluez/bluez/gen/bus"
)

var heartRate, battery = facade.UUID16(0x180d), facade.UUID16(0x180f)

func TestMistakesInAnAdvertisementAreSaid(t *testing.T) {
	tests := []struct {
		name string
		ad   Advertisement
		want string
	}{
		{"name that is not UTF-8", Advertisement{Name: "a\xff"}, `name "a\xff" is not UTF-8`},
		{"name with a NUL", Advertisement{Name: "a\x00b"}, `name "a\x00b" contains a NUL`},
		{"service twice", Advertisement{Services: []facade.UUID{heartRate, battery, heartRate}}, "service 180d is there twice"},
		{"solicited service twice", Advertisement{Solicit: []facade.UUID{heartRate, heartRate}}, "solicited service 180d is there twice"},
		{"empty manufacturer data", Advertisement{ManufacturerData: map[uint16][]byte{0x4c: {}}}, "manufacturer data of 0x004c is empty"},
		{"empty service data", Advertisement{ServiceData: map[facade.UUID][]byte{heartRate: nil}}, "service data of 180d is empty"},
		{"empty data", Advertisement{Data: map[byte][]byte{0x24: nil}}, "data of type 0x24 is empty"},
		{"data for a name", Advertisement{Data: map[byte][]byte{0x09: {'a'}}}, "data of type 0x09: BlueZ refuses it, Name stands for it"},
		{"data for BlueZ", Advertisement{Data: map[byte][]byte{0x10: {1}}}, "data of type 0x10: BlueZ refuses it, it is for BlueZ or the kernel to send"},
		{"scan response", Advertisement{ScanResponse: ScanResponse{Services: []facade.UUID{battery, battery}}}, "scan response: service 180f is there twice"},
		{"unknown include", Advertisement{Includes: []Include{"power"}}, `include "power" is unknown`},
		{"include twice", Advertisement{Includes: []Include{IncludeTxPower, IncludeTxPower}}, `include "tx-power" is there twice`},
		{"two names", Advertisement{Name: "a", Includes: []Include{IncludeName}}, `name "a" and the adapter's name exclude each other`},
		{"two appearances", Advertisement{Appearance: 0x40, Includes: []Include{IncludeAppearance}}, "appearance 0x0040 and the adapter's appearance exclude each other"},
		{"discoverable broadcast", Advertisement{Broadcast: true, Discoverable: true}, "a broadcast is neither discoverable nor hidden"},
		{"hidden broadcast", Advertisement{Broadcast: true, Hidden: true}, "a broadcast is neither discoverable nor hidden"},
		{"discoverable and hidden", Advertisement{Discoverable: true, Hidden: true}, "discoverable and hidden exclude each other"},
		{"discoverable timeout of nothing", Advertisement{DiscoverableTimeout: time.Second}, "discoverable timeout 1s of what is not discoverable"},
		{"discoverable after its end", Advertisement{Discoverable: true, DiscoverableTimeout: 3 * time.Second, Timeout: 2 * time.Second},
			"discoverable timeout 3s is longer than the timeout 2s"},
		{"duration with a fraction", Advertisement{Duration: 1500 * time.Millisecond}, "duration 1.5s is not a whole number of seconds from 0 to 65535"},
		{"long timeout", Advertisement{Timeout: 65536 * time.Second}, "timeout 18h12m16s is not a whole number of seconds from 0 to 65535"},
		{"negative timeout", Advertisement{Timeout: -time.Second}, "timeout -1s is not a whole number"},
		{"short interval", Advertisement{MinInterval: 19 * time.Millisecond, MaxInterval: time.Second}, "minimum interval 19ms is not in 20ms to 2h54m45s, in whole milliseconds"},
		{"long interval", Advertisement{MinInterval: time.Second, MaxInterval: 10_486 * time.Second}, "maximum interval 2h54m46s is not in 20ms to 2h54m45s, in whole milliseconds"},
		{"interval with a fraction", Advertisement{MinInterval: 20_625 * time.Microsecond, MaxInterval: time.Second}, "minimum interval 20.625ms is not in"},
		{"intervals the wrong way round", Advertisement{MinInterval: time.Second, MaxInterval: 20 * time.Millisecond}, "minimum interval 1s is longer than the maximum interval 20ms"},
		{"low power", Advertisement{TxPower: new(int16(-128))}, "TX power of -128 dBm is not in -127 to 20"},
		{"high power", Advertisement{TxPower: new(int16(21))}, "TX power of 21 dBm is not in -127 to 20"},
		{"unknown channel", Advertisement{SecondaryChannel: "3M"}, `secondary channel "3M" is none of 1M, 2M and Coded`},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			err := test.ad.validate()
			if err == nil || !strings.HasPrefix(err.Error(), test.want) {
				t.Errorf("error %v, want %q", err, test.want)
			}
			_, err = Advertise(t.Context(), test.ad, Options{Adapter: "hci7"})
			var e *facade.Error
			if !errors.Is(err, ErrInvalid) || !errors.As(err, &e) || e.Op != "advertise" || e.Target != "hci7" || !strings.HasPrefix(e.Err.Error(), test.want) {
				t.Errorf("Advertise: error %v, want %q", err, test.want)
			}
		})
	}
}

func TestAllMistakesAreSaidAtOnce(t *testing.T) {
	ad := Advertisement{Name: "\xff", Services: []facade.UUID{battery, battery}, Timeout: time.Millisecond, TxPower: new(int16(99))}
	err := ad.validate()
	if err == nil || strings.Count(err.Error(), "\n") != 3 {
		t.Errorf("error %v, want four mistakes", err)
	}
}

func TestAdvertisementsInOrderAreTaken(t *testing.T) {
	for name, ad := range map[string]Advertisement{
		"nothing": {},
		"everything": {
			Name: "höhe", Services: []facade.UUID{heartRate}, Solicit: []facade.UUID{heartRate}, ManufacturerData: map[uint16][]byte{0xffff: {1}},
			ServiceData: map[facade.UUID][]byte{heartRate: {1}}, Data: map[byte][]byte{0x24: {0x17, 'x'}}, Appearance: 0x340,
			Includes: []Include{IncludeTxPower, IncludeRSI}, Discoverable: true, DiscoverableTimeout: time.Second, Timeout: time.Second,
			MinInterval: 20 * time.Millisecond, MaxInterval: 10_485 * time.Second, SecondaryChannel: ChannelCoded, TxPower: new(int16(20)), Duration: 65535 * time.Second,
		},
		"broadcast":    {Broadcast: true, TxPower: new(int16(-127))},
		"one interval": {MaxInterval: 100 * time.Millisecond},
	} {
		if err := ad.validate(); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// legacy and extended are controllers without and with extended advertising.
func legacy() *adapterState {
	return &adapterState{alias: "kitchen", LEAdvertisingManager1Properties: bluezgen.LEAdvertisingManager1Properties{
		LEAdvertisingManager1Set: bluezgen.LEAdvertisingManager1SetOf(bluezgen.LEAdvertisingManager1SupportedIncludes, bluezgen.LEAdvertisingManager1SupportedCapabilities),
		SupportedIncludes:        []bluezgen.AdvertisingInclude{bluezgen.AdvertisingIncludeTxPower, bluezgen.AdvertisingIncludeAppearance, bluezgen.AdvertisingIncludeLocalName},
		SupportedCapabilities:    bluezgen.AdvertisingCapabilities{MaxAdvLen: bus.Some(byte(31)), MaxScnRspLen: bus.Some(byte(31))},
	}}
}

func extended() *adapterState {
	on := legacy()
	on.SupportedSecondaryChannels = []bluezgen.SecondaryChannel{bluezgen.SecondaryChannel1M, bluezgen.SecondaryChannel2M}
	on.SupportedFeatures = []bluezgen.AdvertisingFeature{bluezgen.AdvertisingFeatureCanSetTxPower}
	on.SupportedCapabilities = bluezgen.AdvertisingCapabilities{
		MaxAdvLen: bus.Some(byte(251)), MaxScnRspLen: bus.Some(byte(251)), MinTxPower: bus.Some(int16(-34)), MaxTxPower: bus.Some(int16(7)),
	}
	return on
}

func discoverable(on *adapterState) *adapterState {
	on.discoverable = true
	return on
}

func TestWhatAnAdapterCannotDoIsSaid(t *testing.T) {
	manufacturer := func(n int) map[uint16][]byte { return map[uint16][]byte{0xffff: make([]byte, n)} }
	long := facade.UUID{1, 2, 3}
	tests := []struct {
		name string
		ad   Advertisement
		on   *adapterState
		want string // empty: it can
		is   error
	}{
		{"all 31 bytes", Advertisement{ManufacturerData: manufacturer(27)}, legacy(), "", nil},
		{"one byte more", Advertisement{ManufacturerData: manufacturer(28)}, legacy(), "advertising data of 32 bytes is too long: there is room for 31 (manufacturer data 32)", ErrTooLong},
		{"all beside the flags", Advertisement{Discoverable: true, ManufacturerData: manufacturer(24)}, legacy(), "", nil},
		{"flags", Advertisement{Discoverable: true, ManufacturerData: manufacturer(25)}, legacy(), "advertising data of 32 bytes is too long: there is room for 31 (flags 3, manufacturer data 29)", ErrTooLong},
		{"flags of a hidden one", Advertisement{Hidden: true, ManufacturerData: manufacturer(25)}, legacy(), "advertising data of 32 bytes", ErrTooLong},
		{"flags of the adapter", Advertisement{ManufacturerData: manufacturer(25)}, discoverable(legacy()), "advertising data of 32 bytes", ErrTooLong},
		{"flags once", Advertisement{Discoverable: true, ManufacturerData: manufacturer(24)}, discoverable(legacy()), "", nil},
		{"broadcast without flags", Advertisement{Broadcast: true, ManufacturerData: manufacturer(27)}, discoverable(legacy()), "", nil},
		{"UUIDs of all lengths", Advertisement{Services: []facade.UUID{heartRate, battery, facade.UUID32(0x12345678), long}, Data: map[byte][]byte{0x24: make([]byte, 1)}}, legacy(),
			"advertising data of 33 bytes is too long: there is room for 31 (services 30, data 3)", ErrTooLong},
		{"solicited and service data", Advertisement{Solicit: []facade.UUID{heartRate}, ServiceData: map[facade.UUID][]byte{long: make([]byte, 10), battery: {1}}}, legacy(),
			"advertising data of 37 bytes is too long: there is room for 31 (solicited services 4, service data 33)", ErrTooLong},
		{"appearance and TX power", Advertisement{Appearance: 1, Includes: []Include{IncludeTxPower}, ManufacturerData: manufacturer(21)}, legacy(),
			"advertising data of 32 bytes is too long: there is room for 31 (manufacturer data 25, TX power 3, appearance 4)", ErrTooLong},
		{"name that fills the scan response", Advertisement{Name: strings.Repeat("n", 29), ManufacturerData: manufacturer(27)}, legacy(), "", nil},
		{"name that is too long", Advertisement{Name: strings.Repeat("ö", 15)}, legacy(), "scan response of 32 bytes is too long: there is room for 31 (name 32)", ErrTooLong},
		{"name beside other things", Advertisement{Name: strings.Repeat("n", 26), ScanResponse: ScanResponse{Services: []facade.UUID{battery}}}, legacy(),
			"scan response of 32 bytes is too long: there is room for 31 (services 4, name 28)", ErrTooLong},
		{"name and appearance of the adapter", Advertisement{Includes: []Include{IncludeName, IncludeAppearance}, ScanResponse: ScanResponse{ManufacturerData: manufacturer(14)}}, legacy(),
			"scan response of 32 bytes is too long: there is room for 31 (manufacturer data 18, name 10, appearance 4)", ErrTooLong},
		{"both", Advertisement{Name: strings.Repeat("n", 30), ManufacturerData: manufacturer(28)}, legacy(),
			"advertising data of 32 bytes is too long: there is room for 31 (manufacturer data 32)\nscan response of 32 bytes", ErrTooLong},
		{"an old BlueZ does not say what fits", Advertisement{ManufacturerData: manufacturer(28)}, &adapterState{}, "advertising data of 32 bytes", ErrTooLong},

		{"extended by its length", Advertisement{ManufacturerData: manufacturer(247)}, extended(), "", nil},
		{"too long for extended", Advertisement{ManufacturerData: manufacturer(248)}, extended(), "advertising data of 252 bytes is too long: there is room for 251", ErrTooLong},
		// BlueZ decides before it adds the appearance, and the controller refuses 32 bytes then.
		{"not yet extended", Advertisement{Appearance: 1, ManufacturerData: manufacturer(24)}, extended(), "advertising data of 32 bytes is too long: there is room for 31", ErrTooLong},
		{"the same with a channel", Advertisement{Appearance: 1, ManufacturerData: manufacturer(24), SecondaryChannel: Channel1M}, extended(), "", nil},
		{"the name moves", Advertisement{Name: strings.Repeat("n", 200), SecondaryChannel: Channel1M}, extended(), "", nil},
		{"the name moves beside the rest", Advertisement{Name: strings.Repeat("n", 200), SecondaryChannel: Channel1M, ManufacturerData: manufacturer(46)}, extended(),
			"advertising data of 252 bytes is too long: there is room for 251 (manufacturer data 50, name 202)", ErrTooLong},
		{"no scan response", Advertisement{SecondaryChannel: Channel1M, ScanResponse: ScanResponse{Services: []facade.UUID{battery}}}, extended(),
			"an extended advertisement that can be connected to has no scan response", nil},
		{"nor the adapter's name", Advertisement{ManufacturerData: manufacturer(40), Includes: []Include{IncludeName}}, extended(),
			"an extended advertisement that can be connected to does not take the adapter's name", nil},
		{"scan response of a broadcast", Advertisement{Broadcast: true, SecondaryChannel: Channel1M, ScanResponse: ScanResponse{ManufacturerData: manufacturer(100)}}, extended(), "", nil},

		{"no such include", Advertisement{Includes: []Include{IncludeRSI}}, legacy(), `the adapter cannot add "rsi" by itself: unsupported operation`, errors.ErrUnsupported},
		{"no such channel", Advertisement{SecondaryChannel: ChannelCoded}, extended(), "the adapter cannot use the secondary channel Coded: unsupported operation", errors.ErrUnsupported},
		{"no channels", Advertisement{SecondaryChannel: Channel1M}, legacy(), "the adapter cannot use the secondary channel 1M", errors.ErrUnsupported},
		{"no TX power", Advertisement{TxPower: new(int16(0))}, legacy(), "the adapter cannot set the TX power: unsupported operation", errors.ErrUnsupported},
		{"TX power", Advertisement{TxPower: new(int16(7))}, extended(), "", nil},
		{"high TX power", Advertisement{TxPower: new(int16(8))}, extended(), "the adapter cannot send with 8 dBm, 7 dBm is the highest", errors.ErrUnsupported},
		{"low TX power", Advertisement{TxPower: new(int16(-35))}, extended(), "the adapter cannot send with -35 dBm, -34 dBm is the lowest", errors.ErrUnsupported},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			err := test.ad.validateOn(test.on)
			switch {
			case test.want == "" && err == nil:
			case test.want == "" || err == nil || !strings.HasPrefix(err.Error(), test.want):
				t.Errorf("error %v, want %q", err, test.want)
			case !errors.Is(err, ErrInvalid) || test.is != nil && !errors.Is(err, test.is):
				t.Errorf("error %v is not %v", err, test.is)
			}
		})
	}
}

func TestUUIDsOf32BitsAreSentAsSuch(t *testing.T) {
	ad := Advertisement{Services: []facade.UUID{heartRate, facade.UUID32(0x12345678), {1, 2, 3}}}
	props := ad.properties()
	want := []string{"0000180d-0000-1000-8000-00805f9b34fb", "12345678", "01020300-0000-0000-0000-000000000000"}
	if got := strings.Join(props.ServiceUUIDs, " "); got != strings.Join(want, " ") {
		t.Errorf("UUIDs %s, want %s", got, want)
	}
}

func TestOnlyWhatIsThereIsSent(t *testing.T) {
	empty := Advertisement{}
	if got, want := empty.properties().LEAdvertisement1Set, bluezgen.LEAdvertisement1SetOf(bluezgen.LEAdvertisement1Type); got != want {
		t.Errorf("an empty advertisement has the properties %v", got)
	}
	hidden := Advertisement{Hidden: true, MinInterval: time.Second}
	props := hidden.properties()
	want := bluezgen.LEAdvertisement1SetOf(bluezgen.LEAdvertisement1Type, bluezgen.LEAdvertisement1Discoverable,
		bluezgen.LEAdvertisement1MinInterval, bluezgen.LEAdvertisement1MaxInterval)
	if props.LEAdvertisement1Set != want || props.Discoverable || props.MinInterval != 1000 || props.MaxInterval != 1000 {
		t.Errorf("a hidden advertisement with an interval has the properties %+v", props)
	}
}

// What BlueZ would make something else of, see settings, is not announced as a change.
func TestOnlyValuesChangeInPlace(t *testing.T) {
	base := Advertisement{Name: "a", Appearance: 1, Services: []facade.UUID{heartRate}, Data: map[byte][]byte{0x24: {1}}}
	tests := []struct {
		name   string
		change func(*Advertisement)
		want   []bluezgen.LEAdvertisement1Property // nil: not in place
	}{
		{"nothing", func(*Advertisement) {}, []bluezgen.LEAdvertisement1Property{}},
		{"name", func(a *Advertisement) { a.Name = "b" }, []bluezgen.LEAdvertisement1Property{bluezgen.LEAdvertisement1LocalName}},
		{"services", func(a *Advertisement) { a.Services = nil }, []bluezgen.LEAdvertisement1Property{bluezgen.LEAdvertisement1ServiceUUIDs}},
		{"several", func(a *Advertisement) {
			a.ManufacturerData, a.ServiceData, a.Appearance = map[uint16][]byte{1: {2}}, map[facade.UUID][]byte{battery: {50}}, 2
			a.Data, a.Solicit = map[byte][]byte{0x24: {2}}, []facade.UUID{battery}
		}, []bluezgen.LEAdvertisement1Property{bluezgen.LEAdvertisement1ManufacturerData, bluezgen.LEAdvertisement1SolicitUUIDs,
			bluezgen.LEAdvertisement1ServiceData, bluezgen.LEAdvertisement1Data, bluezgen.LEAdvertisement1Appearance}},
		{"name goes", func(a *Advertisement) { a.Name = "" }, nil},
		{"appearance goes", func(a *Advertisement) { a.Appearance = 0 }, nil},
		{"broadcast", func(a *Advertisement) { a.Broadcast = true }, nil},
		{"interval", func(a *Advertisement) { a.MinInterval = time.Second }, nil},
		{"power", func(a *Advertisement) { a.TxPower = new(int16(0)) }, nil},
		{"scan response", func(a *Advertisement) { a.ScanResponse.Services = []facade.UUID{battery} }, nil},
		{"timeout", func(a *Advertisement) { a.Timeout = time.Second }, nil},
		{"includes", func(a *Advertisement) { a.Includes = []Include{IncludeTxPower} }, nil},
	}
	for _, test := range tests {
		after := base.clone()
		test.change(&after)
		changes, ok := changesInPlace(&base, &after)
		if ok != (test.want != nil) || ok && changes.LEAdvertisement1Set != bluezgen.LEAdvertisement1SetOf(test.want...) {
			t.Errorf("%s: changes in place %v, %v, want %v", test.name, ok, changes.LEAdvertisement1Set, test.want)
		}
	}
	before, after := Advertisement{Discoverable: true}, Advertisement{Discoverable: true, Data: map[byte][]byte{0x24: {1}}}
	if _, ok := changesInPlace(&before, &after); ok {
		t.Error("data changes in place beside flags, which BlueZ forgets then")
	}
}
