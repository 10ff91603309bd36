package bluetest

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/gobluez/bluez/bluezgen"
)

// A Device declares a peripheral: what it advertises, what it serves and how it takes
// part in connections. It is an [Option]; [World.Add] adds one later. Only Address is
// required. The ready-made ones ([HeartRate], ...) return a Device, so that one can
// change what one wants before giving it to Start. A Device may be given to several worlds:
// its functions are then shared by them, and what they remember they must keep for each
// Peripheral.
type Device struct {
	// Address is the device's address, "C0:FF:EE:00:00:01" in any case.
	Address string
	// AddressType is random unless said otherwise.
	AddressType bluezgen.AddressType
	// Identity is the address that the device tells when it pairs, if Address is a
	// resolvable private one (Core specification, volume 3, part H, section 2.4.2). It is
	// a public address or a static random one, as IdentityType says: public by default.
	Identity     string
	IdentityType bluezgen.AddressType
	// Name is the device's name: advertised, and read by BlueZ from a connection. It may be
	// any bytes; BlueZ shows what it can of one with a NUL, or that is not UTF-8.
	Name string
	// Appearance is the category of the device, by the Assigned Numbers; 0 if unknown.
	Appearance uint16

	Advertisement Advertisement
	Services      []Service
	Connection    Connection
	Pairing       Pairing

	// Run, if not nil, runs while the device is in the world, for whatever it does by
	// itself. Its ctx ends with the world or when the device is removed, and the world
	// waits for it to return.
	Run func(ctx context.Context, p *Peripheral)
}

// A Connection says how a device takes part in connections. The zero Connection is a
// good device nearby.
type Connection struct {
	// Latency is how long the link takes to come up once the device is heard: 20 ms
	// by default.
	Latency time.Duration
	// Discovery is how long BlueZ takes to discover the services: 20 ms by default.
	Discovery time.Duration
	// Attribute is how long the device takes to answer each attribute request.
	Attribute time.Duration
	// MTU is the largest attribute packet that the device takes, 23 to 517 bytes: 517
	// by default. BlueZ itself takes 517.
	MTU uint16
	// Fail, if not nil, is called with the number of each connection attempt, from 1.
	// An error that is a *bus.Error is what Connect returns; any other is
	// org.bluez.Error.Failed with its text. See [AbortByLocal] and its like.
	Fail func(attempt int) error
	// Resolve says how BlueZ comes to know the services.
	Resolve Resolve
}

// A Resolve is a way in which BlueZ comes to know a device's services.
type Resolve int

const (
	// ResolveOnTime exports all objects, then says ServicesResolved.
	ResolveOnTime Resolve = iota
	// ResolveEarly says ServicesResolved first and exports the objects a moment later,
	// as BlueZ does now and then, above all after an aborted connection
	// (bluez issue 1489).
	ResolveEarly
	// ResolvePartly exports half of the services, says ServicesResolved, and then
	// exports the rest.
	ResolvePartly
	// ResolveNever never says ServicesResolved: the discovery hangs.
	ResolveNever
	// ResolveAborted loses the link in the middle of the discovery.
	ResolveAborted
	// ResolveQuietly makes the link, but the change of Connected is not signalled, though
	// it is true when asked for. It was seen on first connections of 5.82 and 5.87.
	ResolveQuietly
)

func (d Device) apply(c *config) error {
	if err := d.validate(); err != nil {
		return err
	}
	c.devices = append(c.devices, d)
	return nil
}

// validate says what is wrong with a declaration.
func (d *Device) validate() error {
	if d.Address == "" {
		if d.Name != "" {
			return fmt.Errorf("device %q has no address", d.Name)
		}
		return errors.New("a device has no address")
	}
	if _, err := parseAddress(d.Address); err != nil {
		return fmt.Errorf("device %s: %w", d.Address, err)
	}
	if d.Identity != "" {
		if _, err := parseAddress(d.Identity); err != nil {
			return fmt.Errorf("device %s: identity: %w", d.Address, err)
		}
		if strings.EqualFold(d.Identity, d.Address) {
			return fmt.Errorf("device %s: its identity is the same address", d.Address)
		}
	}
	if r := d.Connection.Resolve; r < ResolveOnTime || r > ResolveQuietly {
		return fmt.Errorf("device %s: Resolve %d is not known", d.Address, r)
	}
	for what, kind := range map[string]bluezgen.AddressType{"address type": d.AddressType, "identity type": d.IdentityType} {
		if kind != "" && kind != bluezgen.AddressTypePublic && kind != bluezgen.AddressTypeRandom {
			return fmt.Errorf("device %s: %s %q is neither public nor random", d.Address, what, kind)
		}
	}
	if d.Connection.MTU != 0 && (d.Connection.MTU < 23 || d.Connection.MTU > 517) {
		return fmt.Errorf("device %s: MTU %d is not in 23 to 517", d.Address, d.Connection.MTU)
	}
	err := errors.Join(d.Advertisement.validate(d), validateServices(d.Services), d.Pairing.validate())
	if err != nil {
		return fmt.Errorf("device %s: %w", d.Address, err)
	}
	return nil
}
