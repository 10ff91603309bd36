//go:build linux

package main

import (
	"cmp"
	"fmt"
	"os"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"time"
)

// A report is all that was measured.
type report struct {
	results []*result
	clients []*client
	rounds  int
	machine string
	began   time.Time
	took    time.Duration
	steps   []step
	minimal program
}

// A row is what a client has shown in a workload: medians of its rounds.
type row struct {
	cpu, daemon float64 // microseconds of CPU for each event
	rate        float64 // events a second
	peak        float64 // MiB
	allocs      float64 // for each event, NaN-free: 0 where not counted
	latency     float64 // ms: from the start of the process in W7, else for each event
	managed     float64 // calls of GetManagedObjects for each event
}

// row returns the medians of a client, false if it did not take part.
func (r *result) row(client string) (row, bool) {
	samples := r.samples[client]
	if len(samples) == 0 {
		return row{}, false
	}
	of := func(f func(s sample, events float64) float64) float64 {
		var values []float64
		for _, s := range samples {
			values = append(values, f(s, r.per(s.client.Events)))
		}
		return median(values)
	}
	v := row{
		cpu:     of(func(s sample, n float64) float64 { return s.client.CPU / n }),
		daemon:  of(func(s sample, n float64) float64 { return s.service.CPU / n }),
		rate:    of(func(s sample, n float64) float64 { return n / s.client.Wall * 1e6 }),
		peak:    of(func(s sample, _ float64) float64 { return float64(s.client.Peak) / 1024 }),
		allocs:  of(func(s sample, n float64) float64 { return float64(s.client.Allocs) / n }),
		latency: of(func(s sample, n float64) float64 { return s.client.Wall / n / 1e3 }),
		managed: of(func(s sample, n float64) float64 { return float64(s.service.Managed) / n }),
	}
	if r.id == "W7" {
		v.latency = of(func(s sample, _ float64) float64 { return s.start })
	}
	return v, true
}

// neighbours returns the median of the ratios between what two clients have shown in the same round.
func neighbours(a, b []sample, of func(sample) float64) (float64, bool) {
	var values []float64
	for i := range min(len(a), len(b)) {
		if base := of(b[i]); base > 0 {
			values = append(values, of(a[i])/base)
		}
	}
	return median(values), len(values) > 0
}

// cpu returns the CPU time of an event.
func (r *result) cpu(s sample) float64 { return s.client.CPU / r.per(s.client.Events) }

// wall returns the real time of an event.
func (r *result) wall(s sample) float64 { return s.client.Wall / r.per(s.client.Events) }

// ratio returns the CPU time of a client in multiples of another's.
func (r *result) ratio(client, base string) (float64, bool) {
	return neighbours(r.samples[client], r.samples[base], r.cpu)
}

// find returns the result of a workload, not of its growth.
func (r *report) find(id string) *result {
	for _, x := range r.results {
		if x.id == id && x.growth == "" {
			return x
		}
	}
	return &result{testCase: &testCase{id: id}}
}

// markdown is the page.
func (r *report) markdown() string {
	var s strings.Builder
	fmt.Fprintf(&s, "# What this library costs, beside others\n\n")
	fmt.Fprintf(&s, "Written by `make bench` on %s: %d rounds in %s, on %s.\n\n", r.began.Format("2 January 2006"), r.rounds, r.took.Round(time.Second), r.machine)
	s.WriteString(`One private dbus-daemon, one service that plays bluetoothd, one client at a time, each in a process of its own. The clients do
the same work and prove it by a checksum over what they received. In each round all clients run right after each other, in
changing order. A cost is the median over the rounds; a ratio is the median of the ratios between neighbours in a round. Trust the
ratios: microseconds are those of one machine and its load.

![CPU time for each event, in multiples of the C client's](results.svg)

`)
	for _, c := range r.clients {
		if c.missing != "" {
			fmt.Fprintf(&s, "**Not measured:** %s (%s)\n\n", c.title, c.missing)
		}
	}
	s.WriteString("## Workloads\n\n")
	s.WriteString("CPU is user and system time of the client, daemon that of dbus-daemon. Allocations are heap objects of the Go clients.\n")
	for _, x := range r.results {
		if x.growth == "" {
			r.table(&s, x)
		}
	}
	r.growth(&s)
	r.inMemory(&s)
	r.size(&s)
	r.targets(&s)
	return s.String()
}

// table writes the table of a workload.
func (r *report) table(s *strings.Builder, x *result) {
	last := "events/s"
	switch x.id {
	case "W6":
		last = "ms each"
	case "W7":
		last = "ms to first"
	}
	fmt.Fprintf(s, "\n### %s: %s\n\n", x.id, x.title)
	if x.note != "" {
		fmt.Fprintf(s, "%s\n\n", x.note)
	}
	fmt.Fprintf(s, "| client | CPU µs | x C | x Bleak | %s | daemon µs | peak MiB | allocations |\n|---|--:|--:|--:|--:|--:|--:|--:|\n", last)
	for _, c := range r.clients {
		v, ok := x.row(c.name)
		if !ok {
			continue
		}
		ratio := func(base string) string {
			if q, ok := x.ratio(c.name, base); ok {
				return fmt.Sprintf("%.2f", q)
			}
			return ""
		}
		final := fmt.Sprintf("%.0f", v.rate)
		if x.id == "W6" || x.id == "W7" {
			final = fmt.Sprintf("%.1f", v.latency)
		}
		allocs := ""
		if c.source != "" {
			allocs = fmt.Sprintf("%.1f", v.allocs)
		}
		cells := []string{c.title, decimals(v.cpu), ratio("floor"), ratio("bleak"), final, decimals(v.daemon), fmt.Sprintf("%.1f", v.peak), allocs}
		switch x.id {
		case "W7": // one event: there is no CPU between the first and the last
			cells[1], cells[2], cells[3], cells[5], cells[7] = "", "", "", "", ""
		case "W9": // next to nothing in multiples of nothing
			cells[2], cells[3], cells[4] = "", "", ""
		}
		fmt.Fprintf(s, "| %s |\n", strings.Join(cells, " | "))
	}
}

// growth writes what becomes of the facade's costs where there is more of everything.
func (r *report) growth(s *strings.Builder) {
	s.WriteString("\n## Growth\n\nThe same through the facade, with more of everything. The cost of an event should stay flat. In W4 each subscription has a loop of its own, so that\nwith many of them each value wakes another goroutine.\n\n")
	s.WriteString("| workload | with | CPU µs | daemon µs | ms | peak MiB | allocations |\n|---|---|--:|--:|--:|--:|--:|\n")
	for _, x := range r.results {
		if v, ok := x.row("facade"); ok && x.growth != "" {
			fmt.Fprintf(s, "| %s | %s | %s | %s | %.2f | %.1f | %.1f |\n", x.id, x.growth, decimals(v.cpu), decimals(v.daemon), v.latency, v.peak, v.allocs)
		}
	}
}

// inMemory writes what the steps cost that a message takes in the process.
func (r *report) inMemory(s *strings.Builder) {
	if len(r.steps) == 0 {
		return
	}
	s.WriteString("\n## In memory\n\nWhat the steps cost between the socket and the user's loop, without either: Go benchmarks of [bluezgen](../../bluezgen), ")
	s.WriteString("[gen/bus](../../gen/bus) and [facade](..).\n\n| step | ns | bytes | allocations |\n|---|--:|--:|--:|\n")
	for _, x := range r.steps {
		fmt.Fprintf(s, "| %s | %.0f | %d | %d |\n", x.name, x.ns, x.bytes, x.allocs)
	}
}

// size writes what a minimal scanner weighs.
func (r *report) size(s *strings.Builder) {
	if r.minimal.bytes == 0 {
		return
	}
	s.WriteString("\n## Start and size\n\nThe smallest program that scans is [clients/minimal](clients/minimal). ")
	fmt.Fprintf(s, "It prints the first advertisement %.1f ms after its start, where BlueZ knows no device before. ", r.minimal.start)
	fmt.Fprintf(s, "It has %.1f MiB, stripped, and links %d packages, of which %d are neither the standard library's nor this module's.\n",
		float64(r.minimal.bytes)/(1<<20), r.minimal.packages, r.minimal.foreign)
}

// decimals prints a cost with three digits that count.
func decimals(v float64) string {
	switch {
	case v >= 100:
		return fmt.Sprintf("%.0f", v)
	case v >= 10:
		return fmt.Sprintf("%.1f", v)
	}
	return fmt.Sprintf("%.2f", v)
}

// count returns a number of things, such as "20,000 devices".
func count(n int, thing string) string {
	number := fmt.Sprint(n)
	if n >= 1000 {
		number = fmt.Sprintf("%d,%03d", n/1000, n%1000)
	}
	if n != 1 {
		thing += "s"
	}
	return number + " " + thing
}

// median returns the middle value, 0 if there is none.
func median(values []float64) float64 {
	if len(values) == 0 {
		return 0
	}
	slices.Sort(values)
	return (values[(len(values)-1)/2] + values[len(values)/2]) / 2
}

// thisMachine describes it.
func thisMachine() string {
	model, kernel := "", ""
	info, _ := os.ReadFile("/proc/cpuinfo")
	for line := range strings.Lines(string(info)) {
		if key, value, ok := strings.Cut(line, ":"); ok && strings.TrimSpace(key) == "model name" {
			model = strings.TrimSpace(value)
		}
	}
	var name syscall.Utsname
	if syscall.Uname(&name) == nil {
		for _, c := range name.Release {
			if c == 0 {
				break
			}
			kernel += string(rune(c))
		}
	}
	return fmt.Sprintf("%d cores of %s, Linux %s, %s", runtime.NumCPU(), cmp.Or(model, runtime.GOARCH), kernel, runtime.Version())
}
