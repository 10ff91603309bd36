package checks

import (
	"bufio"
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/gobluez/bluez/facade"
	"github.com/gobluez/bluez/facade/e2e/world"
)

// imitate runs the command-line tool as a peripheral on the bystander's controller. It returns when that advertises; end interrupts
// the tool and returns when it has ended.
func (b *bench) imitate(t *testing.T, ctx context.Context, args ...string) (end func()) {
	t.Helper()
	cmd := exec.CommandContext(ctx, b.BLE(), append(args, "--adapter", world.Bystander().Name)...)
	cmd.Env = b.environment()
	var said strings.Builder
	cmd.Stderr = &said
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(out)
	begun := lines.Scan()
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		for lines.Scan() {
		}
	}()
	end = func() {
		t.Helper()
		if err := cmd.Process.Signal(os.Interrupt); err != nil {
			t.Error(err)
		}
		<-ended
		if err := cmd.Wait(); err != nil {
			t.Errorf("ble %s: %v: %s", strings.Join(args, " "), err, said.String())
		}
	}
	if !begun {
		end()
		t.Fatalf("ble %s has not begun", strings.Join(args, " "))
	}
	return end
}

func (b *bench) testCommandAdvertises(t *testing.T) {
	for _, flags := range []string{
		"--name Lamp --service 180d --manufacturer 0xffff=01 --discoverable",
		"--name Lamp --service 180d --manufacturer 0xffff=01 --interval 100ms --hidden",
		"--name Lamp --service 180d --manufacturer 0xffff=01 --include tx-power",
		"--name Lamp --service 180d --manufacturer 0xffff=01 --service-data 180f=64 --appearance 0x0340 --turn 1s",
	} {
		t.Run(flags, func(t *testing.T) {
			ctx, central := b.setup(t)
			end := b.imitate(t, ctx, append([]string{"advertise"}, strings.Fields(flags)...)...)
			heard, err := central.FindDevice(ctx, facade.ScanOptions{Address: address(t, world.Bystander()), Name: "Lamp"})
			if err != nil || !slices.Contains(heard.ServiceUUIDs, facade.UUID16(0x180D)) || !slices.Equal(heard.ManufacturerData[0xFFFF], []byte{1}) {
				t.Errorf("heard %s, services %v, manufacturer data % x: %v", heard, heard.ServiceUUIDs, heard.ManufacturerData, err)
			}
			end()
			if active := b.activeInstances(t, ctx); active != 0 {
				t.Errorf("%d advertisements are active after the end", active)
			}
		})
	}
}

// What ble inspect tells of a device, ble serve imitates.
func (b *bench) testCommandServes(t *testing.T) {
	ctx, central := b.setup(t)
	defer func() {
		if err := world.Forget(context.WithoutCancel(ctx), b.bus, world.Bystander()); err != nil {
			t.Error(err)
		}
	}()
	told, status := b.ble(t, ctx, "inspect", "--json", "--values", world.Own().Address)
	if status != 0 {
		t.Fatalf("exit status %d", status)
	}
	file := filepath.Join(t.TempDir(), "own.json")
	if err := os.WriteFile(file, []byte(told), 0o644); err != nil {
		t.Fatal(err)
	}
	end := b.imitate(t, ctx, "serve", file)
	client := b.connect(t, ctx, central, world.Bystander())
	if text, err := client.ReadDescriptor(ctx, note(t, client)); err != nil || string(text) != world.NoteAtFirst {
		t.Errorf("read %q, %v; want what our own peripheral says", text, err)
	}
	if err := client.WriteWithResponse(ctx, uuid(world.ValueUUID), []byte("kept")); err != nil {
		t.Error(err)
	}
	if value, err := client.Read(ctx, uuid(world.ValueUUID)); err != nil || string(value) != "kept" {
		t.Errorf("read %q back, %v", value, err)
	}
	if err := client.Close(); err != nil {
		t.Error(err)
	}
	end()
	if active := b.activeInstances(t, ctx); active != 0 {
		t.Errorf("%d advertisements are active after the end", active)
	}
}
