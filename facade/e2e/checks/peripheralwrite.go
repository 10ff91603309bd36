package checks

import (
	"bytes"
	"context"
	"errors"
	"sync"
	"testing"

	"github.com/godbus/dbus/v5"

	"github.com/gobluez/bluez/bluezgen"
	"github.com/gobluez/bluez/facade"
	"github.com/gobluez/bluez/facade/e2e/world"
	"github.com/gobluez/bluez/facade/peripheral"
)

// A written is a value that arrived at a peripheral.
type written struct {
	offset int
	value  []byte
}

// Writes of every kind arrive whole and once: requests, prepared ones, which begin somewhere in the middle, and reliable ones.
func (b *bench) testPeripheralIsWritten(t *testing.T) {
	j := b.judge(t, world.Bystander())
	arrived := make(chan written, 10)
	b.serve(t, j.ctx, &peripheral.Characteristic{
		Properties: []facade.Property{facade.PropertyRead, facade.PropertyWrite, facade.PropertyReliableWrite},
		Write: func(_ context.Context, r *peripheral.Request, value []byte) error {
			arrived <- written{r.Offset, bytes.Clone(value)}
			return nil
		},
		Read: func(context.Context, *peripheral.Request) ([]byte, error) { return pattern(512), nil },
	})
	j.connect()
	path := j.attribute(siteUUID(1).String())
	for _, test := range []struct {
		what    string
		length  int
		options map[string]dbus.Variant
		offset  int
	}{
		{"a request", 20, noOptions(), 0},
		{"all there is", 512, noOptions(), 0},
		{"from an offset on", 30, option("offset", uint16(100)), 100},
		{"a reliable one", 300, option("type", "reliable"), 0},
	} {
		if err := j.call(path, bluezgen.GattCharacteristic1Interface+".WriteValue", pattern(test.length), test.options); err != nil {
			t.Errorf("%s: %v", test.what, err)
			continue
		}
		if got := <-arrived; got.offset != test.offset || !bytes.Equal(got.value, pattern(test.length)) {
			t.Errorf("%s: %d bytes from %d, want %d from %d", test.what, len(got.value), got.offset, test.length, test.offset)
		}
	}
	var value []byte
	err := j.bus.Object(bluezgen.Service, path).CallWithContext(j.ctx, bluezgen.GattCharacteristic1Interface+".ReadValue", 0,
		option("offset", uint16(500))).Store(&value)
	if err != nil || !bytes.Equal(value, pattern(512)[500:]) {
		t.Errorf("read from 500 on: % x, %v", value, err)
	}
	j.disconnect()
}

// A write that needs permission is asked for before it comes.
func (b *bench) testPeripheralAuthorizes(t *testing.T) {
	ctx, central := b.setup(t)
	var mu sync.Mutex
	allowed, asked := true, 0
	c := &peripheral.Characteristic{
		Properties: []facade.Property{facade.PropertyRead, facade.PropertyWrite},
		Value:      []byte("at first"),
		Authorize: func(_ context.Context, r *peripheral.Request) error {
			mu.Lock()
			defer mu.Unlock()
			asked++
			if !allowed {
				return facade.ATTInsufficientAuthorization
			}
			return nil
		},
	}
	s := b.serve(t, ctx, c)
	client := b.connect(t, ctx, central, world.Bystander())
	if err := client.WriteWithResponse(ctx, siteUUID(1), []byte("let in")); err != nil {
		t.Error(err)
	}
	mu.Lock()
	allowed = false
	mu.Unlock()
	if err := client.WriteWithResponse(ctx, siteUUID(1), []byte("kept out")); !errors.Is(err, facade.ATTInsufficientAuthorization) {
		t.Errorf("a write that is not let in: %v", err)
	}
	mu.Lock()
	defer mu.Unlock()
	if value := s.server.Value(c); string(value) != "let in" || asked < 2 {
		t.Errorf("the value is %q after %d questions", value, asked)
	}
}

// What is written without response through a socket arrives in order.
//
// Of the very first value only the length is looked at: bluetoothd keeps it, until it has the socket, in the buffer that it reads the
// link into, and what else the devices have to say to each other may overwrite it. The log has what arrived then.
func (b *bench) testPeripheralAcquiresWrites(t *testing.T) {
	ctx, central := b.setup(t)
	const values = 50
	arrived := make(chan []byte, values)
	b.serve(t, ctx, &peripheral.Characteristic{
		Properties: []facade.Property{facade.PropertyWriteWithoutResponse},
		Acquire:    true,
		Write: func(_ context.Context, r *peripheral.Request, value []byte) error {
			if r.Device.Address != address(t, world.Central()) {
				t.Errorf("%s writes, want %s", r.Device, world.Central().Address)
			}
			arrived <- bytes.Clone(value)
			return nil
		},
	})
	client := b.connect(t, ctx, central, world.Bystander())
	for n := range values {
		if err := client.WriteWithoutResponse(ctx, siteUUID(1), pattern(n+1)); err != nil {
			t.Fatal(err)
		}
	}
	for n := range values {
		select {
		case got := <-arrived:
			if want := pattern(n + 1); len(got) != len(want) || n > 0 && !bytes.Equal(got, want) {
				t.Fatalf("% x arrived, want % x", got, want)
			}
			if n == 0 && !bytes.Equal(got, pattern(1)) {
				t.Logf("the first value arrived as % x", got)
			}
		case <-ctx.Done():
			t.Fatalf("only %d values arrived", n)
		}
	}
}
