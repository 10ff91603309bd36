// Package bluez is the top of the module and has no code of its own. Applications import package facade.
//
// # Build-time tools
//
// The tools that the repository is built with are pinned by the tool directives of go.mod and run by go tool:
//
//   - bluezgen (gen/cmd/bluezgen, in this module) writes package bluezgen and its sub-packages from the XML files of introspection, a
//     package for each of BlueZ's services. make generate runs the go:generate lines below, and make check fails when their output is
//     not what is committed.
//   - staticcheck (honnef.co/go/tools) looks for mistakes that the compiler and go vet let through. make check runs it.
//
// The recording of bluetoothd's own introspection XML, which the tests of introspection compare with, takes a virtual machine and is
// no go:generate line: make introspect makes it anew.
package bluez

//go:generate go tool bluezgen -package bluezgen -out bluezgen introspection
//go:generate go tool bluezgen -package obex -out bluezgen/obex introspection/obex
//go:generate go tool bluezgen -package mesh -out bluezgen/mesh introspection/mesh
