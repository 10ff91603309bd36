package checks

import (
	"errors"
	"os"
	"testing"

	"github.com/godbus/dbus/v5"

	"github.com/gobluez/bluez/bluezgen"
	"github.com/gobluez/bluez/facade/e2e/world"
)

// The names of errors, and texts that several have.
const (
	failed           = "org.bluez.Error.Failed"
	inProgress       = "org.bluez.Error.InProgress"
	invalidArguments = "org.bluez.Error.InvalidArguments"
	notPermitted     = "org.bluez.Error.NotPermitted"
	notSupported     = "org.bluez.Error.NotSupported"
	doesNotExist     = "org.bluez.Error.DoesNotExist"
	alreadyExists    = "org.bluez.Error.AlreadyExists"

	inProgressText       = "Operation already in progress"
	invalidArgumentsText = "Invalid arguments in method call"
	notSupportedText     = "Operation is not supported"
	doesNotExistText     = "Does Not Exist"
	alreadyExistsText    = "Already Exists"
)

// noOptions is an empty dictionary of options.
func noOptions() map[string]dbus.Variant { return map[string]dbus.Variant{} }

func option(name string, value any) map[string]dbus.Variant {
	return map[string]dbus.Variant{name: dbus.MakeVariant(value)}
}

// acquire calls AcquireNotify or AcquireWrite.
func (j *judge) acquire(characteristic dbus.ObjectPath, method string) (*os.File, uint16) {
	j.Helper()
	var fd dbus.UnixFD
	var mtu uint16
	err := j.bus.Object(bluezgen.Service, characteristic).
		CallWithContext(j.ctx, bluezgen.GattCharacteristic1Interface+"."+method, 0, noOptions()).Store(&fd, &mtu)
	if err != nil {
		j.Fatalf("%s: %v", method, err)
	}
	return os.NewFile(uintptr(fd), method), mtu
}

func (b *bench) testRefusalsOfAdapter(t *testing.T) {
	j := b.judge(t, world.Own())
	adapter := world.Central().Path()
	call := func(method string, args ...any) error {
		return j.call(adapter, bluezgen.Adapter1Interface+"."+method, args...)
	}
	j.refuses("StopDiscovery without one", call("StopDiscovery"), failed, "No discovery started")
	j.must(adapter, bluezgen.Adapter1Interface+".StartDiscovery")
	j.refuses("StartDiscovery twice", call("StartDiscovery"), inProgress, inProgressText)
	j.must(adapter, bluezgen.Adapter1Interface+".StopDiscovery")
	j.refuses("RemoveDevice of a stranger", call("RemoveDevice", adapter+"/dev_C0_FF_EE_00_00_01"), doesNotExist, doesNotExistText)
	for what, filter := range map[string]map[string]dbus.Variant{
		"an unknown key":       option("Colour", "blue"),
		"a foreign type":       option("Transport", int16(1)),
		"an unknown transport": option("Transport", "pigeon"),
		"a bad UUID":           option("UUIDs", []string{"heart"}),
		"both strengths":       {"RSSI": dbus.MakeVariant(int16(-60)), "Pathloss": dbus.MakeVariant(uint16(60))},
		"too much strength":    option("RSSI", int16(100)),
		"too much loss":        option("Pathloss", uint16(200)),
	} {
		j.refuses("a filter with "+what, call("SetDiscoveryFilter", filter), invalidArguments, invalidArgumentsText)
	}
	if b.Experimental() {
		for what, parameters := range map[string]map[string]dbus.Variant{
			"nothing":                 noOptions(),
			"no type's name":          {"Address": dbus.MakeVariant("C0:FF:EE:00:00:01"), "AddressType": dbus.MakeVariant("secret")},
			"an address that is none": option("Address", "C0:FF"),
			"an unknown key":          option("Colour", "blue"),
		} {
			j.refuses("ConnectDevice with "+what, call("ConnectDevice", parameters), invalidArguments, invalidArgumentsText)
		}
	}
}

// What a D-Bus library answers by itself has the same names of errors; the texts are the library's own.
func (b *bench) testRefusalsOfProperties(t *testing.T) {
	j := b.judge(t, world.Own())
	j.find()
	set := func(name string, value any) error {
		return j.call(j.device, properties+".Set", bluezgen.Device1Interface, name, dbus.MakeVariant(value))
	}
	for _, test := range []struct {
		what string
		err  error
		want string
	}{
		{"set what is read-only", set("Address", "C0:FF:EE:00:00:01"), "PropertyReadOnly"},
		{"set what nobody knows", set("Colour", "blue"), "UnknownProperty"},
		{"a method that nobody knows", j.call(j.device, bluezgen.Device1Interface+".Paint"), "UnknownMethod"},
		{"a method of an object that is not there", j.call(j.device+"0", bluezgen.Device1Interface+".Connect"), "UnknownObject"},
	} {
		var refusal dbus.Error
		if want := "org.freedesktop.DBus.Error." + test.want; !errors.As(test.err, &refusal) || refusal.Name != want {
			t.Errorf("%s: %v %v, want %s", test.what, refusal.Name, test.err, want)
		}
	}
}

func (b *bench) testRefusalsOfDevice(t *testing.T) {
	j := b.judge(t, world.Example())
	j.find()
	device := j.device
	const device1 = bluezgen.Device1Interface
	j.refuses("CancelPairing without one", j.call(device, device1+".CancelPairing"), doesNotExist, doesNotExistText)
	j.must(device, device1+".Disconnect") // of no connection is none the less fine
	j.must(device, device1+".Connect")
	if err := j.call(device, device1+".Connect"); err != nil {
		t.Errorf("Connect while connected: %v", err)
	}
	j.skip("ServicesResolved=true")
	j.disconnect()

	// A device that does not answer keeps the attempt pending.
	if err := b.Silence(j.ctx); err != nil {
		t.Fatal(err)
	}
	pending := j.bus.Object(bluezgen.Service, device).GoWithContext(j.ctx, device1+".Connect", 0, nil)
	j.refuses("Connect while connecting", j.call(device, device1+".Connect"), inProgress, "In Progress")
	j.must(device, device1+".Disconnect")
	j.refuses("Connect that Disconnect ended", (<-pending.Done).Err, failed, "br-connection-canceled")
	if err := b.Advertise(j.ctx); err != nil {
		t.Fatal(err)
	}
}

func (b *bench) testRefusalsOfCharacteristics(t *testing.T) {
	j := b.judge(t, world.Own())
	j.connect()
	value, status, control := j.attribute(world.ValueUUID), j.attribute(world.StatusUUID), j.attribute(world.ControlUUID)
	refused, counter, command := j.attribute(world.RefusedUUID), j.attribute(world.CounterUUID), j.attribute(world.CommandUUID)
	note := j.attribute(world.NoteUUID)
	call := func(path dbus.ObjectPath, method string, args ...any) error {
		return j.call(path, bluezgen.GattCharacteristic1Interface+"."+method, args...)
	}
	j.refuses("read what can only be written", call(control, "ReadValue", noOptions()), notPermitted, "Read not permitted")
	j.refuses("write what can only be read", call(status, "WriteValue", []byte{1}, noOptions()), notSupported, notSupportedText)
	j.refuses("read what the device refuses", call(refused, "ReadValue", noOptions()), failed, "Operation failed with ATT error: 0x80")
	j.refuses("write what the device refuses", call(refused, "WriteValue", []byte{1}, noOptions()), failed, "Operation failed with ATT error: 0x80")
	j.refuses("write an invalid length", call(control, "WriteValue", []byte{1}, noOptions()), invalidArguments, "Invalid Length")
	j.refuses("write 513 bytes", call(value, "WriteValue", make([]byte, 513), noOptions()), invalidArguments, "Invalid Length")
	j.must(value, bluezgen.GattCharacteristic1Interface+".WriteValue", []byte("value"), noOptions())
	j.refuses("read beyond the end", call(value, "ReadValue", option("offset", uint16(6))), invalidArguments, "Invalid offset")
	j.refuses("write beyond the end", call(value, "WriteValue", []byte{1}, option("offset", uint16(6))), invalidArguments, "Invalid offset")
	j.refuses("write of an unknown type", call(value, "WriteValue", []byte{1}, option("type", "polite")), notSupported, notSupportedText)
	// Whether the device takes them is not looked at.
	j.must(value, bluezgen.GattCharacteristic1Interface+".WriteValue", []byte{1}, option("type", "command"))
	j.must(command, bluezgen.GattCharacteristic1Interface+".WriteValue", []byte{1}, option("type", "request"))
	j.refuses("read with an option of a foreign type", call(value, "ReadValue", option("offset", "start")), invalidArguments, invalidArgumentsText)
	j.refuses("read a descriptor beyond its end",
		j.call(note, bluezgen.GattDescriptor1Interface+".ReadValue", option("offset", uint16(100))), invalidArguments, "Invalid offset")

	j.refuses("StopNotify without StartNotify", call(counter, "StopNotify"), failed, "No notify session started")
	j.refuses("StartNotify of what does not notify", call(value, "StartNotify"), notSupported, notSupportedText)
	j.refuses("AcquireNotify of what does not notify", call(value, "AcquireNotify", noOptions()), notSupported, notSupportedText)
	j.refuses("AcquireWrite of what takes no commands", call(value, "AcquireWrite", noOptions()), notSupported, notSupportedText)
	configuration := j.below(counter, "00002902-0000-1000-8000-00805f9b34fb")
	j.refuses("write a client characteristic configuration",
		j.call(configuration, bluezgen.GattDescriptor1Interface+".WriteValue", []byte{1, 0}, noOptions()), notPermitted, "Write not permitted")

	j.must(counter, bluezgen.GattCharacteristic1Interface+".StartNotify")
	j.must(counter, bluezgen.GattCharacteristic1Interface+".StartNotify") // again is none the less fine
	j.refuses("AcquireNotify after StartNotify", call(counter, "AcquireNotify", noOptions()), inProgress, "In Progress")
	j.must(counter, bluezgen.GattCharacteristic1Interface+".StopNotify")

	socket, mtu := j.acquire(counter, "AcquireNotify")
	if mtu != 517 {
		t.Errorf("AcquireNotify tells MTU %d, want 517", mtu)
	}
	j.refuses("AcquireNotify twice", call(counter, "AcquireNotify", noOptions()), notPermitted, "Notify acquired")
	j.refuses("StartNotify after AcquireNotify", call(counter, "StartNotify"), notPermitted, "Notify acquired")
	writing, mtu := j.acquire(command, "AcquireWrite")
	if mtu != 517 {
		t.Errorf("AcquireWrite tells MTU %d, want 517", mtu)
	}
	j.refuses("AcquireWrite twice", call(command, "AcquireWrite", noOptions()), notPermitted, "Write acquired")
	j.refuses("WriteValue after AcquireWrite", call(command, "WriteValue", []byte{1}, noOptions()), notPermitted, "Write acquired")
	if err := errors.Join(socket.Close(), writing.Close()); err != nil {
		t.Error(err)
	}

	j.disconnect()
	j.refuses("read without a connection", call(value, "ReadValue", noOptions()), failed, "Not connected")
	j.refuses("write without a connection", call(value, "WriteValue", []byte{1}, noOptions()), failed, "Not connected")
	j.refuses("AcquireWrite without a connection", call(command, "AcquireWrite", noOptions()), failed, "Not connected")
	j.refuses("AcquireNotify without a connection", call(counter, "AcquireNotify", noOptions()), failed, "Not connected")
	// It is armed for the next connection.
	j.must(counter, bluezgen.GattCharacteristic1Interface+".StartNotify")
	j.must(counter, bluezgen.GattCharacteristic1Interface+".StopNotify")
}

func (b *bench) testRefusalsOfAgentManager(t *testing.T) {
	j := b.judge(t, world.Own())
	const path, manager = "/io/github/gobluez/judge/agent", bluezgen.AgentManager1Interface
	call := func(method string, args ...any) error {
		return j.call(bluezgen.AgentManager1Path, manager+"."+method, args...)
	}
	agent := dbus.ObjectPath(path)
	j.refuses("UnregisterAgent without one", call("UnregisterAgent", agent), doesNotExist, doesNotExistText)
	j.refuses("RequestDefaultAgent without one", call("RequestDefaultAgent", agent), doesNotExist, doesNotExistText)
	j.refuses("RegisterAgent that can do magic", call("RegisterAgent", agent, "Magic"), invalidArguments, invalidArgumentsText)
	j.must(bluezgen.AgentManager1Path, manager+".RegisterAgent", agent, "NoInputNoOutput")
	j.refuses("RegisterAgent twice", call("RegisterAgent", agent, "NoInputNoOutput"), alreadyExists, alreadyExistsText)
	j.refuses("UnregisterAgent of another", call("UnregisterAgent", agent+"0"), doesNotExist, doesNotExistText)
	j.must(bluezgen.AgentManager1Path, manager+".UnregisterAgent", agent)
}
