package bluetest

import (
	"context"
	"errors"
	"strings"
	"testing"
)

func TestWhatIsAwaitedComes(t *testing.T) {
	b := newBench(t, notifier())
	ctx, p := t.Context(), b.device
	// await starts to wait, does what is waited for, and waits for that.
	await := func(what string, await func(context.Context) error, do func() error) {
		t.Helper()
		came := make(chan error, 1)
		go func() { came <- await(ctx) }()
		if err := do(); err != nil {
			t.Fatalf("%s: %v", what, err)
		}
		if err := <-came; err != nil {
			t.Errorf("%s: %v", what, err)
		}
	}
	subscribed := func(ctx context.Context) error { return p.AwaitSubscribed(ctx, "aa01") }
	unsubscribed := func(ctx context.Context) error { return p.AwaitUnsubscribed(ctx, "aa01") }
	await("a connection", p.AwaitConnected, func() error { b.connect(); return nil })
	c := b.characteristic("aa01")
	await("a subscription", subscribed, func() error { return c.StartNotify(ctx) })
	await("its end", unsubscribed, func() error { return c.StopNotify(ctx) })
	await("another", subscribed, func() error { return c.StartNotify(ctx) })
	await("the end of the connection", p.AwaitDisconnected, func() error { p.Disconnect(); return nil })
	if err := unsubscribed(ctx); err != nil {
		t.Errorf("without a link: %v", err)
	}
	if p.Connected() {
		t.Error("it is connected")
	}
}

// awaits are what can be awaited, and does not come by itself.
var awaits = map[string]func(ctx context.Context, b *bench) error{
	"await a connection": func(ctx context.Context, b *bench) error { return b.device.AwaitConnected(ctx) },
	"await a subscription of aa02": func(ctx context.Context, b *bench) error {
		return b.device.AwaitSubscribed(ctx, "aa02")
	},
	"await 1 writes of aa03": func(ctx context.Context, b *bench) error {
		_, err := b.device.AwaitWritten(ctx, "aa03", 1)
		return err
	},
	"await 9 calls of Pair": func(ctx context.Context, b *bench) error { return b.world.RecordCalls().Await(ctx, "Pair", 9) },
	"await 9 answers of Pair": func(ctx context.Context, b *bench) error {
		return b.world.RecordCalls().AwaitAnswered(ctx, "Pair", 9)
	},
}

// Errors say what was awaited, and why it is not any more.
func TestWhatIsAwaitedDoesNotCome(t *testing.T) {
	errMine := errors.New("I have changed my mind")
	d := notifier()
	d.Services[0].Characteristics = append(d.Services[0].Characteristics, Characteristic{UUID: "aa03", Flags: flags(fWrite)})
	b := newBench(t, d)
	gone := newBench(t, d)
	gone.device.Remove()
	closed, err := New(t.Context(), d.at(sensor))
	if err != nil {
		t.Fatal(err)
	}
	ended := &bench{world: closed, device: closed.Peripheral(sensor)}
	if err := closed.Close(); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(errMine)
	for what, await := range awaits {
		for _, test := range []struct {
			ctx   context.Context
			bench *bench
			want  error
		}{{ctx, b, errMine}, {t.Context(), gone, errRemoved}, {t.Context(), ended, ErrClosed}} {
			if test.want == errRemoved && strings.Contains(what, "Pair") {
				continue // the calls are not those of a device
			}
			if err := await(test.ctx, test.bench); !errors.Is(err, test.want) || !strings.Contains(err.Error(), what) {
				t.Errorf("%v; want %s: %v", err, what, test.want)
			}
		}
	}
}

// at returns the device at another address.
func (d Device) at(address string) Device {
	d.Address = address
	return d
}

// Nobody waits for what cannot happen.
func TestWhatCannotHappenIsNotAwaited(t *testing.T) {
	b := newBench(t, notifier())
	d := Device{Services: []Service{{UUID: "aa00", Characteristics: []Characteristic{{UUID: "aa09", Flags: flags(fRead)}}}}}
	ctx := t.Context()
	awaitAll := func(name string) []error {
		_, written := b.device.AwaitWritten(ctx, name, 1)
		_, stalled := b.device.StallReader(name)
		return []error{
			b.device.AwaitSubscribed(ctx, name), b.device.AwaitUnsubscribed(ctx, name), written, stalled, b.device.Notify(ctx, name, nil),
		}
	}
	if err := b.device.SetServices(d.Services); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{"aa09": "cannot be written", "aa0f": "no attribute aa0f", "2a38": "2a38"} {
		for i, err := range awaitAll(name) {
			if err == nil || errors.Is(err, ErrNotSubscribed) {
				t.Errorf("%s: call %d: %v", name, i, err)
			}
		}
		if err := awaitAll(name)[2]; err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %s", name, err, want)
		}
	}
	if err := awaitAll("aa09")[4]; err == nil || !strings.Contains(err.Error(), "neither notify nor indicate") {
		t.Errorf("notify what cannot: %v", err)
	}
}
