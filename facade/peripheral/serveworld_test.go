//go:build linux

package peripheral

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"

	"github.com/gobluez/bluez/facade"
)

// serve serves an application on hci1 and advertises it, so that hci0 can connect.
func (n *neighbour) serve(app Application) *Server {
	n.t.Helper()
	s, err := Serve(n.t.Context(), app, n.options())
	if err != nil {
		n.t.Fatal(err)
	}
	n.t.Cleanup(func() { s.Close() })
	n.advertise(Advertisement{Name: "neighbour"})
	return s
}

// connect connects hci0 to hci1.
func (n *neighbour) connect() *facade.Client {
	n.t.Helper()
	heard := n.hears(func(a facade.Advertisement) bool { return a.Name == "neighbour" })
	client, err := n.central.Connect(n.t.Context(), heard, facade.ConnectOptions{})
	n.check(err)
	n.t.Cleanup(func() { client.Close() })
	return client
}

var (
	thing      = facade.UUID{9} // a service that BlueZ, as a central, leaves to programs
	secretUUID = facade.UUID{1}
	echoUUID   = facade.UUID{2}
	alarmUUID  = facade.UUID{3}
	streamUUID = facade.UUID{4}
)

func TestCentralUsesWhatIsServed(t *testing.T) {
	n := startNeighbour(t)
	ctx := t.Context()
	level := &Characteristic{
		UUID: batteryLevel, Properties: properties("read", "write", "notify"), Value: []byte{77},
		Descriptors: []*Descriptor{{UUID: facade.UUID16(0x2901), Properties: properties("read", "write"), Value: []byte("main")}},
	}
	refused := &Characteristic{
		UUID: secretUUID, Properties: properties("read", "write"),
		Read:  func(context.Context, *Request) ([]byte, error) { return nil, facade.ATTError(0x81) },
		Write: func(context.Context, *Request, []byte) error { return facade.ATTInvalidValueLength },
	}
	var writes = make(chan string, 10)
	stream := &Characteristic{UUID: streamUUID, Properties: properties("write-without-response"), Acquire: true,
		Write: func(_ context.Context, r *Request, value []byte) error {
			writes <- r.Device.String() + " " + string(value)
			return nil
		}}
	alarm := &Characteristic{UUID: alarmUUID, Properties: properties("indicate")}
	echo := &Characteristic{UUID: echoUUID, Properties: properties("write", "notify")}
	echo.Write = func(ctx context.Context, r *Request, value []byte) error { return r.Server.Notify(ctx, echo, value) }
	included := &Service{UUID: facade.UUID16(0x1812), Secondary: true}
	app, events := watched(Application{Services: []*Service{
		{UUID: thing, Includes: []*Service{included}, Characteristics: []*Characteristic{level, refused, stream, alarm, echo}},
		included,
	}})
	s := n.serve(app)
	client := n.connect()
	if e := receive(t, events, "connected"); e.Kind != Connected || e.Device.Adapter != "hci1" {
		t.Errorf("%+v", e)
	}

	value, err := client.Read(ctx, batteryLevel)
	if err != nil || !bytes.Equal(value, []byte{77}) {
		t.Errorf("read %x, %v", value, err)
	}
	if err := client.Write(ctx, batteryLevel, bytes.Repeat([]byte{9}, 512)); err != nil {
		t.Error(err)
	}
	if !bytes.Equal(s.Value(level), bytes.Repeat([]byte{9}, 512)) {
		t.Errorf("wrote %x", s.Value(level))
	}
	if value, err = client.ReadDescriptor(ctx, facade.UUID16(0x2901)); err != nil || string(value) != "main" {
		t.Errorf("descriptor %q, %v", value, err)
	}
	if _, err := client.Read(ctx, secretUUID); !errors.Is(err, facade.ATTError(0x81)) {
		t.Error(err)
	}
	if err := client.Write(ctx, secretUUID, nil); !errors.Is(err, facade.ATTInvalidValueLength) {
		t.Error(err)
	}
	for i := range 3 {
		if err := client.WriteWithoutResponse(ctx, streamUUID, fmt.Append(nil, i)); err != nil {
			t.Error(err)
		}
	}
	for i := range 3 {
		if got, want := receive(t, writes, "a write"), fmt.Sprint(n.Adapter("hci0").Address(), " ", i); got != want {
			t.Errorf("%s, want %s", got, want)
		}
	}
	services := client.Services()
	if i := slices.IndexFunc(services, func(s *facade.Service) bool { return s.UUID == thing }); i < 0 || len(services[i].Includes) != 1 {
		t.Errorf("services %v", services)
	}
	n.subscribes(client, s, events, level, "notified")
	n.subscribes(client, s, events, alarm, "indicated")

	sub, err := client.Subscribe(ctx, echoUUID, facade.SubscribeOptions{})
	n.check(err)
	n.check(client.Write(ctx, echoUUID, []byte("hello?")))
	note, err := sub.Next(ctx)
	if err != nil || string(note.Value) != "hello?" {
		t.Errorf("echo %q, %v", note.Value, err)
	}
	expect(t, events, Subscribed)
	n.check(client.Close())
	expect(t, events, Unsubscribed, Disconnected)
}

// subscribes checks that what is notified arrives, as long as it is subscribed.
func (n *neighbour) subscribes(client *facade.Client, s *Server, events <-chan Event, char *Characteristic, value string) {
	n.t.Helper()
	ctx := n.t.Context()
	sub, err := client.Subscribe(ctx, char.UUID, facade.SubscribeOptions{})
	n.check(err)
	expect(n.t, events, Subscribed)
	n.check(s.Notify(ctx, char, []byte(value)))
	note, err := sub.Next(ctx)
	if err != nil || string(note.Value) != value {
		n.t.Errorf("notified %q, %v", note.Value, err)
	}
	n.check(sub.Close())
	expect(n.t, events, Unsubscribed)
}

func (n *neighbour) check(err error) {
	n.t.Helper()
	if err != nil {
		n.t.Fatal(err)
	}
}

func TestServedAgainAfter(t *testing.T) {
	for name, disturb := range map[string]func(*neighbour) error{
		"bluetoothd restarted": func(n *neighbour) error { return n.RestartBluetoothd(n.t.Context()) },
		"the bus restarted": func(n *neighbour) error {
			n.StopBus()
			return n.StartBus(n.t.Context())
		},
		"the adapter was off": func(n *neighbour) error {
			n.Adapter("hci1").Power(false)
			n.Adapter("hci1").Power(true)
			return nil
		},
	} {
		t.Run(name, func(t *testing.T) {
			n := startNeighbour(t)
			level := valid(nil)
			app, events := watched(one(level))
			s := n.serve(app)
			first := n.connect()
			expect(t, events, Connected)
			n.check(s.SetValue(level, []byte("kept")))
			n.check(disturb(n))
			receive(t, first.Disconnected(), "the end of the link")
			expect(t, events, Disconnected)
			client := n.connect()
			value, err := client.Read(t.Context(), batteryLevel)
			if err != nil || string(value) != "kept" {
				t.Errorf("read %q, %v", value, err)
			}
		})
	}
}
