package gen

import (
	"strings"
	"testing"
)

func TestNameDocJoinsTheDocStringToTheName(t *testing.T) {
	tests := []struct{ name, verb, text, want string }{
		{"Connect", "", "Connects the device. Then more.", "Connect connects the device. Then more."},
		{"Connect", "", "This may take long.", "Connect calls it. This may take long."},
		{"Connect", "", "BlueZ does it.", "Connect calls it. BlueZ does it."},
		{"Connect", "", "", "Connect calls it."},
		{"Connect", "", "Connect does it.", "Connect does it."},
		{"Powered", "returns", "Whether it is on.", "Powered reports whether it is on."},
		{"SetPowered", "sets", "Whether it is on.", "SetPowered sets whether it is on."},
		{"RSSI", "returns", "The strength in dBm.", "RSSI returns the strength in dBm."},
		{"RSSI", "returns", "Strength in dBm.", "RSSI calls it. Strength in dBm."},
	}
	for _, tt := range tests {
		got := strings.Join(nameDoc(tt.name, tt.verb, "calls it", tt.text).lines(), "\n")
		if got != "// "+tt.want {
			t.Errorf("%s, %q: got %q, want %q", tt.name, tt.text, got, tt.want)
		}
	}
}

func TestDocIsWrapped(t *testing.T) {
	long := strings.Repeat("word ", 30)
	d := newDoc(long+"\n\nnext  paragraph\twith\x00controls\nand a line").list("Errors:", []string{"one", long})
	for _, line := range d.lines() {
		if len(line) > docWidth {
			t.Errorf("line of %d bytes: %q", len(line), line)
		}
	}
	text := strings.Join(d.lines(), "\n")
	for _, want := range []string{"\n//\n// next paragraph with controls and a line\n", "\n//\n// Errors:\n//   - one\n//   - word", "\n//     word"} {
		if !strings.Contains(text, want) {
			t.Errorf("%q is not in:\n%s", want, text)
		}
	}
}

func TestPhraseKeepsNames(t *testing.T) {
	for text, want := range map[string]string{
		"The device.": "the device.", "A device.": "a device.", "Another one.": "another one.", "BlueZ says.": "BlueZ says.",
		"RSSI is low.": "RSSI is low.", "Bluetooth is off.": "Bluetooth is off.", "StartNotify, too.": "StartNotify, too.", "": "",
	} {
		if got := phrase(text); got != want {
			t.Errorf("phrase(%q) = %q, want %q", text, got, want)
		}
	}
}
