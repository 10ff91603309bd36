package bluetest

import (
	"context"
	"slices"
	"testing"

	"github.com/godbus/dbus/v5"

	"github.com/gobluez/bluez/bluezgen"
)

// The central is a device on the other adapter, connected for as long as the link lasts, whichever side ends it.
func TestCentralIsADeviceOfThePeripheral(t *testing.T) {
	for _, test := range []struct {
		name string
		end  func(b *bench, central bluezgen.Device1) error
	}{
		{"central disconnects", func(b *bench, _ bluezgen.Device1) error { return b.proxy.Disconnect(b.t.Context()) }},
		{"peripheral disconnects", func(b *bench, central bluezgen.Device1) error { return central.Disconnect(b.t.Context()) }},
		{"central goes off", func(b *bench, _ bluezgen.Device1) error { b.world.Adapter("hci0").Power(false); return nil }},
		{"peripheral goes off", func(b *bench, _ bluezgen.Device1) error { b.world.Adapter("hci1").Power(false); return nil }},
		{"peripheral unplugged", func(b *bench, _ bluezgen.Device1) error { b.world.Adapter("hci1").Unplug(); return nil }},
		{"central is removed", func(b *bench, central bluezgen.Device1) error {
			return bluezgen.NewAdapter1(b.conn, "/org/bluez/hci1").RemoveDevice(b.t.Context(), central.Path())
		}},
		{"peripheral is blocked", func(b *bench, _ bluezgen.Device1) error { return b.proxy.SetBlocked(b.t.Context(), true) }},
	} {
		t.Run(test.name, func(t *testing.T) {
			b, _ := newServedBench(t, func(p *program) { p.characteristic("s", "c", "aa01", flags(fRead)) })
			other := &bench{t: t, world: b.world, conn: b.conn, changed: make(chan struct{}), within: "/org/bluez/hci1/"}
			other.proxy = bluezgen.NewDevice1(b.conn, "/org/bluez/hci1/dev_00_AA_01_00_00_00")
			other.watch()
			all, err := other.proxy.GetAll(t.Context())
			if err != nil || !all.Connected || all.Address != "00:AA:01:00:00:00" || all.AddressType != bluezgen.AddressTypePublic {
				t.Fatalf("the central: %+v, %v", all, err)
			}
			if err := test.end(b, other.proxy); err != nil {
				t.Fatal(err)
			}
			if test.name != "peripheral unplugged" && test.name != "central is removed" {
				other.await("...Connected=false", 1)
			} else {
				other.await("-device", 1)
			}
			b.await("...Connected=false", 1)
			if b.device.Connected() || b.world.Adapter("hci0").station.Connected() {
				t.Error("a link is left")
			}
		})
	}
}

// On the peripheral's side BlueZ knows the central's services too, those of its own applications included.
func TestPeripheralSeesTheServicesOfItsCentral(t *testing.T) {
	b, _ := newServedBench(t, func(p *program) { p.characteristic("s", "c", "aa01", flags(fRead)) })
	other := &bench{t: t, world: b.world, conn: b.conn, changed: make(chan struct{}), within: "/org/bluez/hci1/"}
	other.proxy = bluezgen.NewDevice1(b.conn, "/org/bluez/hci1/dev_00_AA_01_00_00_00")
	other.watch()
	if resolved, err := other.proxy.ServicesResolved(t.Context()); err != nil || !resolved {
		other.await("...ServicesResolved=true", 1)
	}
	uuids, err := other.proxy.UUIDs(t.Context())
	if want := []string{longUUID("1800"), longUUID("1801"), longUUID("180a")}; err != nil || !slices.Equal(uuids, want) {
		t.Errorf("UUIDs %v, %v", uuids, err)
	}
}

// Pairing makes a bond on both sides, which outlives the link, and is gone when either forgets it.
func TestAdaptersPair(t *testing.T) {
	b, p := newServedBench(t, func(p *program) {
		c := p.characteristic("s", "c", "aa01", flags(bluezgen.CharacteristicFlagEncryptRead))
		c.set("secret", nil)
	})
	ctx := t.Context()
	b.registerAgent()
	value, err := b.characteristic("aa01").ReadValue(ctx, bluezgen.ReadOptions{})
	if err != nil || string(value) != "secret" {
		t.Fatalf("read %q, %v", value, err)
	}
	p.expect("read", "c read "+central)
	other := bluezgen.NewDevice1(b.conn, "/org/bluez/hci1/dev_00_AA_01_00_00_00")
	for _, side := range []bluezgen.Device1{b.proxy, other} {
		if bonded, err := side.Bonded(ctx); err != nil || !bonded {
			t.Errorf("%s: bonded %t, %v", side.Path(), bonded, err)
		}
	}
	b.disconnect()
	b.connect()
	if !b.device.Encrypted() {
		t.Error("the link to a bonded device is not encrypted")
	}
	if err := bluezgen.NewAdapter1(b.conn, "/org/bluez/hci1").RemoveDevice(ctx, other.Path()); err != nil {
		t.Fatal(err)
	}
	b.await("...Connected=false", 1)
	if err := b.proxy.Connect(ctx); err == nil {
		t.Error("connected by a bond that the other side has forgotten")
	}
}

// Devices that are declared are not disturbed by what adapters do, one that plays an adapter included.
func TestStationsAndDevices(t *testing.T) {
	w := Start(t, twoAdapters(), Device{Address: "C0:FF:EE:00:00:01"}, Device{Address: "00:AA:01:01:00:01", AddressType: bluezgen.AddressTypePublic, Name: "player"})
	if n := len(w.Peripherals()); n != 2 {
		t.Errorf("%d devices", n)
	}
	if p := w.Peripheral("00:AA:01:01:00:01"); p == nil || p.adapter != nil {
		t.Error("the device that plays an adapter is not found")
	}
	if w.Peripheral("00:AA:01:00:00:00") != nil {
		t.Error("an adapter is a device")
	}
}

// A central that is bonded with stays subscribed without a link: its next subscription tells the application nothing, and
// a socket of the last is gone, but values go to it.
func TestBondedCentralStaysSubscribed(t *testing.T) {
	a := newAcquirer(t)
	var plain, acquired *played
	b, p := newServedBench(t, func(p *program) {
		plain = p.characteristic("s", "plain", "aa01", flags(fNotify))
		acquired = p.characteristic("s", "acquired", "aa02", flags(fNotify), has(bluezgen.GattCharacteristic1NotifyAcquired))
		acquired.acquire = a.acquire
	})
	ctx := t.Context()
	b.registerAgent()
	if err := b.proxy.Pair(ctx); err != nil {
		t.Fatal(err)
	}
	for _, uuid := range []string{"aa01", "aa02"} {
		if err := b.characteristic(uuid).StartNotify(ctx); err != nil {
			t.Fatal(err)
		}
	}
	p.expect("subscribed", "plain start", "acquired acquire-notify "+central)
	socket := a.end()
	b.disconnect()
	a.expect(socket, "")
	b.connect()
	for _, uuid := range []string{"aa01", "aa02"} {
		if err := b.characteristic(uuid).StartNotify(ctx); err != nil {
			t.Fatal(err)
		}
	}
	plain.notify("plainly")
	acquired.notify("by property")
	b.await("... Value=plainly", 1)
	b.await("... Value=by property", 1)
	if err := b.characteristic("aa01").StopNotify(ctx); err != nil {
		t.Fatal(err)
	}
	p.expect("all that was told", "plain stop")
}

// A notingAgent notes which devices it was to authorize, and refuses one.
type notingAgent struct {
	bluezgen.UnimplementedAgent1Server
	program *program
	refused dbus.ObjectPath
}

func (a notingAgent) RequestAuthorization(_ context.Context, device dbus.ObjectPath) error {
	a.program.note("authorize %s", device)
	if device == a.refused {
		return bluezgen.ErrRejected
	}
	return nil
}

// The side that is paired with asks the default agent too.
func TestPeripheralAsksItsAgent(t *testing.T) {
	for _, refused := range []dbus.ObjectPath{"", "/org/bluez/hci1/dev_00_AA_01_00_00_00"} {
		b, p := newServedBench(t, func(p *program) {
			p.characteristic("s", "c", "aa01", flags(bluezgen.CharacteristicFlagEncryptWrite))
		})
		ctx := t.Context()
		p.export("/agent", bluezgen.NewAgent1Skeleton(notingAgent{program: p, refused: refused}))
		if err := bluezgen.NewAgentManager1(p.conn, bluezgen.AgentManager1Path).RegisterAgent(ctx, "/agent", bluezgen.AgentCapabilityDisplayYesNo); err != nil {
			t.Fatal(err)
		}
		err := b.characteristic("aa01").WriteValue(ctx, []byte("x"), bluezgen.WriteOptions{})
		if (err == nil) != (refused == "") {
			t.Errorf("write: %v", err)
		}
		want := []string{"authorize /org/bluez/hci0/dev_00_AA_01_01_00_01", "authorize /org/bluez/hci1/dev_00_AA_01_00_00_00"}
		if refused == "" {
			want = append(want, `c write "x" `+central)
		}
		p.expect("pairing", want...)
	}
}
