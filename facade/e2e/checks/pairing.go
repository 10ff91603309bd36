package checks

import (
	"testing"

	"github.com/godbus/dbus/v5"

	"github.com/gobluez/bluez/bluezgen"
	"github.com/gobluez/bluez/facade/e2e/world"
)

// serve has the judge serve methods, by their names, at a path.
func (j *judge) serve(path dbus.ObjectPath, iface string, methods map[string]any) {
	j.Helper()
	if err := j.bus.ExportMethodTable(methods, path, iface); err != nil {
		j.Fatal(err)
	}
}

// Two devices that can neither show nor ask anything pair.
func (b *bench) testPairing(t *testing.T) {
	j := b.judge(t, world.Own())
	const agent dbus.ObjectPath = "/io/github/gobluez/judge/agent"
	asked := make(chan string, 10)
	j.serve(agent, bluezgen.Agent1Interface, map[string]any{
		"Release":              func() *dbus.Error { return nil },
		"Cancel":               func() *dbus.Error { return nil },
		"RequestAuthorization": func(dbus.ObjectPath) *dbus.Error { asked <- "RequestAuthorization"; return nil },
		"RequestConfirmation":  func(dbus.ObjectPath, uint32) *dbus.Error { asked <- "RequestConfirmation"; return nil },
	})
	j.must(bluezgen.AgentManager1Path, bluezgen.AgentManager1Interface+".RegisterAgent", agent, "NoInputNoOutput")
	j.connect()
	j.must(j.device, bluezgen.Device1Interface+".Pair")
	j.expect("pairing", "device Device1 Bonded=true Paired=true")
	j.refuses("Pair again", j.call(j.device, bluezgen.Device1Interface+".Pair"), alreadyExists, alreadyExistsText)
	if len(asked) > 0 {
		t.Errorf("the agent was asked %s", <-asked)
	}
	j.must(j.device, bluezgen.Device1Interface+".Disconnect")
	j.expect("disconnection", "device Device1 Connected=false ServicesResolved=false")
	j.must(j.device, bluezgen.Device1Interface+".Connect")
	j.expect("connection to a bonded device", "device Device1 Connected=true", "device Device1 ServicesResolved=true")
	if err := world.Forget(j.ctx, b.bus, world.Own()); err != nil {
		t.Error(err)
	}
}
