package peripheral

import (
	"fmt"
	"log/slog"
	"strconv"
	"sync"

	"github.com/gobluez/bluez/facade"
)

// An EventKind says what happened to a Server.
type EventKind int

// The kinds of events.
const (
	// Connected: a device is connected to the adapter. BlueZ does not tell who connected
	// it, so it may be one that this machine has connected as a central.
	Connected EventKind = iota + 1
	// Disconnected: its connection has ended.
	Disconnected
	// Subscribed: a device wants the notifications or indications of the Characteristic.
	// If BlueZ does not tell which device, Event.Device is zero.
	Subscribed
	// Unsubscribed: it does not want them any more, or is disconnected.
	Unsubscribed
	// Suspended: bluetoothd, the bus or the adapter has gone, and with it all connections.
	Suspended
	// Resumed: it is back, and devices can connect again.
	Resumed
)

// String returns the kind in a word, "connected".
func (k EventKind) String() string {
	names := [...]string{Connected: "connected", Disconnected: "disconnected", Subscribed: "subscribed",
		Unsubscribed: "unsubscribed", Suspended: "suspended", Resumed: "resumed"}
	if k < Connected || int(k) >= len(names) {
		return "EventKind(" + strconv.Itoa(int(k)) + ")"
	}
	return names[k]
}

// An Event is something that happened to a Server.
type Event struct {
	Kind           EventKind
	Device         facade.Device   // zero for Suspended and Resumed
	Characteristic *Characteristic // of Subscribed and Unsubscribed
}

// String returns the device and what happened to it.
func (e Event) String() string {
	text := e.Kind.String()
	if !e.Device.Address.IsZero() {
		text = fmt.Sprintf("%s: %s", e.Device, text)
	}
	if e.Characteristic != nil {
		text += " " + e.Characteristic.UUID.Short()
	}
	return text
}

// A herald tells events to the application, in their order, on a goroutine of its own.
type herald struct {
	told   func(Event)
	logger func() *slog.Logger
	task   sync.WaitGroup

	mu    sync.Mutex
	queue []Event
	busy  bool // the goroutine runs
}

// maxEvents bounds the events that wait for an application that does not return.
const maxEvents = 4096

// tell has an event told. It does not wait.
func (h *herald) tell(e Event) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.told == nil {
		return
	}
	if len(h.queue) >= maxEvents {
		h.logger().Warn("an event is not told, for the function that is told does not return", "event", e)
		return
	}
	h.queue = append(h.queue, e)
	if !h.busy {
		h.busy = true
		h.task.Go(h.run)
	}
}

// run tells what waits.
func (h *herald) run() {
	for {
		h.mu.Lock()
		if len(h.queue) == 0 {
			h.busy = false
			h.mu.Unlock()
			return
		}
		e := h.queue[0]
		h.queue = h.queue[1:]
		h.mu.Unlock()
		_ = guard(h.logger(), func() error { h.told(e); return nil })
	}
}
