package bluetest

import (
	"slices"

	"github.com/gobluez/bluez/bluezgen"
)

// An association is how two devices make sure that they pair with each other (Core
// specification, volume 3, part H, section 2.3.5.1).
type association int

const (
	justWorks      association = iota // they do not
	passkeyEntered                    // the device shows a passkey, which is entered here
	passkeyShown                      // it is shown here, and entered on the device
	comparison                        // both show a number, and their users compare
)

// capabilities are in the order of the specification's table.
var capabilities = [...]bluezgen.AgentCapability{
	bluezgen.AgentCapabilityDisplayOnly, bluezgen.AgentCapabilityDisplayYesNo, bluezgen.AgentCapabilityKeyboardOnly,
	bluezgen.AgentCapabilityNoInputNoOutput, bluezgen.AgentCapabilityKeyboardDisplay,
}

// column returns where a capability is in the table, -1 if there is none of that name.
func column(c bluezgen.AgentCapability) int { return slices.Index(capabilities[:], c) }

// associations has a row for what the device can do and a column for what we can, for LE
// Secure Connections. BlueZ's side begins.
var associations = [len(capabilities)][len(capabilities)]association{
	{justWorks, justWorks, passkeyEntered, justWorks, passkeyEntered},
	{justWorks, comparison, passkeyEntered, justWorks, comparison},
	{passkeyShown, passkeyShown, passkeyEntered, justWorks, passkeyShown},
	{justWorks, justWorks, justWorks, justWorks, justWorks},
	{passkeyShown, comparison, passkeyEntered, justWorks, comparison},
}

// legacyAssociations is the same for LE legacy pairing, which knows no comparison.
var legacyAssociations = [len(capabilities)][len(capabilities)]association{
	{justWorks, justWorks, passkeyEntered, justWorks, passkeyEntered},
	{justWorks, justWorks, passkeyEntered, justWorks, passkeyEntered},
	{passkeyShown, passkeyShown, passkeyEntered, justWorks, passkeyShown},
	{justWorks, justWorks, justWorks, justWorks, justWorks},
	{passkeyShown, passkeyShown, passkeyEntered, justWorks, passkeyShown},
}

// associate returns how we pair with a device. The kernel wants protection against a
// man in the middle whenever the agent can do something for it, so that what the device
// wants does not matter here.
func (p *Pairing) associate(ours bluezgen.AgentCapability) association {
	if p.Legacy {
		return legacyAssociations[column(p.IO)][column(ours)]
	}
	return associations[column(p.IO)][column(ours)]
}
