//go:build linux

package main

import (
	"context"
	"fmt"
	"runtime"
	"syscall"

	"github.com/godbus/dbus/v5"

	"github.com/gobluez/bluez/bluezgen"
	"github.com/gobluez/bluez/gen/bus"
)

const (
	company     = 0x004C // of the manufacturer data of each advertisement
	lastCompany = 0xFFFF // in the manufacturer data of the last one only
	payload     = 24     // bytes of manufacturer data
	window      = 200    // updates that may be on their way; fewer than devices, so that none coalesce
)

// A load is what the service sends: updates of the devices in turn.
type load struct {
	devices, updates int
}

// checksum is what an update adds to the checksum of a run.
func checksum(rssi int16, data []byte) uint64 {
	sum := uint64(uint16(rssi))
	for _, b := range data {
		sum = sum*31 + uint64(b)
	}
	return sum
}

// adapter is the service's Adapter1: it lets a client discover.
type adapter struct {
	bluezgen.UnimplementedAdapter1Server
	started chan string // the client's unique name
}

func (a *adapter) SetDiscoveryFilter(context.Context, bluezgen.DiscoveryFilter) error { return nil }
func (a *adapter) StopDiscovery(context.Context) error                                { return nil }
func (a *adapter) StartDiscovery(ctx context.Context) error {
	a.started <- bus.Sender(ctx)
	return nil
}

// serve is the role that owns BlueZ's name: it advertises as soon as somebody discovers, at the pace
// at which the client reads.
func serve(ctx context.Context, address string, l load) (report, error) {
	conn, err := bus.Dial(ctx, address, bus.Options{})
	if err != nil {
		return report{}, err
	}
	defer conn.Close()
	a := &adapter{started: make(chan string, 1)}
	devices, err := export(ctx, conn, a, l.devices)
	if err != nil {
		return report{}, err
	}
	if err := conn.RequestName(ctx, bluezgen.Service); err != nil {
		return report{}, err
	}
	fmt.Println("ready")
	var client string
	select {
	case client = <-a.started:
	case <-ctx.Done():
		return report{}, ctx.Err()
	}
	ping := func() error {
		return conn.Object(client, "/").Call(ctx, bus.Method{Interface: "org.freedesktop.DBus.Peer", Name: "Ping"}, nil, nil)
	}
	sent := report{Updates: l.updates}
	for i := range l.updates {
		if i%window == 0 { // the reply says that all before was read
			if err := ping(); err != nil {
				return report{}, err
			}
		}
		data := make([]byte, payload)
		for j := range data {
			data[j] = byte(i >> (j % 4 * 8))
		}
		rssi := int16(-30 - i%60)
		sent.Checksum += checksum(rssi, data)
		manufacturer := map[uint16][]byte{company: data}
		if i == l.updates-1 {
			manufacturer[lastCompany] = nil
		}
		err := devices[i%l.devices].Update(bluezgen.Device1Properties{
			Device1Set: bluezgen.Device1SetOf(bluezgen.Device1RSSI, bluezgen.Device1ManufacturerData),
			RSSI:       rssi, ManufacturerData: manufacturer,
		})
		if err != nil {
			return report{}, err
		}
	}
	_ = ping() // the reply, or that there is none from a client that left, says that all was read
	return sent, nil
}

// export puts an adapter with n devices on the bus.
func export(ctx context.Context, conn *bus.Conn, a *adapter, n int) ([]*bluezgen.Device1Skeleton, error) {
	if _, err := conn.ExportObjectManager(ctx, "/"); err != nil {
		return nil, err
	}
	const path dbus.ObjectPath = "/org/bluez/hci0"
	_, err := conn.Export(ctx, path, bus.ExportOptions{}, bluezgen.NewAdapter1Skeleton(a, bluezgen.Adapter1Properties{
		Adapter1Set: bluezgen.Adapter1SetOf(bluezgen.Adapter1Address, bluezgen.Adapter1Powered, bluezgen.Adapter1Roles),
		Address:     "00:00:00:00:00:01", Powered: true, Roles: []bluezgen.AdapterRole{bluezgen.AdapterRoleCentral},
	}))
	if err != nil {
		return nil, err
	}
	devices := make([]*bluezgen.Device1Skeleton, n)
	for i := range devices {
		devices[i] = bluezgen.NewDevice1Skeleton(bluezgen.UnimplementedDevice1Server{}, bluezgen.Device1Properties{
			Device1Set: bluezgen.Device1SetOf(bluezgen.Device1Address, bluezgen.Device1AddressType, bluezgen.Device1Alias, bluezgen.Device1Adapter),
			Address:    fmt.Sprintf("C0:00:00:00:%02X:%02X", i>>8, i&0xFF), AddressType: bluezgen.AddressTypeRandom,
			Alias: fmt.Sprintf("device %d", i), Adapter: path,
		})
		device := dbus.ObjectPath(fmt.Sprintf("%s/dev_C0_00_00_00_%02X_%02X", path, i>>8, i&0xFF))
		if _, err := conn.Export(ctx, device, bus.ExportOptions{}, devices[i]); err != nil {
			return nil, err
		}
	}
	return devices, nil
}

// A meter measures what this process uses.
type meter struct {
	cpu    float64
	allocs uint64
}

func startMeter() meter { return meter{cpuTime(), heapObjects()} }

// stop adds what was used since the start to r.
func (m meter) stop(r *report) {
	r.CPU, r.Allocs = cpuTime()-m.cpu, heapObjects()-m.allocs
	r.PeakRSS = int64(usage().Maxrss) // 32 bits on some systems
}

// cpuTime returns this process' user and system time in microseconds.
func cpuTime() float64 {
	u := usage()
	return float64(u.Utime.Sec+u.Stime.Sec)*1e6 + float64(u.Utime.Usec+u.Stime.Usec)
}

func usage() (u syscall.Rusage) {
	_ = syscall.Getrusage(syscall.RUSAGE_SELF, &u) // cannot fail with these arguments
	return u
}

func heapObjects() uint64 {
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.Mallocs
}
