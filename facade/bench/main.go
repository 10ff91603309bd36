//go:build linux

// Command bench measures what this library costs, side by side with others that do the same: Bleak, plain godbus,
// tinygo.org/x/bluetooth, and a client in C that shows how little is possible.
//
// A service plays bluetoothd on a private bus. The clients are processes of their own; they run in turns, one at a
// time, and each must have received, or sent, exactly what the service says, or the benchmark fails. What counts are
// the ratios between neighbours, which ran right after each other; the absolute figures are those of one machine.
//
// Run it with make bench. It prints its tables, and writes them with a plot to RESULTS.md and results.svg. It fails, after
// that, if a client could not take part or a target is missed that must be met.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"time"

	"github.com/gobluez/bluez/gen/bus/bustest"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context) (err error) {
	var (
		rounds  = flag.Int("rounds", 7, "rounds; each runs every client once in every workload")
		scale   = flag.Float64("scale", 1, "multiplies the number of events: 5 takes long and is steadier")
		only    = flag.String("only", "", "run these workloads only, such as W1,W4")
		names   = flag.String("clients", "", "run these clients only, such as facade,bleak")
		out     = flag.String("out", "", "write RESULTS.md and results.svg to this directory")
		long    = flag.Duration("bursts", 0, "instead: send bursts to a consumer that is too slow, for so long")
		verbose = flag.Bool("v", false, "say which client runs")
	)
	flag.Parse()
	dir, err := os.MkdirTemp("", "bench")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	daemon, err := bustest.Launch()
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, daemon.Close()) }()
	b := &bench{dir: dir, address: daemon.Address(), scale: *scale}
	if *verbose {
		b.log = os.Stderr
	}
	if b.pid, err = daemonPID(ctx, b.address); err != nil {
		return err
	}
	if *long > 0 {
		u, err := b.bursts(ctx, *long)
		if err != nil {
			return err
		}
		u.print(os.Stdout)
		return errors.Join(u.account(), u.judge())
	}
	clients := selected(allClients(), *names, func(c *client) string { return c.name })
	if err := b.build(ctx, clients); err != nil {
		return err
	}
	began := time.Now()
	results, err := b.measure(ctx, clients, selected(allCases(), *only, func(c *testCase) string { return c.id }), *rounds)
	if err != nil {
		return err
	}
	r := &report{results: results, clients: clients, rounds: *rounds, machine: thisMachine(), began: began}
	if *only == "" {
		if r.steps, err = measureSteps(ctx); err != nil {
			return err
		}
		if r.minimal, err = b.minimal(ctx, *rounds); err != nil {
			return err
		}
	}
	r.took = time.Since(began)
	text := r.markdown()
	fmt.Print(text)
	if *out != "" {
		err = errors.Join(
			os.WriteFile(filepath.Join(*out, "RESULTS.md"), []byte(text), 0o666),
			os.WriteFile(filepath.Join(*out, "results.svg"), []byte(r.plot()), 0o666))
	}
	return errors.Join(err, missing(clients), r.missed())
}

// selected returns those whose names are in a list, all if it is empty.
func selected[T any](all []T, list string, name func(T) string) (some []T) {
	names := strings.Split(list, ",")
	for _, v := range all {
		for _, n := range names {
			if list == "" || name(v) == n {
				some = append(some, v)
				break
			}
		}
	}
	return some
}

// missing is an error if a client could not take part.
func missing(clients []*client) error {
	var all []string
	for _, c := range clients {
		if c.missing != "" {
			all = append(all, c.name+": "+c.missing)
		}
	}
	if len(all) == 0 {
		return nil
	}
	return fmt.Errorf("not measured: %s", strings.Join(all, "; "))
}
