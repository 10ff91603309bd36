package bluetest_test

import (
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/gobluez/bluez/facade/bluetest"
)

// bleakPython is the Python that Debian's packages are for. Another one in PATH would
// not have them.
const bleakPython = "/usr/bin/python3"

// Bleak, a client of BlueZ in Python that others wrote, is at home in a simulated world.
func TestBleak(t *testing.T) {
	if out, err := exec.Command(bleakPython, "-c", "import bleak").CombinedOutput(); err != nil {
		t.Fatalf("Bleak is missing on this machine (Debian: apt-get install python3-bleak): %v %s", err, out)
	}
	const sensor, uart = "C0:FF:EE:00:00:01", "C0:FF:EE:00:00:02"
	w := bluetest.Start(t, bluetest.HeartRate(sensor), bluetest.UART(uart), bluetest.Delays{Disconnect: bluetest.None})
	cmd := exec.CommandContext(t.Context(), bleakPython, "testdata/bleak_client.py", sensor, uart)
	cmd.Env = append(os.Environ(), "DBUS_SYSTEM_BUS_ADDRESS="+w.Address())
	var complaint strings.Builder
	cmd.Stderr = &complaint
	out, err := cmd.Output()
	if err != nil {
		t.Errorf("%v: %s", err, complaint.String())
	}
	const want = `heard C0:FF:EE:00:00:01 Heart Rate Sensor RSSI -60
services 180d 180f
manufacturer data {65535: '0102'}
found C0:FF:EE:00:00:01 Heart Rate Sensor
connected True
service 1800 2a00 2a01
service 1801 2a05
service 180d 2a37 2a38 2a39
service 180f 2a19
service 180a 2a29 2a24 2a26
location 01
refused True
connected False
echo hello
echo again
echo hello
echo again
disconnected
`
	if got := string(out); got != want {
		t.Errorf("Bleak saw:\n%s\nwant:\n%s", got, want)
	}
}
