package vm

import (
	"fmt"
	"runtime"

	"github.com/gobluez/bluez/gen/corpus/debian"
)

// runTools returns what it takes to boot a guest.
func runTools() []debian.Tool {
	return []debian.Tool{{Name: "qemu-system-x86_64", Package: "qemu-system-x86"}}
}

// buildTools returns what it takes to make an image.
func buildTools() []debian.Tool {
	return append(debian.Tools(), debian.Tool{Name: "xz", Package: "xz-utils"}, debian.Tool{Name: "zstd", Package: "zstd"})
}

// Supported returns nil where the guest can run, else an error of one line.
func Supported() error {
	if runtime.GOOS != "linux" || runtime.GOARCH != "amd64" {
		return fmt.Errorf("the BlueZ VM needs Linux on amd64; this is %s/%s", runtime.GOOS, runtime.GOARCH)
	}
	return nil
}
