//go:build linux

// Command minimal is the smallest program that scans: it prints each advertisement. The benchmark tells its size.
package main

import (
	"context"
	"log"

	"github.com/gobluez/bluez/facade"
)

func main() {
	for adv, err := range facade.Scan(context.Background(), facade.ScanOptions{}) {
		if err != nil {
			log.Fatal(err)
		}
		log.Println(adv)
	}
}
