package facade

import (
	"context"

	"github.com/godbus/dbus/v5"
)

// maxWaitingDevices bounds a backlog that coalesces. Where addresses rotate, a
// consumer that stands still would otherwise collect every address ever used.
const maxWaitingDevices = 4096

// A backlog holds the advertisements that wait for the consumer of one scan: either
// the newest of each device, or every packet up to a limit.
type backlog struct {
	mailbox[Advertisement]
	waiting map[dbus.ObjectPath]uint64 // number in items by device; nil when every packet counts
	counts  *counters
}

func newBacklog(o *ScanOptions, counts *counters) *backlog {
	b := &backlog{mailbox: mailbox[Advertisement]{limit: maxWaitingDevices, ready: make(chan struct{}, 1)}, counts: counts}
	if !o.EveryPacket {
		b.waiting = make(map[dbus.ObjectPath]uint64)
		return b
	}
	b.limit = queueLimit(o.Queue)
	return b
}

// queueLimit returns the length of a queue of which an option says n.
func queueLimit(n int) int {
	if n <= 0 {
		return 1024
	}
	return n
}

// put adds adv without ever waiting. It returns false if the consumer of every
// packet was too slow; its backlog has then ended with ErrOverflow.
func (b *backlog) put(adv *Advertisement) bool { return b.putLate(adv, nil) }

// putLate is put, but leaves it to late to wake the consumer.
func (b *backlog) putLate(adv *Advertisement, late *lateWakes) bool {
	b.counts.advertisements.Add(1)
	if b.waiting == nil {
		kept := b.mailbox.putLate(*adv, late)
		if !kept {
			b.counts.overflows.Add(1)
		}
		return kept
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.ended != nil {
		return true
	}
	if number, known := b.waiting[adv.Device.path]; known && number >= b.items.first {
		slot := b.items.at(number)
		coalesced := slot.Coalesced + 1
		*slot = *adv
		slot.Coalesced = coalesced
		b.counts.coalesced.Add(1)
		return true
	}
	if b.items.len >= b.limit {
		delete(b.waiting, b.items.pop().Device.path)
		b.counts.evicted.Add(1)
	}
	b.waiting[adv.Device.path] = b.items.push(*adv)
	b.announce(late)
	return true
}

// take returns the advertisement that waits longest, as mailbox.take does.
func (b *backlog) take(ctx context.Context) (Advertisement, error) {
	adv, err := b.mailbox.take(ctx)
	if err == nil && b.waiting != nil {
		b.mu.Lock()
		// Unless a newer one of this device was put since.
		if number, known := b.waiting[adv.Device.path]; known && number < b.items.first {
			delete(b.waiting, adv.Device.path)
		}
		b.mu.Unlock()
	}
	return adv, err
}
