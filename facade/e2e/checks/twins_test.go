package checks_test

import (
	"context"
	"encoding/binary"
	"encoding/json"
	"sync"
	"time"

	"github.com/gobluez/bluez/bluezgen"
	"github.com/gobluez/bluez/facade/bluetest"
	"github.com/gobluez/bluez/facade/e2e/world"
)

// What a characteristic or descriptor allows.
var (
	reads       = []bluezgen.CharacteristicFlag{bluezgen.CharacteristicFlagRead}
	writes      = []bluezgen.CharacteristicFlag{bluezgen.CharacteristicFlagWrite}
	readsWrites = []bluezgen.CharacteristicFlag{bluezgen.CharacteristicFlagRead, bluezgen.CharacteristicFlagWrite}
	notifies    = []bluezgen.CharacteristicFlag{bluezgen.CharacteristicFlagNotify}
	noteAllows  = []bluezgen.DescriptorFlag{bluezgen.DescriptorFlagRead, bluezgen.DescriptorFlagWrite}
)

// interval is the time between advertisements: short, for a scan to be over soon.
const interval = 20 * time.Millisecond

// exampleTwin is what BlueZ's example-gatt-server and example-advertisement make of a bluetoothd.
func exampleTwin() bluetest.Device {
	return bluetest.Device{
		Address:     world.Example().Address,
		AddressType: bluezgen.AddressTypePublic,
		Name:        world.ExampleName,
		Advertisement: bluetest.Advertisement{
			Interval: interval, NoRSSI: true, NameLater: true, Flags: new(byte),
			ServiceUUIDs:     []string{"180d", "180f"},
			ManufacturerData: map[uint16][]byte{0xFFFF: {0, 1, 2, 3}},
			ServiceData:      map[string][]byte{"9999": {0, 1, 2, 3, 4}},
			Data:             map[byte][]byte{0x26: {1, 1, 0}},
			TxPower:          new(int8),
		},
		Services: append(bluetoothdServices(world.ExampleName),
			bluetest.Service{UUID: "180d", Characteristics: []bluetest.Characteristic{
				{UUID: "2a37", Flags: notifies, Notify: beat},
				{UUID: "2a38", Flags: reads, Value: []byte{1}},
				{UUID: "2a39", Flags: writes},
			}},
			bluetest.Service{UUID: "180f", Characteristics: []bluetest.Characteristic{
				{UUID: "2a19", Flags: append(reads, notifies...), Value: []byte{100}},
			}},
			bluetest.Service{UUID: "12345678-1234-5678-1234-56789abcdef0", Characteristics: []bluetest.Characteristic{
				{UUID: "12345678-1234-5678-1234-56789abcdef1", Flags: readsWrites, Descriptors: []bluetest.Descriptor{
					{UUID: "12345678-1234-5678-1234-56789abcdef2", Flags: noteAllows, Value: []byte("Test")},
					{UUID: "2901", Flags: noteAllows, Value: []byte("This is a characteristic for testing")},
				}},
			}},
		),
	}
}

// bluetoothdServices are the services that every bluetoothd has.
func bluetoothdServices(name string) []bluetest.Service {
	return []bluetest.Service{
		{UUID: "1800", Characteristics: []bluetest.Characteristic{
			{UUID: "2a00", Flags: reads, Value: []byte(name)},
			{UUID: "2a01", Flags: reads, Value: []byte{0, 0}},
		}},
		{UUID: "1801", Characteristics: []bluetest.Characteristic{
			{UUID: "2a05", Flags: []bluezgen.CharacteristicFlag{bluezgen.CharacteristicFlagIndicate}},
			{UUID: "2b29", Flags: readsWrites, Value: []byte{0}},
			{UUID: "2b2a", Flags: reads, Value: make([]byte, 16)},
		}},
		{UUID: "180a", Characteristics: []bluetest.Characteristic{
			{UUID: "2a50", Flags: reads, Value: []byte{2, 0x6B, 0x1D, 0x46, 0x02, 0x52, 0x05}},
		}},
	}
}

// beat notifies heart rates of the form of the example's, quicker.
func beat(ctx context.Context, _ *bluetest.Peripheral, send func([]byte) error) {
	every := time.NewTicker(interval)
	defer every.Stop()
	for {
		select {
		case <-every.C:
			if send([]byte{6, 100}) != nil {
				return
			}
		case <-ctx.Done():
			return
		}
	}
}

// ownTwin is what the command peripheral makes of a bluetoothd.
func ownTwin() bluetest.Device {
	o := &own{counter: newFeed(), stream: newFeed(), dropping: make(chan struct{}, 1)}
	return bluetest.Device{
		Address:     world.Own().Address,
		AddressType: bluezgen.AddressTypePublic,
		Name:        world.OwnName,
		Advertisement: bluetest.Advertisement{
			Interval: interval, NoRSSI: true, NameLater: true, Flags: new(byte),
			ServiceUUIDs:     []string{world.ServiceUUID},
			ManufacturerData: map[uint16][]byte{world.OwnManufacturer: world.OwnManufacturerData()},
		},
		Services: append(bluetoothdServices(world.OwnName), bluetest.Service{UUID: world.ServiceUUID, Characteristics: []bluetest.Characteristic{
			{UUID: world.ValueUUID, Flags: readsWrites, Descriptors: []bluetest.Descriptor{
				{UUID: world.NoteUUID, Flags: noteAllows, Value: []byte(world.NoteAtFirst)},
			}},
			{UUID: world.CommandUUID, Flags: append(reads, bluezgen.CharacteristicFlagWriteWithoutResponse), Write: o.command},
			{UUID: world.RefusedUUID, Flags: readsWrites, Read: refuse, Write: refuseToWrite},
			{UUID: world.ControlUUID, Flags: writes, Write: o.control},
			{UUID: world.StatusUUID, Flags: reads, Read: o.status},
			{UUID: world.CounterUUID, Flags: notifies, Notify: o.counter.notify},
			{UUID: world.StreamUUID, Flags: notifies, Notify: o.stream.notify},
		}}),
		Run: o.run,
	}
}

func refuse(context.Context, *bluetest.Peripheral) ([]byte, error) {
	return nil, bluetest.ATTError(world.RefusedCode)
}

func refuseToWrite(context.Context, *bluetest.Peripheral, []byte) error {
	return bluetest.ATTError(world.RefusedCode)
}

// own is the state of our own peripheral.
type own struct {
	counter, stream *feed
	dropping        chan struct{} // has a token when the link is to be ended

	mu       sync.Mutex
	commands int
}

// run ends links a moment after that was asked for, so that whoever did gets the answer.
func (o *own) run(ctx context.Context, p *bluetest.Peripheral) {
	const moment = 100 * time.Millisecond
	var answered <-chan time.Time
	for {
		select {
		case <-o.dropping:
			answered = time.After(moment)
		case <-answered:
			p.Disconnect()
		case <-ctx.Done():
			return
		}
	}
}

func (o *own) command(context.Context, *bluetest.Peripheral, []byte) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.commands++
	return nil
}

func (o *own) control(_ context.Context, p *bluetest.Peripheral, value []byte) error {
	c, ok := world.ParseControl(value)
	switch {
	case !ok:
		return bluetest.ATTError(0x0D) // invalid attribute value length
	case c.Operation == world.Count:
		o.counter.count(c, p.Subscribed(world.CounterUUID))
		o.stream.count(c, p.Subscribed(world.StreamUUID))
	case c.Operation == world.Disconnect:
		o.dropping <- struct{}{}
	default:
		return bluetest.ATTError(0x06) // request not supported
	}
	return nil
}

func (o *own) status(_ context.Context, p *bluetest.Peripheral) ([]byte, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return json.Marshal(world.Status{Counter: p.Subscribed(world.CounterUUID), Stream: p.Subscribed(world.StreamUUID), Commands: o.commands})
}

// feed is a characteristic that notifies on request.
type feed struct {
	controls chan world.Control
}

func newFeed() *feed { return &feed{controls: make(chan world.Control, 1)} }

// count has the one who notifies send numbers, if there is anybody to send them to.
func (f *feed) count(c world.Control, subscribed bool) {
	if !subscribed {
		return
	}
	select {
	case f.controls <- c:
	default: // it has not even begun with the last one
	}
}

// notify sends what it is asked for while somebody is subscribed.
func (f *feed) notify(ctx context.Context, _ *bluetest.Peripheral, send func([]byte) error) {
	for {
		select {
		case c := <-f.controls:
			numbers(ctx, c, send)
		case <-ctx.Done():
			return
		}
	}
}

// numbers sends the numbers that a control asks for.
func numbers(ctx context.Context, c world.Control, send func([]byte) error) {
	pace := time.NewTicker(max(time.Duration(c.Interval)*time.Millisecond, 1))
	defer pace.Stop()
	for n := range c.Count {
		if c.Interval > 0 {
			select {
			case <-pace.C:
			case <-ctx.Done():
				return
			}
		}
		if send(binary.LittleEndian.AppendUint32(nil, uint32(n))) != nil {
			return
		}
	}
}
