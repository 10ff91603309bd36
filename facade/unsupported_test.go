//go:build !linux

package facade

import (
	"errors"
	"testing"
)

func TestOpenIsUnsupportedWithoutBlueZ(t *testing.T) {
	if _, err := Open(t.Context(), Options{}); !errors.Is(err, errors.ErrUnsupported) {
		t.Errorf("open: %v", err)
	}
}
