// Command none uses a constant of package assigned and nothing else of it.
package main

import "github.com/gobluez/bluez/facade/assigned"

func main() { println(assigned.ServiceHeartRate) }
