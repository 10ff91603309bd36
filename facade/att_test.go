package facade

import "testing"

func TestATTErrorsSayWhatTheyAre(t *testing.T) {
	for code, want := range map[ATTError]string{
		0x02: "ATT error 0x02: read not permitted",
		0x13: "ATT error 0x13: value not allowed",
		0x14: "ATT error 0x14: reserved error",
		0x80: "ATT error 0x80: application error",
		0x9f: "ATT error 0x9f: application error",
		0xa0: "ATT error 0xa0: reserved error",
		0xe0: "ATT error 0xe0: profile or service error",
		0xfd: "ATT error 0xfd: client characteristic configuration improperly configured",
	} {
		if got := code.Error(); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}
