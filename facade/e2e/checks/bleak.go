package checks

import (
	_ "embed"
	"os/exec"
	"strings"
	"testing"

	"github.com/gobluez/bluez/facade/e2e/world"
)

// python is the Python that Debian's packages are for.
const python = "/usr/bin/python3"

//go:embed bleak_client.py
var bleakClient string

// Bleak, a central of others, finds, connects and uses our peripheral.
func (b *bench) testBleak(t *testing.T) {
	ctx, _ := b.setup(t)
	cmd := exec.CommandContext(ctx, python, "-", world.Central().Name, world.Own().Address, world.ServiceUUID, world.ValueUUID, world.NoteUUID,
		world.CommandUUID, world.RefusedUUID, world.ControlUUID, world.CounterUUID)
	cmd.Env = b.environment()
	cmd.Stdin = strings.NewReader(bleakClient)
	var complaint strings.Builder
	cmd.Stderr = &complaint
	out, err := cmd.Output()
	if err != nil {
		t.Errorf("Bleak (Debian: apt-get install python3-bleak): %v: %s", err, complaint.String())
	}
	const want = `characteristics 0001 0003 0004 0007 0008 0005 0006
read back True
command command
note a note
refused True
notified 0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19
`
	if got := string(out); !strings.HasPrefix(got, "found "+world.Own().Address) || !strings.HasSuffix(got, want) {
		t.Errorf("printed\n%s\nwant at the end\n%s\n%s", got, want, complaint.String())
	}
}
