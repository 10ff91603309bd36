//go:build linux

// Command facade is the benchmark's client on package facade, written as a user of it would.
package main

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"sync"
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
		return acquire(ctx, client, m)
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

// notify follows all subscriptions, each in a loop of its own.
func notify(ctx context.Context, client *facade.Client, m *meter.Meter) error {
	var counting sync.Mutex
	ended := make(chan error, m.Subscriptions)
	for i := range m.Subscriptions {
		sub, err := client.Subscribe(ctx, facade.UUID16(uint16(workload.FirstOne+i)), facade.SubscribeOptions{})
		if err != nil {
			return err
		}
		go func() {
			ended <- follow(sub, func(value []byte) bool {
				counting.Lock()
				defer counting.Unlock()
				return m.Event(value)
			})
		}()
	}
	return <-ended
}

func acquire(ctx context.Context, client *facade.Client, m *meter.Meter) error {
	sub, err := client.Subscribe(ctx, facade.UUID16(workload.FirstOne), facade.SubscribeOptions{
		Method: facade.AcquireNotify,
		Queue:  m.Events, // the socket is filled as fast as it is emptied
	})
	if err != nil {
		return err
	}
	return follow(sub, m.Event)
}

// follow counts what comes until the last event.
func follow(sub *facade.Subscription, count func(value []byte) (more bool)) error {
	for n, err := range sub.All() {
		if err != nil {
			return err
		}
		if !count(n.Value) {
			return nil
		}
	}
	return errEarly
}
