//go:build linux

// Command bench measures what an advertisement costs a scanning program: with package facade, and
// with plain godbus. Both run in processes of their own against one private dbus-daemon and the
// same load, in turns, and prove by a checksum that they received it all.
//
// Run it with make bench. Trust the ratios; the microseconds are those of one machine.
package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"slices"
	"text/tabwriter"

	"github.com/gobluez/bluez/gen/bus/bustest"
)

// A report is what a process of a run says at its end.
type report struct {
	Updates  int     // advertisement updates sent or received
	Checksum uint64  // over all of them
	CPU      float64 // user and system time of the process meanwhile, in microseconds
	Allocs   uint64  // heap objects meanwhile
	PeakRSS  int64   // in KiB
}

// roles are the processes of a run, by the argument that makes this program play them.
var roles = map[string]func(ctx context.Context, address string, l load) (report, error){
	"load":   serve,
	"facade": scanFacade,
	"godbus": scanGodbus,
}

// clients are the roles that are compared, the baseline last.
var clients = []string{"facade", "godbus"}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	var (
		l       load
		rounds  = flag.Int("rounds", 7, "measured rounds; each runs every client once")
		role    = flag.String("role", "", "used internally: the process to be")
		address = flag.String("address", "", "used internally: the bus")
	)
	flag.IntVar(&l.devices, "devices", 500, "devices that advertise")
	flag.IntVar(&l.updates, "updates", 100_000, "advertisement updates in a run")
	flag.Parse()
	var err error
	if play, ok := roles[*role]; ok {
		var r report
		if r, err = play(ctx, *address, l); err == nil {
			err = json.NewEncoder(os.Stdout).Encode(r)
		}
	} else {
		err = compare(ctx, os.Stdout, *rounds, l)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

// compare runs all clients in turns and prints the medians.
func compare(ctx context.Context, out io.Writer, rounds int, l load) error {
	daemon, err := bustest.Launch()
	if err != nil {
		return err
	}
	defer daemon.Close()
	results := make(map[string][]report)
	for round := range rounds {
		for i := range clients {
			client := clients[(i+round)%len(clients)]
			r, err := run(ctx, daemon.Address(), client, l)
			if err != nil {
				return fmt.Errorf("round %d, %s: %w", round+1, client, err)
			}
			results[client] = append(results[client], r)
		}
	}
	fmt.Fprintf(out, "%d updates of %d devices, median of %d rounds\n\n", l.updates, l.devices, rounds)
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(w, "client\tCPU us/update\tallocs/update\tpeak RSS MiB\tx godbus\t")
	for _, client := range clients {
		r, base := results[client], results[clients[len(clients)-1]]
		ratios := make([]float64, rounds)
		for i := range ratios {
			ratios[i] = r[i].CPU / base[i].CPU
		}
		fmt.Fprintf(w, "%s\t%.2f\t%.1f\t%.1f\t%.2f\t\n", client,
			median(r, func(r report) float64 { return r.CPU / float64(r.Updates) }),
			median(r, func(r report) float64 { return float64(r.Allocs) / float64(r.Updates) }),
			median(r, func(r report) float64 { return float64(r.PeakRSS) / 1024 }),
			median(ratios, func(f float64) float64 { return f }))
	}
	return w.Flush()
}

// run runs the load and one client against each other and returns the client's report.
func run(ctx context.Context, address, client string, l load) (report, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	server, ready, err := start(ctx, "load", address, l)
	if err != nil {
		return report{}, err
	}
	if _, err := ready.ReadString('\n'); err != nil { // the name is owned
		return report{}, errors.Join(err, server.Wait())
	}
	scanner, output, err := start(ctx, client, address, l)
	if err != nil {
		return report{}, err
	}
	got, err := finish(scanner, output)
	if err != nil {
		return report{}, err
	}
	sent, err := finish(server, ready)
	if err != nil {
		return report{}, err
	}
	if got.Updates != sent.Updates || got.Checksum != sent.Checksum {
		return report{}, fmt.Errorf("received %d updates (%x) of %d (%x)", got.Updates, got.Checksum, sent.Updates, sent.Checksum)
	}
	return got, nil
}

// start starts this program in another role.
func start(ctx context.Context, role, address string, l load) (*exec.Cmd, *bufio.Reader, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, nil, err
	}
	cmd := exec.CommandContext(ctx, self, "-role", role, "-address", address,
		"-devices", fmt.Sprint(l.devices), "-updates", fmt.Sprint(l.updates))
	cmd.Stderr = os.Stderr
	output, err := cmd.StdoutPipe()
	if err != nil {
		return nil, nil, err
	}
	return cmd, bufio.NewReader(output), cmd.Start()
}

// finish reads the report of a process and waits for its end.
func finish(cmd *exec.Cmd, output io.Reader) (r report, err error) {
	err = json.NewDecoder(output).Decode(&r)
	return r, errors.Join(err, cmd.Wait())
}

func median[T any](values []T, of func(T) float64) float64 {
	numbers := make([]float64, len(values))
	for i, v := range values {
		numbers[i] = of(v)
	}
	slices.Sort(numbers)
	return numbers[len(numbers)/2]
}
