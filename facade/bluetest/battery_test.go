package bluetest

import (
	"errors"
	"slices"
	"testing"

	"github.com/gobluez/bluez/bluezgen"
	"github.com/gobluez/bluez/gen/bus"
)

func TestBattery(t *testing.T) {
	for version, source := range map[Version]string{"5.55": "", "5.82": "GATT Battery Service"} {
		t.Run(string(version), func(t *testing.T) {
			b := newBench(t, Device{Services: []Service{{UUID: "180f", Characteristics: []Characteristic{
				{UUID: "2a19", Flags: flags(fRead, fNotify), Value: []byte{80}},
			}}}}, version)
			b.connect()
			b.await("+battery", 1)
			ctx, proxy := t.Context(), bluezgen.NewBattery1(b.conn, b.proxy.Path())
			p, err := proxy.GetAll(ctx)
			if err != nil || p.Percentage != 80 || p.Source != source || p.Has(bluezgen.Battery1Source) != (source != "") {
				t.Errorf("%+v, %v", p, err)
			}
			for _, level := range []byte{79, 79, 78} {
				if err := b.device.Notify(ctx, "2a19", []byte{level}); err != nil {
					t.Fatal(err)
				}
			}
			b.await("battery Percentage=78", 1)
			b.disconnect()
			b.await("-battery", 1)
			got := slices.DeleteFunc(b.lines(), func(l string) bool { return l[0] != 'b' && l[1:] != "battery" })
			if want := []string{"+battery", "battery Percentage=79", "battery Percentage=78", "-battery"}; !slices.Equal(got, want) {
				t.Errorf("%q, want %q", got, want)
			}
			if _, err := proxy.GetAll(ctx); !errors.Is(err, bus.ErrUnknownInterface) && !errors.Is(err, bus.ErrInvalidArgs) && err == nil {
				t.Errorf("a battery without a link: %v", err)
			}
			b.connect()
			b.await("+battery", 1)

			services := []Service{{UUID: "180f", Characteristics: []Characteristic{{UUID: "2a19", Flags: flags(fRead), Value: []byte{7}}}}}
			if err := b.device.AwaitSubscribed(ctx, "2a05"); err != nil {
				t.Fatal(err)
			}
			for n, services := range [][]Service{nil, services} { // the second does not notify
				if err := b.device.SetServices(services); err != nil {
					t.Fatal(err)
				}
				b.await([]string{"-battery", "+battery"}[n], n+1)
			}
			if p, err := proxy.GetAll(ctx); err != nil || p.Percentage != 7 {
				t.Errorf("another battery: %+v, %v", p, err)
			}
		})
	}
}
