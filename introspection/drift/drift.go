package drift

import (
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/godbus/dbus/v5/introspect"

	"github.com/gobluez/bluez/introspection"
)

// A Kind says how what is printed differs from what is declared.
type Kind string

const (
	// New is printed, and not declared.
	New Kind = "new"
	// Gone is declared for the release, and not printed.
	Gone Kind = "gone"
	// Different is declared and printed, but not as the same.
	Different Kind = "different"
)

// A Difference is one between what a service prints and what is declared.
type Difference struct {
	Kind      Kind
	Interface string
	Member    string // such as "method Connect"; empty if it is about the interface
	What      string
}

// String returns the difference on one line, such as
// "gone: org.bluez.Device1: method Pair: method() is declared and not printed".
func (d Difference) String() string {
	where := d.Interface
	if d.Member != "" {
		where += ": " + d.Member
	}
	return fmt.Sprintf("%s: %s: %s", d.Kind, where, d.What)
}

// Differences compares the recording with what package introspection declares
// for the release, and returns what differs, sorted by interface and member. It
// fails when a file cannot be read.
func (r *Recording) Differences() ([]Difference, error) {
	own := introspection.InterfacesOf(r.Service)
	c := &comparison{Recording: r}
	for _, name := range slices.Concat(own, introspection.Standard()) {
		declared, err := load(name)
		if err != nil {
			return nil, err
		}
		if shown := r.interfaces[name]; shown != nil {
			c.compare(declared, shown)
		} else if slices.Contains(own, name) {
			c.missing(declared)
		}
		c.known = append(c.known, name)
	}
	for _, name := range slices.Sorted(maps.Keys(r.interfaces)) {
		if !slices.Contains(c.known, name) && foreign[name] == "" {
			c.add(New, name, "", "the interface has no file")
		}
	}
	slices.SortStableFunc(c.found, func(a, b Difference) int {
		return strings.Compare(a.Interface+" "+a.Member, b.Interface+" "+b.Member)
	})
	return c.found, nil
}

// declaration is what a file says of an interface.
type declaration struct {
	name        string
	members     []member
	annotations []introspect.Annotation
}

func load(name string) (*declaration, error) {
	f, err := introspection.Open(name)
	if err != nil {
		return nil, err
	}
	text, err := io.ReadAll(f)
	if err = errors.Join(err, f.Close()); err != nil {
		return nil, fmt.Errorf("read %s.xml: %w", name, err)
	}
	var node introspect.Node
	if err := xml.Unmarshal(text, &node); err != nil {
		return nil, fmt.Errorf("read %s.xml: %w", name, err)
	}
	if len(node.Interfaces) != 1 {
		return nil, fmt.Errorf("read %s.xml: it has %d interfaces, expected 1", name, len(node.Interfaces))
	}
	iface := &node.Interfaces[0]
	return &declaration{name: name, members: membersOf(iface), annotations: iface.Annotations}, nil
}

// annotation returns the value for a member or else for its interface.
func (d *declaration) annotation(m *member, name string) string {
	lists := [][]introspect.Annotation{d.annotations}
	if m != nil {
		lists = [][]introspect.Annotation{m.annotations, d.annotations}
	}
	for _, list := range lists {
		for _, a := range list {
			if a.Name == name {
				return a.Value
			}
		}
	}
	return ""
}

// comparison collects the differences of a recording.
type comparison struct {
	*Recording
	known []string
	found []Difference
}

func (c *comparison) add(kind Kind, iface, member, format string, args ...any) {
	c.found = append(c.found, Difference{Kind: kind, Interface: iface, Member: member, What: fmt.Sprintf(format, args...)})
}

// objection says why the service should not print an interface, or a member of
// it if there is one; it is empty if it should.
func (c *comparison) objection(d *declaration, m *member) string {
	since := d.annotation(m, "org.gtk.GDBus.Since")
	switch {
	case d.annotation(m, "io.github.gobluez.Role") == "client":
		return "applications alone have it"
	case compareReleases(since, c.Release) > 0:
		return "it came with BlueZ " + since
	case removed[d.name] != "" && compareReleases(removed[d.name], c.Release) <= 0:
		return "it went with BlueZ " + removed[d.name]
	case d.annotation(m, "io.github.gobluez.Experimental") == "true" && !c.Experimental:
		return "it is experimental"
	default:
		return ""
	}
}

// missing judges an interface that nothing prints.
func (c *comparison) missing(d *declaration) {
	if unseen[d.name] != "" || passing[d.name] != "" || c.objection(d, nil) != "" {
		return
	}
	c.add(Gone, d.name, "", "no object prints the interface")
}

// compare judges an interface that is printed.
func (c *comparison) compare(d *declaration, shown *printed) {
	if reason := unseen[d.name]; reason != "" {
		c.add(Different, d.name, "", "it is printed, though it is listed as never seen: %s", reason)
	}
	if why := c.objection(d, nil); why != "" {
		c.add(Different, d.name, "", "it is printed, though %s", why)
		return
	}
	declared := make(map[string]bool)
	for _, m := range d.members {
		declared[m.name] = true
		why := c.objection(d, &m)
		signatures := shown.members[m.name]
		switch {
		case len(signatures) == 0 && why == "":
			c.add(Gone, d.name, m.name, "%s is declared and not printed", m.signature)
		case len(signatures) > 0 && why != "":
			c.add(Different, d.name, m.name, "it is printed, though %s", why)
		}
		for _, s := range signatures {
			c.compareSignature(d.name, &m, s)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(shown.members)) {
		if !declared[name] {
			c.add(New, d.name, name, "%s is printed and not declared", strings.Join(shown.members[name], " and "))
		}
	}
}

func (c *comparison) compareSignature(iface string, m *member, shown string) {
	i := slices.IndexFunc(deviations, func(d deviation) bool { return d.iface == iface && d.member == m.name })
	switch {
	case i >= 0 && deviations[i].prints == shown && deviations[i].really == m.signature:
		// as known
	case m.signature != shown:
		c.add(Different, iface, m.name, "%s is declared, %s is printed", m.signature, shown)
	case i >= 0:
		c.add(Different, iface, m.name, "the exception that %s is printed is not needed any more", deviations[i].prints)
	}
}

// compareReleases compares two versions of BlueZ, such as 5.9 and 5.10. The
// empty one is before all others.
func compareReleases(a, b string) int {
	numbers := func(v string) (n []int) {
		for field := range strings.SplitSeq(v, ".") {
			i, _ := strconv.Atoi(field)
			n = append(n, i)
		}
		return n
	}
	return slices.Compare(numbers(a), numbers(b))
}
