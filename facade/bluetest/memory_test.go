package bluetest

import (
	"testing"
	"time"
)

// One Device in two worlds is two devices: neither knows what the other has done.
func TestWorldsShareADevice(t *testing.T) {
	t.Run("refusals", func(t *testing.T) {
		d := Misbehaving(benchAddress, 10*time.Millisecond, 1)
		d.Run = nil
		for range 2 {
			b := newBench(t, d)
			for n := range 2 {
				if _, err := refuseRead(t.Context(), b.device); err != refusals[n] {
					t.Errorf("refusal %d: %v, want %v", n, err, refusals[n])
				}
			}
			if err := refuseWrite(t.Context(), b.device, nil); err != refusals[0] {
				t.Errorf("refusal of the first write: %v, want %v", err, refusals[0])
			}
		}
	})
	t.Run("links", func(t *testing.T) { // for the race detector
		d := Misbehaving(benchAddress, time.Millisecond, 1)
		for range 2 {
			b := newBench(t, d)
			for b.proxy.Connect(t.Context()) != nil { // the first attempt fails
			}
			if err := b.device.AwaitDisconnected(t.Context()); err != nil {
				t.Error(err)
			}
		}
	})
	t.Run("echo", func(t *testing.T) {
		d := UART(benchAddress)
		first, second := newBench(t, d), newBench(t, d)
		for _, b := range []*bench{first, second} {
			b.connect()
			if err := b.characteristic(UARTTransmit).StartNotify(t.Context()); err != nil {
				t.Fatal(err)
			}
			if err := b.device.AwaitSubscribed(t.Context(), UARTTransmit); err != nil {
				t.Fatal(err)
			}
		}
		if a, b := echoOf(first.device), echoOf(second.device); a == b || a != echoOf(first.device) {
			t.Error("the echoes are not each device's own")
		}
	})
	t.Run("battery", func(t *testing.T) {
		b := newBench(t, Battery(benchAddress, 50))
		if err := b.device.SetValue("2a19", []byte{7}); err != nil {
			t.Fatal(err)
		}
		var sent []byte
		drainBattery(t.Context(), b.device, func(value []byte) error {
			sent = value
			return ErrNotSubscribed
		})
		if len(sent) != 1 || sent[0] != 6 {
			t.Errorf("the level falls from 7 to %v", sent)
		}
	})
}
