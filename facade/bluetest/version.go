package bluetest

import (
	"fmt"
	"strconv"
	"strings"
)

// A Version is the release of BlueZ that a [World] plays, such as "5.66". It is an
// [Option]. Where releases differ in what a client can see, the world behaves as that
// release does; BEHAVIOURS.md, beside the source, has a table of that.
type Version string

// The releases whose differences are known. Others in between behave as the last of
// these before them.
const (
	Version555 Version = "5.55"
	Version566 Version = "5.66"
	Version579 Version = "5.79"
	Version582 Version = "5.82" // Debian 13; the one that is held against a real bluetoothd
	Version584 Version = "5.84"
	Version587 Version = "5.87"

	// DefaultVersion is played unless an option says otherwise.
	DefaultVersion = Version582
)

func (v Version) apply(c *config) error {
	if _, err := v.minor(); err != nil {
		return err
	}
	c.version = v
	return nil
}

// minor returns the number after "5.".
func (v Version) minor() (int, error) {
	text, ok := strings.CutPrefix(string(v), "5.")
	minor, err := strconv.Atoi(text)
	if !ok || err != nil || minor < 55 || strconv.Itoa(minor) != text {
		return 0, fmt.Errorf("BlueZ version %q is not played: want 5.55 or later", string(v))
	}
	return minor, nil
}

// since reports whether v is a release or a later one.
func (v Version) since(release Version) bool {
	mine, _ := v.minor() // was checked by apply
	other, _ := release.minor()
	return mine >= other
}
