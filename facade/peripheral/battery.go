package peripheral

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/godbus/dbus/v5"

	"github.com/gobluez/bluez/bluezgen"
	"github.com/gobluez/bluez/facade"
	"github.com/gobluez/bluez/gen/bus"
)

// A Battery is the charge of a remote device as this program knows it, through a protocol
// of the device's own. BlueZ shows it to everybody (org.bluez.Battery(5)), desktops for
// example, as it shows that of a device with the Battery Service by itself.
type Battery struct {
	Device     facade.Device // whose battery it is; BlueZ must know it, and connected or paired
	Percentage int           // what is left, 0 to 100
	Source     string        // where that comes from, for humans: "Vendor protocol 2"; may be empty
}

func (b *Battery) validate() error {
	var wrong mistakes
	if b.Device.Path() == "" {
		wrong.addf("battery of no device")
	}
	wrong.add(validPercentage(b.Percentage), validText("source", b.Source))
	return wrong.join()
}

func validPercentage(percentage int) error {
	if percentage < 0 || percentage > 100 {
		return fmt.Errorf("battery level %d is not in 0 to 100", percentage)
	}
	return nil
}

// ErrBatteryKnown: BlueZ has the battery level of the device already, from the device
// itself or another program.
var ErrBatteryKnown = errors.New("BlueZ knows the battery already")

// A BatteryProvider keeps BlueZ knowing a Battery. It ends with Close or with its Central;
// BlueZ is told again when it, the bus or the adapter were away. Any goroutine may use it
// at any time.
type BatteryProvider struct {
	r      *registration
	device facade.Device

	mu      sync.Mutex
	battery Battery
	now     *bluezgen.BatteryProvider1Skeleton // nil while BlueZ does not know it
}

// ProvideBattery has BlueZ show a battery and returns when it does, which ctx bounds. The
// Options need no Adapter: it is the device's.
//
// It fails with ErrInvalid if b has mistakes, with ErrBatteryKnown if BlueZ shows a
// battery of the device already, and with facade.ErrNoDevice if BlueZ does not take it
// because it does not keep the device: one that is neither connected nor paired. It needs
// BlueZ 5.79, or 5.56 run with --experimental.
func ProvideBattery(ctx context.Context, b Battery, o Options) (*BatteryProvider, error) {
	if err := b.validate(); err != nil {
		return nil, opError("provide the battery of", b.Device.String(), err)
	}
	o.Adapter = b.Device.Adapter
	p := &BatteryProvider{device: b.Device, battery: b}
	_, err := register(ctx, o, func(r *registration) holder {
		p.r = r
		return holder{hold: p.hold}
	})
	if err != nil {
		return nil, opError("provide the battery of", b.Device.String(), err)
	}
	return p, nil
}

// Update has BlueZ show another percentage. BlueZ smooths values that go up and down. It
// does not block; while BlueZ is away it is told later.
func (p *BatteryProvider) Update(percentage int) error {
	if err := validPercentage(percentage); err != nil {
		return opError("update the battery of", p.device.String(), invalid{err})
	}
	if p.r.ctx.Err() != nil {
		return opError("update the battery of", p.device.String(), facade.ErrClosed)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.battery.Percentage = percentage
	if p.now == nil {
		return nil
	}
	props := p.battery.properties()
	props.BatteryProvider1Set = bluezgen.BatteryProvider1SetOf(bluezgen.BatteryProvider1Percentage)
	if err := p.now.Update(props); err != nil && !errors.Is(err, bus.ErrClosed) && !errors.Is(err, bus.ErrNotExported) {
		return opError("update the battery of", p.device.String(), err)
	}
	return nil // if the bus has just gone, BlueZ is told when it is back
}

// Close has BlueZ forget the battery, and returns when that is done, or when BlueZ does
// not answer for a few seconds. A second Close does nothing. The error is always nil.
func (p *BatteryProvider) Close() error {
	p.r.end()
	return nil
}

// Done returns a channel that is closed when it has ended, for whatever reason.
func (p *BatteryProvider) Done() <-chan struct{} { return p.r.done }

// Err returns why it has ended: nil while it has not, and after Close.
func (p *BatteryProvider) Err() error {
	return opError("provide the battery of", p.device.String(), p.r.reason())
}

// hold keeps BlueZ knowing the battery until ctx ends.
func (p *BatteryProvider) hold(ctx context.Context, conn *bus.Conn, adapter facade.Adapter, held func()) error {
	shown := bluezgen.NewBattery1(conn, p.device.Path())
	if _, err := shown.GetAll(ctx); err == nil {
		return ErrBatteryKnown // or BlueZ would ignore this one without a word
	} else if errors.Is(err, bus.ErrUnknownObject) {
		return fmt.Errorf("%w: %w", facade.ErrNoDevice, err)
	}
	// BlueZ compares the paths of all programs.
	root := p.r.Central.NewPath() + dbus.ObjectPath("/by"+strings.NewReplacer(":", "_", ".", "_").Replace(conn.UniqueName()))
	objects, err := conn.ExportObjectManager(ctx, root)
	if err != nil {
		return err
	}
	defer objects.Close()
	export, err := p.export(ctx, conn, root+"/battery")
	if err != nil {
		return err
	}
	defer export.Close()
	defer p.setNow(nil)
	manager := bluezgen.NewBatteryProviderManager1(conn, adapter.Path())
	err = manager.RegisterBatteryProvider(ctx, root)
	if refused := new(bus.Error); err == nil || !errors.As(err, &refused) { // a call that was not waited for may yet succeed
		defer p.unregister(ctx, conn, manager, root)
	}
	if errors.Is(err, bus.ErrUnknownMethod) || errors.Is(err, bus.ErrUnknownInterface) {
		return fmt.Errorf("batteries need BlueZ 5.79, or 5.56 run with --experimental: %w: %w", errors.ErrUnsupported, err)
	} else if err != nil {
		return err
	}
	if err := awaitBattery(ctx, shown); err != nil {
		return err
	}
	held()
	<-ctx.Done()
	return context.Cause(ctx)
}

// export serves the battery as it is now.
func (p *BatteryProvider) export(ctx context.Context, conn *bus.Conn, path dbus.ObjectPath) (*bus.Export, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	skeleton := bluezgen.NewBatteryProvider1Skeleton(p.battery.properties())
	export, err := conn.Export(ctx, path, bus.ExportOptions{From: bluezgen.Service}, skeleton)
	if err == nil {
		p.now = skeleton
	}
	return export, err
}

func (p *BatteryProvider) setNow(skeleton *bluezgen.BatteryProvider1Skeleton) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.now = skeleton
}

func (p *BatteryProvider) unregister(ctx context.Context, conn *bus.Conn, manager bluezgen.BatteryProviderManager1, root dbus.ObjectPath) {
	if conn.Err() != nil {
		return
	}
	ctx, cancel := cleanup(ctx)
	defer cancel()
	_ = manager.UnregisterBatteryProvider(ctx, root) // BlueZ may be gone, and has forgotten it then
}

// properties returns what BlueZ is told of a battery.
func (b *Battery) properties() bluezgen.BatteryProvider1Properties {
	props := bluezgen.BatteryProvider1Properties{
		BatteryProvider1Set: bluezgen.BatteryProvider1SetOf(bluezgen.BatteryProvider1Device, bluezgen.BatteryProvider1Percentage),
		Device:              b.Device.Path(), Percentage: byte(b.Percentage), Source: b.Source,
	}
	if b.Source != "" {
		props.Add(bluezgen.BatteryProvider1Source)
	}
	return props
}

// batteryPatience is how long BlueZ may take to read a battery that it was told of. It
// answers before it does.
const batteryPatience = 2 * time.Second

// awaitBattery waits until BlueZ shows a battery.
func awaitBattery(ctx context.Context, shown bluezgen.Battery1) error {
	patience := time.NewTimer(batteryPatience)
	defer patience.Stop()
	for pause := time.Millisecond; ; pause *= 2 {
		if _, err := shown.GetAll(ctx); err == nil {
			return nil
		} else if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		next := time.NewTimer(pause)
		select {
		case <-next.C:
		case <-patience.C:
			next.Stop()
			return fmt.Errorf("BlueZ does not take it, of a device that is neither connected nor paired: %w", facade.ErrNoDevice)
		case <-ctx.Done():
			next.Stop()
			return context.Cause(ctx)
		}
	}
}
