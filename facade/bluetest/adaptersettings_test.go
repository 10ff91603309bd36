package bluetest

import (
	"errors"
	"testing"

	"github.com/gobluez/bluez/bluezgen"
	"github.com/gobluez/bluez/gen/bus"
)

func TestAliasOfAdapter(t *testing.T) {
	w := Start(t, AdapterConfig{Alias: "first"})
	o := observe(t, w)
	for _, test := range []struct{ alias, want, note string }{
		{"first", "first", ""},
		{"second", "second", "hci0 Alias=second"},
		{"", "bluetest", "hci0 Alias=bluetest"}, // the system's name
		{"", "bluetest", ""},
	} {
		o.must(o.adapter.SetAlias(t.Context(), test.alias))
		if alias, err := o.adapter.Alias(t.Context()); err != nil || alias != test.want {
			t.Errorf("%q is shown as %q, %v, want %q", test.alias, alias, err, test.want)
		}
		if test.note == "" {
			o.expect()
		} else {
			o.expect(test.note)
		}
	}
	o.must(w.RestartBluetoothd(t.Context()))
	if alias, err := o.adapter.Alias(t.Context()); err != nil || alias != "bluetest" {
		t.Errorf("after a restart it is shown as %q, %v", alias, err)
	}
}

func TestAdapterIsDiscoverableForATime(t *testing.T) {
	o := observe(t, Start(t))
	ctx := t.Context()
	o.must(o.adapter.SetDiscoverableTimeout(ctx, 1))
	o.must(o.adapter.SetDiscoverable(ctx, true))
	o.must(o.adapter.SetDiscoverable(ctx, true)) // changes nothing
	o.await("end", func(note string) bool { return note == "hci0 Discoverable=false" })

	// A new timeout begins at once.
	o.must(o.adapter.SetDiscoverableTimeout(ctx, 0))
	o.must(o.adapter.SetDiscoverable(ctx, true))
	o.must(o.adapter.SetDiscoverableTimeout(ctx, 1))
	o.await("end", func(note string) bool { return note == "hci0 Discoverable=false" })
}

func TestAdapterThatIsOffIsNotDiscoverable(t *testing.T) {
	w := Start(t, quick)
	o := observe(t, w)
	ctx := t.Context()
	o.must(o.adapter.SetDiscoverable(ctx, true))
	o.must(o.adapter.SetPowered(ctx, false))
	o.expect("hci0 Discoverable=true", "hci0", "hci0 Discoverable=false", "hci0 Powered=false", "hci0")
	if err := o.adapter.SetDiscoverable(ctx, true); !errors.Is(err, bluezgen.ErrFailed.With("Not Powered")) {
		t.Errorf("made discoverable while off: %v", err)
	}
	o.must(o.adapter.SetDiscoverableTimeout(ctx, 0))
	o.must(o.adapter.SetDiscoverable(ctx, true)) // without a timeout BlueZ does not look
}

// Who makes the adapter discoverable does so for longer than a discovery that wants the same.
func TestDiscoverableOutlivesDiscovery(t *testing.T) {
	o := observe(t, Start(t))
	o.must(o.adapter.SetDiscoverableTimeout(t.Context(), 0))
	o.start(bluezgen.DiscoveryFilter{Discoverable: bus.Some(true)})
	o.must(o.adapter.SetDiscoverable(t.Context(), true))
	o.must(o.adapter.StopDiscovery(t.Context()))
	if on, err := o.adapter.Discoverable(t.Context()); err != nil || !on {
		t.Errorf("discoverable %v, %v", on, err)
	}
}

func TestPairableIsNoted(t *testing.T) {
	a := bluezgen.NewAdapter1(dial(t, Start(t)), "/org/bluez/hci0")
	ctx := t.Context()
	if err := errors.Join(a.SetPairable(ctx, true), a.SetPairableTimeout(ctx, 30)); err != nil {
		t.Fatal(err)
	}
	if props, err := a.GetAll(ctx); err != nil || !props.Pairable || props.PairableTimeout != 30 {
		t.Errorf("pairable %v for %d s, %v", props.Pairable, props.PairableTimeout, err)
	}
}
