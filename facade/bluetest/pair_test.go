package bluetest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/godbus/dbus/v5"

	"github.com/gobluez/bluez/bluezgen"
	"github.com/gobluez/bluez/gen/bus"
)

const agentPath = "/agent"

// A user is an agent that answers as a test says, and notes what it is asked.
type user struct {
	world   *World
	refuse  bool
	ignore  bool   // it never answers
	passkey uint32 // what it enters; it reads the device's display if that is 0
	pin     string

	mu    sync.Mutex
	asked []string
	more  chan struct{}
}

// answer registers an agent on a visitor's connection.
func (v *visitor) answer(capability bluezgen.AgentCapability, u *user) *user {
	v.t.Helper()
	u.world, u.more = v.world, make(chan struct{}, 100)
	_, err := v.conn.Export(v.t.Context(), agentPath, bus.ExportOptions{From: bluezgen.Service}, bluezgen.NewAgent1Skeleton(u))
	v.must(err)
	v.must(bluezgen.NewAgentManager1(v.conn, bluezgen.AgentManager1Path).RegisterAgent(v.t.Context(), agentPath, capability))
	return u
}

func (u *user) note(ctx context.Context, format string, args ...any) error {
	u.mu.Lock()
	u.asked = append(u.asked, fmt.Sprintf(format, args...))
	u.mu.Unlock()
	u.more <- struct{}{}
	bus.Release(ctx)
	if u.ignore {
		<-ctx.Done()
	}
	if u.refuse {
		return bluezgen.ErrRejected
	}
	return nil
}

// heard waits for these questions, and no others.
func (u *user) heard(t *testing.T, want ...string) {
	t.Helper()
	for range want {
		select {
		case <-u.more:
		case <-time.After(10 * time.Second):
			u.mu.Lock()
			defer u.mu.Unlock()
			t.Fatalf("asked only %q, want %q", u.asked, want)
		}
	}
	u.mu.Lock()
	defer u.mu.Unlock()
	if !slices.Equal(u.asked, want) {
		t.Errorf("asked %q, want %q", u.asked, want)
	}
}

// again forgets what was asked.
func (u *user) again() *user {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.asked = nil
	return u
}

func (u *user) Release(context.Context) error { return u.told("Release") }
func (u *user) Cancel(context.Context) error  { return u.told("Cancel") }

func (u *user) told(what string) error {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.asked = append(u.asked, what)
	u.more <- struct{}{}
	return nil
}

func (u *user) RequestPasskey(ctx context.Context, _ dbus.ObjectPath) (uint32, error) {
	if err := u.note(ctx, "RequestPasskey"); err != nil || u.passkey != 0 {
		return u.passkey, err
	}
	shown, err := strconv.ParseUint(u.world.Peripheral(sensor).Passkey(), 10, 32)
	return uint32(shown), err
}

func (u *user) DisplayPasskey(ctx context.Context, _ dbus.ObjectPath, passkey uint32, entered uint16) error {
	return u.note(ctx, "DisplayPasskey %06d %d", passkey, entered)
}

func (u *user) RequestConfirmation(ctx context.Context, _ dbus.ObjectPath, passkey uint32) error {
	return u.note(ctx, "RequestConfirmation %06d", passkey)
}

func (u *user) RequestAuthorization(ctx context.Context, _ dbus.ObjectPath) error {
	return u.note(ctx, "RequestAuthorization")
}

func (u *user) AuthorizeService(context.Context, dbus.ObjectPath, string) error { return nil }

func (u *user) RequestPinCode(ctx context.Context, _ dbus.ObjectPath) (string, error) {
	return u.pin, u.note(ctx, "RequestPinCode")
}

func (u *user) DisplayPinCode(ctx context.Context, _ dbus.ObjectPath, pin string) error {
	return u.note(ctx, "DisplayPinCode %s", pin)
}

func pairs(p Pairing) Device { return near(func(d *Device) { d.Pairing = p }) }

func TestPair(t *testing.T) {
	const ( // short names for the table
		none, shows, asks = bluezgen.AgentCapabilityNoInputNoOutput, bluezgen.AgentCapabilityDisplayOnly, bluezgen.AgentCapabilityKeyboardOnly
		yesNo, all        = bluezgen.AgentCapabilityDisplayYesNo, bluezgen.AgentCapabilityKeyboardDisplay
	)
	no := func(context.Context, uint32) bool { return false }
	refused := bluezgen.ErrAuthenticationFailed.With("Authentication Failed")
	for _, test := range []struct {
		name   string
		device Pairing
		agent  bluezgen.AgentCapability
		user   *user
		asked  []string
		want   error
	}{
		{"just works", Pairing{}, none, &user{}, nil, nil},
		{"just works with all", Pairing{}, all, &user{}, nil, nil},
		{"just works is too little", Pairing{MITM: true}, all, &user{}, nil, refused},
		{"passkey entered", Pairing{IO: shows}, asks, &user{}, []string{"RequestPasskey"}, nil},
		{"fixed passkey entered", Pairing{IO: shows, Passkey: "000123"}, all, &user{passkey: 123}, []string{"RequestPasskey"}, nil},
		{"wrong passkey entered", Pairing{IO: shows, Passkey: "123456"}, all, &user{passkey: 1}, []string{"RequestPasskey"}, refused},
		{"passkey refused", Pairing{IO: shows}, all, &user{refuse: true}, []string{"RequestPasskey"}, refused},
		{"passkey shown", Pairing{IO: asks, Passkey: "000042"}, shows, &user{}, []string{"DisplayPasskey 000042 0"}, nil},
		{"passkey mistyped", Pairing{IO: asks, Passkey: "000042", Confirm: no}, all, &user{}, []string{"DisplayPasskey 000042 0"}, refused},
		{"comparison", Pairing{IO: yesNo, Passkey: "987654"}, yesNo, &user{}, []string{"RequestConfirmation 987654"}, nil},
		{"comparison refused here", Pairing{IO: yesNo, Passkey: "987654"}, all, &user{refuse: true}, []string{"RequestConfirmation 987654"}, refused},
		{"comparison refused there", Pairing{IO: yesNo, Confirm: no}, all, &user{}, nil, refused},
		{"legacy does not compare", Pairing{IO: yesNo, Legacy: true}, all, &user{}, []string{"RequestPasskey"}, nil},
		{"PIN", Pairing{PIN: "1234"}, all, &user{pin: "1234"}, []string{"RequestPinCode"}, nil},
		{"wrong PIN", Pairing{PIN: "1234"}, all, &user{pin: "0000"}, []string{"RequestPinCode"}, refused},
		{"PIN shown", Pairing{PIN: "1234", IO: asks}, all, &user{}, []string{"DisplayPinCode 1234"}, nil},
		{"device refuses", Pairing{Reject: true}, all, &user{}, nil, refused},
		{"declared failure", Pairing{Fail: func(int) error { return bluezgen.ErrAuthenticationTimeout.With("x") }}, all, &user{}, nil, bluezgen.ErrAuthenticationTimeout.With("x")},
	} {
		t.Run(test.name, func(t *testing.T) {
			v := visit(t, quick, pairs(test.device))
			v.answer(test.agent, test.user)
			v.wants(v.device.Pair(t.Context()), test.want)
			test.user.heard(t, test.asked...)
			p := v.world.Peripheral(sensor)
			if ok := test.want == nil; p.Bonded() != ok || p.Encrypted() != ok {
				t.Errorf("bonded %v, encrypted %v", p.Bonded(), p.Encrypted())
			}
		})
	}
}

func TestTypedDigitsAreShown(t *testing.T) {
	v := visit(t, quick, pairs(Pairing{IO: bluezgen.AgentCapabilityKeyboardOnly, Passkey: "000042", Keypresses: true}))
	u := v.answer(bluezgen.AgentCapabilityDisplayOnly, &user{})
	v.must(v.device.Pair(t.Context()))
	var want []string
	for n := range 7 {
		want = append(want, fmt.Sprintf("DisplayPasskey 000042 %d", n))
	}
	u.heard(t, want...)
}

func TestSignalsOfPairing(t *testing.T) {
	v := visit(t, quick, near(func(d *Device) { d.Connection.Discovery = 100 * time.Millisecond }))
	v.answer("", &user{})
	v.must(v.device.Pair(t.Context()))
	v.expect("Connected=true", "Bonded=true", "ServicesResolved=true", "Paired=true")
	v.wants(v.device.Pair(t.Context()), bluezgen.ErrAlreadyExists.With("Already Exists"))
	v.must(v.device.Disconnect(t.Context()))
	v.expect("ServicesResolved=false", "Connected=false")
	v.must(v.device.Connect(t.Context()))
	if !v.world.Peripheral(sensor).Encrypted() {
		t.Error("the link to a bonded device is not encrypted")
	}
}

func TestSignalsOfPairingWhileConnected(t *testing.T) {
	v := connected(t, quick, pairs(Pairing{}))
	v.answer("", &user{})
	v.must(v.device.Pair(t.Context()))
	v.expect("Bonded=true", "Paired=true")
}

func TestPairingWithoutBonding(t *testing.T) {
	v := visit(t, quick, Version584, near(func(d *Device) {
		d.Connection.Discovery, d.Pairing = 100*time.Millisecond, Pairing{NoBonding: true}
	}))
	v.answer("", &user{})
	v.must(v.device.Pair(t.Context()))
	v.expect("Connected=true", "ServicesResolved=true", "Paired=true")
	v.world.Peripheral(sensor).Disconnect()
	v.expect("ServicesResolved=false", "bearer Disconnected Remote", "Paired=false",
		"Disconnected Remote Connection terminated by remote user", "Connected=false")
}

func TestBondOutlivesBluetoothd(t *testing.T) {
	v := visit(t, quick, pairs(Pairing{}))
	v.answer("", &user{})
	v.must(v.device.Pair(t.Context()))
	v.must(v.world.RestartBluetoothd(t.Context()))
	if all, err := v.device.GetAll(t.Context()); err != nil || !all.Paired || !all.Bonded || all.Connected {
		t.Errorf("properties %+v, %v", all, err)
	}
	v.must(v.device.Connect(t.Context()))
	if !v.world.Peripheral(sensor).Encrypted() {
		t.Error("the link is not encrypted")
	}
	v.must(v.device.Disconnect(t.Context()))
	v.must(v.world.Adapter("hci0").RemoveDevice(t.Context(), sensor))
	discover(t, v.world, sensor)
	if paired, err := v.device.Paired(t.Context()); paired || err != nil {
		t.Errorf("paired %v, %v after it was removed", paired, err)
	}
}

func TestIdentityIsToldByPairing(t *testing.T) {
	const private, identity = "40:00:00:00:00:01", "AA:BB:CC:00:00:01"
	v := visit(t, quick, near(func(d *Device) { d.Address, d.Identity = private, identity }), near(nil))
	discover(t, v.world, private)
	d := bluezgen.NewDevice1(v.conn, path(private))
	v.answer("", &user{})
	v.must(d.Pair(t.Context()))
	all, err := d.GetAll(t.Context())
	if err != nil || all.Address != identity || all.AddressType != bluezgen.AddressTypePublic || !all.Bonded {
		t.Errorf("properties %+v, %v", all, err)
	}
	v.must(v.world.RestartBluetoothd(t.Context()))
	if address, err := d.Address(t.Context()); err != nil || address != identity {
		t.Errorf("address %v, %v after a restart", address, err)
	}
}

// A device that does not tell who it is behind its private address cannot be kept.
func TestPrivateDeviceIsNotKept(t *testing.T) {
	const private = "40:00:00:00:00:01"
	v := visit(t, quick, near(func(d *Device) { d.Address = private }), near(nil))
	discover(t, v.world, private)
	d := bluezgen.NewDevice1(v.conn, path(private))
	v.answer("", &user{})
	v.must(d.Pair(t.Context()))
	if all, err := d.GetAll(t.Context()); err != nil || !all.Paired || all.Bonded {
		t.Errorf("properties %+v, %v", all, err)
	}
	v.must(v.world.RestartBluetoothd(t.Context()))
	if _, err := d.Address(t.Context()); !errors.Is(err, bus.ErrUnknownObject) {
		t.Errorf("after a restart: %v", err)
	}
}

func TestDeviceHasLostItsKeys(t *testing.T) {
	for version, want := range map[Version]string{
		Version555: "Disconnected early", Version582: "br-connection-canceled", Version584: "br-connection-key-missing",
	} {
		t.Run(string(version), func(t *testing.T) {
			v := visit(t, quick, version, pairs(Pairing{}))
			v.answer("", &user{})
			v.must(v.device.Pair(t.Context()))
			v.must(v.device.Disconnect(t.Context()))
			v.world.Peripheral(sensor).ForgetBonds()
			v.wants(v.device.Connect(t.Context()), bluezgen.ErrFailed.With(want))
			if v.world.Peripheral(sensor).Connected() {
				t.Error("there is a link")
			}
		})
	}
}

func TestPairFails(t *testing.T) {
	t.Run("without agent", func(t *testing.T) {
		v := visit(t, quick, pairs(Pairing{}))
		v.wants(v.device.Pair(t.Context()), bluezgen.ErrAuthenticationFailed)
	})
	t.Run("not heard", func(t *testing.T) {
		v := visit(t, Delays{Connect: 50 * time.Millisecond}, near(func(d *Device) { d.Advertisement.Silent = true }))
		v.wants(v.device.Pair(t.Context()), bluezgen.ErrConnectionAttemptFailed.With("Page Timeout"))
	})
	t.Run("silent device", func(t *testing.T) {
		v := connected(t, Delays{Pairing: 50 * time.Millisecond}, pairs(Pairing{Silent: true}))
		v.wants(v.device.Pair(t.Context()), bluezgen.ErrAuthenticationCanceled)
		v.expect("ServicesResolved=false", "Connected=false")
	})
	t.Run("silent agent", func(t *testing.T) {
		v := visit(t, Delays{Agent: 50 * time.Millisecond}, pairs(Pairing{IO: bluezgen.AgentCapabilityDisplayOnly}))
		u := v.answer("", &user{ignore: true})
		v.wants(v.device.Pair(t.Context()), bluezgen.ErrAuthenticationFailed)
		u.heard(t, "RequestPasskey", "Cancel")
	})
	t.Run("agent slower than the device waits", func(t *testing.T) {
		v := visit(t, Delays{Pairing: 200 * time.Millisecond}, pairs(Pairing{IO: bluezgen.AgentCapabilityDisplayOnly}))
		u := v.answer("", &user{ignore: true})
		v.wants(v.device.Pair(t.Context()), bluezgen.ErrAuthenticationCanceled)
		u.heard(t, "RequestPasskey", "Cancel")
	})
	t.Run("link lost", func(t *testing.T) {
		v := visit(t, pairs(Pairing{Silent: true}))
		pending := v.start(v.device.Pair)
		v.underWay((*deviceObject).connected)
		v.underWay(func(d *deviceObject) bool { return d.pairing.attempt != nil && d.pairing.attempt.linked })
		v.world.Peripheral(sensor).Disconnect()
		v.wants(<-pending, bluezgen.ErrAuthenticationCanceled.With("Authentication Canceled"))
	})
	t.Run("removed", func(t *testing.T) {
		v := visit(t, near(func(d *Device) { d.Advertisement.Silent = true }))
		pending := v.start(v.device.Pair)
		v.underWay((*deviceObject).connecting)
		v.must(v.world.Adapter("hci0").RemoveDevice(t.Context(), sensor))
		v.wants(<-pending, bluezgen.ErrConnectionAttemptFailed)
	})
}

func TestFailedPairingEndsTheLinkSince583(t *testing.T) {
	v := connected(t, quick, Version584, pairs(Pairing{Reject: true}))
	v.answer("", &user{})
	v.wants(v.device.Pair(t.Context()), bluezgen.ErrAuthenticationFailed)
	v.expect("ServicesResolved=false")
}

func TestPairingIsInTheWay(t *testing.T) {
	v := connected(t, quick, pairs(Pairing{Silent: true}))
	pending := v.start(v.device.Pair)
	v.underWay(func(d *deviceObject) bool { return d.pairing.attempt != nil })
	v.wants(v.device.Pair(t.Context()), bluezgen.ErrInProgress.With("In Progress"))
	v.wants(v.device.Connect(t.Context()), bluezgen.ErrInProgress.With("In Progress"))
	v.must(v.device.CancelPairing(t.Context()))
	v.wants(<-pending, bluezgen.ErrAuthenticationCanceled.With("Authentication Canceled"))
	v.wants(v.device.CancelPairing(t.Context()), bluezgen.ErrDoesNotExist.With("Does Not Exist"))
	if !v.world.Peripheral(sensor).Connected() {
		t.Error("the link is down, which Pair did not make")
	}
}

func TestCancelPairingEndsTheLinkOfPair(t *testing.T) {
	v := visit(t, pairs(Pairing{IO: bluezgen.AgentCapabilityDisplayOnly}))
	u := v.answer("", &user{ignore: true})
	pending := v.start(v.device.Pair)
	<-u.more
	u.more <- struct{}{}
	v.must(v.device.CancelPairing(t.Context()))
	v.wants(<-pending, bluezgen.ErrAuthenticationCanceled)
	u.heard(t, "RequestPasskey", "Cancel")
	v.underWay(func(d *deviceObject) bool { return !d.connected() })
}

// Whoever leaves takes the pairing along, and the link.
func TestCallerLeavesPairing(t *testing.T) {
	v := connected(t, quick, pairs(Pairing{Silent: true}))
	other := another(t, v.world)
	abandoned := other.start(other.device.Pair)
	v.underWay(func(d *deviceObject) bool { return d.pairing.attempt != nil && d.pairing.attempt.linked })
	other.conn.Close()
	<-abandoned
	v.expect("ServicesResolved=false", "Connected=false")
}

func TestAgentLeaves(t *testing.T) {
	v := visit(t, quick, pairs(Pairing{IO: bluezgen.AgentCapabilityDisplayOnly}))
	other := another(t, v.world)
	u := other.answer("", &user{ignore: true})
	pending := v.start(v.device.Pair) // the default agent is asked, which is the other's
	<-u.more
	other.conn.Close()
	v.wants(<-pending, bluezgen.ErrAuthenticationFailed)
}

// BlueZ pairs by itself when an attribute wants that, or the device asks for it.
func TestDeviceAsksToPair(t *testing.T) {
	for _, refuse := range []bool{false, true} {
		t.Run(fmt.Sprintf("refuse %v", refuse), func(t *testing.T) {
			v := visit(t, quick, pairs(Pairing{Ask: true}))
			u := v.answer("", &user{refuse: refuse})
			v.must(v.device.Connect(t.Context()))
			u.heard(t, "RequestAuthorization")
			v.underWay(func(d *deviceObject) bool { return d.pairing.attempt == nil })
			if p := v.world.Peripheral(sensor); p.Bonded() == refuse || p.Encrypted() == refuse {
				t.Errorf("bonded %v, encrypted %v", p.Bonded(), p.Encrypted())
			}
		})
	}
}

func TestAttributeWantsPairing(t *testing.T) {
	encrypted := []bluezgen.CharacteristicFlag{bluezgen.CharacteristicFlagEncryptRead}
	plain := []bluezgen.CharacteristicFlag{bluezgen.CharacteristicFlagRead}
	refused := bluezgen.ErrNotPermitted.With("Not paired")
	for _, test := range []struct {
		name   string
		flags  []bluezgen.CharacteristicFlag
		device Pairing
		agent  *user
		asked  []string
		want   error
	}{
		{"attribute", encrypted, Pairing{}, &user{}, []string{"RequestAuthorization"}, nil},
		{"all attributes", plain, Pairing{Required: true}, &user{}, []string{"RequestAuthorization"}, nil},
		{"no attribute", plain, Pairing{}, &user{}, nil, nil},
		{"refused", encrypted, Pairing{}, &user{refuse: true}, []string{"RequestAuthorization"}, refused},
		{"without agent", encrypted, Pairing{}, nil, nil, refused},
	} {
		t.Run(test.name, func(t *testing.T) {
			v := connected(t, quick, near(func(d *Device) {
				d.Pairing = test.device
				d.Services = []Service{{UUID: "180d", Characteristics: []Characteristic{{UUID: "2a38", Handle: 0x20, Flags: test.flags, Value: []byte{1}}}}}
			}))
			if test.agent != nil {
				v.answer("", test.agent)
			}
			var characteristic dbus.ObjectPath
			v.world.do(func() {
				for c := range v.world.adapters[0].object().devices[path(sensor)].gatt.characteristics() {
					if strings.HasSuffix(string(c.path), "/char0020") {
						characteristic = c.path
					}
				}
			})
			value, err := bluezgen.NewGattCharacteristic1(v.conn, characteristic).ReadValue(t.Context(), bluezgen.ReadOptions{})
			v.wants(err, test.want)
			if test.want == nil && !slices.Equal(value, []byte{1}) {
				t.Errorf("value %x", value)
			}
			if test.agent != nil {
				test.agent.heard(t, test.asked...)
			}
		})
	}
}

func TestMistakesInPairingAreNamed(t *testing.T) {
	for _, p := range []Pairing{{IO: "Telepathy"}, {Passkey: "12345"}, {PIN: "12345678901234567"}} {
		if w, err := New(t.Context(), pairs(p)); err == nil {
			w.Close()
			t.Errorf("%+v was accepted", p)
		}
	}
}
