package main

import (
	"bytes"
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/gobluez/bluez/facade"
	"github.com/gobluez/bluez/facade/peripheral"
)

// recorded is a device as ble inspect --json --values prints it.
const recorded = `{"adapter":"hci0","address":"C0:FF:EE:00:00:01","address_type":"random","name":"Heart Rate Sensor with a long name","mtu":247,"services":[
{"uuid":"00001800-0000-1000-8000-00805f9b34fb","handle":1,"primary":true,"characteristics":[
	{"uuid":"00002a00-0000-1000-8000-00805f9b34fb","handle":2,"properties":["read"],"value":"6161"}]},
{"name":"Heart Rate","uuid":"0000180d-0000-1000-8000-00805f9b34fb","handle":16,"primary":true,"includes":[32],"characteristics":[
	{"uuid":"00002a37-0000-1000-8000-00805f9b34fb","handle":18,"properties":["notify"],"descriptors":[
		{"uuid":"00002902-0000-1000-8000-00805f9b34fb","handle":20},{"uuid":"00002901-0000-1000-8000-00805f9b34fb","handle":21,"value":"6d"}]},
	{"uuid":"00002a38-0000-1000-8000-00805f9b34fb","handle":22,"properties":["read"],"value":"01"},
	{"uuid":"00002a39-0000-1000-8000-00805f9b34fb","handle":24,"properties":["read","write"]}]},
{"uuid":"0000180f-0000-1000-8000-00805f9b34fb","handle":32,"primary":false,"characteristics":[]}]}`

func recordedFile(t *testing.T, text string) string {
	t.Helper()
	name := filepath.Join(t.TempDir(), "device.json")
	if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return name
}

func TestImitationIsWhatBlueZLetsAProgramServe(t *testing.T) {
	i, err := newImitation(strings.NewReader(recorded))
	if err != nil {
		t.Fatal(err)
	}
	if len(i.services) != 2 || i.services[0].UUID != facade.UUID16(0x180d) || !i.services[1].Secondary {
		t.Fatalf("services are %v", i.services)
	}
	heart := i.services[0]
	if !slices.Equal(heart.Includes, []*peripheral.Service{i.services[1]}) {
		t.Errorf("it includes %v", heart.Includes)
	}
	if len(heart.Characteristics) != 3 || i.handles[heart.Characteristics[1]] != 22 || string(heart.Characteristics[1].Value) != "\x01" || heart.Characteristics[2].Value == nil {
		t.Errorf("characteristics are %+v", heart.Characteristics)
	}
	if d := heart.Characteristics[0].Descriptors; len(d) != 1 || d[0].UUID != facade.UUID16(0x2901) || string(d[0].Value) != "m" {
		t.Errorf("descriptors are %v", d)
	}
	if a := i.advertisement; a.Name != "Heart Rate Sensor with a long" || !slices.Equal(a.Services, []facade.UUID{facade.UUID16(0x180d)}) || !a.Discoverable {
		t.Errorf("it advertises %+v", a)
	}
	if len(i.leftOut) != 1 || !strings.Contains(i.leftOut[0], "name") {
		t.Errorf("it leaves out %q", i.leftOut)
	}
}

// Whatever a real device has can be served as far as it makes sense.
func TestOddDevicesAreImitated(t *testing.T) {
	odd := `{"address":"C0:FF:EE:00:00:01","services":[{"uuid":"180d","characteristics":[
		{"uuid":"2a37","properties":["read","extended-properties"],"descriptors":[{"uuid":"2901","value":"61"},{"uuid":"2901","value":"62"},{"uuid":"2900"}]},
		{"uuid":"2a38","properties":[]},{"uuid":"2a39","properties":["broadcast"]},{"uuid":"2a39","properties":["reliable-write","extended-properties"]}]},
		{"uuid":"180d"},{"uuid":"180a","characteristics":[{"uuid":"2a29","properties":["read"],"value":"61"}]}]}`
	i, err := newImitation(strings.NewReader(odd))
	if err != nil {
		t.Fatal(err)
	}
	if n := len(i.services[0].Characteristics); n != 3 || len(i.services[0].Characteristics[0].Descriptors) != 1 || len(i.leftOut) != 2 {
		t.Errorf("%d characteristics, left out %q", n, i.leftOut)
	}
	twoAdapters(t)
	if got := runTool(t.Context(), "serve", recordedFile(t, odd), "--duration", "0.05"); got.code != exitDone {
		t.Errorf("exit code %d, error %q", got.code, got.stderr)
	}
}

func TestWhatCannotBeImitatedIsLeftOutByName(t *testing.T) {
	i, err := newImitation(strings.NewReader(`{"address":"C0:FF:EE:00:00:01","name":"odd","advertisement":{"tx_power":4,
		"manufacturer_data":{"0x004c":"","0x0001":"02"},"service_data":{"180f":"","180d":"01"}},
		"services":[{"uuid":"180d","characteristics":[{"uuid":"2a37","properties":["read","write","authorize"],"value":"01","descriptors":[
			{"uuid":"2904","value":"01"},{"uuid":"2904","value":"02"},{"uuid":"2901","value":"61"},{"uuid":"2901","value":"62"}]}]}]}`))
	if err != nil {
		t.Fatal(err)
	}
	c, a := i.services[0].Characteristics[0], i.advertisement
	if !slices.Equal(c.Properties, []facade.Property{facade.PropertyRead, facade.PropertyWrite}) || len(c.Descriptors) != 3 || string(c.Descriptors[1].Value) != "\x02" {
		t.Errorf("characteristic is %+v", c)
	}
	if len(a.ManufacturerData) != 1 || len(a.ServiceData) != 1 {
		t.Errorf("it advertises %+v", a)
	}
	want := []string{
		"property authorize of 2a37 (Heart Rate Measurement)", "another descriptor 2901 of 2a37 (Heart Rate Measurement)", "manufacturer data of 0x004c, which is empty",
		"service data of 180f (Battery Service), which is empty", "TX power",
	}
	if !slices.Equal(i.leftOut, want) {
		t.Errorf("it leaves out %q, want %q", i.leftOut, want)
	}
}

func TestImitationAdvertisesWhatTheFileSays(t *testing.T) {
	i, err := newImitation(strings.NewReader(strings.Replace(recorded, `"mtu":247`,
		`"advertisement":{"name":"HR","service_uuids":["6e400001-b5a3-f393-e0a9-e50e24dcca9e","180d","180f"],"manufacturer_data":{"0x004c":"0215"},"service_data":{"180f":"64"}}`, 1)))
	if err != nil {
		t.Fatal(err)
	}
	// Of 28 bytes the data needs 6 and 5, so the long UUID has no room.
	a := i.advertisement
	if a.Name != "HR" || string(a.ManufacturerData[0x4c]) != "\x02\x15" || string(a.ServiceData[facade.UUID16(0x180f)]) != "d" ||
		!slices.Equal(a.Services, []facade.UUID{facade.UUID16(0x180d), facade.UUID16(0x180f)}) || len(i.leftOut) != 1 {
		t.Errorf("it advertises %+v, leaves out %q", a, i.leftOut)
	}
}

func TestNamesAreCutBetweenCharacters(t *testing.T) {
	if got := cut("aöö", 4); got != "aö" {
		t.Errorf("cut is %q", got)
	}
}

func TestFilesThatServeCannotReadAreUsage(t *testing.T) {
	noBus(t)
	tests := []struct{ name, text, want string }{
		{"no JSON", "{\n]", "line 2"},
		{"no device", "{}", "no address"},
		{"no hex", strings.Replace(recorded, `"6161"`, `"61x"`, 1), "characteristic 2a00"},
		{"nothing to serve", `{"address":"C0:FF:EE:00:00:01","services":[{"uuid":"1800"}]}`, "the device has no service but those that BlueZ serves itself"},
	}
	for _, test := range tests {
		name := recordedFile(t, test.text)
		got := runTool(t.Context(), "serve", name)
		if got.code != exitUsage || got.stdout != "" || !strings.HasPrefix(got.stderr, "ble: "+name+": ") || !strings.Contains(got.stderr, test.want) {
			t.Errorf("%s: exit code %d, error %q, output %q", test.name, got.code, got.stderr, got.stdout)
		}
	}
	if got := runTool(t.Context(), "serve", "none.json"); got.code != exitUsage || !strings.Contains(got.stderr, "none.json") {
		t.Errorf("exit code %d, error %q", got.code, got.stderr)
	}
	if got := runTool(t.Context(), "serve"); got.code != exitUsage || !strings.Contains(got.stderr, "FILE is missing") {
		t.Errorf("exit code %d, error %q", got.code, got.stderr)
	}
	if got := runTool(t.Context(), "serve", recordedFile(t, recorded)); got.code != exitUnavailable {
		t.Errorf("exit code %d, error %q", got.code, got.stderr)
	}
}

// next returns the next object that the tool prints.
func (p *process) next(t *testing.T) map[string]any {
	t.Helper()
	line, err := p.output.ReadString('\n')
	var object map[string]any
	if err == nil {
		err = json.Unmarshal([]byte(line), &object)
	}
	if err != nil {
		t.Fatalf("output %q, %v; error %q", line, err, p.stderr.String())
	}
	return object
}

func TestServedDeviceIsReadWrittenAndInspected(t *testing.T) {
	world := twoAdapters(t)
	p := startTool(t, "serve", "--adapter", "hci1", "--json", recordedFile(t, recorded))
	if object := p.next(t); object["event"] != "advertising" || object["name"] != "Heart Rate Sensor with a long" {
		t.Fatalf("it prints %v", object)
	}
	const address = "00:AA:01:00:00:01"
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	if got := runTool(ctx, "read", address, "2a38", "--adapter", "hci0"); got.code != exitDone || got.stdout != "01\n" {
		t.Fatalf("read: exit code %d, error %q, output %q", got.code, got.stderr, got.stdout)
	}
	for _, want := range []string{"connected", "disconnected"} {
		if object := p.next(t); object["event"] != want || object["address"] != world.Adapter("hci0").Address() {
			t.Fatalf("it prints %v, want %s", object, want)
		}
	}
	if got := runTool(ctx, "write", address, "2a39", "0a0b", "--adapter", "hci0"); got.code != exitDone {
		t.Fatalf("write: exit code %d, error %q", got.code, got.stderr)
	}
	p.next(t)
	if object := p.next(t); object["event"] != "written" || object["value"] != "0a0b" || object["handle"] != 24.0 || object["uuid"] != "00002a39-0000-1000-8000-00805f9b34fb" {
		t.Errorf("it prints %v", object)
	}
	p.next(t)
	if got := runTool(ctx, "read", address, "2a39", "--adapter", "hci0"); got.stdout != "0a0b\n" {
		t.Errorf("what was written reads as %q", got.stdout)
	}
	p.next(t)
	p.next(t)
	// What is printed of it can be served again.
	got := runTool(ctx, "inspect", address, "--json", "--values", "--adapter", "hci0")
	again, err := newImitation(strings.NewReader(got.stdout))
	if err != nil {
		t.Fatalf("inspect: exit code %d, error %q, output %q: %v", got.code, got.stderr, got.stdout, err)
	}
	i := slices.IndexFunc(again.services, func(s *peripheral.Service) bool { return s.UUID == facade.UUID16(0x180d) })
	if i < 0 || len(again.services[i].Characteristics) != 3 || len(again.services[i].Includes) != 1 {
		t.Fatalf("inspect prints %s", got.stdout)
	}
	first, last := again.services[i].Characteristics[0], again.services[i].Characteristics[2]
	if len(first.Descriptors) != 1 || string(first.Descriptors[0].Value) != "m" || string(last.Value) != "\x0a\x0b" || !slices.Equal(last.Properties, []facade.Property{facade.PropertyRead, facade.PropertyWrite}) {
		t.Errorf("inspect prints %s", got.stdout)
	}
	p.next(t)
	p.next(t)
	p.signal(t, os.Interrupt)
	p.wantExit(t, exitDone, "")
}

func TestServeReadsStandardInput(t *testing.T) {
	twoAdapters(t)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	stdout := &interrupter{interrupt: cancel}
	var stderr bytes.Buffer
	code := run(ctx, []string{"serve", "-", "--adapter", "hci1"}, strings.NewReader(recorded), stdout, &stderr)
	if want := "hci1  00:AA:01:00:00:01  advertising  Heart Rate Sensor with a long\n"; code != exitDone || stdout.text.String() != want || stderr.Len() > 0 {
		t.Errorf("exit code %d, error %q, output %q, want %q", code, stderr.String(), stdout.text.String(), want)
	}
}

func TestServePrintsWhoSubscribes(t *testing.T) {
	world := twoAdapters(t)
	p := startTool(t, "serve", "--adapter", "hci1", recordedFile(t, recorded))
	p.wantLine(t, "advertising")
	if got := runTool(t.Context(), "notify", "00:AA:01:00:00:01", "2a37", "--duration", "0.1", "--adapter", "hci0"); got.code != exitDone {
		t.Fatalf("notify: exit code %d, error %q", got.code, got.stderr)
	}
	central := world.Adapter("hci0").Address()
	for _, want := range []string{"  connected", "  subscribed  2a37 (Heart Rate Measurement)", "  unsubscribed  2a37 (Heart Rate Measurement)", "  disconnected"} {
		p.wantLine(t, central+want)
	}
	p.signal(t, os.Interrupt)
	p.wantExit(t, exitDone, "")
}

func TestReaderThatLeavesEndsServe(t *testing.T) {
	twoAdapters(t)
	p := startTool(t, "serve", "--adapter", "hci1", recordedFile(t, recorded))
	p.wantLine(t, "advertising")
	p.stdout.Close()
	_ = runTool(t.Context(), "read", "00:AA:01:00:00:01", "2a38", "--adapter", "hci0")
	p.wantExit(t, exitDone, "")
}
