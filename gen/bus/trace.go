package bus

import (
	"fmt"
	"io"
	"strings"
	"sync"

	"github.com/gobluez/bluez/gen/wire"
)

// A tracer writes one line a message. A nil tracer writes nothing.
type tracer struct {
	mu sync.Mutex
	w  io.Writer
}

func (t *tracer) received(m *message) {
	if t != nil {
		t.line("<-", &m.header)
	}
}

func (t *tracer) sent(frame []byte) {
	if t == nil {
		return
	}
	var h wire.Header
	if _, err := wire.ParseFrame(frame, &h); err == nil {
		t.line("->", &h)
	}
}

// line writes the header of a message, such as
//
//	-> method_call 2147483650 to org.bluez path /org/bluez/hci0 org.bluez.Adapter1.StartDiscovery
func (t *tracer) line(arrow string, h *wire.Header) {
	var b strings.Builder
	fmt.Fprintf(&b, "%s %s %d", arrow, h.Type, h.Serial)
	if h.ReplySerial != 0 {
		fmt.Fprintf(&b, " reply to %d", h.ReplySerial)
	}
	if h.Sender != nil {
		fmt.Fprintf(&b, " from %s", h.Sender)
	}
	if h.Destination != nil {
		fmt.Fprintf(&b, " to %s", h.Destination)
	}
	if h.Path != nil {
		fmt.Fprintf(&b, " path %s", h.Path)
	}
	if h.Interface != nil {
		fmt.Fprintf(&b, " %s.%s", h.Interface, h.Member)
	} else if h.Member != nil {
		fmt.Fprintf(&b, " %s", h.Member)
	}
	if h.ErrorName != nil {
		fmt.Fprintf(&b, " %s", h.ErrorName)
	}
	if len(h.Signature) > 0 {
		fmt.Fprintf(&b, " (%s) %d bytes", h.Signature, h.BodyLen)
	}
	if h.UnixFDs > 0 {
		fmt.Fprintf(&b, " %d descriptors", h.UnixFDs)
	}
	b.WriteByte('\n')
	t.mu.Lock()
	defer t.mu.Unlock()
	_, _ = io.WriteString(t.w, b.String())
}
