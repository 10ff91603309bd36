// Package vm builds and boots a small virtual machine that runs real BlueZ.
//
// A host kernel often has no Bluetooth, and a test must not touch the radio of
// the machine that it runs on. So the guest brings all of it: Debian's kernel,
// bluetoothd, the controllers emulated by btvirt and BlueZ's own example
// peripherals in Python. Nothing of it is installed on the host, except qemu.
//
// [Build] makes the guest once, in a cache directory, from Debian's packages.
// [Image.Run] boots it with a job: a command and files of the caller's. A boot
// takes a few seconds, so run a whole test binary in one boot.
//
// The guest is amd64 and needs an amd64 Linux host. It runs on KVM where KVM
// works and under qemu's emulation where not.
package vm
