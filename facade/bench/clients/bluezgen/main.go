//go:build linux

// Command bluezgen is the benchmark's client on generated code alone, for those who want no facade.
package main

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"sync"
	"sync/atomic"
	"syscall"

	"github.com/godbus/dbus/v5"

	"github.com/gobluez/bluez/bluezgen"
	"github.com/gobluez/bluez/facade/bench/meter"
	"github.com/gobluez/bluez/facade/bench/workload"
	"github.com/gobluez/bluez/gen/bus"
)

func main() {
	m, err := meter.New()
	if err == nil {
		err = run(context.Background(), m)
	}
	if err == nil {
		err = m.Report()
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "bluezgen:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, m *meter.Meter) error {
	conn, err := bus.Dial(ctx, m.Address, bus.Options{})
	if err != nil {
		return err
	}
	defer conn.Close()
	mirror, err := bus.OpenMirror(ctx, conn, bus.MirrorOptions{Service: bluezgen.Service, Root: "/", Codecs: []bus.Codec{
		bluezgen.Adapter1Codec(), bluezgen.Device1Codec(), bluezgen.GattService1Codec(), bluezgen.GattCharacteristic1Codec(),
		bluezgen.GattDescriptor1Codec(),
	}})
	if err != nil {
		return err
	}
	defer mirror.Close()
	c := &client{conn: conn, mirror: mirror, m: m}
	switch m.Mode {
	case workload.Scan:
		return c.scan(ctx)
	case workload.Connect:
		m.Start()
		for {
			if err := c.connect(ctx); err != nil {
				return err
			}
			n := 0
			mirror.View(func(v bus.View) {
				v.Walk(c.device, func(dbus.ObjectPath, string, bus.Record) bool { n++; return true })
			})
			if err := c.disconnect(ctx); err != nil {
				return err
			}
			if !m.Objects(n - 1) { // but for the device
				return nil
			}
		}
	}
	if err := c.connect(ctx); err != nil {
		return err
	}
	switch m.Mode {
	case workload.Read:
		return c.read(ctx)
	case workload.Write:
		return c.write(ctx, 1)
	case workload.WriteMany:
		return c.write(ctx, 8)
	case workload.AcquireWrite:
		return c.acquireWrite(ctx)
	case workload.Notify:
		return c.notify(ctx)
	case workload.Acquire:
		return c.acquire(ctx)
	}
	return fmt.Errorf("no mode %s", m.Mode)
}

type client struct {
	conn      *bus.Conn
	mirror    *bus.Mirror
	m         *meter.Meter
	device    dbus.ObjectPath
	following *bus.Following
	unwatch   func()
	resolved  chan bool
}

// scan counts on the goroutine that reads the bus.
func (c *client) scan(ctx context.Context) error {
	done := make(chan struct{})
	var once sync.Once
	unwatch := c.mirror.Subscribe(func(e bus.Event) {
		r, ok := e.Record.(*bluezgen.Device1Update)
		if !ok || e.Kind == bus.Removed {
			return
		}
		if data, heard := r.ManufacturerData[workload.Company]; heard && !c.m.Advertisement(data, r.RSSI) {
			once.Do(func() { close(done) })
		}
	})
	defer unwatch()
	following, err := c.mirror.Follow(ctx, workload.Adapter, bluezgen.Device1Interface)
	if err != nil {
		return err
	}
	defer following.Close()
	if err := bluezgen.NewAdapter1(c.conn, workload.Adapter).StartDiscovery(ctx); err != nil {
		return err
	}
	<-done
	return nil
}

// connect connects and waits until the services are resolved.
func (c *client) connect(ctx context.Context) error {
	c.mirror.View(func(v bus.View) {
		v.Walk(workload.Adapter, func(path dbus.ObjectPath, _ string, r bus.Record) bool {
			if d, ok := r.(*bluezgen.Device1Update); ok && d.Address == workload.Target {
				c.device = path
			}
			return c.device == ""
		})
	})
	var err error
	if c.following, err = c.mirror.Follow(ctx, c.device, ""); err != nil {
		return err
	}
	c.resolved = make(chan bool, 4)
	c.unwatch = c.mirror.Subscribe(func(e bus.Event) {
		r, ok := e.Record.(*bluezgen.Device1Update)
		if ok && e.Path == c.device && r.Changed.Has(bluezgen.Device1ServicesResolved) {
			c.resolved <- r.ServicesResolved
		}
	})
	if err := bluezgen.NewDevice1(c.conn, c.device).Connect(ctx); err != nil {
		return err
	}
	if !<-c.resolved {
		return errors.New("the services were not resolved")
	}
	return nil
}

func (c *client) disconnect(ctx context.Context) error {
	if err := bluezgen.NewDevice1(c.conn, c.device).Disconnect(ctx); err != nil {
		return err
	}
	<-c.resolved
	c.unwatch()
	c.following.Close()
	return nil
}

// characteristics returns the first n of them.
func (c *client) characteristics(n int) (found []bluezgen.GattCharacteristic1) {
	c.mirror.View(func(v bus.View) {
		v.Walk(c.device, func(path dbus.ObjectPath, iface string, _ bus.Record) bool {
			if iface == bluezgen.GattCharacteristic1Interface {
				found = append(found, bluezgen.NewGattCharacteristic1(c.conn, path))
			}
			return len(found) < n
		})
	})
	return found
}

func (c *client) read(ctx context.Context) error {
	char := c.characteristics(1)[0]
	for {
		value, err := char.ReadValue(ctx, bluezgen.ReadOptions{})
		if err != nil {
			return err
		}
		if !c.m.Event(value) {
			return nil
		}
	}
}

// write keeps so many writes in flight.
func (c *client) write(ctx context.Context, parallel int) error {
	char := c.characteristics(1)[0]
	var (
		next   atomic.Uint32
		failed = make(chan error, parallel)
		sent   = make(chan [4]byte, parallel)
	)
	work := func(done func(value []byte) bool) error {
		value := make([]byte, c.m.Size)
		for {
			number := next.Add(1) - 1
			if number >= uint32(c.m.Events) {
				return nil
			}
			binary.LittleEndian.PutUint32(value, number)
			err := char.WriteValue(ctx, value, bluezgen.WriteOptions{Type: bluezgen.WriteTypeCommand})
			if err != nil {
				return err
			}
			if !done(value) {
				return nil
			}
		}
	}
	if parallel == 1 {
		return work(c.m.Event)
	}
	for range parallel {
		go func() {
			if err := work(func(value []byte) bool { sent <- [4]byte(value); return true }); err != nil {
				failed <- err
			}
		}()
	}
	value := make([]byte, c.m.Size)
	for {
		select {
		case err := <-failed:
			return err
		case number := <-sent:
			copy(value, number[:])
			if !c.m.Event(value) {
				return nil
			}
		}
	}
}

func (c *client) acquireWrite(ctx context.Context) error {
	file, _, err := c.characteristics(1)[0].AcquireWrite(ctx, bluezgen.AcquireOptions{})
	if err != nil {
		return err
	}
	defer file.Close()
	value := make([]byte, c.m.Size)
	for i := uint32(0); ; i++ {
		binary.LittleEndian.PutUint32(value, i)
		if _, err := file.Write(value); err != nil {
			return err
		}
		if !c.m.Event(value) {
			return nil
		}
	}
}

// notify counts on the goroutine that reads the bus.
func (c *client) notify(ctx context.Context) error {
	done := make(chan struct{})
	unwatch := c.mirror.Subscribe(func(e bus.Event) {
		r, ok := e.Record.(*bluezgen.GattCharacteristic1Update)
		if ok && e.Kind == bus.Changed && r.Changed.Has(bluezgen.GattCharacteristic1Value) && !c.m.Event(r.Value) {
			close(done)
		}
	})
	defer unwatch()
	for _, char := range c.characteristics(c.m.Subscriptions) {
		if err := char.StartNotify(ctx); err != nil {
			return err
		}
	}
	<-done
	return nil
}

func (c *client) acquire(ctx context.Context) error {
	file, _, err := c.characteristics(1)[0].AcquireNotify(ctx, bluezgen.AcquireOptions{})
	if err != nil {
		return err
	}
	defer file.Close()
	packet := make([]byte, 512)
	for {
		n, err := syscall.Read(int(file.Fd()), packet) // blocks in the kernel
		if err != nil {
			return err
		}
		if !c.m.Event(packet[:n]) {
			return nil
		}
	}
}
