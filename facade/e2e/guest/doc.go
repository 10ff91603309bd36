// Package guest runs the checks inside of the VM, against real BlueZ. It has nothing but tests;
// package e2e boots the VM with them.
package guest
