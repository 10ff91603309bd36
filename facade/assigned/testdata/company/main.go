// Command company uses one table of package assigned.
package main

import (
	"os"

	"github.com/gobluez/bluez/facade/assigned"
)

func main() {
	name, _ := assigned.Company(uint16(len(os.Args)))
	println(name)
}
