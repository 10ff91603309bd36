//go:build linux

package facade

import (
	"errors"
	"testing"

	"github.com/gobluez/bluez/facade/bluetest"
)

func TestReasonOfDisconnectionIsTold(t *testing.T) {
	for name, test := range map[string]struct {
		end  func(w *world, p *bluetest.Peripheral)
		want DisconnectReason
	}{
		"by the device": {func(_ *world, p *bluetest.Peripheral) { p.Disconnect() }, ReasonRemote},
		"out of range":  {func(_ *world, p *bluetest.Peripheral) { p.Vanish() }, ReasonTimeout},
		"power off":     {func(w *world, _ *bluetest.Peripheral) { w.adapter().Power(false) }, ReasonUnknown},
	} {
		t.Run(name, func(t *testing.T) {
			w, p, c := startStrap(t, nil, bluetest.Version587)
			client := connect(t, c)
			test.end(w, p)
			<-client.Disconnected()
			why, ok := errors.AsType[*DisconnectedError](client.Err())
			if !ok || why.Reason != test.want || why.Message == "" || !errors.Is(why, ErrDisconnected) {
				t.Errorf("the client ended with %v, want %s", client.Err(), test.want)
			}
		})
	}
}

func TestWithoutAReasonTheLinkIsJustLost(t *testing.T) {
	_, p, c := startStrap(t, nil, bluetest.Version582)
	client := connect(t, c)
	p.Disconnect()
	<-client.Disconnected()
	if _, ok := errors.AsType[*DisconnectedError](client.Err()); ok || !errors.Is(client.Err(), ErrDisconnected) {
		t.Errorf("the client ended with %v", client.Err())
	}
}
