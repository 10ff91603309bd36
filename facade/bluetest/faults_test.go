package bluetest

import (
	"context"
	"errors"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/gobluez/bluez/bluezgen"
	"github.com/gobluez/bluez/gen/bus"
	"github.com/gobluez/bluez/gen/wire"
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

func TestRepliesAreDisturbed(t *testing.T) {
	w := Start(t)
	conn := dial(t, w)
	adapter := bluezgen.NewAdapter1(conn, "/org/bluez/hci0")
	lost := func(method string) bool {
		ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
		defer cancel()
		_, err := adapter.Alias(ctx)
		return errors.Is(err, context.DeadlineExceeded)
	}
	undo := w.LoseReplies("Get")
	if !lost("Get") {
		t.Error("the reply was not lost")
	}
	if _, err := adapter.GetAll(t.Context()); err != nil {
		t.Errorf("another method: %v", err)
	}
	undo()
	undo()
	late := w.LateReplies("", time.Hour)
	if !lost("Get") {
		t.Error("the reply was not late")
	}
	late()
	double := w.DoubleReplies("Get")
	for range 3 {
		if _, err := adapter.Alias(t.Context()); err != nil {
			t.Error(err)
		}
	}
	double()
	if conn.Err() != nil {
		t.Error(conn.Err())
	}
}

func TestRepliesAreReordered(t *testing.T) {
	w := Start(t)
	conn := dial(t, w)
	defer w.ReorderReplies("GetDiscoveryFilters", 100*time.Millisecond)()
	var order []int
	var mu sync.Mutex
	var both sync.WaitGroup
	asked := make(chan struct{})
	for n := range 2 {
		both.Go(func() {
			if n == 1 {
				<-asked
			}
			method := bus.Method{Interface: bluezgen.Adapter1Interface, Name: "GetDiscoveryFilters", Out: "as"}
			err := conn.Object(bluezgen.Service, "/org/bluez/hci0").Call(t.Context(), method,
				func(*wire.Encoder) {
					if n == 0 {
						close(asked)
					}
				},
				func(d *wire.Decoder) { d.Skip("as") })
			if err != nil {
				t.Error(err)
			}
			mu.Lock()
			defer mu.Unlock()
			order = append(order, n)
		})
	}
	both.Wait()
	if len(order) != 2 {
		t.Errorf("replies %v", order)
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
	if err := Start(t).SendMalformed(-1); err == nil {
		t.Error("an unknown malformation was sent")
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
