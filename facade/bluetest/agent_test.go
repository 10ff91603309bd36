package bluetest

import (
	"testing"

	"github.com/gobluez/bluez/bluezgen"
)

func TestAgentsAreRegistered(t *testing.T) {
	v := visit(t, near(nil))
	manager := bluezgen.NewAgentManager1(v.conn, bluezgen.AgentManager1Path)
	ctx := t.Context()
	v.wants(manager.RegisterAgent(ctx, "/a", "Telepathy"), bluezgen.ErrInvalidArguments.With("Invalid arguments in method call"))
	v.wants(manager.UnregisterAgent(ctx, "/a"), bluezgen.ErrDoesNotExist.With("Does Not Exist"))
	v.wants(manager.RequestDefaultAgent(ctx, "/a"), bluezgen.ErrDoesNotExist)
	v.must(manager.RegisterAgent(ctx, "/a", ""))
	v.wants(manager.RegisterAgent(ctx, "/b", bluezgen.AgentCapabilityDisplayOnly), bluezgen.ErrAlreadyExists.With("Already Exists"))
	v.wants(manager.UnregisterAgent(ctx, "/b"), bluezgen.ErrDoesNotExist)
	v.wants(manager.RequestDefaultAgent(ctx, "/b"), bluezgen.ErrDoesNotExist)
	v.must(manager.RequestDefaultAgent(ctx, "/a"))
	v.must(manager.UnregisterAgent(ctx, "/a"))
	v.wants(manager.UnregisterAgent(ctx, "/a"), bluezgen.ErrDoesNotExist)
}

// The agent of whoever calls Pair is asked, else the default one, which is the first
// that was registered unless another asks to be it.
func TestWhichAgentIsAsked(t *testing.T) {
	declared := Pairing{IO: bluezgen.AgentCapabilityDisplayYesNo, Passkey: "000001", NoBonding: true}
	v := visit(t, quick, pairs(declared))
	first, second := another(t, v.world), another(t, v.world)
	one, two := first.answer("", &user{}), second.answer("", &user{})
	const question = "RequestConfirmation 000001"
	pair := func(by *visitor) {
		t.Helper()
		v.must(by.device.Pair(t.Context()))
		v.must(by.device.Disconnect(t.Context()))
	}
	pair(second)
	two.heard(t, question)
	pair(v)
	one.heard(t, question)
	v.must(bluezgen.NewAgentManager1(second.conn, bluezgen.AgentManager1Path).RequestDefaultAgent(t.Context(), agentPath))
	two.again()
	pair(v)
	two.heard(t, question)
	second.conn.Close()
	v.underWay(func(d *deviceObject) bool { return len(d.adapter.bluetoothd.agents.all) == 1 })
	one.again()
	pair(v)
	one.heard(t, question)
}

func TestAgentsAreReleasedAtTheEnd(t *testing.T) {
	v := visit(t, near(nil))
	u := v.answer("", &user{})
	v.world.StopBluetoothd()
	u.heard(t, "Release")
}

func TestAgentHasOneQuestionAtATime(t *testing.T) {
	const second = "C0:FF:EE:00:00:02"
	declared := Pairing{IO: bluezgen.AgentCapabilityDisplayOnly}
	v := visit(t, pairs(declared), near(func(d *Device) { d.Address, d.Pairing = second, declared }))
	discover(t, v.world, second)
	u := v.answer("", &user{ignore: true})
	pending := v.start(v.device.Pair)
	<-u.more
	v.wants(bluezgen.NewDevice1(v.conn, path(second)).Pair(t.Context()), bluezgen.ErrAuthenticationFailed)
	v.must(v.device.CancelPairing(t.Context()))
	<-pending
}
