package bluetest

import (
	"slices"
	"sync"
	"testing"

	"github.com/gobluez/bluez/bluezgen"
	"github.com/gobluez/bluez/gen/bus"
	"github.com/gobluez/bluez/gen/bus/bustest"
	"github.com/gobluez/bluez/gen/wire"
)

// A tap is a client whose messages from the bus are seen as they come, before anything
// decodes them.
type tap struct {
	*bus.Conn

	mu   sync.Mutex
	seen []wire.Header // of replies and signals
}

func openTap(t *testing.T, w *World) *tap {
	t.Helper()
	p := new(tap)
	relay := bustest.StartRelay(t, w.Address())
	relay.Filter(func(_ *bustest.RelayedConn, d bustest.Direction, f *bustest.Frame) bustest.Verdict {
		if d == bustest.ToClient {
			p.mu.Lock()
			defer p.mu.Unlock()
			p.seen = append(p.seen, f.Header)
		}
		return bustest.Pass
	})
	conn, err := bus.Dial(t.Context(), relay.Address(), bus.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	p.Conn = conn
	// The bus signals its name to a client after Hello has returned.
	if err := bluezgen.NewAdapter1(conn, "/org/bluez/hci0").Ping(t.Context()); err != nil {
		t.Fatal(err)
	}
	p.take()
	return p
}

// take returns what came since it was last called.
func (p *tap) take() []wire.Header {
	p.mu.Lock()
	defer p.mu.Unlock()
	seen := p.seen
	p.seen = nil
	return seen
}

// signals returns the senders and members of the signals that came.
func (p *tap) signals() []string {
	var all []string
	for _, h := range p.take() {
		if h.Type == wire.Signal {
			all = append(all, string(h.Sender)+" "+string(h.Member))
		}
	}
	return slices.Clip(all)
}
