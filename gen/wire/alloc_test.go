package wire

import (
	"runtime"
	"testing"
)

// What the hot paths allocate is part of what this package promises.
func TestAllocations(t *testing.T) {
	advertisement, notification := advertisementBody(), notificationBody(20)
	frame := signalFrame(advertisement)
	var (
		d    Decoder
		h    Header
		dev  device
		e    Encoder
		dst  []byte
		call = callHeader()
	)
	tests := []struct {
		name string
		most float64
		run  func()
	}{
		{"FrameSize", 0, func() { FrameSize(frame) }},
		{"ParseFrame", 0, func() { ParseFrame(frame, &h) }},
		{"AppendFrame into a buffer", 0, func() { dst, _ = AppendFrame(dst[:0], &call, advertisement) }},
		{"StringView", 0, func() { d.StringView() }},
		{"Skip", 0, func() { d.Skip("sa{sv}as") }},
		{"Bytes", 1, func() {
			d.Reset(notification, LittleEndian, nil)
			d.StringView()
			decodeValue(&d)
		}},
		{"advertisement", 4, func() {
			d.StringView()
			decodeDevice(&d, &dev)
		}},
		{"encoding into a buffer", 0, func() {
			e.Reset(LittleEndian)
			e.String("org.bluez.Device1")
			e.Bytes(notification)
			mark := e.Array(8)
			e.Struct()
			e.VariantOf("a{sv}")
			e.EndArray(mark)
		}},
	}
	for _, test := range tests {
		got := testing.AllocsPerRun(100, func() {
			d.Reset(advertisement, LittleEndian, nil)
			test.run()
			if d.Err() != nil {
				t.Fatal(d.Err())
			}
		})
		if got > test.most {
			t.Errorf("%s: %v allocations, want at most %v", test.name, got, test.most)
		}
	}
}

// A length that the body cannot hold must not be allocated for.
func TestClaimedLengthsAllocateNothing(t *testing.T) {
	var d Decoder
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	for sig, body := range map[string]string{
		"s":     "\x00\x00\x00\x04\x01",
		"ay":    "\x00\x00\x00\x04\x01",
		"as":    "\x00\x00\x00\x04\x01",
		"ax":    "\x00\x00\x00\x04\x00\x00\x00\x00",
		"a(y)":  "\x00\x00\x00\x04\x00\x00\x00\x00",
		"a{yv}": "\x00\x00\x00\x04\x00\x00\x00\x00",
	} {
		d.Reset([]byte(body), LittleEndian, nil)
		if d.value(sig, 0) != nil || d.Err() == nil {
			t.Errorf("%q with 64 MiB that are not there: accepted", sig)
		}
	}
	runtime.ReadMemStats(&after)
	if n := after.TotalAlloc - before.TotalAlloc; n > 1<<20 {
		t.Errorf("%d bytes allocated for 41", n)
	}
}
