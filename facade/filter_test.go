package facade

import (
	"testing"
)

func TestScanOptionsMatch(t *testing.T) {
	heartRate, battery := UUID16(0x180d), UUID16(0x180f)
	adv := Advertisement{
		Address: Address{0xC0, 0xFF, 0xEE, 0, 0, 1}, Name: "Strap", RSSI: -60, HasRSSI: true, TxPower: 4, HasTxPower: true,
		ServiceUUIDs: []UUID{heartRate},
	}
	silent := Advertisement{Address: adv.Address, RSSI: unknownRSSI}
	for _, test := range []struct {
		name         string
		options      ScanOptions
		want, silent bool
	}{
		{"nothing asked", ScanOptions{}, true, true},
		{"its address", ScanOptions{Address: adv.Address}, true, true},
		{"another address", ScanOptions{Address: Address{1}}, false, false},
		{"its name", ScanOptions{Name: "Strap"}, true, false},
		{"the name in another case", ScanOptions{Name: "strap"}, false, false},
		{"a part of the name", ScanOptions{Name: "Str"}, false, false},
		{"its service", ScanOptions{Services: []UUID{heartRate}}, true, false},
		{"one of two services", ScanOptions{Services: []UUID{battery, heartRate}}, true, false},
		{"another service", ScanOptions{Services: []UUID{battery}}, false, false},
		{"its strength", ScanOptions{MinRSSI: -60}, true, false},
		{"a greater strength", ScanOptions{MinRSSI: -59}, false, false},
		{"any known strength", ScanOptions{MinRSSI: -127}, true, false},
		{"its path loss", ScanOptions{MaxPathLoss: 64}, true, false},
		{"a smaller path loss", ScanOptions{MaxPathLoss: 63}, false, false},
		{"a pattern of the name", ScanOptions{Pattern: "Str"}, true, false},
		{"a pattern of the address", ScanOptions{Pattern: "C0:FF"}, true, true},
		{"another pattern", ScanOptions{Pattern: "trap"}, false, false},
		{"a predicate that is true", ScanOptions{Match: func(Advertisement) bool { return true }}, true, true},
		{"a predicate that is false", ScanOptions{Match: func(Advertisement) bool { return false }}, false, false},
		{"all but one condition", ScanOptions{Name: "Strap", Services: []UUID{battery}}, false, false},
	} {
		if got := test.options.matches(&adv); got != test.want {
			t.Errorf("%s: matches = %v", test.name, got)
		}
		if got := test.options.matches(&silent); got != test.silent {
			t.Errorf("%s: a device that says nothing: matches = %v", test.name, got)
		}
	}
}

func TestUnionOfFiltersWidens(t *testing.T) {
	a, b := UUID16(0x180d), UUID16(0x180f)
	for _, test := range []struct {
		name string
		f, g ScanOptions
		want filter
	}{
		{"nothing", ScanOptions{}, ScanOptions{}, filter{}},
		{"services of both", ScanOptions{Services: []UUID{b, a, b}}, ScanOptions{Services: []UUID{a}}, filter{services: []UUID{a, b}}},
		{"services of one only", ScanOptions{Services: []UUID{a}}, ScanOptions{}, filter{}},
		{"the weaker strength", ScanOptions{MinRSSI: -50}, ScanOptions{MinRSSI: -80}, filter{minRSSI: -80}},
		{"a strength of one only", ScanOptions{MinRSSI: -50}, ScanOptions{}, filter{}},
		{"the larger path loss", ScanOptions{MaxPathLoss: 50}, ScanOptions{MaxPathLoss: 70}, filter{maxPathLoss: 70}},
		{"strength here, path loss there", ScanOptions{MinRSSI: -50}, ScanOptions{MaxPathLoss: 70}, filter{}},
		{"both in each: BlueZ takes one", ScanOptions{MinRSSI: -50, MaxPathLoss: 9}, ScanOptions{MinRSSI: -60, MaxPathLoss: 70}, filter{minRSSI: -60}},
		{"both here, path loss there", ScanOptions{MinRSSI: -50, MaxPathLoss: 9}, ScanOptions{MaxPathLoss: 70}, filter{}},
		{"the same pattern", ScanOptions{Pattern: "x"}, ScanOptions{Pattern: "x"}, filter{pattern: "x"}},
		{"unequal patterns", ScanOptions{Pattern: "x"}, ScanOptions{Pattern: "y"}, filter{}},
		{"a pattern of one only", ScanOptions{Pattern: "x"}, ScanOptions{}, filter{}},
		{"every packet for one", ScanOptions{EveryPacket: true}, ScanOptions{}, filter{everyPacket: true}},
		{"every packet and a strength", ScanOptions{EveryPacket: true}, ScanOptions{MinRSSI: -50}, filter{everyPacket: true}},
		{"every packet of some strength", ScanOptions{EveryPacket: true, MinRSSI: -70}, ScanOptions{MinRSSI: -50}, filter{everyPacket: true, minRSSI: -70}},
		{"every packet and a path loss", ScanOptions{EveryPacket: true}, ScanOptions{MaxPathLoss: 50}, filter{everyPacket: true}},
	} {
		f, g := test.f.filter(), test.g.filter()
		for _, got := range []filter{f.union(g), g.union(f)} {
			if !got.equal(test.want) {
				t.Errorf("%s: %+v, want %+v", test.name, got, test.want)
			}
		}
		if !f.union(f).equal(f) {
			t.Errorf("%s: the union of %+v with itself is %+v", test.name, f, f.union(f))
		}
	}
}

func TestUnionReportsWhatEitherWants(t *testing.T) {
	service := UUID16(0x180d)
	var options []ScanOptions
	for bits := range 32 {
		var o ScanOptions
		if bits&1 != 0 {
			o.Services = []UUID{service}
		}
		if bits&2 != 0 {
			o.MinRSSI = -70
		}
		if bits&4 != 0 {
			o.MaxPathLoss = 60
		}
		if bits&8 != 0 {
			o.Pattern = "St"
		}
		o.EveryPacket = bits&16 != 0
		options = append(options, o)
	}
	heard := []Advertisement{
		{Name: "Strap", RSSI: -60, HasRSSI: true, TxPower: 0, HasTxPower: true, ServiceUUIDs: []UUID{service}},
		{Name: "Other", RSSI: -60, HasRSSI: true, TxPower: 0, HasTxPower: true},
		{Name: "Strap", RSSI: -80, HasRSSI: true, TxPower: -30, HasTxPower: true},
		{Name: "Other", RSSI: -80, HasRSSI: true, ServiceUUIDs: []UUID{service}},
	}
	for _, a := range options {
		for _, b := range options {
			u := a.filter().union(b.filter())
			// What BlueZ would do with the union, in the terms of a scan of its own.
			bluez := ScanOptions{Services: u.services, MinRSSI: u.minRSSI, MaxPathLoss: u.maxPathLoss, Pattern: u.pattern}
			for _, adv := range heard {
				if (a.matches(&adv) || b.matches(&adv)) && !bluez.matches(&adv) {
					t.Errorf("%+v with %+v became %+v, which hides %v", a, b, u, adv)
				}
			}
		}
	}
}
