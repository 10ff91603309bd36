// Package own is the peripheral that the tests of this project's central talk to, and a use of package peripheral: it advertises
// and serves what package world describes, in the virtual machine as well as in a simulation.
package own
