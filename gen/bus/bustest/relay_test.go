//go:build linux

package bustest_test

import (
	"errors"
	"fmt"
	"io"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gobluez/bluez/gen/bus"
	"github.com/gobluez/bluez/gen/bus/bustest"
	"github.com/gobluez/bluez/gen/wire"
)

// passAll is a filter that changes nothing.
func passAll(*bustest.RelayedConn, bustest.Direction, *bustest.Frame) bustest.Verdict {
	return bustest.Pass
}

func TestRelayPassesEverything(t *testing.T) {
	for _, filtered := range []bool{false, true} {
		t.Run(fmt.Sprintf("filtered %t", filtered), func(t *testing.T) {
			s := newStage(t)
			if filtered {
				s.relay.Filter(passAll)
			}
			for _, text := range []string{"", "x", strings.Repeat("long", 1<<18), "y"} {
				checkEcho(t, s.client, text)
			}
			var all sync.WaitGroup
			for i := range 300 {
				all.Go(func() {
					if i%3 == 0 {
						checkSwap(t, s.client)
					}
					checkEcho(t, s.client, fmt.Sprint(i))
				})
			}
			all.Wait()
			s.thing.say(t, "one")
			s.thing.say(t, "two")
			s.checkSaid(t, "one", "two")
		})
	}
}

func TestServiceBehindARelay(t *testing.T) {
	d := bustest.Start(t)
	r := bustest.StartRelay(t, d.Address())
	behind := &stage{daemon: d, relay: bustest.StartRelay(t, r.Address())} // two in a row
	s := &stage{daemon: d, relay: r}
	s.serve(t)
	behind.dial(t)
	checkEcho(t, behind.client, "x")
	checkSwap(t, behind.client)
}

func TestOtherClientsWorkThroughARelay(t *testing.T) {
	r := bustest.StartRelay(t, bustest.Start(t).Address())
	cmd := exec.CommandContext(within(t), "dbus-send", "--bus="+r.Address(), "--dest=org.freedesktop.DBus", "--print-reply",
		"/", "org.freedesktop.DBus.ListNames")
	if out, err := cmd.CombinedOutput(); err != nil || !strings.Contains(string(out), `"org.freedesktop.DBus"`) {
		t.Errorf("dbus-send: %v: %s", err, out)
	}
}

func TestConnectionsKnowTheirUniqueNames(t *testing.T) {
	d := bustest.Start(t)
	r := bustest.StartRelay(t, d.Address())
	var names []string
	for range 3 {
		names = append(names, dial(t, r.Address()).UniqueName())
	}
	last := dial(t, r.Address())
	names = append(names, last.UniqueName())
	for i, c := range r.Connections() {
		if c.UniqueName() != names[i] || r.Connection(names[i]) != c {
			t.Errorf("%s, not %s", c.UniqueName(), names[i])
		}
	}
	ended := r.Connection(last.UniqueName())
	last.Close()
	receive(t, ended.Done())
	eventually(t, "it is not listed any more", func() bool { return len(r.Connections()) == 3 })
	if r.Connection(names[3]) != nil || r.Connection(":1.99") != nil || ended.UniqueName() != names[3] {
		t.Error("a connection that ended is found")
	}
}

func TestBusSeesAClientLeave(t *testing.T) {
	s := newStage(t)
	left := make(chan string, 10)
	if _, err := s.service.OnLeft(within(t), func(name string) { left <- name }); err != nil {
		t.Fatal(err)
	}
	name := s.client.UniqueName()
	s.client.Close()
	if got := receive(t, left); got != name {
		t.Errorf("%s left, not %s", got, name)
	}
}

func TestRelayKeepsItsAddressAcrossRestarts(t *testing.T) {
	s := newStage(t)
	address := s.relay.Address()
	for range 2 {
		s.daemon.Stop()
		s.checkLost(t, io.EOF)
		if _, err := bus.Dial(within(t), address, bus.Options{}); !errors.Is(err, bus.ErrNoBus) {
			t.Errorf("without a bus: %v", err)
		}
		if err := s.daemon.Restart(); err != nil {
			t.Fatal(err)
		}
		s.serve(t)
		s.dial(t)
		checkEcho(t, s.client, "x")
	}
	if s.relay.Address() != address {
		t.Error(s.relay.Address())
	}
}

func TestClosedRelayIsGone(t *testing.T) {
	s := newStage(t)
	for range 2 {
		if err := s.relay.Close(); err != nil {
			t.Error(err)
		}
	}
	s.checkLost(t, nil)
	if n := len(s.relay.Connections()); n != 0 {
		t.Errorf("%d connections", n)
	}
	if _, err := bus.Dial(within(t), s.relay.Address(), bus.Options{}); !errors.Is(err, bus.ErrNoBus) {
		t.Errorf("dial: %v", err)
	}
}

func TestRelayLeavesNoDescriptor(t *testing.T) {
	dial(t, bustest.Start(t).Address()).Close() // what the runtime opens for good is open now
	before := openFDs(t)
	func() {
		d, err := bustest.Launch()
		if err != nil {
			t.Fatal(err)
		}
		defer d.Close()
		r, err := bustest.NewRelay(d.Address())
		if err != nil {
			t.Fatal(err)
		}
		defer r.Close()
		s := &stage{daemon: d, relay: r}
		s.serve(t)
		s.dial(t)
		defer s.service.Close()
		defer s.client.Close()
		checkSwap(t, s.client)
		verdicts := []func(f *bustest.Frame) bustest.Verdict{
			func(*bustest.Frame) bustest.Verdict { return bustest.Pass },
			func(*bustest.Frame) bustest.Verdict { return bustest.Drop },
			func(*bustest.Frame) bustest.Verdict { return bustest.Twice },
			func(*bustest.Frame) bustest.Verdict { return bustest.Hold },
			func(f *bustest.Frame) bustest.Verdict { return f.Delay(time.Hour) },
			func(f *bustest.Frame) bustest.Verdict { return f.Replace(f.Bytes()) },
			func(f *bustest.Frame) bustest.Verdict { _ = f.Release(); return bustest.Hold },
			func(f *bustest.Frame) bustest.Verdict { f.Discard(); return bustest.Hold },
		}
		judged := make(chan struct{}, 100)
		turn := 0
		r.Filter(func(_ *bustest.RelayedConn, d bustest.Direction, f *bustest.Frame) bustest.Verdict {
			if d != bustest.ToClient || f.Header.UnixFDs == 0 {
				return bustest.Pass
			}
			defer func() { judged <- struct{}{} }()
			turn++
			return verdicts[turn-1](f)
		})
		var calls sync.WaitGroup
		defer calls.Wait()
		ctx := within(t)
		for range verdicts {
			calls.Go(func() { _, _, _ = callSwap(ctx, s.client, "there", "back") })
			receive(t, judged)
		}
		r.CutAll()
	}()
	if after := openFDs(t); after != before {
		t.Errorf("%d descriptors, %d before", after, before)
	}
}

func TestPausedRelayPassesNothing(t *testing.T) {
	s := newStage(t)
	s.relay.Pause()
	s.relay.Pause()
	type result struct {
		text string
		err  error
	}
	results := make(chan result, 1)
	go func() {
		text, err := callEcho(within(t), s.client, "late")
		results <- result{text, err}
	}()
	dialed := make(chan error, 1)
	go func() {
		c, err := bus.Dial(within(t), s.relay.Address(), bus.Options{})
		if err == nil {
			err = c.Close()
		}
		dialed <- err
	}()
	eventually(t, "the second client is connected", func() bool { return len(s.relay.Connections()) == 2 })
	s.thing.say(t, "held up")
	if err := s.conn.Inject(bustest.ToClient, s.saidFrame(t, "injected")); err != nil {
		t.Error(err)
	}
	if got := receive(t, s.said); got != "injected" {
		t.Errorf("%q passed", got)
	}
	select {
	case r := <-results:
		t.Errorf("a call returned: %+v", r)
	case err := <-dialed:
		t.Errorf("a client got through: %v", err)
	default:
	}
	s.relay.Resume()
	s.relay.Resume()
	if r := receive(t, results); r.err != nil || r.text != "late" {
		t.Errorf("%+v", r)
	}
	if err := receive(t, dialed); err != nil {
		t.Error(err)
	}
	s.checkSaid(t, "held up")
}

func TestPausedRelayCloses(t *testing.T) {
	s := newStage(t)
	s.relay.Pause()
	s.thing.say(t, "never heard")
	if err := s.relay.Close(); err != nil {
		t.Error(err)
	}
	s.checkLost(t, nil)
}

// BenchmarkCall measures a call and its reply, straight and through a relay: four
// messages pass the relay a call.
func BenchmarkCall(b *testing.B) {
	for _, via := range []string{"daemon", "relay", "filter"} {
		b.Run(via, func(b *testing.B) {
			s := newStage(b)
			client := s.client
			switch via {
			case "daemon":
				client = dial(b, s.daemon.Address())
			case "filter":
				s.relay.Filter(passAll)
			}
			ctx := within(b)
			b.ReportAllocs()
			for b.Loop() {
				if _, err := callEcho(ctx, client, "x"); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkSignal measures signals that flood through a relay, one message each.
func BenchmarkSignal(b *testing.B) {
	for _, via := range []string{"relay", "filter"} {
		b.Run(via, func(b *testing.B) {
			s := newStage(b)
			if via == "filter" {
				s.relay.Filter(passAll)
			}
			heard := make(chan struct{}, 1000)
			_, err := s.client.Object(serviceName, "/a").Subscribe(within(b), interfaceName, "Flood", "",
				func(*wire.Decoder) { heard <- struct{}{} })
			if err != nil {
				b.Fatal(err)
			}
			b.ReportAllocs()
			for i := range b.N {
				if err := s.thing.Emit("Flood", "", nil); err != nil {
					b.Fatal(err)
				}
				if i >= 500 {
					<-heard
				}
			}
		})
	}
}
