//go:build linux

package main

import (
	"slices"

	"github.com/gobluez/bluez/facade/bench/workload"
)

// A testCase is a workload with its numbers. In a table it is a row for each client.
type testCase struct {
	id, title string
	spec      workload.Spec
	few       map[string]int // events of clients for which the usual number takes too long
	clients   []string       // those that take part, if not all that can
	every     bool           // no update may replace another
	growth    string         // what the case is compared with others by, such as "500 devices"
	note      string         // what a reader of the table should know
}

// allCases returns the workloads, and then those that show how the cost grows.
func allCases() []*testCase {
	const devices = 500
	peripheral := workload.Spec{Devices: 1, Services: 8, PerService: 6, Subscriptions: 1, Size: 20}
	of := func(mode workload.Mode, events int, change ...func(*workload.Spec)) workload.Spec {
		s := peripheral
		s.Mode, s.Events = mode, events
		for _, c := range change {
			c(&s)
		}
		return s
	}
	size := func(n int) func(*workload.Spec) { return func(s *workload.Spec) { s.Size = n } }
	known := func(n int) func(*workload.Spec) { return func(s *workload.Spec) { s.Devices = n } }
	subscriptions := func(n int) func(*workload.Spec) {
		return func(s *workload.Spec) { s.Subscriptions, s.Services, s.PerService = n, 10, 10 }
	}
	all := []*testCase{
		{id: "W1", title: "scan: an update of one of 500 devices", spec: of(workload.Scan, 25000, known(devices))},
		{id: "W2", title: "read 20 bytes", spec: of(workload.Read, 3000)},
		{id: "W2L", title: "read 512 bytes", spec: of(workload.Read, 3000, size(512)), few: map[string]int{"godbus": 1000, "tinygo": 1000}},
		{id: "W3", title: "write 20 bytes without response", spec: of(workload.Write, 4000)},
		{id: "W3x8", title: "the same, 8 in flight", spec: of(workload.WriteMany, 12000),
			note: "The facade lets operations on one device wait for each other, as BlueZ would otherwise refuse some."},
		{id: "W3F", title: "the same through AcquireWrite", spec: of(workload.AcquireWrite, 100000),
			note: "The facade writes through the bus alone."},
		{id: "W4", title: "notification by StartNotify", spec: of(workload.Notify, 25000)},
		{id: "W5", title: "notification by AcquireNotify", spec: of(workload.Acquire, 200000),
			note: "The facade queues each value for the user's loop and notes its time; the others count it where they read it. Debian's Bleak has no AcquireNotify."},
		{id: "W6", title: "connect, resolve 104 objects, disconnect, 500 other devices known", spec: of(workload.Connect, 30, known(devices+1)), few: map[string]int{"tinygo": 2}},
		{id: "W7", title: "start of the process to the first advertisement, 500 devices known", spec: of(workload.Scan, 1, known(devices))},
		{id: "W8", title: "20,000 devices appear", spec: of(workload.Scan, 20000, func(s *workload.Spec) { s.New = 20000 })},
		{id: "W9", title: "update of another device while connected, not scanning", spec: of(workload.Notify, 2, known(devices), func(s *workload.Spec) { s.Foreign = 20000 })},
	}
	for _, n := range []int{50, 500, 5000, 20000} {
		all = append(all, &testCase{id: "W1", growth: count(n, "device"), spec: of(workload.Scan, 25000, known(n)), clients: []string{"facade"}, every: true})
	}
	for _, n := range []int{1, 10, 100} {
		all = append(all, &testCase{id: "W4", growth: count(n, "subscription"), spec: of(workload.Notify, 25000, subscriptions(n)), clients: []string{"facade"}})
	}
	for _, n := range []int{0, 500, 5000} {
		all = append(all, &testCase{id: "W6", growth: count(n, "other device"), spec: of(workload.Connect, 30, known(n+1)), clients: []string{"facade"}})
	}
	return all
}

// has reports whether a client takes part.
func (c *testCase) has(cl *client) bool {
	return slices.Contains(cl.modes, c.spec.Mode) && (c.clients == nil || slices.Contains(c.clients, cl.name))
}

// per is how many events a cost is divided by.
func (c *testCase) per(events int) float64 {
	if c.spec.Foreign > 0 {
		return float64(c.spec.Foreign)
	}
	return float64(events)
}
