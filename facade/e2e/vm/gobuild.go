package vm

import (
	"context"
	"os"
	"os/exec"

	"github.com/gobluez/bluez/gen/corpus/debian"
)

// GoBuild compiles a main package for the guest: static, for Linux on amd64.
func GoBuild(ctx context.Context, out, pkg string) error {
	return goTool(ctx, "build", "-o", out, pkg)
}

// GoTest compiles the tests of a package for the guest, with the given build tag.
func GoTest(ctx context.Context, out, pkg, tag string) error {
	return goTool(ctx, "test", "-c", "-tags", tag, "-o", out, pkg)
}

func goTool(ctx context.Context, args ...string) error {
	cmd := exec.CommandContext(ctx, "go", args...)
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GOOS=linux", "GOARCH=amd64", "GOFLAGS=")
	return debian.Run(cmd)
}
