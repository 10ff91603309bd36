package bluetest

import (
	"strings"
	"testing"
	"time"

	"github.com/gobluez/bluez/bluezgen"
)

func TestMistakesInOptionsAreNamed(t *testing.T) {
	const address = "C0:FF:EE:00:00:01"
	for _, test := range []struct {
		name   string
		option Option
		want   string
	}{
		{"role", AdapterConfig{Roles: []bluezgen.AdapterRole{"cental"}}, `hci0: unknown role "cental"`},
		{"alias", AdapterConfig{Alias: "a\x00b"}, `hci0: alias "a\x00b"`},
		{"Resolve", Device{Address: address, Connection: Connection{Resolve: 99}}, "Resolve 99"},
		{"negative Resolve", Device{Address: address, Connection: Connection{Resolve: -1}}, "Resolve -1"},
		{"identity", Device{Address: address, Identity: strings.ToLower(address)}, "identity is the same"},
		{"PIN", Device{Address: address, Pairing: Pairing{PIN: "\xff"}}, `PIN "\xff"`},
		{"sign in a version", Version("5.+82"), `"5.+82"`},
		{"zero in a version", Version("5.082"), `"5.082"`},
	} {
		t.Run(test.name, func(t *testing.T) {
			w, err := New(t.Context(), test.option)
			if err == nil {
				w.Close()
			}
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("error %v, want one about %s", err, test.want)
			}
		})
	}
}

func TestDelaysAddUp(t *testing.T) {
	w := Start(t, Delays{Disconnect: None, Connect: time.Minute}, Delays{PowerOn: None, Connect: time.Hour})
	d := w.config.delays
	if d.Disconnect != 0 || d.PowerOn != 0 || d.Connect != time.Hour || d.Agent != time.Minute {
		t.Errorf("delays %+v", d)
	}
}

func TestAdapterWithAMistakeIsNone(t *testing.T) {
	w := Start(t)
	for what, c := range map[string]AdapterConfig{
		"there are two":  {Name: "hci0"},
		"unknown role":   {Roles: []bluezgen.AdapterRole{"x"}},
		"a name like":    {Name: "usb0"},
		"not an address": {Address: "00:11"},
	} {
		if a, err := w.AddAdapter(c); a != nil || err == nil || !strings.Contains(err.Error(), what) {
			t.Errorf("added %v, %v, want an error about %q", a, err, what)
		}
	}
	if n := len(w.Adapters()); n != 1 {
		t.Errorf("%d adapters", n)
	}
	w = Start(t, NoAdapter(), Device{Address: "00:AA:01:00:00:42"})
	if a, err := w.AddAdapter(AdapterConfig{Address: "00:AA:01:00:00:42"}); a != nil || err == nil || len(w.Adapters()) != 0 {
		t.Errorf("added %v, %v, which has the address of the only device", a, err)
	}
}
