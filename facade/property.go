package facade

import "github.com/gobluez/bluez/bluezgen"

// The properties that only a server gives to its characteristics and descriptors, for use
// with package peripheral. All but the first two say what the link must be like before
// BlueZ lets a device do what the name says; the device then pairs. Each includes the
// plain property: a characteristic with PropertyEncryptRead can be read.
//
// Encryption comes with any pairing. Authentication is a pairing that nobody in the
// middle can have listened to, by passkey or comparison. Secure is authentication by LE
// Secure Connections.
const (
	PropertyReliableWrite                = Property(bluezgen.CharacteristicFlagReliableWrite)       // in one transaction with others
	PropertyWritableAuxiliaries          = Property(bluezgen.CharacteristicFlagWritableAuxiliaries) // the user description can be written
	PropertyEncryptRead                  = Property(bluezgen.CharacteristicFlagEncryptRead)
	PropertyEncryptWrite                 = Property(bluezgen.CharacteristicFlagEncryptWrite)
	PropertyEncryptNotify                = Property(bluezgen.CharacteristicFlagEncryptNotify)
	PropertyEncryptIndicate              = Property(bluezgen.CharacteristicFlagEncryptIndicate)
	PropertyEncryptAuthenticatedRead     = Property(bluezgen.CharacteristicFlagEncryptAuthenticatedRead)
	PropertyEncryptAuthenticatedWrite    = Property(bluezgen.CharacteristicFlagEncryptAuthenticatedWrite)
	PropertyEncryptAuthenticatedNotify   = Property(bluezgen.CharacteristicFlagEncryptAuthenticatedNotify)
	PropertyEncryptAuthenticatedIndicate = Property(bluezgen.CharacteristicFlagEncryptAuthenticatedIndicate)
	PropertySecureRead                   = Property(bluezgen.CharacteristicFlagSecureRead)
	PropertySecureWrite                  = Property(bluezgen.CharacteristicFlagSecureWrite)
	PropertySecureNotify                 = Property(bluezgen.CharacteristicFlagSecureNotify)
	PropertySecureIndicate               = Property(bluezgen.CharacteristicFlagSecureIndicate)
	PropertyAuthorize                    = Property(bluezgen.CharacteristicFlagAuthorize) // the server is asked before prepared writes
)
