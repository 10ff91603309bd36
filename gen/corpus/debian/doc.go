// Package debian fetches and unpacks packages of Debian: what the BlueZ machine is made of, and the introspection files that the
// generator is tried on. Nothing is installed of what it fetches, and nothing of the host changes.
//
// It needs a Debian host with apt, and installs missing tools there only if it may.
package debian

import "embed"

// Recipe holds the files that decide what [Download] and [Unpack] yield, for those who keep the result.
//
//go:embed packages.go unpack.go
var Recipe embed.FS
