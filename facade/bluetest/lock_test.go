package bluetest

import (
	"testing"

	"github.com/gobluez/bluez/bluezgen"
)

func TestLockOpensForWhoHasPaired(t *testing.T) {
	for _, test := range []struct {
		name    string
		entered uint32
		want    error
	}{{"passkey", 190319, nil}, {"another passkey", 1, bluezgen.ErrAuthenticationFailed}} {
		t.Run(test.name, func(t *testing.T) {
			b := newBench(t, Lock(benchAddress, "190319"))
			v := &visitor{t: t, world: b.world, conn: b.conn, device: b.proxy}
			u := v.answer(bluezgen.AgentCapabilityKeyboardDisplay, &user{passkey: test.entered})
			b.connect()
			v.wants(v.device.Pair(t.Context()), test.want)
			u.heard(t, "RequestPasskey")
			if test.want != nil {
				if b.device.Bonded() {
					t.Error("it is paired")
				}
				return
			}
			state := b.characteristic(LockState)
			if value, err := state.ReadValue(t.Context(), bluezgen.ReadOptions{}); err != nil || len(value) != 1 || value[0] != 1 {
				t.Errorf("it is % x, %v, want locked", value, err)
			}
			v.must(state.StartNotify(t.Context()))
			v.must(state.WriteValue(t.Context(), []byte{0}, bluezgen.WriteOptions{}))
			if value, err := b.device.Value(LockState); err != nil || len(value) != 1 || value[0] != 0 {
				t.Errorf("it is % x, %v, want unlocked", value, err)
			}
			v.wants(state.WriteValue(t.Context(), []byte{2}, bluezgen.WriteOptions{}), ATTError(0x13).dbus())
		})
	}
}
