package facade_test

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"log"
	"log/slog"
	"os"
	"time"

	"github.com/gobluez/bluez/facade"
)

// Every heart-rate sensor nearby, as it is heard, for ten seconds.
func ExampleScan() {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	heartRate := facade.UUID16(0x180D)
	for adv, err := range facade.Scan(ctx, facade.ScanOptions{Services: []facade.UUID{heartRate}}) {
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println(adv.Address, adv.Name, adv.RSSI, adv.ManufacturerData)
	}
}

// A scan in the background, for programs that are made of callbacks.
func ExampleScanner() {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	scanner, err := facade.StartScanner(ctx, facade.ScanOptions{MinRSSI: -70}, func(adv facade.Advertisement) {
		fmt.Println(adv.Address, adv.RSSI)
	})
	if err != nil {
		log.Fatal(err)
	}
	// ... what else the program does ...
	<-scanner.Done()
	if err := scanner.Err(); err != nil {
		log.Fatal(err)
	}
}

// Connect, read once, then follow a characteristic until the link ends.
func ExampleClient() {
	ctx := context.Background()
	search, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	device, err := facade.FindDevice(search, facade.ScanOptions{Name: "Heart Rate Strap"})
	if errors.Is(err, facade.ErrNotFound) {
		log.Fatal("it is not here; is it worn?")
	} else if err != nil {
		log.Fatal(err)
	}
	client, err := facade.Connect(search, device, facade.ConnectOptions{})
	if err != nil {
		log.Fatal(err)
	}
	defer client.Close()

	battery, err := client.Read(ctx, facade.UUID16(0x2A19))
	if err != nil {
		log.Print(err)
	} else {
		fmt.Println("battery", battery)
	}

	sub, err := client.Subscribe(ctx, facade.UUID16(0x2A37), facade.SubscribeOptions{})
	if err != nil {
		log.Print(err)
		return
	}
	for n, err := range sub.All() {
		if err != nil {
			log.Print(err) // such as: the strap is out of range
			return
		}
		fmt.Println(n.Time, n.Value)
	}
}

// Subscribe, send a command, await its answer: nothing is lost in between.
func ExampleSubscription() {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	address, err := facade.ParseAddress("C0:FF:EE:00:00:01")
	if err != nil {
		log.Fatal(err)
	}
	client, err := facade.Connect(ctx, address, facade.ConnectOptions{})
	if err != nil {
		log.Fatal(err)
	}
	defer client.Close()
	answers, err := client.Subscribe(ctx, facade.UUID16(0x2A55), facade.SubscribeOptions{})
	if err != nil {
		log.Print(err)
		return
	}
	for record := range uint16(3) {
		command := binary.LittleEndian.AppendUint16([]byte{1}, record)
		if err := client.Write(ctx, facade.UUID16(0x2A55), command); err != nil {
			log.Print(err)
			return
		}
		answer, err := answers.Next(ctx)
		if err != nil {
			log.Print(err)
			return
		}
		fmt.Printf("record %d: %x\n", record, answer.Value)
	}
}

// A Central of its own has its own bus, log and adapter.
func ExampleCentral() {
	ctx := context.Background()
	central, err := facade.Open(ctx, facade.Options{Logger: slog.Default(), Adapter: "hci1"})
	if errors.Is(err, facade.ErrUnavailable) {
		fmt.Println(err) // says what to do
		os.Exit(3)
	} else if err != nil {
		log.Fatal(err)
	}
	defer central.Close()
	found, err := central.Discover(ctx, 5*time.Second, facade.ScanOptions{})
	if err != nil {
		log.Print(err)
		return
	}
	for _, adv := range found {
		fmt.Println(adv)
	}
}

// The machine's adapters.
func ExampleAdapter() {
	adapters, err := facade.Adapters(context.Background())
	if err != nil {
		log.Fatal(err)
	}
	for _, a := range adapters {
		fmt.Println(a.Name, a.Address, a.Powered)
	}
}

// The tree of services of a device.
func ExampleService() {
	var client *facade.Client // of facade.Connect
	for _, service := range client.Services() {
		fmt.Println(service)
		for _, char := range service.Characteristics {
			fmt.Println(" ", char, char.Properties)
			for _, descriptor := range char.Descriptors {
				fmt.Println("   ", descriptor)
			}
		}
	}
}

// What a device refused, by its code.
func ExampleATTError() {
	err := error(&facade.Error{Op: "read", Target: "C0:FF:EE:00:00:01 2a19", Err: facade.ATTReadNotPermitted})
	var code facade.ATTError
	if errors.As(err, &code) {
		fmt.Println(uint8(code), errors.Is(err, facade.ATTReadNotPermitted))
	}
	fmt.Println(err)
	// Output:
	// 2 true
	// read C0:FF:EE:00:00:01 2a19: ATT error 0x02: read not permitted
}

func ExampleParseUUID() {
	for _, text := range []string{"180d", "0x180D", "0000180D-0000-1000-8000-00805F9B34FB"} {
		u, err := facade.ParseUUID(text)
		fmt.Println(u == facade.UUID16(0x180D), u.Short(), err)
	}
	_, err := facade.ParseUUID("18")
	fmt.Println(err)
	// Output:
	// true 180d <nil>
	// true 180d <nil>
	// true 180d <nil>
	// parse UUID "18": want 4, 8 or 32 hexadecimal digits, the last with or without hyphens
}

func ExampleParseAddress() {
	a, err := facade.ParseAddress("c0:ff:ee:00:00:01")
	fmt.Println(a, err)
	_, err = facade.ParseAddress("hci0")
	fmt.Println(err)
	// Output:
	// C0:FF:EE:00:00:01 <nil>
	// parse address "hci0": want six pairs of hexadecimal digits like AA:BB:CC:DD:EE:FF
}
