//go:build linux

// Command peripheral is package own as a program of its own, until it is told to end.
//
//	peripheral -adapter hci2 [-agent]
//
// It prints "registered" when BlueZ has accepted everything, and "resumed" when it has again, after bluetoothd was away.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/gobluez/bluez/facade"
	"github.com/gobluez/bluez/facade/e2e/own"
	"github.com/gobluez/bluez/facade/e2e/world"
	"github.com/gobluez/bluez/facade/peripheral"
)

func main() {
	adapter := flag.String("adapter", world.Own().Name, "adapter to serve on")
	agent := flag.Bool("agent", false, "also be the default agent, which permits everything")
	flag.Parse()
	ctx, cancel := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer cancel()
	if err := run(ctx, *adapter, *agent); err != nil {
		fmt.Fprintln(os.Stderr, "peripheral:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, adapter string, agent bool) error {
	starting, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	central, err := facade.Open(starting, facade.Options{})
	if err != nil {
		return err
	}
	defer central.Close()
	if agent {
		if err := central.SetAgent(starting, own.Agent()); err != nil {
			return err
		}
	}
	p, err := own.Start(starting, own.Options{Central: central, Adapter: adapter, Event: tell})
	if err != nil {
		return err
	}
	fmt.Println("registered")
	<-ctx.Done()
	return errors.Join(p.Close(), central.Close())
}

// tell prints what happens.
func tell(e peripheral.Event) { fmt.Println(e) }
