package bluetest

import (
	"context"

	"github.com/gobluez/bluez/gen/bus/bustest"
)

// TB is the part of testing.TB that Start needs. It is an interface of its own so that
// programs which use New do not link package testing.
type TB interface {
	bustest.TB
	Context() context.Context
}
