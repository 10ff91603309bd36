//go:build linux

// Command godbus is the benchmark's client on plain godbus, as a careful user of it would write it.
package main

import (
	"encoding/binary"
	"errors"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"syscall"

	"github.com/godbus/dbus/v5"

	"github.com/gobluez/bluez/bluezgen"
	"github.com/gobluez/bluez/facade/bench/meter"
	"github.com/gobluez/bluez/facade/bench/workload"
)

func main() {
	m, err := meter.New()
	if err == nil {
		err = run(m)
	}
	if err == nil {
		err = m.Report()
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "godbus:", err)
		os.Exit(1)
	}
}

const (
	properties = "org.freedesktop.DBus.Properties"
	manager    = "org.freedesktop.DBus.ObjectManager"
)

var errEarly = errors.New("it ended early")

type client struct {
	conn    *dbus.Conn
	m       *meter.Meter
	signals chan *dbus.Signal
	device  dbus.ObjectPath
	tree    map[dbus.ObjectPath]string // interface by path
}

func run(m *meter.Meter) error {
	conn, err := dbus.Connect(m.Address)
	if err != nil {
		return err
	}
	defer conn.Close()
	c := &client{
		conn: conn, m: m, signals: make(chan *dbus.Signal, 2*workload.Window), tree: map[dbus.ObjectPath]string{},
		device: dbus.ObjectPath(workload.Adapter + "/dev_" + strings.ReplaceAll(workload.Target, ":", "_")),
	}
	conn.Signal(c.signals)
	if m.Mode == workload.Scan {
		return c.scan()
	}
	// What a program needs that is connected to one device.
	err = errors.Join(
		c.match(dbus.WithMatchInterface(properties), dbus.WithMatchMember("PropertiesChanged"), dbus.WithMatchPathNamespace(c.device)),
		c.match(dbus.WithMatchInterface(manager)))
	if err != nil {
		return err
	}
	if m.Mode == workload.Connect {
		m.Start()
		for {
			if err := c.connect(); err != nil {
				return err
			}
			n := len(c.tree)
			if err := c.disconnect(); err != nil {
				return err
			}
			if !m.Objects(n) {
				return nil
			}
		}
	}
	if err := c.connect(); err != nil {
		return err
	}
	switch m.Mode {
	case workload.Read:
		return c.read()
	case workload.Write:
		return c.write()
	case workload.AcquireWrite:
		return c.acquireWrite()
	case workload.Notify:
		return c.notify()
	case workload.Acquire:
		return c.acquire()
	}
	return fmt.Errorf("no mode %s", m.Mode)
}

func (c *client) match(options ...dbus.MatchOption) error {
	return c.conn.AddMatchSignal(append(options, dbus.WithMatchSender(bluezgen.Service))...)
}

func (c *client) call(path dbus.ObjectPath, method string, args ...any) *dbus.Call {
	return c.conn.Object(bluezgen.Service, path).Call(method, 0, args...)
}

func (c *client) scan() error {
	err := errors.Join(
		c.match(dbus.WithMatchInterface(properties), dbus.WithMatchMember("PropertiesChanged"), dbus.WithMatchPathNamespace("/org/bluez")),
		c.match(dbus.WithMatchInterface(manager)))
	if err != nil {
		return err
	}
	devices := make(map[dbus.ObjectPath]map[string]dbus.Variant)
	if err := c.call(workload.Adapter, bluezgen.Adapter1Interface+".StartDiscovery").Err; err != nil {
		return err
	}
	for signal := range c.signals {
		var path dbus.ObjectPath
		var changed map[string]dbus.Variant
		switch {
		case signal.Name == manager+".InterfacesAdded" && len(signal.Body) == 2:
			path, _ = signal.Body[0].(dbus.ObjectPath)
			interfaces, _ := signal.Body[1].(map[string]map[string]dbus.Variant)
			changed = interfaces[bluezgen.Device1Interface]
		case signal.Name == properties+".PropertiesChanged" && len(signal.Body) == 3 && signal.Body[0] == bluezgen.Device1Interface:
			path = signal.Path
			changed, _ = signal.Body[1].(map[string]dbus.Variant)
		default:
			continue
		}
		device := devices[path]
		if device == nil {
			device = make(map[string]dbus.Variant)
			devices[path] = device
		}
		maps.Copy(device, changed)
		rssi, _ := device["RSSI"].Value().(int16)
		manufacturer, _ := device["ManufacturerData"].Value().(map[uint16]dbus.Variant)
		data, _ := manufacturer[workload.Company].Value().([]byte)
		if !c.m.Advertisement(data, rssi) {
			return nil
		}
	}
	return errEarly
}

// connect connects and keeps what bluetoothd adds until the services are resolved.
func (c *client) connect() error {
	connecting := c.conn.Object(bluezgen.Service, c.device).Go(bluezgen.Device1Interface+".Connect", 0, make(chan *dbus.Call, 1))
	replied, resolved := false, false
	for !replied || !resolved {
		select {
		case call := <-connecting.Done:
			if call.Err != nil {
				return call.Err
			}
			replied = true
		case signal := <-c.signals:
			switch {
			case signal.Name == manager+".InterfacesAdded" && len(signal.Body) == 2:
				path, _ := signal.Body[0].(dbus.ObjectPath)
				interfaces, _ := signal.Body[1].(map[string]map[string]dbus.Variant)
				for iface := range interfaces {
					if strings.HasPrefix(iface, bluezgen.Service) {
						c.tree[path] = iface
					}
				}
			case c.says(signal, "ServicesResolved", true):
				resolved = true
			}
		}
	}
	return nil
}

func (c *client) disconnect() error {
	if err := c.call(c.device, bluezgen.Device1Interface+".Disconnect").Err; err != nil {
		return err
	}
	for signal := range c.signals {
		if c.says(signal, "Connected", false) {
			clear(c.tree)
			return nil
		}
	}
	return errEarly
}

// says reports whether a signal says that a property of the device is so now.
func (c *client) says(signal *dbus.Signal, property string, value bool) bool {
	if signal.Name != properties+".PropertiesChanged" || len(signal.Body) != 3 || signal.Path != c.device {
		return false
	}
	changed, _ := signal.Body[1].(map[string]dbus.Variant)
	now, there := changed[property]
	return there && now.Value() == value
}

// characteristics returns their paths in the order of their handles.
func (c *client) characteristics() (paths []dbus.ObjectPath) {
	for path, iface := range c.tree {
		if iface == bluezgen.GattCharacteristic1Interface {
			paths = append(paths, path)
		}
	}
	slices.Sort(paths)
	return paths
}

func (c *client) read() error {
	char := c.characteristics()[0]
	for {
		call := c.call(char, bluezgen.GattCharacteristic1Interface+".ReadValue", map[string]dbus.Variant{})
		if call.Err != nil {
			return call.Err
		}
		value, _ := call.Body[0].([]byte)
		if !c.m.Event(value) {
			return nil
		}
	}
}

func (c *client) write() error {
	char := c.characteristics()[0]
	value := make([]byte, c.m.Size)
	for i := uint32(0); ; i++ {
		binary.LittleEndian.PutUint32(value, i)
		options := map[string]dbus.Variant{"type": dbus.MakeVariant("command")}
		if err := c.call(char, bluezgen.GattCharacteristic1Interface+".WriteValue", value, options).Err; err != nil {
			return err
		}
		if !c.m.Event(value) {
			return nil
		}
	}
}

// socket calls AcquireWrite or AcquireNotify.
func (c *client) socket(method string) (*os.File, error) {
	var fd dbus.UnixFD
	var mtu uint16
	err := c.call(c.characteristics()[0], bluezgen.GattCharacteristic1Interface+"."+method, map[string]dbus.Variant{}).Store(&fd, &mtu)
	return os.NewFile(uintptr(fd), method), err
}

func (c *client) acquireWrite() error {
	file, err := c.socket("AcquireWrite")
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

func (c *client) notify() error {
	chars := c.characteristics()[:c.m.Subscriptions]
	for _, char := range chars {
		if err := c.call(char, bluezgen.GattCharacteristic1Interface+".StartNotify").Err; err != nil {
			return err
		}
	}
	for signal := range c.signals {
		if signal.Name != properties+".PropertiesChanged" || len(signal.Body) != 3 || signal.Body[0] != bluezgen.GattCharacteristic1Interface {
			continue
		}
		changed, _ := signal.Body[1].(map[string]dbus.Variant)
		value, ok := changed["Value"].Value().([]byte)
		if ok && !c.m.Event(value) {
			return nil
		}
	}
	return errEarly
}

func (c *client) acquire() error {
	file, err := c.socket("AcquireNotify")
	if err != nil {
		return err
	}
	defer file.Close()
	packet := make([]byte, 512)
	for {
		n, err := syscall.Read(int(file.Fd()), packet)
		if err != nil {
			return err
		}
		if !c.m.Event(packet[:n]) {
			return nil
		}
	}
}
