package assigned_test

import (
	"fmt"

	"github.com/gobluez/bluez/facade"
	"github.com/gobluez/bluez/facade/assigned"
)

func Example() {
	advertisement := facade.Advertisement{
		ServiceUUIDs:     []facade.UUID{facade.UUID16(assigned.ServiceHeartRate)},
		ManufacturerData: map[uint16][]byte{0x0059: {1, 2, 3}},
	}
	for _, uuid := range advertisement.ServiceUUIDs {
		name, _ := assigned.Service(uuid)
		fmt.Println(uuid.Short(), name)
	}
	for id, data := range advertisement.ManufacturerData {
		if name, ok := assigned.Company(id); ok {
			fmt.Printf("%s: % x\n", name, data)
		}
	}
	// Output:
	// 180d Heart Rate
	// Nordic Semiconductor ASA: 01 02 03
}
