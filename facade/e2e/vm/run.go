package vm

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"github.com/gobluez/bluez/gen/corpus/debian"
)

// What host and guest agree on.
const (
	Alive      = "bluez-vm: init runs" // the guest's first line on its console
	StatusFile = ".exit-status"        // the last entry of the guest's report
	StatusLost = 125                   // the command could not be run
	InsideEnv  = "BLUEZ_VM"            // is 1 in the environment of the guest's command
)

// Command is what the guest runs, as it finds it in /job/command.json.
type Command struct {
	Args []string // program and arguments; programs are looked up in /job and /usr/bin
	Env  []string // NAME=VALUE
}

// Job is one boot.
type Job struct {
	Command
	Files  map[string]string // files of the host by their names in the guest's /job
	Output io.Writer         // receives what the command prints, as it comes
	OutDir string            // receives the files that the command leaves in /out, and console.log
}

// ExitError tells that the guest's command ended with a status other than 0.
type ExitError struct{ Status int }

func (e *ExitError) Error() string {
	if e.Status == StatusLost {
		return "the guest could not run its command"
	}
	return fmt.Sprintf("the guest's command exited with status %d", e.Status)
}

// aliveWithin bounds the time that a guest on KVM has to reach its init. Some hosts offer a KVM
// that hangs; the guest then starts again without it.
const aliveWithin = 20 * time.Second

var (
	kvm = []string{"-accel", "kvm", "-cpu", "host"}
	// The newest emulated CPU has RDRAND, without which dbus-daemon waits for entropy.
	tcg = []string{"-accel", "tcg,thread=multi", "-cpu", "max,la57=off"}
)

// Run boots the guest, runs the job's command and waits until the guest is off. It returns an
// *ExitError if the command fails. When ctx ends, so does the guest.
func (i *Image) Run(ctx context.Context, job Job) error {
	if err := debian.Require(ctx, i.log, runTools()); err != nil {
		return err
	}
	work, err := os.MkdirTemp("", "bluez-vm-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(work)
	init := filepath.Join(work, "init")
	if err := GoBuild(ctx, init, "github.com/gobluez/bluez/facade/e2e/vm/init"); err != nil {
		return err
	}
	initrd := filepath.Join(work, "initrd")
	if err := i.packInitrd(initrd, init, job); err != nil {
		return fmt.Errorf("pack the VM's job: %w", err)
	}
	if hasKVM() {
		err := i.boot(ctx, kvm, aliveWithin, initrd, job)
		if !errors.Is(err, errNotAlive) {
			return err
		}
	}
	for attempt := 1; ; attempt++ {
		err := i.boot(ctx, tcg, emulatedWithin, initrd, job)
		if !errors.Is(err, errNotAlive) || attempt == emulatedBoots || ctx.Err() != nil {
			return err
		}
		fmt.Fprintf(i.log, "the guest did not start, trying again: %v\n", err)
	}
}

// emulatedBoots bounds how often a guest is started that does not reach its init within
// emulatedWithin: under emulation the kernel panics now and then while its two CPUs patch
// its code. It takes seconds otherwise, or half a minute on a busy host.
const (
	emulatedBoots  = 3
	emulatedWithin = 2 * time.Minute
)

// hasKVM reports whether KVM is offered; only a boot shows whether it works.
func hasKVM() bool {
	f, err := os.OpenFile("/dev/kvm", os.O_RDWR, 0)
	if err != nil {
		return false
	}
	return f.Close() == nil
}

// packInitrd writes the image's root file system with the job laid over it.
func (i *Image) packInitrd(name, init string, job Job) error {
	command, err := json.Marshal(job.Command)
	if err != nil {
		return err
	}
	return pack(name, func(a *archive) error {
		base, err := os.Open(filepath.Join(i.dir, "base.cpio"))
		if err != nil {
			return err
		}
		defer base.Close()
		if _, err := io.Copy(a.w, base); err != nil {
			return err
		}
		a.Copy(init, "init")
		a.Write("job/command.json", 0o644, string(command))
		for name, host := range job.Files {
			a.Copy(host, "job/"+name)
		}
		return nil
	})
}
