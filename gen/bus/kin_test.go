//go:build linux

package bus

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/godbus/dbus/v5"

	"github.com/gobluez/bluez/gen/bus/bustest"
	"github.com/gobluez/bluez/gen/wire"
)

// followed returns the rule that follows an object and all below it.
func followed(n int) string {
	return match{sender: busService, iface: "org.example.Noise", member: "Made", namespace: device(n)}.String()
}

func device(n int) dbus.ObjectPath { return dbus.ObjectPath(fmt.Sprintf("/org/example/device%d", n)) }

// Rules that differ in path_namespace alone come and go in any order, and the bus keeps those that are needed: dbus-daemon
// itself removes others than it is asked to.
func TestRulesOfOneKinAreRemovedOneByOne(t *testing.T) {
	d := bustest.Start(t)
	c := dial(t, d.Address(), Options{})
	judge := dial(t, d.Address(), Options{})
	random := rand.New(rand.NewPCG(1, 2))
	held := map[int]*rule{}
	for range 2000 {
		n := random.IntN(60)
		if r := held[n]; r != nil {
			c.rules.release(r)
			delete(held, n)
			continue
		}
		r := c.rules.acquire(followed(n))
		if err := r.wait(t.Context()); err != nil {
			t.Fatal(err)
		}
		held[n] = r
	}
	inForce := namespacesAtTheBus(t, c, judge)
	for n := range held {
		if !inForce[device(n)] {
			t.Errorf("the rule of device %d is not in force", n)
		}
	}
	if idle := len(inForce) - len(held); idle > maxIdle+len(inForce)/2+10 {
		t.Errorf("%d rules are in force and %d needed", len(inForce), len(held))
	}
	for _, r := range held {
		c.rules.release(r)
	}
	if left := namespacesAtTheBus(t, c, judge); len(left) > 0 {
		t.Errorf("nobody needs any rule, but these are in force: %v", left)
	}
	if n := len(c.rules.families); n != 0 {
		t.Errorf("%d families are left", n)
	}
}

func TestIdleRulesAreSortedOut(t *testing.T) {
	d := bustest.Start(t)
	c := dial(t, d.Address(), Options{})
	judge := dial(t, d.Address(), Options{})
	var many []*rule
	for n := range 100 {
		many = append(many, c.rules.acquire(followed(n)))
	}
	last := c.rules.acquire(followed(100)) // which keeps those before it in force
	for _, r := range many {
		c.rules.release(r)
	}
	inForce := namespacesAtTheBus(t, c, judge)
	if len(inForce) > 2*maxIdle+3 || !inForce[device(100)] {
		t.Errorf("one rule is needed, and %d are in force: %v", len(inForce), inForce)
	}
	if n := c.rules.len(); n < len(inForce) {
		t.Errorf("%d rules are known and %d in force", n, len(inForce))
	}
	c.rules.release(last)
	if left := namespacesAtTheBus(t, c, judge); len(left) > 0 {
		t.Errorf("nobody needs any rule, but these are in force: %v", left)
	}
}

// namespacesAtTheBus asks the bus which namespaces the rules of a connection have.
func namespacesAtTheBus(t *testing.T, of, judge *Conn) map[dbus.ObjectPath]bool {
	t.Helper()
	if _, err := of.NameOwner(t.Context(), busService); err != nil { // what was sent before has been done
		t.Fatal(err)
	}
	namespaces := map[dbus.ObjectPath]bool{}
	all := Method{Interface: "org.freedesktop.DBus.Debug.Stats", Name: "GetAllMatchRules", Out: "a{sas}"}
	err := judge.bus().Call(t.Context(), all, nil, func(d *wire.Decoder) {
		for end := d.Array(8); d.More(end); {
			d.Struct()
			mine := d.String() == of.UniqueName()
			for end := d.Array(4); d.More(end); {
				_, namespace, ok := strings.Cut(d.String(), "path_namespace='")
				if namespace, _, _ = strings.Cut(namespace, "'"); ok && mine {
					namespaces[dbus.ObjectPath(namespace)] = true
				}
			}
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	return namespaces
}

func TestKin(t *testing.T) {
	kin, ok := kinOf(followed(1))
	other, _ := kinOf(followed(2))
	if want := (match{sender: busService, iface: "org.example.Noise", member: "Made"}).String(); !ok || kin != want || other != want {
		t.Errorf("kin %q and %q, want %q", kin, other, want)
	}
	if kin, ok := kinOf(nameLost); ok {
		t.Errorf("a rule without path_namespace has kin %q", kin)
	}
}
