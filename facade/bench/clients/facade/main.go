//go:build linux

// Command facade is the benchmark's client on package facade, written as a user of it would.
package main

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/gobluez/bluez/facade"
	"github.com/gobluez/bluez/facade/bench/meter"
	"github.com/gobluez/bluez/facade/bench/workload"
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
		fmt.Fprintln(os.Stderr, "facade:", err)
		os.Exit(1)
	}
}

var errEarly = errors.New("it ended early")

func run(ctx context.Context, m *meter.Meter) error {
	central, err := facade.Open(ctx, facade.Options{Bus: m.Address})
	if err != nil {
		return err
	}
	defer central.Close()
	switch m.Mode {
	case workload.Scan:
		return scan(ctx, central, m)
	case workload.Connect:
		m.Start()
		for {
			client, err := connect(ctx, central)
			if err != nil {
				return err
			}
			n := count(client.Services())
			if err := client.Disconnect(ctx); err != nil {
				return err
			}
			_ = client.Close()
			if !m.Objects(n) {
				return nil
			}
		}
	}
	client, err := connect(ctx, central)
	if err != nil {
		return err
	}
	defer client.Close()
	switch m.Mode {
	case workload.Read:
		return read(ctx, client, m)
	case workload.Write:
		return write(ctx, client, m)
	case workload.Notify:
		return notify(ctx, client, m)
	case workload.Acquire:
		return follow(ctx, client, m, workload.FirstOne, facade.AcquireNotify)
	}
	return fmt.Errorf("no mode %s", m.Mode)
}

func scan(ctx context.Context, central *facade.Central, m *meter.Meter) error {
	for adv, err := range central.Scan(ctx, facade.ScanOptions{EveryPacket: m.How == workload.EveryPacket}) {
		if err != nil {
			return err
		}
		data, heard := adv.ManufacturerData[workload.Company]
		if !heard {
			continue // known from before
		}
		m.Lose(adv.Coalesced)
		if !m.Advertisement(data, adv.RSSI) {
			if counted := central.Stats().Coalesced; counted != m.Lost() {
				return fmt.Errorf("%d advertisements were replaced, but Stats says %d", m.Lost(), counted)
			}
			return nil
		}
		if m.How == workload.Slow {
			time.Sleep(time.Second / workload.SlowRate)
		}
	}
	return errEarly
}

func connect(ctx context.Context, central *facade.Central) (*facade.Client, error) {
	address, err := facade.ParseAddress(workload.Target)
	if err != nil {
		return nil, err
	}
	return central.Connect(ctx, address, facade.ConnectOptions{})
}

func count(services []*facade.Service) (n int) {
	for _, s := range services {
		n++
		for _, c := range s.Characteristics {
			n += 1 + len(c.Descriptors)
		}
	}
	return n
}

func read(ctx context.Context, client *facade.Client, m *meter.Meter) error {
	char, err := client.Characteristic(facade.UUID16(workload.FirstOne))
	if err != nil {
		return err
	}
	for {
		value, err := client.Read(ctx, char)
		if err != nil {
			return err
		}
		if !m.Event(value) {
			return nil
		}
	}
}

func write(ctx context.Context, client *facade.Client, m *meter.Meter) error {
	char, err := client.Characteristic(facade.UUID16(workload.FirstOne))
	if err != nil {
		return err
	}
	value := make([]byte, m.Size)
	for i := uint32(0); ; i++ {
		binary.LittleEndian.PutUint32(value, i)
		if err := client.WriteWithoutResponse(ctx, char, value); err != nil {
			return err
		}
		if !m.Event(value) {
			return nil
		}
	}
}

// notify follows all subscriptions.
func notify(ctx context.Context, client *facade.Client, m *meter.Meter) error {
	if m.Subscriptions == 1 {
		return follow(ctx, client, m, workload.FirstOne, facade.StartNotify)
	}
	values := make(chan []byte, workload.Window)
	for i := range m.Subscriptions {
		sub, err := client.Subscribe(ctx, facade.UUID16(uint16(workload.FirstOne+i)), facade.SubscribeOptions{})
		if err != nil {
			return err
		}
		go func() {
			for n, err := range sub.All() {
				if err != nil {
					return
				}
				values <- n.Value
			}
		}()
	}
	for m.Event(<-values) {
	}
	return nil
}

func follow(ctx context.Context, client *facade.Client, m *meter.Meter, which uint16, method facade.NotifyMethod) error {
	options := facade.SubscribeOptions{Method: method}
	if method == facade.AcquireNotify {
		options.Queue = m.Events // the socket is filled as fast as it is emptied
	}
	sub, err := client.Subscribe(ctx, facade.UUID16(which), options)
	if err != nil {
		return err
	}
	for n, err := range sub.All() {
		if err != nil {
			return err
		}
		if !m.Event(n.Value) {
			return nil
		}
	}
	return errEarly
}
