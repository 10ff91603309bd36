//go:build linux

// Command tinygo is the benchmark's client on tinygo.org/x/bluetooth. It is a module of its own, so that nobody
// else depends on that.
package main

import (
	"encoding/binary"
	"encoding/json"
	"fmt"
	"os"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"tinygo.org/x/bluetooth"
)

const (
	company = 0x004C
	target  = "C0:00:00:00:00:00"
	batch   = 50
)

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "tinygo:", err)
		os.Exit(1)
	}
}

func run() error {
	mode, events, subscriptions, size := os.Args[2], number(3), number(4), number(5)
	m := &meter{events: events, done: make(chan struct{}), acks: os.NewFile(3, "acknowledgements")}
	adapter := bluetooth.DefaultAdapter
	if err := adapter.Enable(); err != nil {
		return err
	}
	var err error
	switch mode {
	case "scan":
		err = adapter.Scan(func(a *bluetooth.Adapter, r bluetooth.ScanResult) {
			for _, data := range r.ManufacturerData() {
				if data.CompanyID == company && !m.count(value(data.Data)+uint64(-r.RSSI)) {
					_ = a.StopScan()
				}
			}
		})
	case "connect":
		m.start()
		for more := true; more && err == nil; {
			var n int
			if n, err = connectOnce(adapter); err == nil {
				more = m.count(uint64(n))
			}
		}
	default:
		err = operate(adapter, m, mode, subscriptions, size)
	}
	if err != nil {
		return err
	}
	return m.report()
}

func number(i int) int {
	n, _ := strconv.Atoi(os.Args[i])
	return n
}

func value(p []byte) uint64 { return uint64(binary.LittleEndian.Uint32(p)) + uint64(len(p)) }

// connectOnce returns the number of objects; the library shows no descriptors, of which each characteristic has one.
func connectOnce(adapter *bluetooth.Adapter) (objects int, err error) {
	device, chars, services, err := connect(adapter)
	if err != nil {
		return 0, err
	}
	return services + 2*len(chars), device.Disconnect()
}

func connect(adapter *bluetooth.Adapter) (device bluetooth.Device, chars []bluetooth.DeviceCharacteristic, services int, err error) {
	mac, err := bluetooth.ParseMAC(target)
	if err != nil {
		return device, nil, 0, err
	}
	address := bluetooth.Address{MACAddress: bluetooth.MACAddress{MAC: mac}}
	if device, err = adapter.Connect(address, bluetooth.ConnectionParams{}); err != nil {
		return device, nil, 0, err
	}
	found, err := device.DiscoverServices(nil)
	if err != nil {
		return device, nil, 0, err
	}
	for _, service := range found {
		more, err := service.DiscoverCharacteristics(nil)
		if err != nil {
			return device, nil, 0, err
		}
		chars = append(chars, more...)
	}
	return device, chars, len(found), nil
}

func operate(adapter *bluetooth.Adapter, m *meter, mode string, subscriptions, size int) error {
	device, chars, _, err := connect(adapter)
	if err != nil {
		return err
	}
	defer device.Disconnect()
	switch mode {
	case "read":
		packet := make([]byte, 512)
		for {
			n, err := chars[0].Read(packet)
			if err != nil {
				return err
			}
			if !m.count(value(packet[:n])) {
				return nil
			}
		}
	case "write":
		packet := make([]byte, size)
		for i := uint32(0); ; i++ {
			binary.LittleEndian.PutUint32(packet, i)
			if _, err := chars[0].WriteWithoutResponse(packet); err != nil {
				return err
			}
			if !m.count(value(packet)) {
				return nil
			}
		}
	case "notify":
		for i := range subscriptions {
			if err := chars[i].EnableNotifications(func(p []byte) { m.count(value(p)) }); err != nil {
				return err
			}
		}
		<-m.done
		return nil
	}
	return fmt.Errorf("no mode %s", mode)
}

// A meter counts and measures, as package meter of the benchmark does for the other clients in Go.
type meter struct {
	events int
	done   chan struct{}
	acks   *os.File

	mu     sync.Mutex
	seen   int
	sum    uint64
	began  time.Time
	cpu    float64
	allocs uint64
	wall   float64
}

func (m *meter) start() { m.began, m.cpu, m.allocs = time.Now(), cpu(), allocs() }

func (m *meter) count(value uint64) (more bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.began.IsZero() {
		m.start()
	}
	m.sum += value
	m.seen++
	if m.seen%batch == 0 {
		_, _ = m.acks.Write([]byte{'.'})
	}
	if m.seen == m.events {
		m.cpu, m.allocs, m.wall = cpu()-m.cpu, allocs()-m.allocs, float64(time.Since(m.began).Nanoseconds())/1e3
		close(m.done)
	}
	return m.seen < m.events
}

func (m *meter) report() error {
	peak := 0
	status, _ := os.ReadFile("/proc/self/status")
	for _, line := range strings.Split(string(status), "\n") {
		if rest, ok := strings.CutPrefix(line, "VmHWM:"); ok {
			peak, _ = strconv.Atoi(strings.Fields(rest)[0])
		}
	}
	return json.NewEncoder(os.Stdout).Encode(map[string]any{
		"events": m.seen, "sum": m.sum, "cpu": m.cpu, "wall": m.wall, "peak": peak, "allocs": m.allocs, "first": m.began.UnixNano(),
	})
}

func cpu() float64 {
	var u syscall.Rusage
	_ = syscall.Getrusage(syscall.RUSAGE_SELF, &u)
	return float64(u.Utime.Sec+u.Stime.Sec)*1e6 + float64(u.Utime.Usec+u.Stime.Usec)
}

func allocs() uint64 {
	var s runtime.MemStats
	runtime.ReadMemStats(&s)
	return s.Mallocs
}
