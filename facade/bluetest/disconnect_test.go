package bluetest

import (
	"context"
	"testing"
	"time"

	"github.com/gobluez/bluez/bluezgen"
	"github.com/gobluez/bluez/gen/bus"
)

// connected is a visitor of a sensor that is connected.
func connected(t *testing.T, options ...Option) *visitor {
	t.Helper()
	v := visit(t, options...)
	v.must(v.device.Connect(t.Context()))
	v.expect("Connected=true", "ServicesResolved=true")
	return v
}

func TestReasonsOfDisconnection(t *testing.T) {
	for _, test := range []struct {
		name   string
		end    func(v *visitor)
		reason string
	}{
		{"by a client", func(v *visitor) { v.must(v.device.Disconnect(v.t.Context())) }, "Local Connection terminated by local host"},
		{"by the device", func(v *visitor) { v.world.Peripheral(sensor).Disconnect() }, "Remote Connection terminated by remote user"},
		{"by distance", func(v *visitor) { v.world.Peripheral(sensor).Vanish() }, "Timeout Connection timeout"},
		{"by power", func(v *visitor) { v.world.Adapter("hci0").Power(false) }, "Unknown Unspecified"},
	} {
		t.Run(test.name, func(t *testing.T) {
			for version, want := range map[Version][]string{
				Version582: {"ServicesResolved=false", "Connected=false"},
				"5.83":     {"ServicesResolved=false", "Disconnected " + test.reason, "Connected=false"},
				Version584: {"ServicesResolved=false", "bearer Disconnected " + bearerReason(test.reason), "Disconnected " + test.reason, "Connected=false"},
			} {
				v := connected(t, quick, version, near(nil))
				test.end(v)
				v.expect(want...)
			}
		})
	}
}

func bearerReason(reason string) string {
	for i, c := range reason {
		if c == ' ' {
			return reason[:i]
		}
	}
	return reason
}

func TestLinkOutlivesDisconnectByItsGraceTime(t *testing.T) {
	v := connected(t, Delays{Disconnect: time.Hour}, near(nil))
	first, second := v.start(v.device.Disconnect), v.start(v.device.Disconnect)
	v.underWay((*deviceObject).disconnecting)
	v.must(v.device.Connect(t.Context())) // the link is still up
	if !v.world.Peripheral(sensor).Connected() {
		t.Error("the link is down already")
	}
	v.world.Peripheral(sensor).Disconnect()
	v.must(<-first)
	v.must(<-second)
	v.expect("ServicesResolved=false", "Connected=false")
	v.must(v.device.Connect(t.Context()))
	v.expect("Connected=true", "ServicesResolved=true")
	v.underWay(func(d *deviceObject) bool { return !d.disconnecting() })
}

func TestDisconnectCancelsConnect(t *testing.T) {
	for version, want := range map[Version]string{Version582: "br-connection-canceled", Version555: "Cancelled"} {
		t.Run(string(version), func(t *testing.T) {
			v := visit(t, version, near(func(d *Device) { d.Advertisement.Silent = true }))
			pending := v.start(v.device.Connect)
			v.underWay((*deviceObject).connecting)
			v.must(v.device.Disconnect(t.Context()))
			v.wants(<-pending, bluezgen.ErrFailed.With(want))
		})
	}
}

func TestVanishedDeviceComesBackInTime(t *testing.T) {
	v := connected(t, Delays{Disconnect: None, Supervision: 50 * time.Millisecond}, near(nil))
	p := v.world.Peripheral(sensor)
	p.Vanish()
	p.Appear()
	<-time.After(100 * time.Millisecond)
	if !p.Connected() {
		t.Error("the link was lost")
	}
}

func TestBlockedDevice(t *testing.T) {
	v := connected(t, quick, near(nil))
	v.must(v.device.SetBlocked(t.Context(), true))
	v.expect("Blocked=true", "ServicesResolved=false", "Connected=false")
	v.wants(v.device.Connect(t.Context()), bluezgen.ErrFailed)
	v.must(v.device.SetBlocked(t.Context(), false))
	v.expect("Blocked=false")
	v.must(v.device.Connect(t.Context()))
	v.expect("Connected=true")
}

func TestBearer(t *testing.T) {
	v := visit(t, Version587, Experimental(), quick, near(nil))
	bearer := bluezgen.NewBearerLE1(v.conn, path(sensor))
	v.wants(bearer.Disconnect(t.Context()), bluezgen.ErrNotConnected.With("Not Connected"))
	v.must(bearer.Connect(t.Context()))
	v.wants(bearer.Connect(t.Context()), bluezgen.ErrAlreadyConnected.With("Already Connected"))
	if all, err := bearer.GetAll(t.Context()); err != nil || !all.Connected || all.Paired || all.Adapter != "/org/bluez/hci0" {
		t.Errorf("properties %+v, %v", all, err)
	}
	v.must(bearer.Disconnect(t.Context()))
	if connected, err := bearer.Connected(t.Context()); err != nil || connected {
		t.Errorf("connected %v, %v", connected, err)
	}
}

// Without --experimental there is only the bearer's signal.
func TestBearerWithoutExperimentalInterfaces(t *testing.T) {
	v := connected(t, Version587, quick, near(nil))
	bearer := bluezgen.NewBearerLE1(v.conn, path(sensor))
	for what, call := range map[string]func(context.Context) error{
		"Connect": bearer.Connect,
		"Connected": func(ctx context.Context) error {
			_, err := bearer.Connected(ctx)
			return err
		},
	} {
		if err := call(t.Context()); err == nil {
			t.Errorf("%s succeeded", what)
		}
	}
}

// A connected device is removed with its link, even if nobody waits for that any more.
func TestConnectedDeviceIsRemovedWithItsLink(t *testing.T) {
	v := connected(t, Delays{Disconnect: 50 * time.Millisecond}, near(nil))
	other := dial(t, v.world)
	left := v.start(func(ctx context.Context) error {
		return bluezgen.NewAdapter1(other, "/org/bluez/hci0").RemoveDevice(ctx, path(sensor))
	})
	v.underWay((*deviceObject).disconnecting)
	other.Close()
	<-left
	v.expect("ServicesResolved=false", "Connected=false")
	err := v.device.Connect(t.Context())
	v.wants(err, bus.ErrUnknownObject)
}
