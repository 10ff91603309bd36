// Command scan is what TestUnusedInterfacesAreNotLinked builds: an application
// that knows of the facade only.
package main

import (
	"context"
	"fmt"
	"os"

	"github.com/gobluez/bluez/facade"
)

func main() {
	ctx := context.Background()
	for adv, err := range facade.Scan(ctx, facade.ScanOptions{}) {
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		client, err := facade.Connect(ctx, adv, facade.ConnectOptions{})
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			continue
		}
		fmt.Println(client.Read(ctx, facade.UUID16(0x2A19)))
		client.Close()
	}
}
