//go:build linux

package bluetest_test

import (
	"os"
	"strings"
	"testing"

	"github.com/gobluez/bluez/facade/bluetest"
)

func TestAlarmRisesWithTheHeartRate(t *testing.T) {
	const address = "C0:FF:EE:00:00:01"
	world := bluetest.Start(t, bluetest.HeartRate(address), bluetest.Delays{Supervision: bluetest.None})
	alarms := watchPulse(t.Context(), world.Address(), address) // the application

	sensor := world.Peripheral(address)
	if err := sensor.AwaitSubscribed(t.Context(), "2a37"); err != nil {
		t.Fatal(err)
	}
	if err := sensor.Notify(t.Context(), "2a37", []byte{0, 190}); err != nil { // beats per minute
		t.Fatal(err)
	}
	if got := <-alarms; got != "the heart races" {
		t.Errorf("alarm %q", got)
	}
	sensor.Vanish() // out of range; or world.RestartBluetoothd, world.Adapter("hci0").Power(false), ...
	if got := <-alarms; got != "no pulse" {
		t.Errorf("alarm %q", got)
	}
}

// The documentation and the README show the test above as it is.
func TestPagesShowTheTestOfTheAlarm(t *testing.T) {
	source := readFile(t, "alarm_test.go")
	_, rest, _ := strings.Cut(source, "\n\nfunc TestAlarm")
	body, _, _ := strings.Cut(rest, "\n}\n")
	lines := "func TestAlarm" + body + "\n}\n"
	var comment strings.Builder
	for line := range strings.Lines(lines) {
		comment.WriteString(strings.TrimSuffix("//\t"+line, "\n"))
		comment.WriteString("\n")
	}
	if doc := strings.ReplaceAll(comment.String(), "//\t\n", "//\n"); !strings.Contains(readFile(t, "doc.go"), doc) {
		t.Errorf("doc.go does not have\n%s", doc)
	}
	if !strings.Contains(readFile(t, "../../README.md"), "```go\n"+lines+"```\n") {
		t.Errorf("README.md does not have\n%s", lines)
	}
}

func readFile(t *testing.T, name string) string {
	t.Helper()
	data, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}
