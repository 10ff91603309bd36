//go:build linux

package facade

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/gobluez/bluez/bluezgen"
	"github.com/gobluez/bluez/facade/bluetest"
)

func TestCapabilityFollowsFromTheFunctions(t *testing.T) {
	request := func(context.Context, Device) (Passkey, error) { return 0, nil }
	display := func(context.Context, Device, Passkey, int) {}
	confirm := func(context.Context, Device, Passkey) error { return nil }
	for _, test := range []struct {
		agent Agent
		want  bluezgen.AgentCapability
	}{
		{Agent{}, bluezgen.AgentCapabilityNoInputNoOutput},
		{Agent{Authorize: func(context.Context, Device) error { return nil }}, bluezgen.AgentCapabilityNoInputNoOutput},
		{Agent{RequestPasskey: request}, bluezgen.AgentCapabilityKeyboardOnly},
		{Agent{DisplayPasskey: display}, bluezgen.AgentCapabilityDisplayOnly},
		{Agent{Confirm: confirm}, bluezgen.AgentCapabilityDisplayYesNo},
		{Agent{Confirm: confirm, DisplayPasskey: display}, bluezgen.AgentCapabilityDisplayYesNo},
		{Agent{RequestPasskey: request, DisplayPasskey: display}, bluezgen.AgentCapabilityKeyboardDisplay},
		{Agent{RequestPasskey: request, Confirm: confirm}, bluezgen.AgentCapabilityKeyboardDisplay},
	} {
		if got := test.agent.capability(); got != test.want {
			t.Errorf("%+v: %s, want %s", test.agent, got, test.want)
		}
	}
}

func TestParsePasskey(t *testing.T) {
	for text, want := range map[string]Passkey{"000000": 0, "000042": 42, "999999": 999999, " 123 456\n": 123456} {
		if got, err := ParsePasskey(text); got != want || err != nil {
			t.Errorf("%q: %v, %v, want %v", text, got, err, want)
		}
	}
	for _, text := range []string{"", "12345", "1234567", "12345a", "-12345", "+12345", "１２"} {
		got, err := ParsePasskey(text)
		if err == nil {
			t.Errorf("%q: %v", text, got)
		} else if text != "" && strings.Contains(err.Error(), text) {
			t.Errorf("the error %q quotes", err)
		}
	}
	if got := Passkey(42).String(); got != "000042" {
		t.Errorf("string %q", got)
	}
	if got := slog.AnyValue(Passkey(42)).Resolve().String(); strings.Contains(got, "42") {
		t.Errorf("the log has %q", got)
	}
}

// A device that asks to pair, and one that wants it for a write, pair by the default agent.
func TestDefaultAgentIsAsked(t *testing.T) {
	for name, pairing := range map[string]bluetest.Pairing{
		"the device asks":  {IO: shows, Ask: true},
		"a write needs it": {IO: shows, Required: true},
	} {
		t.Run(name, func(t *testing.T) {
			_, p, central := startStrap(t, func(d *bluetest.Device) { d.Pairing = pairing })
			user := newPerson(t, p)
			if err := central.SetAgent(t.Context(), user.agent()); err != nil {
				t.Fatal(err)
			}
			client := connect(t, central)
			if err := client.Write(t.Context(), control, []byte{1}); err != nil {
				t.Error(err)
			}
			user.heard("enter passkey of C0:FF:EE:00:00:01")
		})
	}
}

func TestDefaultAgentAuthorizes(t *testing.T) {
	for name, answer := range map[string]error{"yes": nil, "no": errNo} {
		t.Run(name, func(t *testing.T) {
			_, p, central := startStrap(t, func(d *bluetest.Device) { d.Pairing = bluetest.Pairing{Required: true} })
			user := newPerson(t, p)
			user.no = answer
			if err := central.SetAgent(t.Context(), user.agent()); err != nil {
				t.Fatal(err)
			}
			client := connect(t, central)
			err := client.Write(t.Context(), control, []byte{1})
			if answer == nil && err != nil || answer != nil && err == nil {
				t.Errorf("write: %v", err)
			}
			if answer != nil {
				user.mu.Lock() // each request of the discovery has it asked again
				user.asked = user.asked[:1]
				user.mu.Unlock()
			}
			user.heard("may C0:FF:EE:00:00:01 pair?")
		})
	}
}

// Pair without an agent of its own is asked by the default agent; one with an agent is not,
// and afterwards the default one is what it was.
func TestPairBesideTheDefaultAgent(t *testing.T) {
	w, p, central, client := pairable(t, bluetest.Pairing{IO: shows, NoBonding: true})
	standing, own := newPerson(t, p), newPerson(t, p)
	if err := central.SetAgent(t.Context(), standing.agent()); err != nil {
		t.Fatal(err)
	}
	const question = "enter passkey of C0:FF:EE:00:00:01"
	pair := func(agent *Agent, asked *person) {
		t.Helper()
		if err := client.Pair(t.Context(), PairOptions{Agent: agent}); err != nil {
			t.Error(err)
		}
		asked.heard(question)
		if err := client.Disconnect(t.Context()); err != nil {
			t.Error(err)
		}
		client.Close()
		client = connect(t, central)
	}
	pair(nil, standing)
	registrations := w.calls.Count("RegisterAgent")
	pair(own.agent(), own) // of the same abilities
	if n := w.calls.Count("RegisterAgent"); n != registrations {
		t.Errorf("%d registrations more", n-registrations)
	}
	pair(&Agent{RequestPasskey: own.agent().RequestPasskey}, own)
	pair(nil, standing)
	if n := w.calls.Count("RequestDefaultAgent"); n != 2 {
		t.Errorf("made the default %d times, want 2", n)
	}
}

// What a default agent shows is hidden when the pairing is over.
func TestDefaultAgentHidesWhatItShows(t *testing.T) {
	for name, cause := range map[string]func(*world, *bluetest.Peripheral, chan struct{}){
		"paired":          func(_ *world, _ *bluetest.Peripheral, typed chan struct{}) { close(typed) },
		"disconnected":    func(_ *world, p *bluetest.Peripheral, _ chan struct{}) { p.Disconnect() },
		"bluetoothd ends": func(w *world, _ *bluetest.Peripheral, _ chan struct{}) { w.CrashBluetoothd() },
	} {
		t.Run(name, func(t *testing.T) {
			typed := make(chan struct{})
			w, p, central := startStrap(t, func(d *bluetest.Device) {
				d.Pairing = bluetest.Pairing{IO: asks, Ask: true, Confirm: func(ctx context.Context, _ uint32) bool {
					select {
					case <-typed:
					case <-ctx.Done():
					}
					return true
				}}
			})
			shown, hidden := make(chan struct{}), make(chan struct{})
			agent := &Agent{DisplayPasskey: func(ctx context.Context, _ Device, _ Passkey, _ int) {
				close(shown)
				context.AfterFunc(ctx, func() { close(hidden) })
			}}
			if err := central.SetAgent(t.Context(), agent); err != nil {
				t.Fatal(err)
			}
			connect(t, central)
			w.wait(shown, "the passkey")
			cause(w, p, typed)
			w.wait(hidden, "the end of the passkey")
		})
	}
}

// BlueZ tells when it does not want the answer of a default agent any more.
func TestDefaultAgentIsToldOfTheEnd(t *testing.T) {
	for name, cause := range map[string]func(*world, *bluetest.Peripheral){
		"the device disconnects":  func(_ *world, p *bluetest.Peripheral) { p.Disconnect() },
		"BlueZ has waited enough": func(*world, *bluetest.Peripheral) {},
		"bluetoothd crashes":      func(w *world, _ *bluetest.Peripheral) { w.CrashBluetoothd() },
	} {
		t.Run(name, func(t *testing.T) {
			delays := quick
			if name == "BlueZ has waited enough" {
				delays.Agent = 20 * time.Millisecond
			}
			w, p, central := startStrap(t, func(d *bluetest.Device) { d.Pairing = bluetest.Pairing{IO: shows, Ask: true} }, delays)
			asked, told := make(chan struct{}), make(chan struct{})
			if err := central.SetAgent(t.Context(), &Agent{RequestPasskey: func(ctx context.Context, _ Device) (Passkey, error) {
				close(asked)
				<-ctx.Done()
				close(told)
				return 0, ctx.Err()
			}}); err != nil {
				t.Fatal(err)
			}
			connect(t, central)
			w.wait(asked, "the question")
			cause(w, p)
			w.wait(told, "the end of the question")
		})
	}
}

func TestDefaultAgentIsRegisteredAgain(t *testing.T) {
	for name, away := range map[string]func(context.Context, *world) error{
		"bluetoothd stops":   func(ctx context.Context, w *world) error { return w.RestartBluetoothd(ctx) },
		"bluetoothd crashes": func(ctx context.Context, w *world) error { w.CrashBluetoothd(); return w.StartBluetoothd(ctx) },
		"the bus restarts":   func(ctx context.Context, w *world) error { return w.RestartBus(ctx) },
		"the bus is cut":     func(_ context.Context, w *world) error { w.CutConnections(); return nil },
	} {
		t.Run(name, func(t *testing.T) {
			w, p, central := startStrap(t, func(d *bluetest.Device) { d.Pairing = bluetest.Pairing{IO: shows, Required: true} })
			user := newPerson(t, p)
			if err := central.SetAgent(t.Context(), user.agent()); err != nil {
				t.Fatal(err)
			}
			w.check(away(t.Context(), w))
			w.await("RequestDefaultAgent", 2)
			client := connect(t, central)
			if err := client.Write(t.Context(), control, []byte{1}); err != nil {
				t.Error(err)
			}
			user.heard("enter passkey of C0:FF:EE:00:00:01")
		})
	}
}

func TestWithdrawnAgentIsNotAsked(t *testing.T) {
	w, p, central, client := pairable(t, bluetest.Pairing{IO: shows, Required: true})
	user := newPerson(t, p)
	for _, agent := range []*Agent{user.agent(), nil, nil} {
		if err := central.SetAgent(t.Context(), agent); err != nil {
			t.Fatal(err)
		}
	}
	if n := w.calls.Count("UnregisterAgent"); n != 1 {
		t.Errorf("unregistered %d times", n)
	}
	if err := client.Write(t.Context(), control, []byte{1}); !errors.Is(err, ErrNotPaired) {
		t.Errorf("write: %v", err)
	}
	user.heard()
}

func TestSetAgentWithoutBlueZ(t *testing.T) {
	w, p, central := startStrap(t, func(d *bluetest.Device) { d.Pairing = bluetest.Pairing{IO: shows, Required: true} })
	first, second := newPerson(t, p), newPerson(t, p)
	if err := central.SetAgent(t.Context(), first.agent()); err != nil {
		t.Fatal(err)
	}
	w.StopBluetoothd()
	w.settleEvents(central, false)
	if err := central.SetAgent(t.Context(), &Agent{RequestPasskey: second.agent().RequestPasskey}); !errors.Is(err, ErrNoBlueZ) {
		t.Errorf("error %v", err)
	}
	w.check(w.StartBluetoothd(t.Context()))
	w.await("RequestDefaultAgent", 2)
	client := connect(t, central)
	if err := client.Write(t.Context(), control, []byte{1}); err != nil {
		t.Error(err)
	}
	first.heard("enter passkey of C0:FF:EE:00:00:01")
}

// An agent whose registration was answered too late for the caller is there nevertheless,
// and in nobody's way.
func TestAgentThatIsRegisteredAlready(t *testing.T) {
	_, p, central, client := pairable(t, bluetest.Pairing{IO: shows})
	manager := bluezgen.NewAgentManager1(central.bus().conn, bluezgen.AgentManager1Path)
	if err := manager.RegisterAgent(t.Context(), agentPath, bluezgen.AgentCapabilityDisplayOnly); err != nil {
		t.Fatal(err)
	}
	user := newPerson(t, p)
	if err := client.Pair(t.Context(), PairOptions{Agent: user.agent()}); err != nil {
		t.Error(err)
	}
	user.heard("enter passkey of C0:FF:EE:00:00:01")
}

// A default agent does not have to share its question with a pairing of other abilities.
func TestPairWaitsForTheDefaultAgent(t *testing.T) {
	w := startWorld(t)
	central := w.open(Options{})
	answer, asked := make(chan struct{}), make(chan struct{})
	if err := central.SetAgent(t.Context(), &Agent{Confirm: func(ctx context.Context, _ Device, _ Passkey) error {
		close(asked)
		<-answer
		return ctx.Err()
	}}); err != nil {
		t.Fatal(err)
	}
	d, other := newStrap(), newStrap()
	d.Pairing = bluetest.Pairing{IO: yesNo, Ask: true}
	other.Address, other.Pairing = "C0:FF:EE:00:00:02", bluetest.Pairing{IO: shows}
	p, q := w.add(d), w.add(other)
	client := connectTo(t, central, Address{0xC0, 0xFF, 0xEE, 0, 0, 2})
	connect(t, central)
	w.wait(asked, "the question")
	user := newPerson(t, q)
	pair := func(ctx context.Context) error {
		return client.Pair(ctx, PairOptions{Agent: &Agent{RequestPasskey: user.agent().RequestPasskey}})
	}
	soon, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if err := pair(soon); !errors.Is(err, context.DeadlineExceeded) || w.calls.Count("UnregisterAgent") != 0 {
		t.Errorf("pairing while the default agent is asked: %v", err)
	}
	close(answer)
	if err := pair(t.Context()); err != nil {
		t.Error(err)
	}
	user.heard("enter passkey of C0:FF:EE:00:00:02")
	if !p.Bonded() {
		t.Error("the device that has asked is not paired")
	}
}

// BlueZ asks this when a device that is not trusted wants to use a service of this machine,
// which over Low Energy none does: so it is another program that plays BlueZ here.
func TestDefaultAgentAuthorizesServices(t *testing.T) {
	heartRate := UUID16(0x180d)
	w, _, central := startStrap(t, nil)
	w.check(central.SetAgent(t.Context(), &Agent{}))
	w.CrashBluetoothd()
	program := w.program()
	w.check(program.RequestName(t.Context(), bluezgen.Service))
	bluez := bluezgen.NewAgent1(program, central.bus().conn.UniqueName(), agentPath)
	answers := func(err error) func(context.Context, Device, UUID) error {
		return func(_ context.Context, d Device, service UUID) error {
			if d.Path() != strapPath || service != heartRate {
				t.Errorf("asked of %v whether %v may use %v", d.Path(), d, service)
			}
			return err
		}
	}
	panics := func(context.Context, Device, UUID) error { panic(errNo) }
	for _, test := range []struct {
		name    string
		answer  func(context.Context, Device, UUID) error
		service string
		want    error
	}{
		{"yes", answers(nil), heartRate.String(), nil},
		{"no", answers(errNo), heartRate.String(), bluezgen.ErrRejected},
		{"panic", panics, heartRate.String(), bluezgen.ErrRejected},
		{"no function", nil, heartRate.String(), bluezgen.ErrRejected},
		{"no service", answers(nil), "heart rate", bluezgen.ErrRejected},
	} {
		central.agency.replace(&Agent{AuthorizeService: test.answer}) // SetAgent would wait for AgentManager1
		err := bluez.AuthorizeService(t.Context(), strapPath, test.service)
		if test.want == nil && err != nil || !errors.Is(err, test.want) {
			t.Errorf("%s: %v, want %v", test.name, err, test.want)
		}
	}
	central.agency.replace(nil)
	if err := bluez.AuthorizeService(t.Context(), strapPath, heartRate.String()); !errors.Is(err, bluezgen.ErrRejected) {
		t.Errorf("without an agent: %v", err)
	}
}
