//go:build linux

package main

import (
	"context"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/gobluez/bluez/gen/bus/bustest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// newBench returns a bench on a bus of its own.
func newBench(t *testing.T) (context.Context, *bench) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), runTimeout)
	t.Cleanup(cancel)
	b := &bench{dir: t.TempDir(), address: bustest.Start(t).Address(), scale: 0.02}
	pid, err := daemonPID(ctx, b.address)
	if err != nil {
		t.Fatal(err)
	}
	b.pid = pid
	return ctx, b
}

// Every workload ends with the right sum for the clients of this repository.
func TestEveryWorkloadRuns(t *testing.T) {
	ctx, b := newBench(t)
	clients := selected(allClients(), "facade,bluezgen,godbus", func(c *client) string { return c.name })
	if err := b.build(ctx, clients); err != nil {
		t.Fatal(err)
	}
	results, err := b.measure(ctx, clients, allCases(), 1)
	if err != nil {
		t.Fatal(err)
	}
	r := &report{results: results, clients: clients, rounds: 1, machine: thisMachine()}
	page := r.markdown()
	for _, want := range []string{"### W1: ", "### W9: ", "| W6 | 5,000 other devices |", "| W1 | allocations |"} {
		if !strings.Contains(page, want) {
			t.Errorf("the page lacks %q:\n%s", want, page)
		}
	}
	if v, ok := r.find("W6").row("facade"); !ok || v.managed != 0 {
		t.Errorf("a connection reads everything that BlueZ knows: %v calls of GetManagedObjects", v.managed)
	}
	if v, ok := r.find("W9").row("facade"); !ok || v.allocs > 0.1 {
		t.Errorf("another device's update costs a client that does not scan %v allocations", v.allocs)
	}
}

// A consumer that is too slow loses nothing uncounted.
func TestBursts(t *testing.T) {
	ctx, b := newBench(t)
	u, err := b.bursts(ctx, 2*time.Second)
	if err != nil {
		t.Fatal(err)
	}
	if err := u.account(); err != nil {
		var out strings.Builder
		u.print(&out)
		t.Errorf("%v\n%s", err, &out)
	}
}

func TestRatiosAreThoseOfNeighbours(t *testing.T) {
	r := &result{testCase: &testCase{id: "W1"}, samples: map[string][]sample{}}
	for _, cpu := range []float64{10, 100, 20} { // the machine was slow in the second round
		a, b := sample{}, sample{}
		a.client.Events, a.client.CPU = 10, cpu
		b.client.Events, b.client.CPU = 20, 4*cpu
		r.samples["a"], r.samples["b"] = append(r.samples["a"], a), append(r.samples["b"], b)
	}
	if q, ok := r.ratio("a", "b"); !ok || q != 0.5 {
		t.Errorf("ratio %v, want 0.5", q)
	}
	if v, ok := r.row("a"); !ok || v.cpu != 2 {
		t.Errorf("%v us an event, want 2", v.cpu)
	}
	if _, ok := r.row("c"); ok {
		t.Error("a client without samples has a row")
	}
}
