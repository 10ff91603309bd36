package bluetest

import (
	"strings"
	"unicode/utf8"
)

// space is the white space that BlueZ takes from the ends of names.
const space = " \t\n\v\f\r"

// shownName returns what BlueZ shows of the name that a device tells, which may be any
// bytes: it ends at a NUL, and since 5.84 before what is not UTF-8. Earlier releases put
// spaces for all that is not ASCII, into a name that has either. White space at the ends
// goes, from such a name alone before 5.84.
func (b *bluetoothd) shownName(told string) string {
	name, _, cut := strings.Cut(told, "\x00")
	valid := utf8.ValidString(name)
	switch {
	case b.since(Version584):
		return strings.Trim(name[:validLength(name)], space)
	case valid && !cut:
		return name
	}
	ascii := []byte(name)
	for i, c := range ascii {
		if c >= utf8.RuneSelf {
			ascii[i] = ' '
		}
	}
	return strings.Trim(string(ascii), space)
}

// isText reports whether the bus takes a text: UTF-8 without NUL.
func isText(s string) bool { return utf8.ValidString(s) && !strings.Contains(s, "\x00") }

// validLength returns how many bytes of a text come before the first that is not UTF-8.
func validLength(text string) int {
	for i, r := range text {
		if r == utf8.RuneError && !strings.HasPrefix(text[i:], string(utf8.RuneError)) {
			return i
		}
	}
	return len(text)
}
