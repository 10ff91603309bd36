//go:build linux

package bus

import (
	"sync/atomic"
	"testing"

	"github.com/gobluez/bluez/gen/bus/bustest"
	"github.com/gobluez/bluez/gen/wire"
)

func TestDrainedComesBehindTheHandlers(t *testing.T) {
	address := bustest.Start(t).Address()
	var waiting atomic.Int32 // handled, and nobody woken for it yet
	drained := make(chan int32, 100)
	service := dial(t, address, Options{})
	client := dial(t, address, Options{Drained: func() {
		if n := waiting.Swap(0); n > 0 {
			drained <- n
		}
	}})
	own(t, service, serviceName)
	speaker := newThing()
	export(t, service, "/a", ExportOptions{}, speaker)
	s, err := client.Object(serviceName, "/a").Subscribe(within(t), thingName, "Said", "s", func(*wire.Decoder) { waiting.Add(1) })
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	for range 10 {
		say(t, speaker, "x")
	}
	for n := int32(0); n < 10; {
		n += receive(t, drained)
	}
}
