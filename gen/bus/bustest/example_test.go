//go:build linux

package bustest_test

import (
	"context"
	"errors"
	"fmt"
	"log"

	"github.com/gobluez/bluez/gen/bus"
	"github.com/gobluez/bluez/gen/bus/bustest"
	"github.com/gobluez/bluez/gen/wire"
)

// A bus that loses each reply to ListNames.
func ExampleRelay_Filter() {
	daemon, err := bustest.Launch() // in a test: bustest.Start(t)
	if err != nil {
		log.Fatal(err)
	}
	defer daemon.Close()
	relay, err := bustest.NewRelay(daemon.Address()) // in a test: bustest.StartRelay(t, daemon.Address())
	if err != nil {
		log.Fatal(err)
	}
	defer relay.Close()

	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	conn, err := bus.Dial(ctx, relay.Address(), bus.Options{})
	if err != nil {
		log.Fatal(err)
	}
	defer conn.Close()
	relay.Filter(func(_ *bustest.RelayedConn, _ bustest.Direction, f *bustest.Frame) bustest.Verdict {
		if f.Header.Type == wire.MethodReturn && string(f.Header.Signature) == "as" {
			cancel() // nothing more will come
			return bustest.Drop
		}
		return bustest.Pass
	})
	listNames := bus.Method{Interface: "org.freedesktop.DBus", Name: "ListNames", Out: "as"}
	err = conn.Object("org.freedesktop.DBus", "/org/freedesktop/DBus").Call(ctx, listNames, nil, nil)
	fmt.Println(errors.Is(err, context.Canceled))
	// Output: true
}
