package bus

import (
	"log/slog"
	"sync"
	"sync/atomic"
)

// Stats are counts of what happened on a connection so far, and of what waits now.
type Stats struct {
	Received      uint64 // messages
	Sent          uint64 // messages
	Foreign       uint64 // signals not delivered because their sender does not own the service's name
	Refused       uint64 // incoming calls refused because their sender is not who may call
	LateReplies   uint64 // replies whose caller had gone
	Dropped       uint64 // messages kept from DBus() because its user did not read
	InFlight      int    // calls that count against the bus' limit and wait for their reply
	Unanswered    int    // of those: whose callers have gone
	Queued        int    // calls that wait for one of those in flight to end
	MatchRules    int    // match rules in force
	Subscriptions int    // handlers of signals
	Exports       int    // exported objects
	WriteQueue    int    // messages that wait for the socket
	Backlog       int    // bytes that wait for DBus()
}

// counters are the counts of a Stats that only grow.
type counters struct {
	received, sent, foreign, refused, late, dropped atomic.Uint64
}

// Stats returns the connection's counts.
func (c *Conn) Stats() Stats {
	inFlight, queued := c.slots.depth()
	return Stats{
		Received:      c.counts.received.Load(),
		Sent:          c.counts.sent.Load(),
		Foreign:       c.counts.foreign.Load(),
		Refused:       c.counts.refused.Load(),
		LateReplies:   c.counts.late.Load(),
		Dropped:       c.counts.dropped.Load(),
		InFlight:      inFlight,
		Unanswered:    c.calls.unanswered(0),
		Queued:        queued,
		MatchRules:    c.rules.len(),
		Subscriptions: c.router.len(),
		Exports:       c.exports.len(),
		WriteQueue:    c.writer.depth(),
		Backlog:       c.side.backlog(),
	}
}

// oddities logs each kind of oddity once a connection, so that a peer cannot fill
// the log.
type oddities struct {
	logger *slog.Logger
	mu     sync.Mutex
	seen   map[string]bool
}

// maxOddities bounds the kinds that are told apart, for peers choose their names.
const maxOddities = 1000

// report logs a warning unless one of this kind was logged before.
func (o *oddities) report(kind, text string, args ...any) {
	o.mu.Lock()
	room := maxOddities - len(o.seen)
	silent := o.seen[kind] || room == 0
	if !silent {
		if o.seen == nil {
			o.seen = map[string]bool{}
		}
		o.seen[kind] = true
	}
	o.mu.Unlock()
	if silent {
		return
	}
	o.logger.Warn(text, args...)
	if room == 1 {
		o.logger.Warn("oddities of further kinds are not logged", "logged", maxOddities)
	}
}

// mismatch reports a value whose type is not what its interface's description says.
func (o *oddities) mismatch(what, want, got string) {
	o.report(what+" "+got, "value of unexpected type skipped", "what", what, "want", want, "got", got)
}
