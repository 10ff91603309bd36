//go:build linux

package bluetest_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gobluez/bluez/facade"
	"github.com/gobluez/bluez/facade/bluetest"
)

const address = "C0:FF:EE:00:00:01"

// open opens a Central in a world that holds these options.
func open(t *testing.T, o ...bluetest.Option) (*bluetest.World, *facade.Central) {
	t.Helper()
	world := bluetest.Start(t, append(o, bluetest.Delays{Disconnect: bluetest.None})...)
	central, err := facade.Open(t.Context(), facade.Options{Bus: world.Address()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { central.Close() })
	return world, central
}

// connected connects to the device at address.
func connected(t *testing.T, device bluetest.Device) (*bluetest.World, *facade.Client) {
	t.Helper()
	world, central := open(t, device)
	a, err := facade.ParseAddress(address)
	if err != nil {
		t.Fatal(err)
	}
	client, err := central.Connect(t.Context(), a, facade.ConnectOptions{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { client.Close() })
	return world, client
}

func uuid(t *testing.T, s string) facade.UUID {
	t.Helper()
	u, err := facade.ParseUUID(s)
	if err != nil {
		t.Fatal(err)
	}
	return u
}

func TestHeartRateMeasures(t *testing.T) {
	_, client := connected(t, bluetest.HeartRate(address))
	sub, err := client.Subscribe(t.Context(), facade.UUID16(0x2a37), facade.SubscribeOptions{})
	if err != nil {
		t.Fatal(err)
	}
	for want := byte(60); want < 62; want++ {
		n, err := sub.Next(t.Context())
		if err != nil || !slices.Equal(n.Value, []byte{6, want}) {
			t.Errorf("measured % x, %v, want 06 %x", n.Value, err, want)
		}
	}
	if err := client.Write(t.Context(), facade.UUID16(0x2a39), []byte{1}); err != nil {
		t.Error(err)
	}
	if err := client.Write(t.Context(), facade.UUID16(0x2a39), []byte{2}); !errors.Is(err, facade.ATTError(0x80)) {
		t.Errorf("an unknown command: %v", err)
	}
}

func TestThermometerIndicates(t *testing.T) {
	_, client := connected(t, bluetest.Thermometer(address))
	sub, err := client.Subscribe(t.Context(), facade.UUID16(0x2a1c), facade.SubscribeOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if n, err := sub.Next(t.Context()); err != nil || !slices.Equal(n.Value, []byte{0, 0x6d, 1, 0, 0xff}) { // 365 * 10^-1
		t.Errorf("measured % x, %v", n.Value, err)
	}
}

func TestBatteryFallsWhileItIsWatched(t *testing.T) {
	_, client := connected(t, bluetest.Battery(address, 3))
	sub, err := client.Subscribe(t.Context(), facade.UUID16(0x2a19), facade.SubscribeOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if n, err := sub.Next(t.Context()); err != nil || len(n.Value) != 1 || n.Value[0] >= 3 {
		t.Errorf("level % x, %v", n.Value, err)
	}
}

func TestUARTEchoes(t *testing.T) {
	_, client := connected(t, bluetest.UART(address))
	receive, transmit := uuid(t, bluetest.UARTReceive), uuid(t, bluetest.UARTTransmit)
	if err := client.Write(t.Context(), receive, []byte("nobody listens")); err != nil {
		t.Fatal(err)
	}
	sub, err := client.Subscribe(t.Context(), transmit, facade.SubscribeOptions{})
	if err != nil {
		t.Fatal(err)
	}
	long := strings.Repeat("0123456789", 51) + "!" // longer than a packet of the smallest MTU
	for _, text := range []string{"hello", long} {
		if err := client.WriteWithResponse(t.Context(), receive, []byte(text)); err != nil {
			t.Fatal(err)
		}
		var got string
		for len(got) < len(text) {
			n, err := sub.Next(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			got += string(n.Value)
		}
		if got != text {
			t.Errorf("the echo of %q is %q", text, got)
		}
	}
}

func TestLockNeedsPairing(t *testing.T) {
	world, client := connected(t, bluetest.Lock(address, "123456"))
	if value, err := client.Read(t.Context(), uuid(t, bluetest.LockState)); !errors.Is(err, facade.ErrNotPaired) {
		t.Errorf("read % x, %v from a lock that is not paired", value, err)
	}
	if world.Peripheral(address).Bonded() {
		t.Error("it is paired")
	}
}

func TestBeaconsAreAllHeard(t *testing.T) {
	const n = 40
	_, central := open(t, bluetest.Beacons(n-10, 20*time.Millisecond), bluetest.Beacons(10, 20*time.Millisecond))
	heard := map[facade.Address]bool{}
	for adv, err := range central.Scan(t.Context(), facade.ScanOptions{}) {
		if err != nil {
			t.Fatal(err)
		}
		number := adv.ManufacturerData[0xffff]
		if len(number) != 4 || number[3] != adv.Address[5] || !adv.HasRSSI || adv.RSSI > -37 || adv.RSSI < -102 {
			t.Errorf("heard %+v", adv)
		}
		if heard[adv.Address] = true; len(heard) == n {
			return
		}
	}
}

func TestMisbehavingDevice(t *testing.T) {
	_, client := connected(t, bluetest.Misbehaving(address, 0, 1))
	if _, err := client.Read(t.Context(), uuid(t, bluetest.MisbehavingTwin)); !errors.Is(err, facade.ErrAmbiguous) {
		t.Errorf("read one of two: %v", err)
	}
	sub, err := client.Subscribe(t.Context(), uuid(t, bluetest.MisbehavingEmpty), facade.SubscribeOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if n, err := sub.Next(t.Context()); err != nil || len(n.Value) != 0 {
		t.Errorf("notified % x, %v, want nothing", n.Value, err)
	}
	refused := map[string]bool{}
	for range 5 {
		_, err := client.Read(t.Context(), uuid(t, bluetest.MisbehavingRefused))
		if err == nil {
			t.Fatal("it was not refused")
		}
		refused[err.Error()] = true
	}
	if len(refused) < 4 {
		t.Errorf("refused with %v", refused)
	}
}

func TestMisbehavingDeviceDropsTheLink(t *testing.T) {
	_, central := open(t, bluetest.Misbehaving(address, 200*time.Millisecond, 1))
	a, err := facade.ParseAddress(address)
	if err != nil {
		t.Fatal(err)
	}
	client, err := central.Connect(t.Context(), a, facade.ConnectOptions{})
	for err != nil && t.Context().Err() == nil { // it may drop the link before that is of use
		client, err = central.Connect(t.Context(), a, facade.ConnectOptions{})
	}
	if err != nil {
		t.Fatal(err)
	}
	<-client.Disconnected()
	if !errors.Is(client.Err(), facade.ErrDisconnected) {
		t.Errorf("the link ended with %v", client.Err())
	}
	client.Close()
}

func TestNeighbourhoodIsHeard(t *testing.T) {
	_, central := open(t, bluetest.Neighbourhood())
	names := map[string]bool{}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	for adv, err := range central.Scan(ctx, facade.ScanOptions{}) {
		if err != nil {
			t.Fatal(err)
		}
		if names[adv.Name] = true; len(names) == 7 {
			return
		}
	}
}
