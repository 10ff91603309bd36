package world

import "testing"

func TestControlSurvivesTheWire(t *testing.T) {
	want := Control{Operation: Count, Count: 60000, Interval: 500}
	if got, ok := ParseControl(want.Bytes()); !ok || got != want {
		t.Errorf("parsed %+v, %t; want %+v", got, ok, want)
	}
	for _, b := range [][]byte{nil, {1}, append(want.Bytes(), 0)} {
		if c, ok := ParseControl(b); ok {
			t.Errorf("% x was taken for %+v", b, c)
		}
	}
}
