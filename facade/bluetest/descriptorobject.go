package bluetest

import (
	"context"
	"fmt"

	"github.com/godbus/dbus/v5"

	"github.com/gobluez/bluez/bluezgen"
	"github.com/gobluez/bluez/gen/bus"
)

// A descriptorObject is what bluetoothd shows and knows of a descriptor. The client
// characteristic configuration is shown too, but cannot be written.
type descriptorObject struct {
	*bluezgen.GattDescriptor1Skeleton
	characteristic *characteristicObject
	uuid           string
	export         *bus.Export

	// Guarded by the world.
	value remoteValue
}

func (o *characteristicObject) newDescriptor(d *attribute) *descriptorObject {
	b := o.client.device.adapter.bluetoothd
	object := &descriptorObject{characteristic: o, uuid: d.uuid}
	object.value = remoteValue{client: o.client, handle: d.handle, show: object.showValue}
	p := bluezgen.GattDescriptor1Properties{
		GattDescriptor1Set: bluezgen.GattDescriptor1SetOf(bluezgen.GattDescriptor1UUID, bluezgen.GattDescriptor1Characteristic, bluezgen.GattDescriptor1Value),
		UUID:               d.uuid, Characteristic: o.path, Value: []byte{},
	}
	if b.since(version569) {
		p.Add(bluezgen.GattDescriptor1Handle)
		p.Handle = d.handle
	}
	if d.uuid == uuidExtendedProperties { // BlueZ reads them for the flags
		p.Value, object.value.cached = d.value, d.value
	}
	object.GattDescriptor1Skeleton = bluezgen.NewGattDescriptor1Skeleton(object, p)
	var err error
	if object.export, err = b.export(o.path+dbus.ObjectPath(fmt.Sprintf("/desc%04x", d.handle)), attributeSkeleton(object.GattDescriptor1Skeleton, b.descriptorLacks()...)); err != nil {
		return nil
	}
	return object
}

// showValue shows the value. It can fail only with the connection, and then nobody
// looks.
func (o *descriptorObject) showValue(value []byte) {
	_ = o.Update(bluezgen.GattDescriptor1Properties{
		GattDescriptor1Set: bluezgen.GattDescriptor1SetOf(bluezgen.GattDescriptor1Value), Value: value,
	})
}

// ReadValue reads the value from the device.
func (o *descriptorObject) ReadValue(ctx context.Context, options bluezgen.ReadOptions) ([]byte, error) {
	offset, _ := options.Offset.Get()
	return o.value.readValue(ctx, offset)
}

// WriteValue writes the value to the device.
func (o *descriptorObject) WriteValue(ctx context.Context, value []byte, options bluezgen.DescriptorWriteOptions) error {
	answers, err := o.startWriting(value, options)
	if err != nil {
		return err
	}
	_, err = await(ctx, answers)
	return err
}

func (o *descriptorObject) startWriting(value []byte, options bluezgen.DescriptorWriteOptions) (<-chan answer, error) {
	defer o.characteristic.lock()()
	offset, _ := options.Offset.Get()
	switch {
	case o.value.client.queue == nil:
		return nil, errNoLink()
	case o.value.writing:
		return nil, errInProgress()
	case o.characteristic.service.readOnly:
		return nil, errNotAuthorized()
	case o.uuid == uuidClientConfiguration:
		return nil, attWriteNotPermitted.dbus()
	}
	return o.value.writeRequest(value, offset, false)
}
