//go:build linux

package bus_test

import (
	"context"
	"fmt"
	"log"

	"github.com/gobluez/bluez/gen/bus"
	"github.com/gobluez/bluez/gen/bus/bustest"
	"github.com/gobluez/bluez/gen/wire"
)

// A clock is served as org.example.Clock1. Generated code would have made this from
// the interface's XML.
type clock struct{ bus.Emitter }

func (c *clock) Serve() *bus.ServedInterface {
	return &bus.ServedInterface{
		Name: "org.example.Clock1",
		XML:  `<interface name="org.example.Clock1"><method name="Hour"><arg type="y" direction="out"/></method></interface>`,
		Methods: []bus.ServedMethod{{
			Method: hour,
			Serve: func(context.Context, *wire.Decoder) (func(*wire.Encoder), error) {
				return func(e *wire.Encoder) { e.Byte(12) }, nil
			},
		}},
		Emitter: &c.Emitter,
	}
}

var hour = bus.Method{Interface: "org.example.Clock1", Name: "Hour", Out: "y"}

// A service and its client, on a bus of their own.
func Example() {
	daemon, err := bustest.Launch()
	if err != nil {
		log.Fatal(err)
	}
	defer daemon.Close()
	ctx := context.Background()

	service, err := bus.Dial(ctx, daemon.Address(), bus.Options{})
	if err != nil {
		log.Fatal(err)
	}
	defer service.Close()
	clock := new(clock)
	if _, err := service.Export(ctx, "/clock", bus.ExportOptions{}, clock); err != nil {
		log.Fatal(err)
	}
	if err := service.RequestName(ctx, "org.example.Clock"); err != nil {
		log.Fatal(err)
	}

	client, err := bus.Dial(ctx, daemon.Address(), bus.Options{})
	if err != nil {
		log.Fatal(err)
	}
	defer client.Close()
	object := client.Object("org.example.Clock", "/clock")
	struck := make(chan string, 1)
	subscription, err := object.Subscribe(ctx, "org.example.Clock1", "Struck", "s", func(d *wire.Decoder) { struck <- d.String() })
	if err != nil {
		log.Fatal(err)
	}
	defer subscription.Close()
	err = object.Call(ctx, hour, nil, func(d *wire.Decoder) { fmt.Println("it is", d.Byte()) })
	if err != nil {
		log.Fatal(err)
	}
	if err := clock.Emit("Struck", "s", func(e *wire.Encoder) { e.String("ding") }); err != nil {
		log.Fatal(err)
	}
	fmt.Println(<-struck)
	// Output:
	// it is 12
	// ding
}

// Values that may be absent, as generated option dictionaries have them.
func ExampleOpt() {
	type options struct{ Offset bus.Opt[uint16] }
	for _, o := range []options{{}, {Offset: bus.Some[uint16](0)}} {
		offset, set := o.Offset.Get()
		fmt.Println(offset, set, o.Offset.IsSet())
	}
	// Output:
	// 0 false false
	// 0 true true
}
