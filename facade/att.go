package facade

import "fmt"

// An ATTError is the error code with which a device refused a read, a write or a
// subscription (Bluetooth Core Specification, Vol 3, Part F, 3.4.1.1). Codes 0x80
// to 0x9F belong to the application, codes from 0xE0 to profiles and services.
//
// BlueZ hides some of them: insufficient authentication, encryption and key size
// all arrive as ErrNotPaired. What it refuses by itself it reports in the same way as
// what the device refuses: ATTInsufficientAuthorization may mean that the service is
// one which BlueZ uses and since 5.80 lets nobody else write to.
type ATTError uint8

// The codes of the specification.
const (
	ATTInvalidHandle              ATTError = 0x01
	ATTReadNotPermitted           ATTError = 0x02
	ATTWriteNotPermitted          ATTError = 0x03
	ATTInvalidPDU                 ATTError = 0x04
	ATTInsufficientAuthentication ATTError = 0x05
	ATTRequestNotSupported        ATTError = 0x06
	ATTInvalidOffset              ATTError = 0x07
	ATTInsufficientAuthorization  ATTError = 0x08
	ATTPrepareQueueFull           ATTError = 0x09
	ATTAttributeNotFound          ATTError = 0x0a
	ATTAttributeNotLong           ATTError = 0x0b
	ATTEncryptionKeyTooShort      ATTError = 0x0c
	ATTInvalidValueLength         ATTError = 0x0d
	ATTUnlikely                   ATTError = 0x0e
	ATTInsufficientEncryption     ATTError = 0x0f
	ATTUnsupportedGroupType       ATTError = 0x10
	ATTInsufficientResources      ATTError = 0x11
	ATTDatabaseOutOfSync          ATTError = 0x12
	ATTValueNotAllowed            ATTError = 0x13
	ATTWriteRequestRejected       ATTError = 0xfc
	ATTImproperlyConfigured       ATTError = 0xfd
	ATTProcedureAlreadyInProgress ATTError = 0xfe
	ATTOutOfRange                 ATTError = 0xff
)

var attText = map[ATTError]string{
	ATTInvalidHandle:              "invalid handle",
	ATTReadNotPermitted:           "read not permitted",
	ATTWriteNotPermitted:          "write not permitted",
	ATTInvalidPDU:                 "invalid PDU",
	ATTInsufficientAuthentication: "insufficient authentication",
	ATTRequestNotSupported:        "request not supported",
	ATTInvalidOffset:              "invalid offset",
	ATTInsufficientAuthorization:  "insufficient authorization",
	ATTPrepareQueueFull:           "prepare queue full",
	ATTAttributeNotFound:          "attribute not found",
	ATTAttributeNotLong:           "attribute not long",
	ATTEncryptionKeyTooShort:      "encryption key too short",
	ATTInvalidValueLength:         "invalid attribute value length",
	ATTUnlikely:                   "unlikely error",
	ATTInsufficientEncryption:     "insufficient encryption",
	ATTUnsupportedGroupType:       "unsupported group type",
	ATTInsufficientResources:      "insufficient resources",
	ATTDatabaseOutOfSync:          "database out of sync",
	ATTValueNotAllowed:            "value not allowed",
	ATTWriteRequestRejected:       "write request rejected",
	ATTImproperlyConfigured:       "client characteristic configuration improperly configured",
	ATTProcedureAlreadyInProgress: "procedure already in progress",
	ATTOutOfRange:                 "value out of range",
}

// Error names the code and gives its number.
func (e ATTError) Error() string {
	text, known := attText[e]
	switch {
	case known:
	case 0x80 <= e && e <= 0x9f:
		text = "application error"
	case e >= 0xe0:
		text = "profile or service error"
	default:
		text = "reserved error"
	}
	return fmt.Sprintf("ATT error 0x%02x: %s", uint8(e), text)
}
