package checks

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"os/exec"
	"slices"
	"strings"
	"testing"

	"github.com/gobluez/bluez/facade"
	"github.com/gobluez/bluez/facade/e2e/world"
)

// The tree of services is compared with what bluetoothctl prints.
func (b *bench) testTreeIsThatOfBluetoothctl(t *testing.T) {
	for _, peer := range []world.Controller{world.Example(), world.Own()} {
		t.Run(peer.Name, func(t *testing.T) {
			ctx, central := b.setup(t)
			client := b.connect(t, ctx, central, peer)
			want := b.bluetoothctlTree(t, ctx, peer.Address)
			got := facadeTree(client.Services())
			if !slices.Equal(got, want) {
				t.Errorf("tree:\n%s\nbluetoothctl:\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
			}
			if len(got) < 10 {
				t.Errorf("only %d attributes", len(got))
			}
		})
	}
}

// bluetoothctlTree returns "kind handle UUID path" of each attribute, in the order of their handles.
func (b *bench) bluetoothctlTree(t *testing.T, ctx context.Context, address string) (tree []string) {
	t.Helper()
	// The tool gives up when it has not heard of the device soon enough, so it is asked again.
	var out []byte
	var err error
	for range 5 {
		cmd := exec.CommandContext(ctx, "bluetoothctl", "gatt.list-attributes", address)
		cmd.Env = b.environment()
		if out, err = cmd.CombinedOutput(); err == nil {
			break
		}
	}
	if err != nil {
		t.Fatalf("bluetoothctl: %v: %s", err, out)
	}
	kinds := map[string]string{"Primary Service": "service", "Secondary Service": "service", "Characteristic": "characteristic", "Descriptor": "descriptor"}
	lines := bufio.NewScanner(bytes.NewReader(out))
	for lines.Scan() {
		head, _, ok := strings.Cut(lines.Text(), " (Handle ")
		if !ok || kinds[head] == "" {
			continue
		}
		lines.Scan()
		path := strings.TrimSpace(lines.Text())
		lines.Scan()
		// Not all versions of the tool know the handle (5.66 says 0000), but the path ends in it.
		tree = append(tree, fmt.Sprintf("0x%s %s %s %s", path[len(path)-4:], kinds[head], strings.TrimSpace(lines.Text()), path))
	}
	slices.Sort(tree)
	return tree
}

func facadeTree(services []*facade.Service) (tree []string) {
	for _, s := range services {
		tree = append(tree, fmt.Sprintf("%s service %s %s", s.Handle, s.UUID, s.Path()))
		for _, c := range s.Characteristics {
			tree = append(tree, fmt.Sprintf("%s characteristic %s %s", c.Handle, c.UUID, c.Path()))
			for _, d := range c.Descriptors {
				tree = append(tree, fmt.Sprintf("%s descriptor %s %s", d.Handle, d.UUID, d.Path()))
			}
		}
	}
	slices.Sort(tree)
	return tree
}

func (b *bench) testReadExample(t *testing.T) {
	ctx, central := b.setup(t)
	client := b.connect(t, ctx, central, world.Example())
	for _, test := range []struct {
		uuid facade.UUID
		want []byte
	}{
		{facade.UUID16(0x2A38), []byte{1}},                 // body sensor location: chest
		{facade.UUID16(0x2A00), []byte(world.ExampleName)}, // device name
	} {
		if got, err := client.Read(ctx, test.uuid); err != nil || !bytes.Equal(got, test.want) {
			t.Errorf("read %s: % x, %v; want % x", test.uuid.Short(), got, err, test.want)
		}
	}
}

func (b *bench) testWriteAndReadBack(t *testing.T) {
	ctx, central := b.setup(t)
	client := b.connect(t, ctx, central, world.Own())
	for _, length := range []int{1, 20, 0, 300, 512} {
		want := pattern(length)
		if err := client.WriteWithResponse(ctx, uuid(world.ValueUUID), want); err != nil {
			t.Errorf("write %d bytes: %v", length, err)
			continue
		}
		if got, err := client.Read(ctx, uuid(world.ValueUUID)); err != nil || !bytes.Equal(got, want) {
			t.Errorf("read %d bytes back: %d bytes %x, %v", length, len(got), got, err)
		}
	}
}

// pattern returns n bytes that differ from each other as far as bytes can.
func pattern(n int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(i ^ i>>8)
	}
	return b
}

func (b *bench) testWriteWithoutResponse(t *testing.T) {
	ctx, central := b.setup(t)
	client := b.connect(t, ctx, central, world.Own())
	before := status(t, ctx, client).Commands
	const commands = 20
	for n := range commands {
		if err := client.WriteWithoutResponse(ctx, uuid(world.CommandUUID), []byte{byte(n)}); err != nil {
			t.Fatal(err)
		}
	}
	// The device answers requests in order, so it has seen the commands when it has answered these.
	if got, err := client.Read(ctx, uuid(world.CommandUUID)); err != nil || !bytes.Equal(got, []byte{commands - 1}) {
		t.Errorf("read after the commands: % x, %v", got, err)
	}
	if got := status(t, ctx, client).Commands - before; got != commands {
		t.Errorf("%d commands arrived, want %d", got, commands)
	}
}

func (b *bench) testDescriptors(t *testing.T) {
	ctx, central := b.setup(t)
	own := b.connect(t, ctx, central, world.Own())
	d := note(t, own)
	for _, text := range []string{"", "another note", world.NoteAtFirst} {
		if err := own.WriteDescriptor(ctx, d, []byte(text)); err != nil {
			t.Errorf("write %q: %v", text, err)
		}
		if got, err := own.ReadDescriptor(ctx, d); err != nil || string(got) != text {
			t.Errorf("read %q back: %q, %v", text, got, err)
		}
	}

	counter, err := own.Characteristic(uuid(world.CounterUUID))
	if err != nil {
		t.Fatal(err)
	}
	configuration, err := counter.Descriptor(facade.UUID16(0x2902))
	if err != nil {
		t.Fatal(err)
	}
	if err := own.WriteDescriptor(ctx, configuration, []byte{1, 0}); err == nil {
		t.Error("the client characteristic configuration could be written")
	}
}

func (b *bench) testDescriptorOfExample(t *testing.T) {
	ctx, central := b.setup(t)
	client := b.connect(t, ctx, central, world.Example())
	test, err := client.Characteristic(uuid("12345678-1234-5678-1234-56789abcdef1"))
	if err != nil {
		t.Fatal(err)
	}
	description, err := test.Descriptor(facade.UUID16(0x2901))
	if err != nil {
		t.Fatal(err)
	}
	const want = "This is a characteristic for testing"
	if got, err := client.ReadDescriptor(ctx, description); err != nil || string(got) != want {
		t.Errorf("read %q, %v; want %q", got, err, want)
	}
}

// note returns the descriptor of our own peripheral that takes any text.
func note(t *testing.T, client *facade.Client) *facade.Descriptor {
	t.Helper()
	value, err := client.Characteristic(uuid(world.ValueUUID))
	if err != nil {
		t.Fatal(err)
	}
	d, err := value.Descriptor(uuid(world.NoteUUID))
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func (b *bench) testRefusals(t *testing.T) {
	ctx, central := b.setup(t)
	client := b.connect(t, ctx, central, world.Own())
	_, readErr := client.Read(ctx, uuid(world.RefusedUUID))
	_, notReadable := client.Read(ctx, uuid(world.ControlUUID))
	_, unknown := client.Read(ctx, facade.UUID16(0x1234))
	for _, test := range []struct {
		what string
		err  error
		want error
	}{
		{"read what the device refuses", readErr, facade.ATTError(world.RefusedCode)},
		{"write what the device refuses", client.WriteWithResponse(ctx, uuid(world.RefusedUUID), []byte{1}), facade.ATTError(world.RefusedCode)},
		{"write an invalid length", client.WriteWithResponse(ctx, uuid(world.ControlUUID), []byte{1}), facade.ATTInvalidValueLength},
		{"read what cannot be read", notReadable, facade.ATTReadNotPermitted},
		{"write what cannot be written", client.WriteWithResponse(ctx, uuid(world.StatusUUID), []byte{1}), facade.ATTWriteNotPermitted},
		{"read what is not there", unknown, facade.ErrNotFound},
	} {
		if !errors.Is(test.err, test.want) {
			t.Errorf("%s: %v, want %v", test.what, test.err, test.want)
		}
	}
}

func (b *bench) testMTU(t *testing.T) {
	ctx, central := b.setup(t)
	client := b.connect(t, ctx, central, world.Own())
	if mtu, err := client.MTU(ctx); err != nil || mtu != 517 {
		t.Errorf("MTU %d, %v; want 517, which BlueZ negotiates with itself", mtu, err)
	}
}
