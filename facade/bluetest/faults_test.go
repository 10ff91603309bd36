package bluetest

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gobluez/bluez/bluezgen"
	"github.com/gobluez/bluez/gen/bus"
)

// mirror follows what a world's bluetoothd shows.
func mirror(t *testing.T, conn *bus.Conn) *bus.Mirror {
	t.Helper()
	m, err := bus.OpenMirror(t.Context(), conn, bus.MirrorOptions{
		Service: bluezgen.Service, Root: "/", Codecs: bluezgen.Codecs(), Follow: []string{bluezgen.Adapter1Interface},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(m.Close)
	return m
}

// awaitEvent waits for an event of a mirror.
func awaitEvent(t *testing.T, events <-chan bus.EventKind, want bus.EventKind) {
	t.Helper()
	for kind := range events {
		if kind == want {
			return
		}
	}
}

func TestBluetoothdGoesAndComesBack(t *testing.T) {
	for name, end := range map[string]func(*World){"stopped": (*World).StopBluetoothd, "crashed": (*World).CrashBluetoothd} {
		t.Run(name, func(t *testing.T) {
			w := Start(t)
			m := mirror(t, dial(t, w))
			events := make(chan bus.EventKind, 100)
			defer m.Subscribe(func(e bus.Event) { events <- e.Kind })()
			end(w)
			end(w) // does nothing
			awaitEvent(t, events, bus.Lost)
			if err := w.StartBluetoothd(t.Context()); err != nil {
				t.Fatal(err)
			}
			awaitEvent(t, events, bus.Restored)
			if err := w.StartBluetoothd(t.Context()); err == nil {
				t.Error("two bluetoothd run at once")
			}
			m.View(func(v bus.View) {
				adapter, _ := v.Record("/org/bluez/hci0", bluezgen.Adapter1Interface).(*bluezgen.Adapter1Update)
				if adapter == nil {
					t.Error("its adapter is not there")
				}
			})
		})
	}
}

func TestStoppedBluetoothdRemovesItsObjects(t *testing.T) {
	w := Start(t)
	m := mirror(t, dial(t, w))
	var order []string
	done := make(chan struct{})
	defer m.Subscribe(func(e bus.Event) {
		switch {
		case e.Kind == bus.Changed && e.Interface == bluezgen.Adapter1Interface:
			order = append(order, "changed")
		case e.Kind == bus.Removed && e.Interface == bluezgen.Adapter1Interface:
			order = append(order, "removed")
		case e.Kind == bus.Lost:
			close(done)
		}
	})()
	w.StopBluetoothd()
	<-done
	if len(order) == 0 || order[0] != "changed" || !slices.Contains(order, "removed") {
		t.Errorf("events %v, want the power going off, then the object", order)
	}
}

func TestBusRestarts(t *testing.T) {
	w := Start(t)
	conn := dial(t, w)
	address := w.Address()
	if err := w.RestartBus(t.Context()); err != nil {
		t.Fatal(err)
	}
	<-conn.Done()
	if w.Address() != address {
		t.Errorf("the world moved from %s to %s", address, w.Address())
	}
	if _, err := bluezgen.NewAdapter1(dial(t, w), "/org/bluez/hci0").Alias(t.Context()); err != nil {
		t.Error(err)
	}
}

func TestConnectionsAreCut(t *testing.T) {
	for name, cut := range map[string]func(*World){
		"at once":      (*World).CutConnections,
		"in mid-frame": func(w *World) { w.CutMidFrame(); go w.SendMalformed(NotUTF8) },
	} {
		t.Run(name, func(t *testing.T) {
			w := Start(t)
			conn := dial(t, w)
			cut(w)
			<-conn.Done()
			if _, err := bluezgen.NewAdapter1(dial(t, w), "/org/bluez/hci0").Alias(t.Context()); err != nil {
				t.Error(err)
			}
		})
	}
}

func TestFrozenBusAnswersLater(t *testing.T) {
	w := Start(t)
	adapter := bluezgen.NewAdapter1(dial(t, w), "/org/bluez/hci0")
	resume := w.Freeze()
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if _, err := adapter.Alias(ctx); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("a frozen bus answers: %v", err)
	}
	resume()
	if _, err := adapter.Alias(t.Context()); err != nil {
		t.Error(err)
	}
}

// Of several that overlap each has to be ended, and ending one again ends no other.
func TestFreezesOverlap(t *testing.T) {
	w := Start(t)
	adapter := bluezgen.NewAdapter1(dial(t, w), "/org/bluez/hci0")
	first := w.Freeze()
	second := w.Freeze()
	for range 2 {
		first()
		ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
		if _, err := adapter.Alias(ctx); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("a bus that is still frozen answers: %v", err)
		}
		cancel()
	}
	second()
	if _, err := adapter.Alias(t.Context()); err != nil {
		t.Error(err)
	}
}

func TestBusIsNotStartedTwice(t *testing.T) {
	w := Start(t)
	conn := dial(t, w)
	if err := w.StartBus(t.Context()); err == nil {
		t.Error("the bus was started while it runs")
	}
	if _, err := bluezgen.NewAdapter1(conn, "/org/bluez/hci0").Alias(t.Context()); err != nil {
		t.Errorf("it was harmed: %v", err)
	}
	w.StopBus()
	w.StopBus() // does nothing
	if err := w.StartBus(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, err := bluezgen.NewAdapter1(dial(t, w), "/org/bluez/hci0").Alias(t.Context()); err != nil {
		t.Error(err)
	}
}

// bluetoothd ends when it loses the bus, whoever took that away.
func TestBluetoothdEndsWithItsConnection(t *testing.T) {
	w := Start(t)
	b := w.running()
	b.conn.Close()
	<-b.ctx.Done()
	if w.running() != nil {
		t.Error("it runs without a connection")
	}
	if err := w.StartBluetoothd(t.Context()); err != nil {
		t.Error(err)
	}
}

func TestClosedWorldStaysClosed(t *testing.T) {
	w, err := New(t.Context(), Device{Address: sensor})
	if err != nil {
		t.Fatal(err)
	}
	adapter := w.Adapter("hci0")
	for range 2 {
		if err := w.Close(); err != nil {
			t.Error(err)
		}
	}
	ctx := t.Context()
	for name, start := range map[string]func() error{
		"StartBus":          func() error { return w.StartBus(ctx) },
		"RestartBus":        func() error { return w.RestartBus(ctx) },
		"StartBluetoothd":   func() error { return w.StartBluetoothd(ctx) },
		"RestartBluetoothd": func() error { return w.RestartBluetoothd(ctx) },
		"Reset":             adapter.Reset,
		"Add": func() error {
			_, err := w.Add(Device{Address: "C0:FF:EE:00:00:02", Run: func(context.Context, *Peripheral) { t.Error("it runs") }})
			return err
		},
		"AddAdapter": func() error { _, err := w.AddAdapter(AdapterConfig{Name: "hci7"}); return err },
	} {
		if err := start(); !errors.Is(err, ErrClosed) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if conn, err := bus.Dial(ctx, w.bus.Address(), bus.Options{}); err == nil {
		conn.Close()
		t.Error("the bus runs again")
	}
}

// A device that BlueZ knows is there again after a reset; its connection is not.
func TestAdapterIsReset(t *testing.T) {
	b := newBench(t, notifier())
	b.connect()
	b.forget()
	adapter := b.world.Adapter("hci0")
	if err := adapter.Reset(); err != nil {
		t.Fatal(err)
	}
	if b.device.Connected() || b.world.Adapter("hci0") != adapter {
		t.Error("it was not taken out, or not put back")
	}
	b.await("-device", 1)
	if _, err := bluezgen.NewAdapter1(b.conn, "/org/bluez/hci0").Alias(t.Context()); err != nil {
		t.Error(err)
	}
	b.connect() // it is known, as it was connected to
	adapter.Unplug()
	if _, err := b.world.AddAdapter(AdapterConfig{}); err != nil {
		t.Fatal(err)
	}
	if err := adapter.Reset(); err == nil {
		t.Error("there are two hci0")
	}
}

func TestRemovedDeviceIsGone(t *testing.T) {
	ended := make(chan struct{})
	d := notifier()
	d.Run = func(ctx context.Context, _ *Peripheral) {
		<-ctx.Done()
		close(ended)
	}
	b := newBench(t, d, Delays{Disconnect: None, PowerOn: None, Supervision: None})
	b.connect()
	b.device.Remove()
	<-ended
	b.await("device Connected=false ServicesResolved=false", 1)
	if b.world.Peripheral(benchAddress) != nil || len(b.world.Peripherals()) != 0 {
		t.Error("it is still in the world")
	}
	d = b.device.declared
	d.Run = nil
	if p, err := b.world.Add(d); err != nil || b.world.Peripheral(benchAddress) != p {
		t.Errorf("its address is not free: %v", err)
	}
}

func TestRepliesAreDisturbed(t *testing.T) {
	w := Start(t)
	conn := openTap(t, w)
	adapter := bluezgen.NewAdapter1(conn.Conn, "/org/bluez/hci0")
	lost := func() bool {
		ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
		defer cancel()
		_, err := adapter.Alias(ctx)
		return errors.Is(err, context.DeadlineExceeded)
	}
	undo := w.LoseReplies("Get")
	if !lost() {
		t.Error("the reply was not lost")
	}
	if _, err := adapter.GetAll(t.Context()); err != nil {
		t.Errorf("another method: %v", err)
	}
	undo()
	undo()
	late := w.LateReplies("", time.Hour)
	if !lost() {
		t.Error("the reply was not late")
	}
	dial(t, w) // which the bus answers in time
	late()
	conn.take()
	double := w.DoubleReplies("Get")
	for range 3 {
		if _, err := adapter.Alias(t.Context()); err != nil {
			t.Error(err)
		}
	}
	double()
	if err := adapter.Ping(t.Context()); err != nil {
		t.Fatal(err)
	}
	if replies := len(conn.take()); replies != 2*3+1 {
		t.Errorf("%d replies, want two of each Get and one of Ping", replies)
	}
	if conn.Err() != nil {
		t.Error(conn.Err())
	}
}

// call calls a method of the adapter that is served in turn.
func (p *tap) call(ctx context.Context) error {
	_, err := bluezgen.NewAdapter1(p.Conn, "/org/bluez/hci0").GetDiscoveryFilters(ctx)
	return err
}

func TestRepliesAreReordered(t *testing.T) {
	for name, end := range map[string]func(p *tap, undo func()) error{
		"the next has passed": func(p *tap, _ func()) error { return p.call(t.Context()) },
		"it is undone":        func(_ *tap, undo func()) error { undo(); return nil },
	} {
		t.Run(name, func(t *testing.T) {
			w := Start(t)
			client, calls := openTap(t, w), w.RecordCalls()
			undo := w.ReorderReplies("GetDiscoveryFilters", time.Hour)
			defer undo()
			first := make(chan error, 1)
			go func() { first <- client.call(t.Context()) }()
			if err := calls.AwaitAnswered(t.Context(), "GetDiscoveryFilters", 1); err != nil {
				t.Fatal(err)
			}
			if replies := client.take(); len(replies) != 0 {
				t.Errorf("the first reply was not held: %v", replies)
			}
			if err := errors.Join(end(client, undo), <-first); err != nil {
				t.Fatal(err)
			}
			var order []uint32
			for _, h := range client.take() {
				order = append(order, h.ReplySerial)
			}
			if len(order) == 2 && order[0] < order[1] {
				t.Errorf("replies came in the order of their calls: %d", order)
			}
			if want := calls.Count("GetDiscoveryFilters"); len(order) != want {
				t.Errorf("replies %d, want %d", order, want)
			}
		})
	}
}

func TestHeldReplyPassesByItself(t *testing.T) {
	w := Start(t)
	client := openTap(t, w)
	defer w.ReorderReplies("", time.Millisecond)()
	for range 3 {
		if err := client.call(t.Context()); err != nil {
			t.Error(err)
		}
	}
}

func TestMalformedMessagesEndConnections(t *testing.T) {
	for m := WrongByteOrder; m <= ArrayOverrun; m++ {
		w := Start(t)
		conn := dial(t, w)
		// Somebody listens, so that the message is decoded.
		mirror(t, conn)
		if err := w.SendMalformed(m); err != nil {
			t.Fatal(err)
		}
		<-conn.Done()
		if conn.Err() == nil {
			t.Errorf("malformation %d: no error", m)
		}
	}
	w := Start(t)
	if err := w.SendMalformed(NotUTF8); !errors.Is(err, ErrNoClient) {
		t.Errorf("without a client: %v", err)
	}
	if err := w.SendMalformed(-1); err == nil || errors.Is(err, ErrNoClient) {
		t.Errorf("unknown malformation: %v", err)
	}
}

func TestCallsAreRecorded(t *testing.T) {
	w := Start(t)
	conn := dial(t, w)
	adapter := bluezgen.NewAdapter1(conn, "/org/bluez/hci0")
	calls := w.RecordCalls()
	awaited := make(chan error, 1)
	go func() { awaited <- calls.Await(t.Context(), "GetDiscoveryFilters", 2) }()
	for range 2 {
		if _, err := adapter.GetDiscoveryFilters(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if err := <-awaited; err != nil {
		t.Error(err)
	}
	if err := calls.AwaitAnswered(t.Context(), "GetDiscoveryFilters", 2); err != nil {
		t.Error(err)
	}
	want := Call{conn.UniqueName(), "/org/bluez/hci0", bluezgen.Adapter1Interface, "GetDiscoveryFilters"}
	if all := calls.All(); len(all) != 2 || all[0] != want {
		t.Errorf("recorded %v, want %v twice", all, want)
	}
	calls.Stop()
	if _, err := adapter.GetDiscoveryFilters(t.Context()); err != nil {
		t.Fatal(err)
	}
	if n := calls.Count("GetDiscoveryFilters"); n != 2 {
		t.Errorf("after Stop, %d calls are recorded", n)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := calls.Await(ctx, "GetDiscoveryFilters", 3); !errors.Is(err, context.Canceled) {
		t.Errorf("awaiting what does not come: %v", err)
	}
	if err := calls.AwaitAnswered(ctx, "GetDiscoveryFilters", 3); !errors.Is(err, context.Canceled) {
		t.Errorf("awaiting an answer that does not come: %v", err)
	}
}

func TestCallsAreRefused(t *testing.T) {
	w := Start(t)
	adapter := bluezgen.NewAdapter1(dial(t, w), "/org/bluez/hci0")
	calls := w.RecordCalls()
	undo := w.RefuseCalls("GetDiscoveryFilters", 2, bluezgen.ErrInProgress.With("busy"))
	for n, want := range []error{bluezgen.ErrInProgress, bluezgen.ErrInProgress, nil} {
		if _, err := adapter.GetDiscoveryFilters(t.Context()); !errors.Is(err, want) {
			t.Errorf("call %d: %v, want %v", n, err, want)
		}
	}
	undo()
	defer w.RefuseCalls("", 0, bluezgen.ErrFailed.With("no"))()
	if _, err := adapter.Alias(t.Context()); !errors.Is(err, bluezgen.ErrFailed) {
		t.Errorf("error %v, want %v", err, bluezgen.ErrFailed)
	}
	if n := calls.Count("GetDiscoveryFilters"); n != 3 {
		t.Errorf("%d calls are recorded, want 3", n)
	}
}

func TestRefusedCallsThatAreSpecial(t *testing.T) {
	w := Start(t)
	client := openTap(t, w)
	object := client.Object(bluezgen.Service, "/org/bluez/hci0")
	get := bus.Method{Interface: bluezgen.Adapter1Interface, Name: "GetDiscoveryFilters", NoReply: true}
	undo := w.RefuseCalls("", 0, nil)
	if err := client.call(t.Context()); !errors.Is(err, bluezgen.ErrFailed) {
		t.Errorf("refused without an error: %v", err)
	}
	dial(t, w) // the bus itself does not refuse
	client.take()
	if err := object.Call(t.Context(), get, nil, nil); err != nil {
		t.Error(err)
	}
	undo()
	if err := client.call(t.Context()); err != nil {
		t.Error(err)
	}
	if got := client.take(); len(got) != 1 {
		t.Errorf("a call that wants no reply got one: %v", got)
	}
	for _, invalid := range []*bus.Error{bus.NewError("no name"), bluezgen.ErrFailed.With("\xff")} {
		undo := w.RefuseCalls("GetDiscoveryFilters", -1, invalid)
		if err := client.call(t.Context()); !errors.Is(err, bluezgen.ErrFailed) {
			t.Errorf("refused with %q: %v", invalid.Name, err)
		}
		undo()
	}
}

// A method that nobody has and nobody calls was misspelt.
func TestMisspeltMethodsAreNamed(t *testing.T) {
	w, err := New(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	client := dial(t, w)
	w.LoseReplies("RaedValue")()
	w.RefuseCalls("Conect", 1, bluezgen.ErrFailed)
	for _, method := range []string{"", "ReadValue", "Pair", "ConnectDevice", "RegisterMonitor", "GetAll", "AddMatch"} {
		w.LateReplies(method, 0)
	}
	w.DoubleReplies("SetColour")
	setColour := bus.Method{Interface: "com.example.Lamp1", Name: "SetColour"}
	if err := client.Object(bluezgen.Service, "/").Call(t.Context(), setColour, nil, nil); err == nil {
		t.Error("BlueZ has coloured lamps")
	}
	w.RecordCalls() // disturbs nothing
	err = w.Close()
	if err == nil || !strings.Contains(err.Error(), `LoseReplies: nobody called a method "RaedValue"`) || !strings.Contains(err.Error(), `"Conect"`) {
		t.Errorf("closed: %v", err)
	}
	if err != nil && strings.Count(err.Error(), "\n") != 1 {
		t.Errorf("more than two are complained of: %v", err)
	}
	if err := w.Close(); err != nil {
		t.Errorf("closed again: %v", err)
	}
}

// What was pending of clients that have left is forgotten when another comes.
func TestTrafficForgetsClients(t *testing.T) {
	w := Start(t)
	w.RecordCalls()
	for range 5 {
		conn := dial(t, w)
		relayed := w.relay.Connection(conn.UniqueName())
		conn.Close()
		<-relayed.Done()
	}
	dial(t, w)
	w.traffic.mu.Lock()
	defer w.traffic.mu.Unlock()
	if n := len(w.traffic.wait); n != 1 {
		t.Errorf("%d clients are remembered, want 1", n)
	}
}
