package facade

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"

	"github.com/gobluez/bluez/bluezgen"
)

// An Agent answers what BlueZ asks while a device pairs. A program with a user
// interface sets the functions that it can ask or show; one without sets none, or
// those that it knows the answers to.
//
// What is set decides how devices pair, for BlueZ tells the device what this side can
// do (Core Specification, Vol 3, Part H, 2.3.5.1):
//
//	RequestPasskey and (DisplayPasskey or Confirm)  keyboard and display
//	Confirm                                         display with yes and no
//	RequestPasskey                                  keyboard only
//	DisplayPasskey                                  display only
//	none of these                                   neither
//
// Two sides that cannot agree on more pair by "just works": nobody is asked, and a man
// in the middle is not noticed. What comes up and has no function is refused, so the
// zero Agent pairs by just works only.
//
// Each function is called on a goroutine of its own. Its ctx ends when the answer is
// not wanted any more: the pairing has ended or was cancelled, by the device, by ctx
// of Pair or with the connection, or nobody has answered for a minute, which is as
// long as BlueZ waits; the ctx of a question has that as its deadline. An answer after
// that is ignored. Any error refuses, and so does a panic. The error of Pair unwraps to
// it, but its text appears in no error and no log, nor do passkeys and PINs.
//
// The functions must not call Pair or SetAgent, which wait for the end of the pairing,
// and the Agent must not be changed once it is given away.
type Agent struct {
	// RequestPasskey returns the passkey that the device shows.
	RequestPasskey func(ctx context.Context, d Device) (Passkey, error)
	// DisplayPasskey shows a passkey that is to be typed on the device, until ctx ends,
	// which may be after it has returned. It is called again when the number of
	// digits typed so far is known to have changed; calls may be skipped while an
	// earlier one runs. It should not block for long.
	DisplayPasskey func(ctx context.Context, d Device, passkey Passkey, entered int)
	// Confirm shows a passkey and returns nil if the user says that the device shows the
	// same.
	Confirm func(ctx context.Context, d Device, passkey Passkey) error
	// RequestPIN returns the PIN of a device that pairs as before Bluetooth 2.1: 1 to 16
	// bytes. No device pairs so over Low Energy.
	RequestPIN func(ctx context.Context, d Device) (string, error)
	// DisplayPIN shows a PIN that is to be typed on such a device, until ctx ends, which
	// may be after it has returned. It should not block for long.
	DisplayPIN func(ctx context.Context, d Device, pin string)
	// Authorize returns nil if a device may pair by just works that has begun it itself.
	// BlueZ asks the default agent only; see SetAgent.
	Authorize func(ctx context.Context, d Device) error
	// AuthorizeService returns nil if a device that is not trusted may use a service of
	// this machine. BlueZ asks the default agent only; see SetAgent and SetTrusted.
	AuthorizeService func(ctx context.Context, d Device, service UUID) error
}

// capability returns what BlueZ is to tell devices.
func (a *Agent) capability() bluezgen.AgentCapability {
	switch {
	case a.RequestPasskey != nil && (a.DisplayPasskey != nil || a.Confirm != nil):
		return bluezgen.AgentCapabilityKeyboardDisplay
	case a.Confirm != nil:
		return bluezgen.AgentCapabilityDisplayYesNo
	case a.RequestPasskey != nil:
		return bluezgen.AgentCapabilityKeyboardOnly
	case a.DisplayPasskey != nil:
		return bluezgen.AgentCapabilityDisplayOnly
	}
	return bluezgen.AgentCapabilityNoInputNoOutput
}

// A Passkey is the number that two devices pair with, 0 to 999,999. It is shown and
// typed with six digits. Package log/slog does not print it.
type Passkey uint32

// maxPasskey is the largest Passkey (Core Specification, Vol 3, Part H, 2.3.5.3).
const maxPasskey Passkey = 999_999

// errPasskey leaves out the text: even a mistyped passkey tells much of the right one.
var errPasskey = errors.New("a passkey is six digits")

// ParsePasskey reads a passkey as a person types it: six digits, among which spaces do
// not count. The error does not quote s.
func ParsePasskey(s string) (Passkey, error) {
	s = strings.ReplaceAll(strings.TrimSpace(s), " ", "")
	if len(s) != 6 {
		return 0, errPasskey
	}
	var p Passkey
	for _, digit := range s {
		if digit < '0' || digit > '9' {
			return 0, errPasskey
		}
		p = 10*p + Passkey(digit-'0')
	}
	return p, nil
}

// String returns the six digits.
func (p Passkey) String() string { return fmt.Sprintf("%06d", uint32(p)) }

// LogValue implements slog.LogValuer, so that no log has the digits.
func (p Passkey) LogValue() slog.Value { return slog.StringValue("******") }

// SetAgent makes agent the default one of the Central and, for as long as it is set, of
// the system: it is asked when a device begins to pair by itself, when one has to be
// paired for a read or a write, when it wants to use a service, and by a Pair that
// brings no agent. Nil withdraws it. The agent that another program has made the system's
// default is so again when ours is withdrawn.
//
// It blocks until BlueZ has confirmed, which while a Pair with an agent of other
// abilities runs is after its end, for BlueZ knows one agent of each program. What
// it set holds when bluetoothd or the bus was away. If it fails, for example with
// ErrNoBlueZ, the agent that was set before remains.
func (c *Central) SetAgent(ctx context.Context, agent *Agent) error {
	return opError("set", "agent", c.agency.setDefault(ctx, agent))
}
