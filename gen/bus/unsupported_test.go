//go:build !linux

package bus

import (
	"errors"
	"testing"
)

func TestDialIsUnsupported(t *testing.T) {
	if _, err := Dial(t.Context(), SystemBusAddress(), Options{}); !errors.Is(err, errors.ErrUnsupported) {
		t.Error(err)
	}
}
