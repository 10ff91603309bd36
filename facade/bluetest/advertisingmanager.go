package bluetest

import (
	"context"
	"slices"

	"github.com/godbus/dbus/v5"

	"github.com/gobluez/bluez/bluezgen"
	"github.com/gobluez/bluez/gen/bus"
)

// maxInstances is how many advertisements an adapter sends at once, unless it says
// otherwise: the kernel's own limit.
const maxInstances = 5

// maxExtendedAdvertisement is how long an advertisement of BlueZ may be where the adapter
// has extended advertising, in bytes.
const maxExtendedAdvertisement = 251

// An advertisingManager has the advertisements of an adapter: LEAdvertisingManager1.
type advertisingManager struct {
	bluezgen.UnimplementedLEAdvertisingManager1Server
	*bluezgen.LEAdvertisingManager1Skeleton
	object *adapterObject

	// Guarded by the world.
	instances []*instance
}

// init returns the manager to export. The world is locked, as for all here but what
// serves calls.
func (m *advertisingManager) init(o *adapterObject) bus.Skeleton {
	m.object = o
	room := bus.Some(byte(m.room()))
	p := bluezgen.LEAdvertisingManager1Properties{
		LEAdvertisingManager1Set: bluezgen.LEAdvertisingManager1SetOf(bluezgen.LEAdvertisingManager1ActiveInstances,
			bluezgen.LEAdvertisingManager1SupportedInstances, bluezgen.LEAdvertisingManager1SupportedIncludes),
		SupportedInstances: maxInstances,
		SupportedIncludes: []bluezgen.AdvertisingInclude{
			bluezgen.AdvertisingIncludeTxPower, bluezgen.AdvertisingIncludeAppearance, bluezgen.AdvertisingIncludeLocalName,
		},
	}
	if o.bluetoothd.since(version557) {
		p.Add(bluezgen.LEAdvertisingManager1SupportedFeatures, bluezgen.LEAdvertisingManager1SupportedCapabilities)
		p.SupportedCapabilities = bluezgen.AdvertisingCapabilities{MaxAdvLen: room, MaxScnRspLen: room}
	}
	if o.adapter.extended {
		p.Add(bluezgen.LEAdvertisingManager1SupportedSecondaryChannels)
		p.SupportedSecondaryChannels = secondaryChannels
		p.SupportedFeatures = []bluezgen.AdvertisingFeature{bluezgen.AdvertisingFeatureCanSetTxPower, bluezgen.AdvertisingFeatureHardwareOffload}
	}
	m.LEAdvertisingManager1Skeleton = bluezgen.NewLEAdvertisingManager1Skeleton(m, p)
	return m
}

// Serve leaves out what the BlueZ that is played does not have.
func (m *advertisingManager) Serve() *bus.ServedInterface {
	t := trimmed{Skeleton: m.LEAdvertisingManager1Skeleton}
	if !m.object.bluetoothd.since(version557) {
		t.without = []string{bluezgen.LEAdvertisingManager1SupportedFeatures.String(), bluezgen.LEAdvertisingManager1SupportedCapabilities.String()}
	}
	return t.Serve()
}

// room is how many bytes an advertisement has, and its scan response.
func (m *advertisingManager) room() int {
	if m.object.adapter.extended {
		return maxExtendedAdvertisement
	}
	return maxLegacy
}

var secondaryChannels = []bluezgen.SecondaryChannel{
	bluezgen.SecondaryChannel1M, bluezgen.SecondaryChannel2M, bluezgen.SecondaryChannelCoded,
}

// RegisterAdvertisement reads the properties of an advertisement and sends it.
func (m *advertisingManager) RegisterAdvertisement(ctx context.Context, path dbus.ObjectPath, _ map[string]dbus.Variant) error {
	b := m.object.bluetoothd
	i := &instance{registered: b.newRegistered(ctx, path), manager: m}
	if err := m.register(i); err != nil {
		i.cancel()
		return err
	}
	bus.Release(ctx)
	chosen, err := m.complete(ctx, i)
	if err == nil {
		i.assign(chosen)
	}
	return err
}

// complete reads the properties of an advertisement that is registered, and sends it. It
// returns what BlueZ has chosen.
func (m *advertisingManager) complete(ctx context.Context, i *instance) ([]assignment, error) {
	err := i.open(ctx)
	w := m.object.bluetoothd.world
	w.mu.Lock()
	defer w.mu.Unlock()
	switch {
	case i.ctx.Err() != nil: // the client has left, or bluetoothd ends
		i.close()
		return nil, bluezgen.ErrFailed.With("Failed to complete registration")
	case err == nil:
		err = i.begin()
	}
	if err != nil {
		i.close()
		m.instances = without(m.instances, i)
		return nil, err
	}
	m.show()
	return append(i.power(), i.which()...), nil
}

// register notes an advertisement, if its client has not registered the path already and
// there is room for another.
func (m *advertisingManager) register(i *instance) error {
	w := m.object.bluetoothd.world
	w.mu.Lock()
	defer w.mu.Unlock()
	if lookUp(m.instances, i.owner, i.path) != nil {
		return bluezgen.ErrAlreadyExists.With("Already Exists")
	}
	for i.number = 1; m.taken(i.number); i.number++ {
	}
	if i.number > maxInstances {
		return bluezgen.ErrNotPermitted.With("Maximum advertisements reached")
	}
	m.instances = append(m.instances, i)
	return nil
}

func (m *advertisingManager) taken(number byte) bool {
	return slices.ContainsFunc(m.instances, func(i *instance) bool { return i.number == number })
}

// UnregisterAdvertisement ends an advertisement.
func (m *advertisingManager) UnregisterAdvertisement(ctx context.Context, path dbus.ObjectPath) error {
	w := m.object.bluetoothd.world
	w.mu.Lock()
	defer w.mu.Unlock()
	i := lookUp(m.instances, bus.Sender(ctx), path)
	if i == nil {
		return bluezgen.ErrDoesNotExist.With("Does Not Exist")
	}
	m.remove(i)
	return nil
}

// remove ends an advertisement and shows that, without a word to its client.
func (m *advertisingManager) remove(i *instance) {
	m.instances = without(m.instances, i)
	i.close()
	m.show()
}

// show shows how many advertisements there are.
func (m *advertisingManager) show() {
	m.object.bluetoothd.complain("show how many advertisements there are", m.Update(bluezgen.LEAdvertisingManager1Properties{
		LEAdvertisingManager1Set: bluezgen.LEAdvertisingManager1SetOf(
			bluezgen.LEAdvertisingManager1SupportedInstances, bluezgen.LEAdvertisingManager1ActiveInstances),
		SupportedInstances: maxInstances - byte(len(m.instances)),
		ActiveInstances:    byte(len(m.instances)),
	}))
}

func (m *advertisingManager) clientLeft(name string) {
	for _, i := range ownedBy(m.instances, name) {
		m.remove(i)
	}
}

// halt ends all advertisements, without a word to anybody.
func (m *advertisingManager) halt() {
	for _, i := range m.instances {
		i.close()
	}
	m.instances = nil
}

// release tells the clients that their advertisements have ended, which they do with the
// adapter.
func (m *advertisingManager) release() {
	b := m.object.bluetoothd
	for _, i := range m.instances {
		b.farewells.Add(1)
		b.tell(func(ctx context.Context) error {
			defer b.farewells.Done()
			return i.proxy().Release(ctx)
		})
	}
}

// refresh sends anew what depends on the adapter: its name, and whether it is
// discoverable.
func (m *advertisingManager) refresh() {
	for _, i := range m.instances {
		if a := i.advertiser; a != nil && a.scheduled {
			i.refresh()
		}
	}
}

// powerOff takes all advertisements out of the air. BlueZ counts them still, but the kernel
// sends them again only when they are registered or changed anew.
func (m *advertisingManager) powerOff() {
	for _, i := range m.instances {
		i.silence()
	}
}

// connectable returns an advertisement that one can connect to now, or nil.
func (m *advertisingManager) connectable() *advertiser {
	for _, i := range m.instances {
		if a := i.advertiser; a != nil && a.audible() && !a.advertisement.Beacon {
			return a
		}
	}
	return nil
}

// connected pauses the advertisement that a central has connected to.
func (m *advertisingManager) connected(l *link) {
	if a := m.connectable(); a != nil {
		a.link = l
	}
}

// disconnected resumes the advertisement that a link had paused.
func (m *advertisingManager) disconnected(l *link) {
	for _, i := range m.instances {
		if a := i.advertiser; a != nil && a.link == l {
			a.link = nil
		}
	}
}
