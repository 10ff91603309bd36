package bluetest

import (
	"slices"

	"github.com/gobluez/bluez/bluezgen"
)

// characteristicFlags are all that there are.
var characteristicFlags = []bluezgen.CharacteristicFlag{
	bluezgen.CharacteristicFlagBroadcast, bluezgen.CharacteristicFlagRead, bluezgen.CharacteristicFlagWriteWithoutResponse,
	bluezgen.CharacteristicFlagWrite, bluezgen.CharacteristicFlagNotify, bluezgen.CharacteristicFlagIndicate,
	bluezgen.CharacteristicFlagAuthenticatedSignedWrites, bluezgen.CharacteristicFlagExtendedProperties,
	bluezgen.CharacteristicFlagReliableWrite, bluezgen.CharacteristicFlagWritableAuxiliaries,
	bluezgen.CharacteristicFlagEncryptRead, bluezgen.CharacteristicFlagEncryptWrite,
	bluezgen.CharacteristicFlagEncryptNotify, bluezgen.CharacteristicFlagEncryptIndicate,
	bluezgen.CharacteristicFlagEncryptAuthenticatedRead, bluezgen.CharacteristicFlagEncryptAuthenticatedWrite,
	bluezgen.CharacteristicFlagEncryptAuthenticatedNotify, bluezgen.CharacteristicFlagEncryptAuthenticatedIndicate,
	bluezgen.CharacteristicFlagSecureRead, bluezgen.CharacteristicFlagSecureWrite,
	bluezgen.CharacteristicFlagSecureNotify, bluezgen.CharacteristicFlagSecureIndicate,
	bluezgen.CharacteristicFlagAuthorize,
}

// descriptorFlags are all that there are.
var descriptorFlags = []bluezgen.DescriptorFlag{
	bluezgen.DescriptorFlagRead, bluezgen.DescriptorFlagWrite, bluezgen.DescriptorFlagEncryptRead, bluezgen.DescriptorFlagEncryptWrite,
	bluezgen.DescriptorFlagEncryptAuthenticatedRead, bluezgen.DescriptorFlagEncryptAuthenticatedWrite,
	bluezgen.DescriptorFlagSecureRead, bluezgen.DescriptorFlagSecureWrite, bluezgen.DescriptorFlagAuthorize,
}

// visible is how many of characteristicFlags a client sees: the bits of the declaration
// and of the extended properties. The rest it only feels.
const visible = 10

// visibleFlags returns the flags that a client sees, in BlueZ's order. A flag that asks
// for security for a way of access grants that access too.
func visibleFlags(declared []bluezgen.CharacteristicFlag) []bluezgen.CharacteristicFlag {
	seen := slices.Clone(declared)
	for _, f := range declared {
		switch f {
		case bluezgen.CharacteristicFlagEncryptRead, bluezgen.CharacteristicFlagEncryptAuthenticatedRead, bluezgen.CharacteristicFlagSecureRead:
			seen = append(seen, bluezgen.CharacteristicFlagRead)
		case bluezgen.CharacteristicFlagEncryptWrite, bluezgen.CharacteristicFlagEncryptAuthenticatedWrite, bluezgen.CharacteristicFlagSecureWrite:
			seen = append(seen, bluezgen.CharacteristicFlagWrite)
		case bluezgen.CharacteristicFlagEncryptNotify, bluezgen.CharacteristicFlagEncryptAuthenticatedNotify, bluezgen.CharacteristicFlagSecureNotify:
			seen = append(seen, bluezgen.CharacteristicFlagNotify)
		case bluezgen.CharacteristicFlagEncryptIndicate, bluezgen.CharacteristicFlagEncryptAuthenticatedIndicate, bluezgen.CharacteristicFlagSecureIndicate:
			seen = append(seen, bluezgen.CharacteristicFlagIndicate)
		case bluezgen.CharacteristicFlagReliableWrite, bluezgen.CharacteristicFlagWritableAuxiliaries:
			seen = append(seen, bluezgen.CharacteristicFlagExtendedProperties)
		}
	}
	var flags []bluezgen.CharacteristicFlag
	for _, f := range characteristicFlags[:visible] {
		if slices.Contains(seen, f) {
			flags = append(flags, f)
		}
	}
	return flags
}

// access says how an attribute may be accessed.
type access struct {
	read, write                 bool // write: with response or without
	readSecurity, writeSecurity security
	authorize                   bool // to bonded centrals only
}

// A security is what a link must have.
type security int

const (
	securityNone security = iota
	securityEncrypted
	securityAuthenticated // encrypted with a key that was protected while it was made
)

// refusal returns the error for a link that lacks what is wanted, or 0.
func (s security) refusal(l *link) ATTError {
	switch {
	case s == securityNone, s == securityEncrypted && l.encrypted, l.encrypted && l.mitm:
		return 0
	case s == securityEncrypted:
		return attInsufficientEncryption
	}
	return attInsufficientAuthentication
}

// securityOf returns what a pair of flags asks for.
func securityOf[F ~string](flags []F, encrypted F, authenticated ...F) security {
	for _, f := range authenticated {
		if slices.Contains(flags, f) {
			return securityAuthenticated
		}
	}
	if slices.Contains(flags, encrypted) {
		return securityEncrypted
	}
	return securityNone
}

func characteristicAccess(flags []bluezgen.CharacteristicFlag) access {
	seen := visibleFlags(flags)
	return access{
		read: slices.Contains(seen, bluezgen.CharacteristicFlagRead),
		write: slices.ContainsFunc(seen, func(f bluezgen.CharacteristicFlag) bool {
			return f == bluezgen.CharacteristicFlagWrite || f == bluezgen.CharacteristicFlagWriteWithoutResponse ||
				f == bluezgen.CharacteristicFlagReliableWrite
		}),
		readSecurity: securityOf(flags, bluezgen.CharacteristicFlagEncryptRead,
			bluezgen.CharacteristicFlagEncryptAuthenticatedRead, bluezgen.CharacteristicFlagSecureRead),
		writeSecurity: securityOf(flags, bluezgen.CharacteristicFlagEncryptWrite,
			bluezgen.CharacteristicFlagEncryptAuthenticatedWrite, bluezgen.CharacteristicFlagSecureWrite),
		authorize: slices.Contains(flags, bluezgen.CharacteristicFlagAuthorize),
	}
}

// configurationAccess is that of the client characteristic configuration of a
// characteristic with those flags.
func configurationAccess(flags []bluezgen.CharacteristicFlag) access {
	notify := securityOf(flags, bluezgen.CharacteristicFlagEncryptNotify,
		bluezgen.CharacteristicFlagEncryptAuthenticatedNotify, bluezgen.CharacteristicFlagSecureNotify)
	indicate := securityOf(flags, bluezgen.CharacteristicFlagEncryptIndicate,
		bluezgen.CharacteristicFlagEncryptAuthenticatedIndicate, bluezgen.CharacteristicFlagSecureIndicate)
	return access{read: true, write: true, writeSecurity: max(notify, indicate)}
}

func descriptorAccess(flags []bluezgen.DescriptorFlag) access {
	if len(flags) == 0 {
		return access{read: true}
	}
	a := access{
		readSecurity:  securityOf(flags, bluezgen.DescriptorFlagEncryptRead, bluezgen.DescriptorFlagEncryptAuthenticatedRead, bluezgen.DescriptorFlagSecureRead),
		writeSecurity: securityOf(flags, bluezgen.DescriptorFlagEncryptWrite, bluezgen.DescriptorFlagEncryptAuthenticatedWrite, bluezgen.DescriptorFlagSecureWrite),
		authorize:     slices.Contains(flags, bluezgen.DescriptorFlagAuthorize),
	}
	a.read = a.readSecurity != securityNone || slices.Contains(flags, bluezgen.DescriptorFlagRead)
	a.write = a.writeSecurity != securityNone || slices.Contains(flags, bluezgen.DescriptorFlagWrite)
	return a
}
