//go:build linux

package facade_test

import (
	"context"
	"errors"
	"fmt"
	"log"

	"github.com/gobluez/bluez/facade"
	"github.com/gobluez/bluez/facade/bluetest"
)

const lock = "C0:FF:EE:00:00:05"

// withLock is simulate with a door lock that shows a passkey.
func withLock(ctx context.Context) (*bluetest.World, *facade.Central, facade.Address, func()) {
	world, central, end := simulate(ctx, bluetest.Lock(lock, "123456"))
	address, err := facade.ParseAddress(lock)
	if err != nil {
		log.Fatal(err)
	}
	return world, central, address, end
}

// A program with a user interface: the device shows a passkey, and the user enters it.
func ExampleClient_Pair() {
	ctx := context.Background()
	_, central, address, end := withLock(ctx)
	defer end()
	client, err := central.Connect(ctx, address, facade.ConnectOptions{})
	if err != nil {
		log.Fatal(err)
	}
	defer client.Close()

	dialog := func(ctx context.Context, question string) (string, error) {
		fmt.Println(question) // and wait until the user has answered or ctx ends
		return "123456", nil
	}
	err = client.Pair(ctx, facade.PairOptions{Agent: &facade.Agent{
		RequestPasskey: func(ctx context.Context, d facade.Device) (facade.Passkey, error) {
			typed, err := dialog(ctx, "Which passkey does "+d.Name+" show?")
			if err != nil {
				return 0, err
			}
			return facade.ParsePasskey(typed)
		},
		Confirm: func(ctx context.Context, d facade.Device, passkey facade.Passkey) error {
			answer, err := dialog(ctx, fmt.Sprintf("Does %s show %v?", d.Name, passkey))
			if err == nil && answer != "yes" {
				err = errors.New("the user says no")
			}
			return err
		},
	}})
	fmt.Println(err, client.Paired())
	// Output:
	// Which passkey does Lock show?
	// <nil> true
}

// A gateway without people: the passkeys are on the labels of its devices, and a device
// is paired when it is first connected.
func ExampleAgent() {
	ctx := context.Background()
	_, central, address, end := withLock(ctx)
	defer end()

	labels := map[facade.Address]facade.Passkey{address: 123456}
	agent := &facade.Agent{
		RequestPasskey: func(_ context.Context, d facade.Device) (facade.Passkey, error) {
			passkey, ok := labels[d.Address]
			if !ok {
				return 0, errors.New("no label")
			}
			return passkey, nil
		},
	}
	client, err := central.Connect(ctx, address, facade.ConnectOptions{Pair: &facade.PairOptions{Agent: agent}})
	if errors.Is(err, facade.ErrPairingFailed) {
		log.Fatal("is the label right? ", err)
	} else if err != nil {
		log.Fatal(err)
	}
	defer client.Close()
	state, err := facade.ParseUUID(bluetest.LockState)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(client.Read(ctx, state))
	// Output: [1] <nil>
}

// The default agent is asked when a read or a write needs the device to be paired.
func ExampleCentral_SetAgent() {
	ctx := context.Background()
	world, central, address, end := withLock(ctx)
	defer end()
	err := central.SetAgent(ctx, &facade.Agent{
		RequestPasskey: func(context.Context, facade.Device) (facade.Passkey, error) {
			return facade.ParsePasskey(world.Peripheral(lock).Passkey())
		},
	})
	if err != nil {
		log.Fatal(err)
	}
	client, err := central.Connect(ctx, address, facade.ConnectOptions{})
	if err != nil {
		log.Fatal(err)
	}
	defer client.Close()
	state, err := facade.ParseUUID(bluetest.LockState)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(client.Write(ctx, state, []byte{0}), client.Paired())
	// Output: <nil> true
}

// What BlueZ has stored of a device is removed, its keys above all.
func ExampleCentral_Forget() {
	ctx := context.Background()
	_, central, address, end := withLock(ctx)
	defer end()
	label := &facade.Agent{RequestPasskey: func(context.Context, facade.Device) (facade.Passkey, error) { return 123456, nil }}
	client, err := central.Connect(ctx, address, facade.ConnectOptions{Pair: &facade.PairOptions{Agent: label}})
	if err != nil {
		log.Fatal(err)
	}
	client.Close()

	bonds, err := central.Devices(ctx, facade.DevicesOptions{Paired: true})
	if err != nil {
		log.Fatal(err)
	}
	for _, d := range bonds {
		fmt.Println(d.Alias, central.Forget(ctx, d))
	}
	bonds, err = central.Devices(ctx, facade.DevicesOptions{Paired: true})
	fmt.Println(len(bonds), err)
	// Output:
	// Lock <nil>
	// 0 <nil>
}

func ExampleParsePasskey() {
	passkey, err := facade.ParsePasskey("012 345")
	fmt.Println(passkey, err)
	_, err = facade.ParsePasskey("12345")
	fmt.Println(err)
	// Output:
	// 012345 <nil>
	// a passkey is six digits
}
