package vm

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"time"

	"github.com/gobluez/bluez/gen/corpus/debian"
)

var errNotAlive = errors.New("the guest did not reach its init")

// boot runs qemu once, on the given accelerator. If aliveWithin is not 0 the guest has that long
// to reach its init. The error is errNotAlive, wrapped, when it did not.
func (i *Image) boot(ctx context.Context, accelerator []string, aliveWithin time.Duration, initrd string, job Job) error {
	qemu, kill := context.WithCancel(ctx)
	defer kill()
	var console console
	if aliveWithin > 0 {
		timer := time.AfterFunc(aliveWithin, func() {
			if !console.Alive() {
				kill()
			}
		})
		defer timer.Stop()
	}
	results := report{dir: job.OutDir}

	cmd := exec.CommandContext(qemu, "qemu-system-x86_64", append(accelerator,
		"-M", "q35", "-smp", "2", "-m", "768", "-nodefaults", "-no-user-config", "-display", "none", "-no-reboot",
		"-kernel", filepath.Join(i.dir, "vmlinux"), "-initrd", initrd,
		"-append", "console=ttyS0 quiet loglevel=3 panic=-1 mitigations=off random.trust_cpu=on tsc=reliable",
		// The first virtio device, so that its ports are /dev/vport0p1 and /dev/vport0p2.
		"-device", "virtio-serial-pci", "-device", "virtio-rng-pci",
		// Pipes to this process, in the order of the readers below.
		"-chardev", "file,id=console,path=/dev/fd/3", "-serial", "chardev:console",
		"-chardev", "file,id=output,path=/dev/fd/4", "-device", "virtserialport,chardev=output",
		"-chardev", "file,id=report,path=/dev/fd/5", "-device", "virtserialport,chardev=report",
	)...)
	var said bytes.Buffer
	cmd.Stdout, cmd.Stderr = &said, &said
	ended, err := start(cmd,
		func(r io.Reader) error { _, err := io.Copy(&console, r); return err },
		func(r io.Reader) error { _, err := io.Copy(job.Output, r); return err },
		results.read)
	if err != nil {
		return err
	}
	err = ended()

	if job.OutDir != "" {
		if err := os.WriteFile(filepath.Join(job.OutDir, "console.log"), console.Bytes(), 0o644); err != nil {
			return err
		}
	}
	last := debian.Tail(said.String()+string(console.Bytes()), 2000)
	switch {
	case results.complete && results.status == 0:
		return nil
	case results.complete:
		return &ExitError{results.status}
	case ctx.Err() != nil:
		return fmt.Errorf("the guest was stopped: %w", context.Cause(ctx))
	case !console.Alive():
		return errors.Join(fmt.Errorf("%w: %s", errNotAlive, last), err)
	default:
		return errors.Join(fmt.Errorf("the guest ended without a report: %s", last), err)
	}
}

// start starts a command that has a pipe to each reader, as its descriptors 3 and up. The function
// that it returns waits for the end of the command and of the readers.
func start(cmd *exec.Cmd, readers ...func(io.Reader) error) (ended func() error, err error) {
	var reading sync.WaitGroup
	errs := make([]error, len(readers))
	for n, read := range readers {
		r, w, err := os.Pipe()
		if err != nil {
			return nil, err
		}
		defer w.Close() // the command has the only other end, so the readers end with it
		cmd.ExtraFiles = append(cmd.ExtraFiles, w)
		reading.Go(func() {
			defer r.Close()
			errs[n] = read(r)
			io.Copy(io.Discard, r) // a reader that gave up must not block the guest
		})
	}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	return func() error {
		err := cmd.Wait()
		reading.Wait()
		return errors.Join(append(errs, err)...)
	}, nil
}
