//go:build linux

package main

import (
	"context"
	"errors"
	"maps"

	"github.com/godbus/dbus/v5"

	"github.com/gobluez/bluez/bluezgen"
	"github.com/gobluez/bluez/facade"
)

var errEarly = errors.New("the scan ended early")

// scanFacade is a scan as a user of package facade writes it.
func scanFacade(ctx context.Context, address string, _ load) (r report, err error) {
	central, err := facade.Open(ctx, facade.Options{Bus: address})
	if err != nil {
		return r, err
	}
	defer central.Close()
	seen := make(map[facade.Address]facade.Advertisement)
	m := startMeter()
	for adv, err := range central.Scan(ctx, facade.ScanOptions{}) {
		if err != nil {
			return r, err
		}
		data, ok := adv.ManufacturerData[company]
		if !ok {
			continue // known from before, not heard yet
		}
		seen[adv.Address] = adv
		r.Updates++
		r.Checksum += checksum(adv.RSSI, data)
		if _, last := adv.ManufacturerData[lastCompany]; last {
			m.stop(&r)
			return r, nil
		}
	}
	return r, errEarly
}

// scanGodbus is the same as a careful user of godbus writes it.
func scanGodbus(ctx context.Context, address string, _ load) (r report, err error) {
	conn, err := dbus.Connect(address, dbus.WithContext(ctx))
	if err != nil {
		return r, err
	}
	defer conn.Close()
	signals := make(chan *dbus.Signal, 2*window)
	conn.Signal(signals)
	err = conn.AddMatchSignalContext(ctx, dbus.WithMatchSender(bluezgen.Service),
		dbus.WithMatchInterface("org.freedesktop.DBus.Properties"), dbus.WithMatchMember("PropertiesChanged"),
		dbus.WithMatchPathNamespace("/org/bluez"))
	if err != nil {
		return r, err
	}
	devices := make(map[dbus.ObjectPath]map[string]dbus.Variant)
	m := startMeter()
	adapter := conn.Object(bluezgen.Service, "/org/bluez/hci0")
	if call := adapter.CallWithContext(ctx, bluezgen.Adapter1Interface+".StartDiscovery", 0); call.Err != nil {
		return r, call.Err
	}
	for signal := range signals {
		if len(signal.Body) != 3 || signal.Body[0] != bluezgen.Device1Interface {
			continue
		}
		changed, ok := signal.Body[1].(map[string]dbus.Variant)
		if !ok {
			continue
		}
		device := devices[signal.Path]
		if device == nil {
			device = make(map[string]dbus.Variant)
			devices[signal.Path] = device
		}
		maps.Copy(device, changed)
		rssi, _ := device["RSSI"].Value().(int16)
		manufacturer, _ := device["ManufacturerData"].Value().(map[uint16]dbus.Variant)
		data, _ := manufacturer[company].Value().([]byte)
		r.Updates++
		r.Checksum += checksum(rssi, data)
		if _, last := manufacturer[lastCompany]; last {
			m.stop(&r)
			return r, nil
		}
	}
	return r, errEarly
}
