//go:build linux

package facade

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/gobluez/bluez/facade/bluetest"
)

func TestDisconnectEndsTheLinkWhoeverMadeIt(t *testing.T) {
	w, p, c := startStrap(t, nil)
	w.connectAs(w.program())
	w.settle(c)
	client := connect(t, c)
	if err := client.Disconnect(t.Context()); err != nil {
		t.Fatal(err)
	}
	if !errors.Is(client.Err(), ErrClosed) || p.Connected() || w.calls.Count("Connect") != 1 || w.calls.Count("Disconnect") != 1 {
		t.Errorf("%v after %d Connect and %d Disconnect", client.Err(), w.calls.Count("Connect"), w.calls.Count("Disconnect"))
	}
}

func TestDisconnectThatFailsLeavesTheClientConnected(t *testing.T) {
	w, p, c := startStrap(t, nil, bluetest.Delays{Disconnect: time.Hour})
	client := connect(t, c)
	ctx, cancel := context.WithCancel(t.Context())
	w.whenCalled("Disconnect", 1, cancel)
	if err := client.Disconnect(ctx); !errors.Is(err, context.Canceled) || client.Err() != nil || client.leaving.Load() {
		t.Errorf("disconnect: %v; client: %v", err, client.Err())
	}
	p.Disconnect()
	w.wait(client.Disconnected(), "the end")
	if !errors.Is(client.Err(), ErrDisconnected) {
		t.Errorf("client: %v", client.Err())
	}
}

func TestDisconnectIsBoundedByItself(t *testing.T) {
	t.Parallel() // it has to wait, for ten seconds
	w, p, c := startStrap(t, nil, bluetest.Delays{Disconnect: time.Hour})
	client := connect(t, c)
	if err := client.Disconnect(t.Context()); !errors.Is(err, context.DeadlineExceeded) || client.Err() != nil {
		t.Errorf("disconnect: %v; client: %v", err, client.Err())
	}
	p.Disconnect() // or Close would wait as well
	w.wait(client.Disconnected(), "the end")
}

func TestDisconnectLooksForTheEndThatIsNotSignalled(t *testing.T) {
	t.Parallel() // it has to wait
	_, p, c := startStrap(t, nil)
	client := connect(t, c)
	client.following.Close() // no signal of the device comes any more
	client.following = nil
	if err := client.Disconnect(t.Context()); err != nil || !errors.Is(client.Err(), ErrClosed) || p.Connected() {
		t.Errorf("disconnect: %v; client: %v", err, client.Err())
	}
}

func TestCloseEndsTheLinkThatItsCentralMade(t *testing.T) {
	w, p, c := startStrap(t, nil)
	w.connectAs(w.program())
	w.settle(c)
	if err := connect(t, c).Close(); err != nil || !p.Connected() {
		t.Errorf("a link that was there before was ended: %v", err)
	}
	p.Disconnect()
	w.settle(c)
	first, second := connect(t, c), connect(t, c)
	if err := first.Close(); err != nil || second.Err() != nil || !p.Connected() {
		t.Errorf("the link was ended while it is used: %v, %v", err, second.Err())
	}
	if err := second.Close(); err != nil || p.Connected() || w.calls.Count("Disconnect") != 1 {
		t.Errorf("the link was not ended with its last user: %v", err)
	}
	if !errors.Is(second.Err(), ErrClosed) || second.Close() != nil || c.Stats().Clients != 0 {
		t.Errorf("closed client: %v, %d clients", second.Err(), c.Stats().Clients)
	}
}

func TestCloseOfTheCentralEndsItsLinks(t *testing.T) {
	w, p, c := startStrap(t, nil)
	client := connect(t, c)
	const other = "C0:FF:EE:00:00:02"
	slow := w.add(bluetest.Device{Address: other, Advertisement: bluetest.Advertisement{Silent: true}}) // never connects
	w.know(slow, bluetest.Advertisement{})
	w.settle(c)
	connecting := make(chan error)
	go func() {
		_, err := c.Connect(t.Context(), Address{0xC0, 0xFF, 0xEE, 0, 0, 2}, ConnectOptions{})
		connecting <- err
	}()
	w.await("Connect", 2)
	if err := c.Close(); err != nil {
		t.Error(err)
	}
	if err := <-connecting; !errors.Is(err, ErrClosed) {
		t.Errorf("connect: %v", err)
	}
	if !errors.Is(client.Err(), ErrClosed) || p.Connected() || w.calls.Count("Disconnect") != 2 {
		t.Errorf("client: %v; %d Disconnect", client.Err(), w.calls.Count("Disconnect"))
	}
}

func TestClientThatWaitsInVainForItsTurnStillEndsTheLink(t *testing.T) {
	w, p, c := startStrap(t, nil)
	client := connect(t, c)
	client.link.change <- struct{}{} // another client connects, and takes long
	impatient, cancel := context.WithCancel(t.Context())
	cancel()
	if client.depart(impatient); w.calls.Count("Disconnect") != 1 || p.Connected() {
		t.Error("the link was left up")
	}
	<-client.link.change
}
