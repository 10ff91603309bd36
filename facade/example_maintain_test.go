//go:build linux

package facade_test

import (
	"context"
	"fmt"
	"log"
	"time"

	"github.com/gobluez/bluez/bluezgen"
	"github.com/gobluez/bluez/facade"
	"github.com/gobluez/bluez/gen/bus"
)

// Keep the adapter discoverable, which bluetoothd forgets when it restarts. What this
// package does not have is one floor down, in package bluezgen; what has to outlive bluetoothd
// is told again by Maintain.
func ExampleCentral_Maintain() {
	world, end := play()
	defer end()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	central, release, err := facade.Share(ctx)
	if err != nil {
		log.Fatal(err)
	}
	defer release()

	told, ended := make(chan facade.Adapter), make(chan error)
	go func() {
		ended <- central.Maintain(ctx, facade.Maintenance{
			Powered: true,
			Hold: func(ctx context.Context, conn *bus.Conn, adapter facade.Adapter, held func()) error {
				if err := bluezgen.NewAdapter1(conn, adapter.Path()).SetDiscoverable(ctx, true); err != nil {
					return err
				}
				held()
				told <- adapter
				<-ctx.Done()
				return context.Cause(ctx)
			},
		})
	}()
	fmt.Println(<-told, "is discoverable")
	if err := world.RestartBluetoothd(ctx); err != nil {
		log.Fatal(err)
	}
	fmt.Println(<-told, "is discoverable again")
	cancel()
	fmt.Println(<-ended)
	// Output:
	// hci0 is discoverable
	// hci0 is discoverable again
	// context canceled
}
