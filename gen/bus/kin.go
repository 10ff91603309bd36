package bus

import (
	"slices"
	"strings"

	"github.com/gobluez/bluez/gen/wire"
)

// dbus-daemon (1.14, and all before) does not look at path_namespace when it removes a
// match rule: of the rules that differ in nothing else it removes the one that was added
// last, whichever RemoveMatch asks for. Whoever stopped to follow one device would no
// longer hear another one.
//
// So such rules, which are kin, are removed in the reverse order of their addition: one
// that nobody needs any more stays in force, idle, until those added after it are gone.
// What it lets through finds no handler. When too many are idle they are sorted out.

// A family is the rules of one kin in the order in which they were added.
type family []*rule

// maxIdle is how many rules of a family may be idle besides half of it.
const maxIdle = 16

// kinOf returns what a rule has in common with its kin, and whether it can have any.
func kinOf(text string) (kin string, ok bool) {
	before, rest, ok := strings.Cut(text, ",path_namespace='")
	if !ok {
		return "", false
	}
	_, after, _ := strings.Cut(rest, "'")
	return before + after, true
}

// retire removes the rules of a family that nobody needs. The table is locked.
func (t *ruleTable) retire(kin string) {
	f := t.families[kin]
	for len(f) > 0 && f[len(f)-1].shares == 0 {
		last := f[len(f)-1]
		f = f[:len(f)-1]
		delete(t.rules, last.text)
		t.remove(last.text)
	}
	idle := 0
	for _, r := range f {
		if r.shares == 0 {
			idle++
		}
	}
	if idle > maxIdle+len(f)/2 {
		f = t.sortOut(kin, f)
	}
	if len(f) == 0 {
		delete(t.families, kin)
	} else {
		t.families[kin] = f
	}
}

// sortOut removes the idle rules of a family. While the others are removed and added
// again, a rule without path_namespace stands in for them all, so that no signal is
// missed. The table is locked.
func (t *ruleTable) sortOut(kin string, f family) family {
	t.add(kin)
	for _, r := range slices.Backward(f) {
		t.remove(r.text)
	}
	var needed family
	for _, r := range f {
		if r.shares == 0 {
			delete(t.rules, r.text)
			continue
		}
		t.add(r.text)
		needed = append(needed, r)
	}
	t.remove(kin)
	return needed
}

// add has the bus add a rule that it has accepted before.
func (t *ruleTable) add(text string) {
	// It fails only with the connection, or when others have taken all rules there may be.
	_ = t.conn.ask(busService, busPath, addMatch,
		func(e *wire.Encoder) { e.String(text) },
		func(_ *wire.Decoder, err error) error {
			if err != nil {
				t.conn.logger.Warn("add a match rule again", "rule", text, "error", err)
			}
			return nil
		})
}

// remove has the bus remove a rule. The only error is that of a connection that has
// ended, and its rules with it.
func (t *ruleTable) remove(text string) {
	_ = t.conn.ask(busService, busPath, removeMatch, func(e *wire.Encoder) { e.String(text) }, nil)
}
