package facade

import "sync"

// lateWakes are mailboxes whose consumers are to be woken when everything that came
// from the bus at once is in them. Waking one for each message costs as much as all else
// that is done with a message.
type lateWakes struct {
	mu    sync.Mutex
	boxes []interface{ wakeLate() }
	spare []interface{ wakeLate() }
}

func (l *lateWakes) add(box interface{ wakeLate() }) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.boxes = append(l.boxes, box)
}

// wake wakes the consumers. It is called by the goroutine that reads the bus before it
// reads more.
func (l *lateWakes) wake() {
	l.mu.Lock()
	boxes := l.boxes
	l.boxes, l.spare = l.spare[:0], nil
	l.mu.Unlock()
	for _, box := range boxes { // without the lock, which add takes below a mailbox's
		box.wakeLate()
	}
	clear(boxes)
	l.mu.Lock()
	l.spare = boxes
	l.mu.Unlock()
}
