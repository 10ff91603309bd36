package bluetest

import (
	"context"
	"fmt"
	"os"
	"sync/atomic"

	"github.com/godbus/dbus/v5"

	"github.com/gobluez/bluez/bluezgen"
	"github.com/gobluez/bluez/gen/bus"
	"github.com/gobluez/bluez/gen/wire"
)

// A characteristicObject is what bluetoothd shows and knows of a characteristic.
type characteristicObject struct {
	bluezgen.UnimplementedGattCharacteristic1Server
	*bluezgen.GattCharacteristic1Skeleton
	client         *gattClient
	service        *serviceObject
	characteristic *characteristic
	path           dbus.ObjectPath
	export         *bus.Export
	descriptors    []*descriptorObject

	// Guarded by the world.
	value       remoteValue
	notifying   bool
	writeSocket *acquired // nil unless a client has acquired it
	readSocket  *acquired // likewise, with the notifications
}

func (s *serviceObject) newCharacteristic(c *characteristic) *characteristicObject {
	b := s.client.device.adapter.bluetoothd
	o := &characteristicObject{client: s.client, service: s, characteristic: c, path: s.path + dbus.ObjectPath(fmt.Sprintf("/char%04x", c.handle))}
	o.value = remoteValue{client: s.client, handle: c.value.handle, show: o.showValue}
	p := bluezgen.GattCharacteristic1Properties{
		GattCharacteristic1Set: bluezgen.GattCharacteristic1SetOf(bluezgen.GattCharacteristic1UUID, bluezgen.GattCharacteristic1Service,
			bluezgen.GattCharacteristic1Value, bluezgen.GattCharacteristic1Flags),
		UUID: c.uuid, Service: s.path, Value: []byte{}, Flags: c.flags,
	}
	if b.since(version569) {
		p.Add(bluezgen.GattCharacteristic1Handle)
		p.Handle = c.handle
	}
	if c.notifies() {
		p.Add(bluezgen.GattCharacteristic1Notifying)
	}
	if c.has(bluezgen.CharacteristicFlagWriteWithoutResponse) {
		p.Add(bluezgen.GattCharacteristic1WriteAcquired)
	}
	if o.canAcquireNotify() {
		p.Add(bluezgen.GattCharacteristic1NotifyAcquired)
	}
	o.GattCharacteristic1Skeleton = bluezgen.NewGattCharacteristic1Skeleton(o, p)
	skeleton := attributeSkeleton(o.GattCharacteristic1Skeleton, b.characteristicLacks()...)
	if b.since(version562) {
		skeleton = withMTU{skeleton, &s.client.mtu}
	}
	var err error
	if o.export, err = b.export(o.path, skeleton); err != nil {
		return nil
	}
	for _, d := range c.descriptors {
		if object := o.newDescriptor(d); object != nil {
			o.descriptors = append(o.descriptors, object)
		}
	}
	return o
}

// withMTU adds the property MTU to a characteristic. It comes and goes with the link,
// and BlueZ signals neither.
type withMTU struct {
	bus.Skeleton
	mtu *atomic.Uint32
}

// Serve implements [bus.Skeleton].
func (s withMTU) Serve() *bus.ServedInterface {
	served := *s.Skeleton.Serve()
	served.Properties = propertiesWithMTU{served.Properties, s.mtu}
	return &served
}

type propertiesWithMTU struct {
	bus.ServedProperties
	mtu *atomic.Uint32
}

// EncodeAll implements [bus.ServedProperties].
func (p propertiesWithMTU) EncodeAll(e *wire.Encoder) {
	p.ServedProperties.EncodeAll(e)
	if mtu := p.mtu.Load(); mtu != 0 {
		e.Struct()
		e.String(bluezgen.GattCharacteristic1MTU.String())
		encodeMTU(e, mtu)
	}
}

// Encode implements [bus.ServedProperties].
func (p propertiesWithMTU) Encode(name string, e *wire.Encoder) error {
	if mtu := p.mtu.Load(); mtu != 0 && name == bluezgen.GattCharacteristic1MTU.String() {
		encodeMTU(e, mtu)
		return nil
	}
	return p.ServedProperties.Encode(name, e)
}

func encodeMTU(e *wire.Encoder, mtu uint32) {
	e.VariantOf("q")
	e.Uint16(uint16(mtu))
}

// update shows changed properties. It can fail only with the connection, and then
// nobody looks.
func (o *characteristicObject) update(p bluezgen.GattCharacteristic1Properties) { _ = o.Update(p) }

func (o *characteristicObject) showValue(value []byte) {
	o.update(bluezgen.GattCharacteristic1Properties{
		GattCharacteristic1Set: bluezgen.GattCharacteristic1SetOf(bluezgen.GattCharacteristic1Value), Value: value,
	})
}

// lock locks the world.
func (o *characteristicObject) lock() (unlock func()) {
	w := o.client.device.adapter.bluetoothd.world
	w.mu.Lock()
	return w.mu.Unlock
}

// remove takes the characteristic off the bus. The world is locked.
func (o *characteristicObject) remove() {
	o.halt()
	if conf := o.client.configurations[o.value.handle]; conf != nil {
		conf.handle = 0 // there is nothing to disable any more
		delete(o.client.configurations, o.value.handle)
	}
	for _, s := range o.client.sessions {
		if s.characteristic == o {
			s.remove()
		}
	}
	for _, d := range o.descriptors {
		d.export.Close()
	}
	o.export.Close()
}

// halt closes the sockets that clients have acquired, without a word on the bus.
func (o *characteristicObject) halt() {
	for _, a := range []*acquired{o.writeSocket, o.readSocket} {
		if a != nil {
			a.close()
		}
	}
}

// ReadValue reads the value from the device.
func (o *characteristicObject) ReadValue(ctx context.Context, options bluezgen.ReadOptions) ([]byte, error) {
	offset, _ := options.Offset.Get()
	return o.value.readValue(ctx, offset)
}

// WriteValue writes the value to the device, as the type of write says, or without one
// as the flags do: reliably, else by request, else by command.
func (o *characteristicObject) WriteValue(ctx context.Context, value []byte, options bluezgen.WriteOptions) error {
	answers, err := o.startWriting(value, options)
	if answers == nil || err != nil {
		return err
	}
	_, err = await(ctx, answers)
	return err
}

// startWriting returns nil if there is nothing to wait for. A type is not held against
// the flags: that is left to the device.
func (o *characteristicObject) startWriting(value []byte, options bluezgen.WriteOptions) (<-chan answer, error) {
	defer o.lock()()
	offset, _ := options.Offset.Get()
	switch {
	case o.client.queue == nil:
		return nil, errNoLink()
	case o.writeSocket != nil:
		return nil, bluezgen.ErrNotPermitted.With("Write acquired")
	case o.value.writing:
		return nil, errInProgress()
	case o.service.readOnly:
		return nil, errNotAuthorized()
	}
	kind, ok := o.writeType(options.Type)
	switch {
	case !ok:
		return nil, errNotSupported()
	case kind != bluezgen.WriteTypeCommand:
		return o.value.writeRequest(value, offset, kind == bluezgen.WriteTypeReliable)
	case offset > 0:
		return nil, errNotSupported()
	case len(value) > int(o.client.queue.link.mtu)-3:
		return nil, bluezgen.ErrFailed.With("Failed to initiate write")
	}
	o.command(value)
	return nil, nil
}

func (o *characteristicObject) writeType(wanted bluezgen.WriteType) (kind bluezgen.WriteType, ok bool) {
	switch wanted {
	case bluezgen.WriteTypeCommand, bluezgen.WriteTypeRequest, bluezgen.WriteTypeReliable:
		return wanted, true
	case "":
	default:
		return "", false
	}
	switch c := o.characteristic; {
	case c.has(bluezgen.CharacteristicFlagReliableWrite):
		return bluezgen.WriteTypeReliable, true
	case c.has(bluezgen.CharacteristicFlagWrite):
		return bluezgen.WriteTypeRequest, true
	}
	return bluezgen.WriteTypeCommand, o.characteristic.has(bluezgen.CharacteristicFlagWriteWithoutResponse)
}

// command writes a value without response. The world is locked.
func (o *characteristicObject) command(value []byte) {
	q := o.client.queue
	w := write{handle: o.value.handle, value: value, silent: true}
	q.enqueue(&attRequest{
		serve:    func() ([]byte, ATTError) { return nil, q.link.peripheral.attributes.write(q.link, w) },
		answered: func([]byte, ATTError) {},
	})
}

// AcquireWrite returns a socket whose packets are written without response.
func (o *characteristicObject) AcquireWrite(ctx context.Context, _ bluezgen.AcquireOptions) (*os.File, uint16, error) {
	a, err := o.acquireWrite()
	if err != nil {
		return nil, 0, err
	}
	return a.await(ctx)
}

// AcquireNotify enables notifications and returns a socket that carries them.
func (o *characteristicObject) AcquireNotify(ctx context.Context, _ bluezgen.AcquireOptions) (*os.File, uint16, error) {
	a, err := o.acquireNotify()
	if err != nil {
		return nil, 0, err
	}
	return a.await(ctx)
}

// StartNotify opens a session for the caller.
func (o *characteristicObject) StartNotify(ctx context.Context) error {
	answers, err := o.startNotify(bus.Sender(ctx))
	if answers == nil || err != nil {
		return err
	}
	_, err = await(ctx, answers)
	return err
}
