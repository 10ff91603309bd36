//go:build linux

package facade

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gobluez/bluez/bluezgen"
	"github.com/gobluez/bluez/facade/bluetest"
	"github.com/gobluez/bluez/gen/bus"
)

// pairable starts a world with a strap that pairs so, and connects to it.
func pairable(t *testing.T, pairing bluetest.Pairing, options ...bluetest.Option) (*world, *bluetest.Peripheral, *Central, *Client) {
	t.Helper()
	w, p, central := startStrap(t, func(d *bluetest.Device) { d.Pairing = pairing }, options...)
	return w, p, central, connect(t, central)
}

// connectTo connects to a device of that address.
func connectTo(t *testing.T, c *Central, address Address) *Client {
	t.Helper()
	client, err := c.Connect(t.Context(), address, ConnectOptions{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { client.Close() })
	return client
}

// The abilities that a device may have.
const (
	shows = bluezgen.AgentCapabilityDisplayOnly
	asks  = bluezgen.AgentCapabilityKeyboardOnly
	yesNo = bluezgen.AgentCapabilityDisplayYesNo
)

var errNo = errors.New("no")

func TestPair(t *testing.T) {
	mistyped := func(context.Context, uint32) bool { return false }
	declared := func(err error) bluetest.Pairing {
		return bluetest.Pairing{Fail: func(int) error { return err }}
	}
	tests := []struct {
		name   string
		device bluetest.Pairing
		change func(*person, *Agent) // may be nil
		asked  []string
		want   error
	}{
		{"just works", bluetest.Pairing{}, nil, nil, nil},
		{"just works without functions", bluetest.Pairing{}, func(_ *person, a *Agent) { *a = Agent{} }, nil, nil},
		{"just works is not enough", bluetest.Pairing{MITM: true}, nil, nil, ErrPairingFailed},
		{"passkey entered", bluetest.Pairing{IO: shows, MITM: true}, nil, []string{"enter passkey of C0:FF:EE:00:00:01"}, nil},
		{"passkey with zeros entered", bluetest.Pairing{IO: shows, Passkey: "000042"}, nil, []string{"enter passkey of C0:FF:EE:00:00:01"}, nil},
		{"wrong passkey entered", bluetest.Pairing{IO: shows, Passkey: "000042"}, func(p *person, _ *Agent) { p.passkey = "000043" }, []string{"enter passkey of C0:FF:EE:00:00:01"}, ErrPairingFailed},
		{"passkey refused", bluetest.Pairing{IO: shows}, func(p *person, _ *Agent) { p.no = errNo }, []string{"enter passkey of C0:FF:EE:00:00:01"}, ErrPairingRejected},
		{"passkey too large", bluetest.Pairing{IO: shows}, func(_ *person, a *Agent) {
			a.RequestPasskey = func(context.Context, Device) (Passkey, error) { return 1_000_000, nil }
		}, nil, ErrPairingRejected},
		{"passkey shown", bluetest.Pairing{IO: asks, Passkey: "000042"}, nil, []string{"type 000042 on C0:FF:EE:00:00:01, 0 typed"}, nil},
		{"passkey mistyped", bluetest.Pairing{IO: asks, Passkey: "000042", Confirm: mistyped}, nil, []string{"type 000042 on C0:FF:EE:00:00:01, 0 typed"}, ErrPairingFailed},
		{"comparison", bluetest.Pairing{IO: yesNo, Passkey: "987654"}, nil, []string{"does C0:FF:EE:00:00:01 show 987654?"}, nil},
		{"comparison refused", bluetest.Pairing{IO: yesNo, Passkey: "987654"}, func(p *person, _ *Agent) { p.no = errNo }, []string{"does C0:FF:EE:00:00:01 show 987654?"}, ErrPairingRejected},
		{"comparison refused by the device", bluetest.Pairing{IO: yesNo, Confirm: mistyped}, nil, nil, ErrPairingFailed},
		{"comparison panics", bluetest.Pairing{IO: yesNo}, func(_ *person, a *Agent) {
			a.Confirm = func(context.Context, Device, Passkey) error { panic(errNo) }
		}, nil, ErrPairingRejected},
		{"comparison without the function", bluetest.Pairing{IO: yesNo}, func(_ *person, a *Agent) { a.Confirm = nil }, nil, ErrPairingRejected},
		{"PIN", bluetest.Pairing{PIN: "1234"}, func(p *person, _ *Agent) { p.pin = "1234" }, []string{"enter PIN of C0:FF:EE:00:00:01"}, nil},
		{"wrong PIN", bluetest.Pairing{PIN: "1234"}, func(p *person, _ *Agent) { p.pin = "1" }, []string{"enter PIN of C0:FF:EE:00:00:01"}, ErrPairingFailed},
		{"no PIN", bluetest.Pairing{PIN: "1234"}, nil, []string{"enter PIN of C0:FF:EE:00:00:01"}, ErrPairingRejected},
		{"PIN shown", bluetest.Pairing{PIN: "1234", IO: asks}, nil, []string{"type PIN 1234 on C0:FF:EE:00:00:01"}, nil},
		{"zero agent is asked", bluetest.Pairing{PIN: "1234"}, func(_ *person, a *Agent) { *a = Agent{} }, nil, ErrPairingRejected},
		{"device refuses", bluetest.Pairing{Reject: true}, nil, nil, ErrPairingFailed},
		{"rejected", declared(bluezgen.ErrAuthenticationRejected), nil, nil, ErrPairingRejected},
		{"canceled", declared(bluezgen.ErrAuthenticationCanceled), nil, nil, ErrPairingCanceled},
		{"timed out", declared(bluezgen.ErrAuthenticationTimeout), nil, nil, ErrPairingTimeout},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			_, p, _, client := pairable(t, test.device)
			user := newPerson(t, p)
			agent := user.agent()
			if test.change != nil {
				test.change(user, agent)
			}
			err := client.Pair(t.Context(), PairOptions{Agent: agent})
			if !errors.Is(err, test.want) || test.want == nil && err != nil {
				t.Errorf("error %v, want %v", err, test.want)
			}
			if test.want != nil && !errors.Is(err, ErrPairingFailed) {
				t.Errorf("error %v does not match ErrPairingFailed", err)
			}
			if user.no != nil && !errors.Is(err, errNo) {
				t.Errorf("error %v does not unwrap to the agent's", err)
			}
			user.heard(test.asked...)
			if paired := test.want == nil; client.Paired() != paired || p.Bonded() != paired {
				t.Errorf("paired %v, bonded %v, want %v", client.Paired(), p.Bonded(), paired)
			}
		})
	}
}

func TestTypedDigitsAreShown(t *testing.T) {
	proceed := make(chan struct{})
	_, p, _, client := pairable(t, bluetest.Pairing{
		IO: asks, Passkey: "000042", Keypresses: true,
		Confirm: func(ctx context.Context, _ uint32) bool {
			select {
			case <-proceed:
			case <-ctx.Done():
			}
			return true
		},
	})
	user := newPerson(t, p)
	agent := user.agent()
	hidden := make(chan struct{})
	var once sync.Once
	last := -1
	agent.DisplayPasskey = func(ctx context.Context, d Device, _ Passkey, entered int) {
		if entered <= last {
			t.Errorf("%d digits typed after %d", entered, last)
		}
		if last = entered; entered == 6 {
			close(proceed)
		}
		once.Do(func() { context.AfterFunc(ctx, func() { close(hidden) }) })
	}
	if err := client.Pair(t.Context(), PairOptions{Agent: agent}); err != nil {
		t.Error(err)
	}
	<-hidden
}

// BlueZ does not care whether a passkey is shown: the library does.
func TestPairIsCancelledWhenNothingCanBeShown(t *testing.T) {
	for name, agent := range map[string]*Agent{
		"no function": {RequestPasskey: func(context.Context, Device) (Passkey, error) { return 0, errNo }, Confirm: func(context.Context, Device, Passkey) error { return errNo }},
		"panic":       {DisplayPasskey: func(context.Context, Device, Passkey, int) { panic(errNo) }},
	} {
		t.Run(name, func(t *testing.T) {
			w, _, _, client := pairable(t, bluetest.Pairing{IO: asks, Confirm: func(ctx context.Context, _ uint32) bool {
				<-ctx.Done()
				return true
			}})
			if err := client.Pair(t.Context(), PairOptions{Agent: agent}); !errors.Is(err, ErrPairingRejected) {
				t.Errorf("error %v", err)
			}
			if n := w.calls.Count("CancelPairing"); n != 1 {
				t.Errorf("CancelPairing was called %d times", n)
			}
		})
	}
}

// An agent that does not answer is told when its answer is not wanted any more.
func TestAnswerIsNotWantedAnyMore(t *testing.T) {
	tests := []struct {
		name  string
		delay bluetest.Delays
		cause func(w *world, p *bluetest.Peripheral, c *Central, client *Client, cancel func())
		want  error
	}{
		{"Pair is cancelled", quick, func(_ *world, _ *bluetest.Peripheral, _ *Central, _ *Client, cancel func()) { cancel() }, context.Canceled},
		{"the device disconnects", quick, func(_ *world, p *bluetest.Peripheral, _ *Central, _ *Client, _ func()) { p.Disconnect() }, ErrDisconnected},
		{"the device vanishes", quick, func(_ *world, p *bluetest.Peripheral, _ *Central, _ *Client, _ func()) { p.Vanish() }, ErrDisconnected},
		{"the device is removed", quick, func(w *world, _ *bluetest.Peripheral, c *Central, _ *Client, _ func()) {
			w.check(c.Forget(w.t.Context(), strap))
		}, ErrPairingCanceled},
		{"the client is closed", quick, func(_ *world, _ *bluetest.Peripheral, _ *Central, client *Client, _ func()) { client.Close() }, ErrClosed},
		{"the Central is closed", quick, func(_ *world, _ *bluetest.Peripheral, c *Central, _ *Client, _ func()) { c.Close() }, ErrClosed},
		{"bluetoothd ends", quick, func(w *world, _ *bluetest.Peripheral, _ *Central, _ *Client, _ func()) { w.CrashBluetoothd() }, ErrNoBlueZ},
		{"the bus ends", quick, func(w *world, _ *bluetest.Peripheral, _ *Central, _ *Client, _ func()) { w.CutConnections() }, ErrNoBus},
		{"another program cancels", quick, func(w *world, _ *bluetest.Peripheral, _ *Central, _ *Client, _ func()) {
			w.check(bluezgen.NewDevice1(w.program(), strapPath).CancelPairing(w.t.Context()))
		}, ErrPairingCanceled},
		{"BlueZ has waited enough", bluetest.Delays{Disconnect: bluetest.None, Agent: 50 * time.Millisecond},
			func(*world, *bluetest.Peripheral, *Central, *Client, func()) {}, ErrPairingFailed},
		{"the device has waited enough", bluetest.Delays{Disconnect: bluetest.None, Pairing: 50 * time.Millisecond},
			func(*world, *bluetest.Peripheral, *Central, *Client, func()) {}, ErrPairingFailed},
		{"the library has waited enough", quick, func(_ *world, _ *bluetest.Peripheral, _ *Central, _ *Client, _ func()) {}, ErrPairingTimeout},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			w, p, central, client := pairable(t, bluetest.Pairing{IO: shows}, test.delay)
			if test.want == ErrPairingTimeout {
				central.agency.patience = 50 * time.Millisecond
			}
			asked, told := make(chan struct{}), make(chan struct{})
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			result := make(chan error, 1)
			go func() {
				result <- client.Pair(ctx, PairOptions{Agent: &Agent{RequestPasskey: func(ctx context.Context, _ Device) (Passkey, error) {
					if _, limited := ctx.Deadline(); !limited {
						t.Error("the question has no deadline")
					}
					close(asked)
					<-ctx.Done()
					close(told)
					return 0, ctx.Err()
				}}})
			}()
			w.wait(asked, "the question")
			test.cause(w, p, central, client, cancel)
			w.wait(told, "the end of the question")
			if err := <-result; !errors.Is(err, test.want) {
				t.Errorf("error %v, want %v", err, test.want)
			}
			if p.Bonded() {
				t.Error("the device has keys")
			}
		})
	}
}

func TestPairIsCancelledBeforeItsTurn(t *testing.T) {
	_, _, central, client := pairable(t, bluetest.Pairing{})
	if err := central.agency.begin(t.Context()); err != nil {
		t.Fatal(err)
	}
	defer central.agency.end()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := client.Pair(ctx, PairOptions{}); !errors.Is(err, context.Canceled) {
		t.Errorf("error %v", err)
	}
}

// Pairings with agents of different abilities, all at once, are each asked by the agent
// that they brought.
func TestPairingsTakeTurns(t *testing.T) {
	w := startWorld(t)
	central := w.open(Options{})
	var pairing sync.WaitGroup
	for i := range 4 {
		d := newStrap()
		d.Address = fmt.Sprintf("C0:FF:EE:00:00:1%d", i)
		d.Pairing = bluetest.Pairing{IO: bluezgen.AgentCapabilityKeyboardDisplay}
		p := w.add(d)
		user := newPerson(t, p)
		all := user.agent()
		agent := [...]*Agent{{RequestPasskey: all.RequestPasskey}, {DisplayPasskey: all.DisplayPasskey}, {Confirm: all.Confirm}, all}[i]
		question := [...]string{"enter", "type", "does", "does"}[i]
		address, err := ParseAddress(d.Address)
		if err != nil {
			t.Fatal(err)
		}
		client := connectTo(t, central, address)
		pairing.Go(func() {
			if err := client.Pair(t.Context(), PairOptions{Agent: agent}); err != nil {
				t.Error(err)
			}
			<-user.more
			user.mu.Lock()
			defer user.mu.Unlock()
			if len(user.asked) != 1 || !strings.HasPrefix(user.asked[0], question) || !strings.Contains(user.asked[0], d.Address) {
				t.Errorf("the agent that is to be asked %q is asked %q", question, user.asked)
			}
		})
	}
	pairing.Wait()
	// Nothing is registered any more: another program is asked if it is the default.
	if n := w.calls.Count("RegisterAgent") - w.calls.Count("UnregisterAgent"); n != 0 {
		t.Errorf("%d agents are left", n)
	}
}

func TestTwoPairOneDevice(t *testing.T) {
	w, p, central, client := pairable(t, bluetest.Pairing{IO: shows})
	user := newPerson(t, p)
	other := connect(t, central)
	var pairing sync.WaitGroup
	for _, c := range []*Client{client, other} {
		pairing.Go(func() {
			if err := c.Pair(t.Context(), PairOptions{Agent: user.agent()}); err != nil {
				t.Error(err)
			}
		})
	}
	pairing.Wait()
	user.heard("enter passkey of C0:FF:EE:00:00:01")
	if n := w.calls.Count("Pair"); n != 1 {
		t.Errorf("%d calls of Pair", n)
	}
}

// identity is the address that a private strap has beside those that it advertises with.
const identity = "00:11:22:33:44:55"

// private makes the strap one with a private address.
func private(d *bluetest.Device) {
	d.Address, d.Identity, d.IdentityType = "40:00:00:00:00:01", identity, bluezgen.AddressTypePublic
}

func TestAddressAfterPairing(t *testing.T) {
	w := startWorld(t)
	d := newStrap()
	private(&d)
	p := w.add(d)
	central := w.open(Options{})
	client := connectTo(t, central, Address{0x40, 0, 0, 0, 0, 1})
	if err := client.Pair(t.Context(), PairOptions{}); err != nil {
		t.Fatal(err)
	}
	if got := client.Address().String(); got != identity {
		t.Errorf("address %s, want %s", got, identity)
	}
	known, err := ParseAddress(identity)
	if err != nil {
		t.Fatal(err)
	}
	if again := connectTo(t, central, known); again.Device().Path() != client.Device().Path() {
		t.Errorf("the device is %v, then %v", client.Device().Path(), again.Device().Path())
	}
	if err := central.Forget(t.Context(), known); err != nil || !p.Bonded() {
		t.Errorf("forget: %v", err)
	}
}

// What is secret is in no log, no trace and no error, whatever happens.
func TestSecretsStaySecret(t *testing.T) {
	const passkey, typed, pin = "918273", "827364", "73645192"
	var log, trace buffer
	logger := slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	quoting := func(what any) error { return fmt.Errorf("the user typed %v", what) }
	for name, test := range map[string]struct {
		device bluetest.Pairing
		agent  Agent
	}{
		"shown":          {bluetest.Pairing{IO: asks, Passkey: passkey, Reject: false}, Agent{DisplayPasskey: func(context.Context, Device, Passkey, int) {}}},
		"compared":       {bluetest.Pairing{IO: yesNo, Passkey: passkey}, Agent{Confirm: func(_ context.Context, _ Device, p Passkey) error { logger.Info("confirm", "passkey", p); return nil }}},
		"refused":        {bluetest.Pairing{IO: yesNo, Passkey: passkey}, Agent{Confirm: func(_ context.Context, _ Device, p Passkey) error { return quoting(p) }}},
		"panic":          {bluetest.Pairing{IO: yesNo, Passkey: passkey}, Agent{Confirm: func(_ context.Context, _ Device, p Passkey) error { panic(p) }}},
		"mistyped":       {bluetest.Pairing{IO: shows, Passkey: passkey}, Agent{RequestPasskey: func(context.Context, Device) (Passkey, error) { return ParsePasskey(typed) }}},
		"too large":      {bluetest.Pairing{IO: shows, Passkey: passkey}, Agent{RequestPasskey: func(context.Context, Device) (Passkey, error) { return 73645192, nil }}},
		"not a number":   {bluetest.Pairing{IO: shows, Passkey: passkey}, Agent{RequestPasskey: func(context.Context, Device) (Passkey, error) { return ParsePasskey(pin) }}},
		"PIN":            {bluetest.Pairing{PIN: pin}, Agent{RequestPIN: func(context.Context, Device) (string, error) { return pin, nil }}},
		"PIN is refused": {bluetest.Pairing{PIN: pin}, Agent{RequestPIN: func(context.Context, Device) (string, error) { return pin + pin + pin, nil }}},
	} {
		t.Run(name, func(t *testing.T) {
			w := startWorld(t)
			d := newStrap()
			d.Pairing = test.device
			w.add(d)
			central := w.open(Options{Logger: logger, Trace: &trace})
			client := connect(t, central)
			err := client.Pair(t.Context(), PairOptions{Agent: &test.agent})
			logger.Info("pair", "error", err, "all", fmt.Sprintf("%+v", err))
		})
	}
	for where, text := range map[string]string{"log": log.String(), "trace": trace.String()} {
		if !strings.Contains(text, "pair") && !strings.Contains(text, "Pair") {
			t.Errorf("the %s says nothing of pairing", where)
		}
		for _, secret := range []string{passkey, typed, pin} {
			if i := strings.Index(text, secret); i >= 0 {
				t.Errorf("the %s has a secret: %s", where, text[max(0, i-200):min(len(text), i+50)])
			}
		}
	}
}

func TestConnectPairsFirst(t *testing.T) {
	w, p, central := startStrap(t, func(d *bluetest.Device) { d.Pairing = bluetest.Pairing{IO: shows, Required: true} })
	user := newPerson(t, p)
	pair := ConnectOptions{Pair: &PairOptions{Agent: user.agent()}}
	for range 2 {
		client, err := central.Connect(t.Context(), strap, pair)
		if err != nil {
			t.Fatal(err)
		}
		if !client.Paired() || !p.Encrypted() {
			t.Error("the connection is not paired")
		}
		if err := client.Write(t.Context(), control, []byte{1}); err != nil {
			t.Error(err)
		}
		client.Close()
	}
	user.heard("enter passkey of C0:FF:EE:00:00:01")
	if n := w.calls.Count("Pair"); n != 1 {
		t.Errorf("%d calls of Pair, want one", n)
	}
}

func TestConnectFailsWithThePairing(t *testing.T) {
	w, p, central := startStrap(t, func(d *bluetest.Device) { d.Pairing = bluetest.Pairing{IO: shows} })
	_, err := central.Connect(t.Context(), strap, ConnectOptions{Pair: &PairOptions{Agent: &Agent{
		RequestPasskey: func(context.Context, Device) (Passkey, error) { return 0, errNo },
	}}})
	if !errors.Is(err, ErrPairingRejected) || !errors.Is(err, errNo) {
		t.Errorf("error %v", err)
	}
	w.settle(central)
	if p.Encrypted() || connected(t, w) {
		t.Error("the connection stays")
	}
}

func TestConnectTriesToPairAgain(t *testing.T) {
	w, p, central := startStrap(t, func(d *bluetest.Device) {
		d.Connection.Fail = func(attempt int) error {
			if attempt == 1 {
				return bluetest.AbortByLocal()
			}
			return nil
		}
	})
	client, err := central.Connect(t.Context(), strap, ConnectOptions{Pair: &PairOptions{}})
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	if n := w.calls.Count("Pair"); n != 2 || !p.Bonded() {
		t.Errorf("%d calls of Pair, bonded %v", n, p.Bonded())
	}
}

func TestConnectIsCancelledWhileItPairs(t *testing.T) {
	w, p, central := startStrap(t, func(d *bluetest.Device) { d.Pairing = bluetest.Pairing{IO: shows} })
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	_, err := central.Connect(ctx, strap, ConnectOptions{Pair: &PairOptions{Agent: &Agent{
		RequestPasskey: func(ctx context.Context, _ Device) (Passkey, error) {
			cancel()
			<-ctx.Done()
			return 0, ctx.Err()
		},
	}}})
	if !errors.Is(err, context.Canceled) {
		t.Errorf("error %v", err)
	}
	if n := w.calls.Count("CancelPairing"); n != 1 || p.Bonded() || connected(t, w) {
		t.Errorf("CancelPairing was called %d times, bonded %v", n, p.Bonded())
	}
}

// A device that is paired by somebody else meanwhile is paired.
func TestPairOfWhatIsPaired(t *testing.T) {
	w, _, _, client := pairable(t, bluetest.Pairing{})
	defer w.RefuseCalls("Pair", 1, bluezgen.ErrAlreadyExists)()
	if err := client.Pair(t.Context(), PairOptions{}); err != nil {
		t.Error(err)
	}
}

// An agent's function that does not return holds up nobody else.
func TestAgentThatIgnoresItsContext(t *testing.T) {
	w, p, _, client := pairable(t, bluetest.Pairing{IO: shows})
	asked, proceed := make(chan struct{}), make(chan struct{})
	defer close(proceed)
	ctx, cancel := context.WithCancel(t.Context())
	result := make(chan error, 1)
	go func() {
		result <- client.Pair(ctx, PairOptions{Agent: &Agent{RequestPasskey: func(context.Context, Device) (Passkey, error) {
			close(asked)
			<-proceed
			return 0, nil
		}}})
	}()
	w.wait(asked, "the question")
	cancel()
	if err := <-result; !errors.Is(err, context.Canceled) {
		t.Errorf("error %v", err)
	}
	user := newPerson(t, p)
	if err := client.Pair(t.Context(), PairOptions{Agent: user.agent()}); err != nil {
		t.Error(err)
	}
	user.heard("enter passkey of C0:FF:EE:00:00:01")
}

// Nothing of an agent stays on the bus or in the Central once it is not needed.
func TestPairingLeavesNothingBehind(t *testing.T) {
	w, p, central, client := pairable(t, bluetest.Pairing{IO: shows})
	before := central.Stats().Bus
	for i := range 4 {
		ctx, cancel := context.WithCancel(t.Context())
		agent := newPerson(t, p).agent()
		if i < 3 {
			agent.RequestPasskey = func(context.Context, Device) (Passkey, error) {
				if i == 1 {
					cancel()
				}
				return 0, errNo
			}
		}
		if err := client.Pair(ctx, PairOptions{Agent: agent}); (err == nil) != (i == 3) {
			t.Errorf("pairing %d: %v", i, err)
		}
		cancel()
		w.check(central.SetAgent(t.Context(), agent))
		w.check(central.SetAgent(t.Context(), nil))
	}
	after := central.Stats().Bus
	if after.Exports != before.Exports || after.MatchRules != before.MatchRules || after.InFlight != before.InFlight {
		t.Errorf("before %+v\nafter  %+v", before, after)
	}
	g := central.agency
	g.mu.Lock()
	defer g.mu.Unlock()
	if len(g.questions) != 0 || len(g.turn) != 0 || g.export != nil {
		t.Errorf("left: %d questions, %d turns, export %v", len(g.questions), len(g.turn), g.export)
	}
}

// Nobody but BlueZ may put questions.
func TestStrangersAreNotAnswered(t *testing.T) {
	w, p, central := startStrap(t, nil)
	user := newPerson(t, p)
	if err := central.SetAgent(t.Context(), user.agent()); err != nil {
		t.Fatal(err)
	}
	stranger := bluezgen.NewAgent1(w.program(), central.bus().conn.UniqueName(), agentPath)
	if _, err := stranger.RequestPasskey(t.Context(), strapPath); !errors.Is(err, bus.ErrAccessDenied) {
		t.Errorf("error %v", err)
	}
	user.heard()
}

// connected asks BlueZ itself.
func connected(t *testing.T, w *world) bool {
	t.Helper()
	yes, err := bluezgen.NewDevice1(w.program(), strapPath).Connected(t.Context())
	if err != nil && !errors.Is(err, bus.ErrUnknownMethod) && !errors.Is(err, bus.ErrUnknownObject) {
		t.Error(err)
	}
	return yes
}

func TestPairIsDoneAgainWhileBlueZIsBusy(t *testing.T) {
	w, _, _, client := pairable(t, bluetest.Pairing{})
	defer w.RefuseCalls("Pair", 2, bluezgen.ErrFailed.With(adapterBusy))()
	if err := client.Pair(t.Context(), PairOptions{}); err != nil {
		t.Error(err)
	}
}

func TestPairNeedsAConnection(t *testing.T) {
	_, _, central, client := pairable(t, bluetest.Pairing{})
	client.Close()
	if err := client.Pair(t.Context(), PairOptions{}); !errors.Is(err, ErrNotConnected) || !errors.Is(err, ErrClosed) {
		t.Errorf("closed client: %v", err)
	}
	central.Close()
	if err := central.SetAgent(t.Context(), &Agent{}); !errors.Is(err, ErrClosed) {
		t.Errorf("closed Central: %v", err)
	}
}
