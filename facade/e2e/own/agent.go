package own

import (
	"context"

	"github.com/gobluez/bluez/facade"
)

// Agent permits what can be permitted without asking anybody.
func Agent() *facade.Agent {
	return &facade.Agent{
		Authorize:        func(context.Context, facade.Device) error { return nil },
		AuthorizeService: func(context.Context, facade.Device, facade.UUID) error { return nil },
	}
}
