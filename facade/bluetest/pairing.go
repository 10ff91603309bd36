package bluetest

import (
	"context"
	"fmt"
	"regexp"

	"github.com/gobluez/bluez/bluezgen"
)

// Pairing declares how a device pairs. The zero Pairing is a device that can neither ask
// nor show anything, lets anybody pair and keeps the keys. How the two sides make sure
// of each other follows from IO and from what the agent can do (Core specification,
// volume 3, part H, section 2.3.5.1):
//
//	device \ agent   DisplayOnly  DisplayYesNo  KeyboardOnly  NoInputNoOutput  KeyboardDisplay
//	DisplayOnly      just works   just works    enter         just works       enter
//	DisplayYesNo     just works   compare       enter         just works       compare
//	KeyboardOnly     show         show          enter         just works       show
//	NoInputNoOutput  just works   just works    just works    just works       just works
//	KeyboardDisplay  show         compare       enter         just works       compare
//
// Enter is RequestPasskey of the agent, show is DisplayPasskey, compare is
// RequestConfirmation. Just works asks nothing when a client pairs, though an agent must be
// registered, and is RequestAuthorization of the default agent otherwise.
type Pairing struct {
	// IO is what the device can ask its user and show: NoInputNoOutput by default.
	IO bluezgen.AgentCapability
	// Required says that the device answers no attribute request before it is paired.
	Required bool
	// Ask says that the device asks to pair as soon as it is connected.
	Ask bool
	// MITM says that the device accepts only what protects against a man in the middle:
	// just works fails.
	MITM bool
	// Legacy says that the device is older than Bluetooth 4.2 and knows no Secure
	// Connections: where both sides could compare, a passkey is entered.
	Legacy bool
	// NoBonding says that the device does not keep the keys, so that the pairing ends
	// with the link: Paired comes, Bonded does not.
	NoBonding bool
	// Passkey is the device's fixed passkey, six digits; a random one each time if it is
	// empty. It is also the number to compare. [Peripheral.Passkey] tells it.
	Passkey string
	// PIN says that the device pairs with this PIN, 1 to 16 characters, as devices did
	// before Bluetooth 2.1. Over LE none does; it is here so that an agent's
	// RequestPinCode, and DisplayPinCode for a device whose IO is KeyboardOnly, can be
	// tried.
	PIN string
	// Keypresses says that the device tells of each digit that is typed on it, so that
	// DisplayPasskey comes with 1 to 6 digits entered. BR/EDR keyboards do; Linux passes
	// on none over LE.
	Keypresses bool
	// Reject says that the device refuses to pair.
	Reject bool
	// Silent says that the device never answers, so that pairing ends when
	// [Delays].Pairing does, and the link with it.
	Silent bool
	// Confirm, if not nil, is what the device's user does with the number that is to be
	// compared, or that is to be typed on the device: the passkey is as shown by us. False
	// says no, or mistypes. It may block while ctx lasts, which ends with the pairing. If it
	// is nil the user agrees.
	Confirm func(ctx context.Context, passkey uint32) bool
	// Fail, if not nil, is called with the number of each pairing, from 1. An error is what
	// Pair returns, instead of any pairing: bluezgen.ErrAuthenticationTimeout and its like,
	// or as in [Connection].Fail.
	Fail func(attempt int) error
}

var passkey = regexp.MustCompile(`^[0-9]{6}$`)

func (p *Pairing) validate() error {
	switch {
	case p.IO != "" && column(p.IO) < 0:
		return fmt.Errorf("pairing: unknown IO capability %q", p.IO)
	case p.Passkey != "" && !passkey.MatchString(p.Passkey):
		return fmt.Errorf("pairing: passkey %q is not six digits", p.Passkey)
	case !isText(p.PIN):
		return fmt.Errorf("pairing: PIN %q is not UTF-8 without NUL", p.PIN)
	case len(p.PIN) > 16:
		return fmt.Errorf("pairing: PIN %q is longer than 16 characters", p.PIN)
	}
	return nil
}

// A pairing is what BlueZ knows of pairing with a device.
type pairing struct {
	attempt *pairingAttempt // nil while none is under way
	paired  bool            // keys are there, if only for this link
	pending bool            // that is to be shown once the services are resolved
}

// Bonded reports whether the device keeps the keys of a pairing with an adapter.
func (p *Peripheral) Bonded() bool {
	p.world.mu.Lock()
	defer p.world.mu.Unlock()
	return len(p.bonds) > 0
}

// ForgetBonds has the device lose the keys of all pairings, as a reset to factory
// settings or a new firmware does. BlueZ keeps its own: the next connection fails when it
// is to be encrypted, and does so until somebody removes the device.
func (p *Peripheral) ForgetBonds() {
	p.world.fault("ForgetBonds", "device", p.Address())
	p.world.do(func() { clear(p.bonds) })
}

// Passkey returns what the device shows while it pairs: six digits that are to be
// entered or compared, or "" if it shows nothing.
func (p *Peripheral) Passkey() string {
	p.world.mu.Lock()
	defer p.world.mu.Unlock()
	return p.shown
}
