package bluetest

import (
	"os"
	"testing"

	"github.com/gobluez/bluez/bluezgen"
	"github.com/gobluez/bluez/gen/bus"
)

// An acquirer gives sockets away, and keeps the other ends.
type acquirer struct {
	t    *testing.T
	ends chan *packetSocket
}

func newAcquirer(t *testing.T) *acquirer {
	a := &acquirer{t, make(chan *packetSocket, 10)}
	t.Cleanup(func() {
		close(a.ends)
		for s := range a.ends {
			s.close()
		}
	})
	return a
}

func (a *acquirer) acquire() (*os.File, uint16, error) {
	own, theirs, err := newPacketSocket()
	if err != nil {
		return nil, 0, err
	}
	a.ends <- own
	return theirs, 517, nil
}

// end returns the next socket that was given away.
func (a *acquirer) end() *packetSocket {
	s := <-a.ends
	a.t.Cleanup(s.close)
	return s
}

// expect wants a packet, or the end of the socket if it is empty.
func (a *acquirer) expect(s *packetSocket, want string) {
	a.t.Helper()
	packet, more := s.receive()
	if string(packet) != want || more != (want != "") {
		a.t.Errorf("received %q, more %t, want %q", packet, more, want)
	}
}

// An application that has the property WriteAcquired gets all writes by a socket, one for each central.
func TestApplicationAcquiresWrites(t *testing.T) {
	a := newAcquirer(t)
	b, p := newServedBench(t, func(p *program) {
		c := p.characteristic("s", "c", "aa01", flags(fWrite, fCommand), has(bluezgen.GattCharacteristic1WriteAcquired))
		c.acquire = a.acquire
	})
	ctx, proxy := t.Context(), b.characteristic("aa01")
	for _, kind := range []bluezgen.WriteType{bluezgen.WriteTypeCommand, bluezgen.WriteTypeRequest} {
		if err := proxy.WriteValue(ctx, []byte(kind), bluezgen.WriteOptions{Type: kind}); err != nil {
			t.Errorf("%s: %v", kind, err)
		}
	}
	p.expect("once", "c acquire-write "+central)
	s := a.end()
	a.expect(s, "command")
	a.expect(s, "request")
	b.disconnect()
	a.expect(s, "")
	b.connect()
	if err := b.characteristic("aa01").WriteValue(ctx, []byte("again"), bluezgen.WriteOptions{}); err != nil {
		t.Error(err)
	}
	p.expect("on the next link", "c acquire-write "+central)
	s = a.end()
	a.expect(s, "again")
	if err := p.manager.UnregisterApplication(ctx, root); err != nil {
		t.Fatal(err)
	}
	a.expect(s, "")
}

// One that refuses its socket is called instead, if the error means nothing else.
func TestApplicationRefusesToAcquire(t *testing.T) {
	for _, test := range []struct {
		refusal error
		want    error
		called  bool
	}{
		{bus.ErrUnknownMethod, nil, true},
		{bluezgen.ErrNotPermitted, bluezgen.ErrNotPermitted.With("Write not permitted"), false},
	} {
		b, p := newServedBench(t, func(p *program) {
			c := p.characteristic("s", "c", "aa01", flags(fWrite), has(bluezgen.GattCharacteristic1WriteAcquired, bluezgen.GattCharacteristic1NotifyAcquired))
			c.acquire = func() (*os.File, uint16, error) { return nil, 0, test.refusal }
		})
		err := b.characteristic("aa01").WriteValue(t.Context(), []byte("x"), bluezgen.WriteOptions{})
		if want, ok := test.want.(*bus.Error); ok && !errorIs(err, want) || !ok && err != nil {
			t.Errorf("write after %v: %v", test.refusal, err)
		}
		calls := []string{"c acquire-write " + central}
		if test.called {
			calls = append(calls, `c write "x" `+central)
		}
		p.expect("write", calls...)
	}
}

// An application that has the property NotifyAcquired gives each subscriber a socket.
func TestApplicationGivesNotificationsAway(t *testing.T) {
	a := newAcquirer(t)
	var c *played
	b, p := newServedBench(t, func(p *program) {
		c = p.characteristic("s", "c", "aa01", flags(fNotify), has(bluezgen.GattCharacteristic1NotifyAcquired))
		c.acquire = a.acquire
	})
	ctx, proxy := t.Context(), b.characteristic("aa01")
	if err := proxy.StartNotify(ctx); err != nil {
		t.Fatal(err)
	}
	p.expect("subscribed", "c acquire-notify "+central)
	s := a.end()
	if !s.send([]byte("by socket")) {
		t.Error("the socket is full")
	}
	b.await("... Value=by socket", 1)
	c.notify("by property")
	b.await("... Value=by property", 1)
	if err := proxy.StopNotify(ctx); err != nil {
		t.Fatal(err)
	}
	a.expect(s, "")
	if err := proxy.StartNotify(ctx); err != nil {
		t.Fatal(err)
	}
	p.expect("again", "c acquire-notify "+central) // and no StopNotify
	s = a.end()
	b.disconnect()
	a.expect(s, "")
}

func TestApplicationGivesIndicationsAway(t *testing.T) {
	a := newAcquirer(t)
	b, p := newServedBench(t, func(p *program) {
		c := p.characteristic("s", "c", "aa01", flags(fIndicate), has(bluezgen.GattCharacteristic1NotifyAcquired))
		c.acquire = a.acquire
	})
	if err := b.characteristic("aa01").StartNotify(t.Context()); err != nil {
		t.Fatal(err)
	}
	p.expect("subscribed", "c acquire-notify "+central)
	s := a.end()
	s.send([]byte("indicated"))
	b.await("... Value=indicated", 1)
	a.expect(s, "\x01") // it is confirmed
	if err := p.manager.UnregisterApplication(t.Context(), root); err != nil {
		t.Fatal(err)
	}
	a.expect(s, "")
}

// One that gives no socket is called, unless it has failed.
func TestApplicationGivesNoNotificationsAway(t *testing.T) {
	for _, test := range []struct {
		refusal error
		want    []string
	}{
		{bus.ErrUnknownMethod, []string{"c acquire-notify " + central, "c start"}},
		{bluezgen.ErrFailed, []string{"c acquire-notify " + central}},
	} {
		b, p := newServedBench(t, func(p *program) {
			c := p.characteristic("s", "c", "aa01", flags(fNotify), has(bluezgen.GattCharacteristic1NotifyAcquired))
			c.acquire = func() (*os.File, uint16, error) { return nil, 0, test.refusal }
		})
		if err := b.characteristic("aa01").StartNotify(t.Context()); err != nil {
			t.Fatal(err)
		}
		p.expect("subscribed", test.want...)
	}
}
