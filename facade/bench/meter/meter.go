//go:build linux

// Package meter is what the benchmark's clients in Go have in common: what they are told, how they
// acknowledge events, and what they report.
package meter

import (
	"encoding/binary"
	"encoding/json"
	"fmt"
	"os"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/gobluez/bluez/facade/bench/workload"
)

// Arguments are those of every client's command line, in this order.
type Arguments struct {
	Address       string // of the bus
	Mode          workload.Mode
	Events        int
	Subscriptions int
	Size          int    // of values that are written, in bytes
	How           string // workload.EveryPacket, Slow, or empty
}

// A Meter counts the events of a client and measures what they cost.
type Meter struct {
	Arguments
	acks *os.File
	mark mark
	got  workload.Result
}

// A mark is what a process has used so far.
type mark struct {
	cpu    float64
	allocs uint64
	time   time.Time
}

// New returns a Meter for what the command line says.
func New() (*Meter, error) {
	if len(os.Args) < 6 {
		return nil, fmt.Errorf("usage: %s ADDRESS MODE EVENTS SUBSCRIPTIONS SIZE [every|slow]; make bench runs it", os.Args[0])
	}
	a := Arguments{Address: os.Args[1], Mode: workload.Mode(os.Args[2])}
	if len(os.Args) > 6 {
		a.How = os.Args[6]
	}
	for i, number := range []*int{&a.Events, &a.Subscriptions, &a.Size} {
		n, err := strconv.Atoi(os.Args[3+i])
		if err != nil {
			return nil, err
		}
		*number = n
	}
	return &Meter{Arguments: a, acks: os.NewFile(3, "acknowledgements")}, nil
}

// Start starts to measure. Event does it by itself at the first event.
func (m *Meter) Start() {
	m.got.First = time.Now().UnixNano()
	m.mark = now()
}

// Event counts an event with the value that was received or sent. It returns false at the last.
func (m *Meter) Event(value []byte) (more bool) {
	if len(value) < 4 {
		m.got.Sum++ // so that it shows
		return m.count(0)
	}
	return m.count(workload.Value(binary.LittleEndian.Uint32(value), len(value)))
}

// Advertisement counts one with its data and strength.
func (m *Meter) Advertisement(data []byte, rssi int16) (more bool) {
	m.got.Sum += uint64(-rssi)
	return m.Event(data)
}

// Objects counts a connection that has so many objects.
func (m *Meter) Objects(n int) (more bool) { return m.count(uint64(n)) }

// Lose counts events that were replaced by newer ones.
func (m *Meter) Lose(n int) {
	m.got.Lost += uint64(n)
	m.got.Events += n
}

// Lost returns how many events were replaced.
func (m *Meter) Lost() uint64 { return m.got.Lost }

func (m *Meter) count(value uint64) (more bool) {
	if m.mark.time.IsZero() {
		m.Start()
	}
	m.got.Sum += value
	m.got.Events++
	if m.got.Events%workload.Batch == 0 {
		_, _ = m.acks.Write([]byte{'.'}) // the service may have ended already
	}
	if m.got.Early == 0 && m.got.Events >= m.Events/10 {
		m.got.Early = peak()
	}
	if m.got.Events < m.Events {
		return true
	}
	end := now()
	m.got.CPU, m.got.Allocs = end.cpu-m.mark.cpu, end.allocs-m.mark.allocs
	m.got.Wall = float64(end.time.Sub(m.mark.time).Nanoseconds()) / 1e3
	return false
}

// Report prints the result for who runs the client.
func (m *Meter) Report() error {
	m.got.Peak = peak()
	return json.NewEncoder(os.Stdout).Encode(m.got)
}

func now() mark {
	var memory runtime.MemStats
	runtime.ReadMemStats(&memory)
	var u syscall.Rusage
	_ = syscall.Getrusage(syscall.RUSAGE_SELF, &u) // cannot fail with these arguments
	return mark{
		cpu:    float64(u.Utime.Sec+u.Stime.Sec)*1e6 + float64(u.Utime.Usec+u.Stime.Usec),
		allocs: memory.Mallocs, time: time.Now(),
	}
}

// peak returns the largest resident memory in KiB. What rusage says of it would be that of the parent.
func peak() (kib int64) {
	status, _ := os.ReadFile("/proc/self/status")
	for line := range strings.Lines(string(status)) {
		if rest, ok := strings.CutPrefix(line, "VmHWM:"); ok {
			kib, _ = strconv.ParseInt(strings.Fields(rest)[0], 10, 64)
		}
	}
	return kib
}
