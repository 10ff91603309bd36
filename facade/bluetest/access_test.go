package bluetest

import (
	"context"
	"testing"

	"github.com/godbus/dbus/v5"

	"github.com/gobluez/bluez/bluezgen"
	"github.com/gobluez/bluez/gen/bus"
)

// BlueZ pairs by itself when the device wants an encrypted link, and asks again.
func TestAccessRaisesSecurity(t *testing.T) {
	for _, test := range []struct {
		name    string
		pairing Pairing
		agent   bool
		works   bool
	}{
		{"with an agent", Pairing{}, true, true},
		{"without an agent", Pairing{}, false, false},
		{"a device that does not pair", Pairing{Reject: true}, true, false},
	} {
		t.Run(test.name, func(t *testing.T) {
			b := newBench(t, Device{Pairing: test.pairing, Services: []Service{{UUID: "aa00", Characteristics: []Characteristic{
				{UUID: "aa01", Flags: flags(bluezgen.CharacteristicFlagEncryptRead), Value: []byte("secret")},
				{UUID: "aa02", Flags: flags(bluezgen.CharacteristicFlagEncryptWrite)},
				{UUID: "aa03", Flags: flags(bluezgen.CharacteristicFlagEncryptNotify)},
				{UUID: "aa04", Flags: flags(fRead), Descriptors: []Descriptor{{UUID: "aad4", Flags: []bluezgen.DescriptorFlag{bluezgen.DescriptorFlagEncryptRead}}}},
			}}}})
			b.connect()
			ctx := t.Context()
			if test.agent {
				b.registerAgent()
			}
			value, read := b.characteristic("aa01").ReadValue(ctx, bluezgen.ReadOptions{})
			_, readDescriptor := b.descriptor("aad4").ReadValue(ctx, bluezgen.ReadOptions{})
			for what, err := range map[string]error{
				"read": read, "read descriptor": readDescriptor,
				"write":  b.characteristic("aa02").WriteValue(ctx, nil, bluezgen.WriteOptions{}),
				"notify": b.characteristic("aa03").StartNotify(ctx),
			} {
				if test.works && err != nil || !test.works && !errorIs(err, bluezgen.ErrNotPermitted.With("Not paired")) {
					t.Errorf("%s: %v", what, err)
				}
			}
			if test.works && (string(value) != "secret" || !b.device.Encrypted()) {
				t.Errorf("read %q, encrypted %t", value, b.device.Encrypted())
			}
		})
	}
}

// An obligingAgent lets everybody pair.
type obligingAgent struct {
	bluezgen.UnimplementedAgent1Server
}

func (obligingAgent) RequestAuthorization(context.Context, dbus.ObjectPath) error { return nil }

func (b *bench) registerAgent() {
	b.t.Helper()
	if _, err := b.conn.Export(b.t.Context(), "/agent", bus.ExportOptions{}, bluezgen.NewAgent1Skeleton(obligingAgent{})); err != nil {
		b.t.Fatal(err)
	}
	manager := bluezgen.NewAgentManager1(b.conn, bluezgen.AgentManager1Path)
	if err := manager.RegisterAgent(b.t.Context(), "/agent", bluezgen.AgentCapabilityNoInputNoOutput); err != nil {
		b.t.Fatal(err)
	}
}

// Keys that nobody has confirmed are not enough for what wants authenticated ones.
func TestAccessWantsAuthenticatedKeys(t *testing.T) {
	for _, mitm := range []bool{false, true} {
		l := &link{encrypted: true, mitm: mitm}
		for s, want := range map[security]bool{securityNone: true, securityEncrypted: true, securityAuthenticated: mitm} {
			if got := s.refusal(l) == 0; got != want {
				t.Errorf("security %d of a link with mitm %t: allowed %t", s, mitm, got)
			}
		}
	}
}
