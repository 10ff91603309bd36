//go:build linux

package peripheral

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"sync"
	"testing"

	"github.com/gobluez/bluez/bluezgen"
	"github.com/gobluez/bluez/facade"
	"github.com/gobluez/bluez/gen/bus"
)

// one returns an application with one characteristic.
func one(c *Characteristic) Application {
	return Application{Services: []*Service{{UUID: batteryService, Characteristics: []*Characteristic{c}}}}
}

// watched has the events of an application sent to a channel.
func watched(app Application) (Application, <-chan Event) {
	events := make(chan Event, 100)
	app.Event = func(e Event) { events <- e }
	return app, events
}

// expect takes events.
func expect(t *testing.T, events <-chan Event, kinds ...EventKind) {
	t.Helper()
	for _, want := range kinds {
		if e := receive(t, events, want.String()); e.Kind != want {
			t.Fatalf("event %v, want %v", e, want)
		}
	}
}

func TestBlueZLearnsWhatIsDeclared(t *testing.T) {
	d, central := startBluetoothd(t)
	included := &Service{UUID: facade.UUID16(0x1812), Secondary: true}
	d.serve(central, Application{Services: []*Service{{
		UUID: batteryService, Handle: 30, Includes: []*Service{included},
		Characteristics: []*Characteristic{{
			UUID: batteryLevel, Handle: 32, Value: []byte{1},
			Properties: properties("encrypt-read", "notify", "reliable-write", "extended-properties", "write-without-response"),
			Write:      write, Acquire: true,
			Descriptors: []*Descriptor{{UUID: facade.UUID16(0x2901), Value: []byte("level"), Handle: 36}},
		}},
	}, included}})
	ctx := t.Context()
	owner, root := d.gatt.application()
	svc, err := bluezgen.GattService1{Object: d.conn.Object(owner, root+"/service0001")}.GetAll(ctx)
	d.must(err)
	if svc.UUID != batteryService.String() || !svc.Primary || svc.Handle != 30 || len(svc.Includes) != 1 || svc.Includes[0] != root+"/service0000" {
		t.Errorf("service %+v", svc)
	}
	first, err := bluezgen.GattService1{Object: d.conn.Object(owner, root+"/service0000")}.GetAll(ctx)
	d.must(err)
	if first.Primary || first.Has(bluezgen.GattService1Handle) || first.Has(bluezgen.GattService1Includes) {
		t.Errorf("included service %+v", first)
	}
	c, err := d.char(1, 0).GetAll(ctx)
	d.must(err)
	var flags []string
	for _, f := range c.Flags {
		flags = append(flags, string(f))
	}
	if c.UUID != batteryLevel.String() || c.Service != root+"/service0001" || c.Handle != 33 ||
		strings.Join(flags, " ") != "encrypt-read notify reliable-write write-without-response" ||
		!c.Has(bluezgen.GattCharacteristic1NotifyAcquired) || !c.Has(bluezgen.GattCharacteristic1WriteAcquired) {
		t.Errorf("characteristic %+v", c)
	}
	desc, err := bluezgen.GattDescriptor1{Object: d.object(pathOf(1, 0) + "/desc0000")}.GetAll(ctx)
	d.must(err)
	if desc.UUID != facade.UUID16(0x2901).String() || desc.Characteristic != root+pathOf(1, 0) || desc.Handle != 36 ||
		len(desc.Flags) != 1 || desc.Flags[0] != bluezgen.DescriptorFlagRead {
		t.Errorf("descriptor %+v", desc)
	}
}

func TestOnlyBlueZMayAsk(t *testing.T) {
	d, central := startBluetoothd(t)
	d.serve(central, one(valid(nil)))
	stranger, err := bus.Dial(t.Context(), d.daemon.Address(), bus.Options{})
	d.must(err)
	defer stranger.Close()
	owner, root := d.gatt.application()
	_, err = bluezgen.GattCharacteristic1{Object: stranger.Object(owner, root+pathOf(0, 0))}.ReadValue(t.Context(), asks)
	if !errors.Is(err, bus.ErrAccessDenied) {
		t.Error(err)
	}
}

func TestServingFailsAsBlueZSays(t *testing.T) {
	d, central := startBluetoothd(t)
	refused := bluezgen.ErrFailed.With("Failed to create entry in database")
	d.gatt.refuseNext(refused)
	_, err := Serve(t.Context(), one(valid(nil)), Options{Central: central, Adapter: "hci0"})
	if err == nil || !errors.Is(err, refused) || !strings.HasPrefix(err.Error(), "serve hci0: ") {
		t.Error(err)
	}
	_, err = Serve(t.Context(), one(valid(nil)), Options{Central: central, Adapter: "hci9"})
	if !errors.Is(err, facade.ErrNoAdapter) {
		t.Error(err)
	}
	d.conn.Close()
	if _, err = Serve(t.Context(), one(valid(nil)), Options{Central: central}); !errors.Is(err, facade.ErrNoBlueZ) {
		t.Error(err)
	}
	central.Close()
	if _, err = Serve(t.Context(), one(valid(nil)), Options{Central: central}); !errors.Is(err, facade.ErrClosed) {
		t.Error(err)
	}
}

func TestRegistrationThatWasNotWaitedForIsReplaced(t *testing.T) {
	d, central := startBluetoothd(t)
	d.gatt.refuseNext(bluezgen.ErrAlreadyExists)
	d.serve(central, one(valid(nil)))
	for _, want := range []string{"register", "unregister", "register"} {
		if call := receive(t, d.gatt.calls, want); call != want {
			t.Errorf("%s, want %s", call, want)
		}
	}
}

func TestServingEndsWithItsBeginning(t *testing.T) {
	d, central := startBluetoothd(t)
	let := d.gatt.hesitate()
	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		<-d.gatt.calls
		cancel()
	}()
	if _, err := Serve(ctx, one(valid(nil)), Options{Central: central}); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	let()
	if call := receive(t, d.gatt.calls, "unregister"); call != "unregister" {
		t.Error(call)
	}
}

func TestCloseTakesEverythingBack(t *testing.T) {
	d, central := startBluetoothd(t)
	before := central.Stats().Bus
	app, events := watched(one(&Characteristic{UUID: batteryLevel, Properties: properties("notify"), Subscribed: func(ctx context.Context, _ *Subscriber) { <-ctx.Done() }}))
	s := d.serve(central, app)
	d.connected(true)
	expect(t, events, Connected)
	socket, _, err := d.char(0, 0).AcquireNotify(t.Context(), bluezgen.AcquireOptions{Device: phone})
	d.must(err)
	defer socket.Close()
	expect(t, events, Subscribed)
	d.must(s.Close())
	d.must(s.Close())
	expect(t, events, Unsubscribed, Disconnected)
	if n, err := socket.Read(make([]byte, 1)); n != 0 || err == nil {
		t.Error("the socket is open")
	}
	receive(t, s.Done(), "the end")
	if err := s.Err(); err != nil {
		t.Error(err)
	}
	receive(t, d.gatt.calls, "register")
	if call := receive(t, d.gatt.calls, "unregister"); call != "unregister" {
		t.Error(call)
	}
	if _, err := d.char(0, 0).ReadValue(t.Context(), asks); !errors.Is(err, bus.ErrUnknownObject) {
		t.Error(err)
	}
	if after := central.Stats().Bus; after.Exports != before.Exports || after.MatchRules != before.MatchRules {
		t.Errorf("exports and rules: %+v, before %+v", after, before)
	}
	if err := s.Notify(t.Context(), app.Services[0].Characteristics[0], []byte{1}); err != nil {
		t.Errorf("notify nobody: %v", err)
	}
}

func TestServerEndsWithItsCentral(t *testing.T) {
	d, central := startBluetoothd(t)
	s := d.serve(central, one(valid(nil)))
	if s.Err() != nil {
		t.Error(s.Err())
	}
	d.must(central.Close())
	receive(t, s.Done(), "the end")
	if !errors.Is(s.Err(), facade.ErrClosed) {
		t.Error(s.Err())
	}
	receive(t, d.gatt.calls, "register")
	if call := receive(t, d.gatt.calls, "unregister"); call != "unregister" {
		t.Error(call)
	}
}

func TestFunctionThatDoesNotReturnDoesNotKeepOthers(t *testing.T) {
	d, central := startBluetoothd(t)
	stuck, inside := make(chan struct{}), make(chan struct{})
	defer close(stuck)
	other := valid(nil)
	app := one(&Characteristic{UUID: batteryLevel, Properties: properties("read"), Read: func(context.Context, *Request) ([]byte, error) {
		close(inside)
		<-stuck
		return nil, nil
	}})
	app.Services[0].Characteristics = append(app.Services[0].Characteristics, other)
	d.serve(central, app)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	go d.char(0, 0).ReadValue(ctx, asks)
	<-inside
	if value, err := d.char(0, 1).ReadValue(t.Context(), asks); err != nil || string(value) != "\x01" {
		t.Errorf("%x, %v", value, err)
	}
}

func TestDefaultCentralClosesWithTheServer(t *testing.T) {
	d, central := startBluetoothd(t)
	central.Close()
	t.Setenv("DBUS_SYSTEM_BUS_ADDRESS", d.daemon.Address())
	s, err := Serve(t.Context(), one(valid(nil)), Options{})
	d.must(err)
	d.must(s.Close())
}

func TestServerSurvives(t *testing.T) {
	for name, test := range map[string]struct {
		away func(*bluetoothd)
		back func(*bluetoothd)
	}{
		"bluetoothd": {func(d *bluetoothd) { d.conn.Close() }, (*bluetoothd).start},
		"the bus": {func(d *bluetoothd) { d.daemon.Stop(); d.conn.Close() }, func(d *bluetoothd) {
			d.must(d.daemon.Restart())
			d.start()
		}},
		"the adapter": {func(d *bluetoothd) { d.unplug() }, (*bluetoothd).plug},
	} {
		t.Run(name, func(t *testing.T) {
			d, central := startBluetoothd(t)
			char := &Characteristic{UUID: batteryLevel, Properties: properties("read", "write", "notify"), Value: []byte("before")}
			begun, cause := make(chan bool, 1), make(chan error, 1)
			app, events := watched(one(char))
			other := notifies("notify")
			app.Services[0].Characteristics = append(app.Services[0].Characteristics, &Characteristic{
				UUID: batteryLevel, Properties: properties("read"), Read: func(ctx context.Context, _ *Request) ([]byte, error) {
					begun <- true
					<-ctx.Done()
					cause <- context.Cause(ctx)
					return nil, nil
				},
			}, other)
			s := d.serve(central, app)
			receive(t, d.gatt.calls, "register")
			d.must(s.SetValue(char, []byte("kept")))
			d.connected(true)
			expect(t, events, Connected)
			socket, _, err := d.char(0, 0).AcquireNotify(t.Context(), bluezgen.AcquireOptions{Device: phone})
			d.must(err)
			defer socket.Close()
			expect(t, events, Subscribed)
			stop := make(chan struct{})
			var busy sync.WaitGroup
			defer busy.Wait()
			defer close(stop)
			busy.Go(func() {
				for n := 0; ; n++ { // never an error
					select {
					case <-stop:
						return
					default:
						if err := s.Notify(context.Background(), other, fmt.Append(nil, n)); err != nil {
							t.Error(err)
						}
					}
				}
			})
			reading, give := context.WithCancel(t.Context())
			defer give()
			go d.char(0, 1).ReadValue(reading, asks)
			receive(t, begun, "the read")
			test.away(d)
			if err := receive(t, cause, "the end of the read"); !errors.Is(err, facade.ErrClosed) && !errors.Is(err, facade.ErrDisconnected) && !errors.Is(err, facade.ErrUnavailable) {
				t.Errorf("the read ends by %v", err)
			}
			var ends []EventKind
			for range 3 {
				ends = append(ends, receive(t, events, "an end").Kind)
			}
			if ends[0] != Unsubscribed || ends[1] != Disconnected || ends[2] != Suspended {
				t.Errorf("ends are %v", ends)
			}
			d.must(s.Notify(t.Context(), char, []byte("kept too")))
			test.back(d)
			expect(t, events, Resumed)
			if value, err := d.char(0, 0).ReadValue(t.Context(), asks); err != nil || string(value) != "kept too" {
				t.Errorf("%q, %v", value, err)
			}
		})
	}
}

func TestPowerCycleKeepsTheRegistration(t *testing.T) {
	d, central := startBluetoothd(t)
	d.serve(central, one(valid(nil)))
	receive(t, d.gatt.calls, "register")
	power := func(on bool) {
		d.must(d.adapter.Update(bluezgen.Adapter1Properties{Adapter1Set: bluezgen.Adapter1SetOf(bluezgen.Adapter1Powered), Powered: on}))
	}
	power(false)
	power(true)
	if _, err := d.char(0, 0).ReadValue(t.Context(), asks); err != nil {
		t.Error(err)
	}
	if len(d.gatt.calls) != 0 {
		t.Error(<-d.gatt.calls)
	}
}

func TestDisconnectEndsTheLinkOfADevice(t *testing.T) {
	d, central := startBluetoothd(t)
	app, events := watched(one(valid(nil)))
	s := d.serve(central, app)
	d.connected(true)
	e := receive(t, events, "connected")
	d.must(s.Disconnect(t.Context(), e.Device))
	receive(t, d.disconnects, "Disconnect")
	d.connected(false)
	expect(t, events, Disconnected)
	if err := s.Disconnect(t.Context(), e.Device); !errors.Is(err, facade.ErrNotConnected) {
		t.Error(err)
	}
}

func TestValuesOfWhatIsNotServed(t *testing.T) {
	d, central := startBluetoothd(t)
	computed := &Characteristic{UUID: batteryLevel, Properties: properties("read"), Read: read}
	s := d.serve(central, one(computed))
	other := valid(nil)
	for name, err := range map[string]error{
		"set other":    s.SetValue(other, nil),
		"set nil":      s.SetValue((*Descriptor)(nil), nil),
		"set computed": s.SetValue(computed, nil),
		"notify other": s.Notify(t.Context(), other, nil),
		"notify":       s.Notify(t.Context(), computed, nil),
	} {
		var e *facade.Error
		if !errors.As(err, &e) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if s.Value(other) != nil || s.Value(computed) != nil || s.Subscribers(other) != nil {
		t.Error("values of nothing")
	}
}

// openFiles returns the number of descriptors of this process.
func openFiles(t *testing.T) int {
	t.Helper()
	files, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	return len(files)
}
