//go:build linux

package main

import (
	"context"
	"slices"
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

// The smallest program that scans hears something, and something is known of it.
func TestMinimalScanner(t *testing.T) {
	ctx, b := newBench(t)
	if err := b.build(ctx, nil); err != nil { // the service
		t.Fatal(err)
	}
	p, err := b.minimal(ctx, 1)
	if err != nil {
		t.Fatal(err)
	}
	if p.bytes == 0 || p.packages == 0 || p.foreign != 1 || p.start == 0 {
		t.Errorf("%+v; only godbus is foreign", p)
	}
}

func TestStepsAreRead(t *testing.T) {
	got := parseSteps("goos: linux\nBenchmarkDecode/notification_of_20_bytes-2 \t12066552\t        98.01 ns/op\t      24 B/op\t       1 allocs/op\n" +
		"BenchmarkMerge/50devices-16\t 1000000\t 1191 ns/op\t 0 B/op\t 0 allocs/op\nPASS\nok \tgithub.com/gobluez/bluez/facade\t4.369s\n")
	want := []step{{"Decode/notification of 20 bytes", 98.01, 24, 1}, {"Merge/50devices", 1191, 0, 0}}
	if !slices.Equal(got, want) {
		t.Errorf("%+v, want %+v", got, want)
	}
}

// A must that is missed is an error, an aim is none.
func TestMissedTargets(t *testing.T) {
	for _, test := range []struct {
		ns   float64
		want string
	}{
		{500, "aim met"}, {1500, "| met |"}, {2500, "**missed**"},
	} {
		r := &report{steps: []step{{name: "Decode/advertisement", ns: test.ns}}}
		if page := r.markdown(); !strings.Contains(page, test.want) {
			t.Errorf("%v ns: the page lacks %q", test.ns, test.want)
		}
		if err := r.missed(); (err != nil) != (test.ns > 2000) {
			t.Errorf("%v ns: %v", test.ns, err)
		}
	}
}
