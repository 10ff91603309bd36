//go:build linux

package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/gobluez/bluez/facade/bench/workload"
)

// A burst is what became of bursts of advertisements and a consumer that is ten times too slow.
type burst struct {
	long   time.Duration
	sample sample
	grown  int // by how much the memory of the bus grew, in KiB
}

// bursts sends such bursts for so long.
func (b *bench) bursts(ctx context.Context, long time.Duration) (*burst, error) {
	facade := selected(allClients(), "facade", func(c *client) string { return c.name })
	if err := b.build(ctx, facade); err != nil {
		return nil, err
	}
	before := b.daemonMemory()
	s, err := b.play(ctx, facade[0].command, workload.Spec{
		Address: b.address, Daemon: b.pid, Mode: workload.Scan, Devices: 500, Subscriptions: 1, Size: 20,
		Events: int(long.Seconds() * workload.FastRate), Rate: workload.FastRate,
	}, workload.Slow)
	return &burst{long, s, b.daemonMemory() - before}, err
}

// print prints it.
func (u *burst) print(out io.Writer) {
	got, sent := u.sample.client, u.sample.service
	fmt.Fprintf(out, "%d advertisements in %.1f s, a consumer of %d a second\n", sent.Events, sent.Wall/1e6, workload.SlowRate)
	fmt.Fprintf(out, "seen %d, replaced by newer ones %d\n", got.Events-int(got.Lost), got.Lost)
	fmt.Fprintf(out, "client: %.2f us of CPU each, %.1f MiB after a tenth, %.1f MiB at most; bus: %+d KiB\n",
		got.CPU/float64(got.Events), float64(got.Early)/1024, float64(got.Peak)/1024, u.grown)
}

// account fails unless each advertisement that the consumer did not see is counted as replaced.
func (u *burst) account() error {
	switch got, sent := u.sample.client, u.sample.service; {
	case got.Events != sent.Events:
		return fmt.Errorf("the client accounts for %d advertisements of %d", got.Events, sent.Events)
	case got.Lost == 0:
		return fmt.Errorf("nothing was replaced: the consumer was not too slow")
	}
	return nil
}

// judge fails unless memory stayed flat, the client's and the bus', and the bus took everything when it was sent.
func (u *burst) judge() error {
	switch got, sent := u.sample.client, u.sample.service; {
	case got.Peak > got.Early+got.Early/4+2048:
		return fmt.Errorf("the client's memory grew from %d to %d KiB", got.Early, got.Peak)
	case u.grown > 4096:
		return fmt.Errorf("the bus' memory grew by %d KiB", u.grown)
	case sent.Wall > 1.1*float64(u.long.Microseconds())+1e6:
		return fmt.Errorf("the bus was blocked: it took %.1f s", sent.Wall/1e6)
	}
	return nil
}

// daemonMemory returns the resident memory of the bus in KiB.
func (b *bench) daemonMemory() (kib int) {
	status, _ := os.ReadFile(filepath.Join("/proc", fmt.Sprint(b.pid), "status"))
	for line := range strings.Lines(string(status)) {
		if rest, ok := strings.CutPrefix(line, "VmRSS:"); ok {
			_, _ = fmt.Sscan(rest, &kib)
		}
	}
	return kib
}
