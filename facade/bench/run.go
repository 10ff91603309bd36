//go:build linux

package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"time"

	"github.com/gobluez/bluez/facade/bench/workload"
	"github.com/gobluez/bluez/gen/bus"
	"github.com/gobluez/bluez/gen/wire"
)

// A sample is what one run of a client has shown.
type sample struct {
	client, service workload.Result
	start           float64 // from the start of the process to the first event, in ms
}

// A result has the samples of a workload, one of each client for each round.
type result struct {
	*testCase
	samples map[string][]sample // by client
}

// runTimeout is far more than any run takes.
const runTimeout = 2 * time.Minute

// measure runs everything, round by round. In each round the clients of a workload come right after each other, in
// an order that changes.
func (b *bench) measure(ctx context.Context, clients []*client, cases []*testCase, rounds int) ([]*result, error) {
	var results []*result
	for _, c := range cases {
		results = append(results, &result{testCase: c, samples: map[string][]sample{}})
	}
	for round := range rounds {
		for _, r := range results {
			for i := range clients {
				cl := clients[(i+round)%len(clients)]
				if cl.missing != "" || !r.has(cl) {
					continue
				}
				s, err := b.once(ctx, cl, r.testCase)
				if err != nil {
					return nil, fmt.Errorf("round %d, %s %s, %s: %w", round+1, r.id, r.growth, cl.name, err)
				}
				r.samples[cl.name] = append(r.samples[cl.name], s)
				if b.log != nil {
					fmt.Fprintf(b.log, "round %d %s %s %s: %.2f us\n", round+1, r.id, r.growth, cl.name, s.client.CPU/r.per(s.client.Events))
				}
			}
		}
	}
	return results, nil
}

// once runs the service and one client against each other.
func (b *bench) once(ctx context.Context, cl *client, c *testCase) (sample, error) {
	spec := c.spec
	spec.Address, spec.Daemon = b.address, b.pid
	if few, ok := c.few[cl.name]; ok {
		spec.Events = few
	}
	if spec.Events > 100 && spec.New == 0 {
		spec.Events = max(1, int(float64(spec.Events)*b.scale))
	}
	var more []string
	if c.every {
		more = []string{workload.EveryPacket}
	}
	s, err := b.play(ctx, cl.command, spec, more...)
	if err != nil {
		return s, err
	}
	if got, sent := s.client, s.service; got.Events != sent.Events || got.Sum != sent.Sum {
		return s, fmt.Errorf("the client counts %d events (%d), the service %d (%d)", got.Events, got.Sum, sent.Events, sent.Sum)
	}
	return s, nil
}

// play runs the service and a client, and returns what they report.
func (b *bench) play(ctx context.Context, command []string, spec workload.Spec, more ...string) (s sample, err error) {
	ctx, cancel := context.WithTimeout(ctx, runTimeout+time.Duration(spec.Events)*time.Second/time.Duration(max(1, spec.Rate)))
	defer cancel()
	service, err := b.serve(ctx, spec)
	if err != nil {
		return s, err
	}
	args := append(command[1:len(command):len(command)], b.address, string(spec.Mode), fmt.Sprint(spec.Events), fmt.Sprint(spec.Subscriptions), fmt.Sprint(spec.Size))
	cmd := exec.CommandContext(ctx, command[0], append(args, more...)...)
	cmd.Env = b.environment()
	cmd.ExtraFiles, cmd.Stderr = []*os.File{service.acks}, os.Stderr
	began := time.Now()
	report, err := cmd.Output()
	if err == nil {
		err = json.Unmarshal(report, &s.client)
	}
	s.start = float64(s.client.First-began.UnixNano()) / 1e6
	var ended error
	s.service, ended = service.end()
	return s, errors.Join(err, ended)
}

// environment is that of a client: the bus is the system's.
func (b *bench) environment() []string {
	return append(os.Environ(), "DBUS_SYSTEM_BUS_ADDRESS="+b.address)
}

// A service is one that runs.
type service struct {
	acks *os.File // for the client, to acknowledge events
	cmd  *exec.Cmd
	stop io.Closer
	out  *bufio.Reader
}

// serve starts the service and waits until it owns its name.
func (b *bench) serve(ctx context.Context, spec workload.Spec) (*service, error) {
	text, err := json.Marshal(spec)
	if err != nil {
		return nil, err
	}
	acks, acknowledge, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	defer acks.Close()
	s := &service{acks: acknowledge, cmd: exec.CommandContext(ctx, filepath.Join(b.dir, "service"), string(text))}
	s.cmd.ExtraFiles, s.cmd.Stderr = []*os.File{acks}, os.Stderr
	stop, err := s.cmd.StdinPipe()
	out, outErr := s.cmd.StdoutPipe()
	if err = errors.Join(err, outErr); err == nil {
		err = s.cmd.Start()
	}
	if err != nil {
		acknowledge.Close()
		return nil, err
	}
	s.stop, s.out = stop, bufio.NewReader(out)
	if _, err := s.out.ReadString('\n'); err != nil {
		acknowledge.Close()
		return nil, errors.Join(fmt.Errorf("the service did not start: %w", err), s.cmd.Wait())
	}
	return s, nil
}

// end ends the service and returns what it reports.
func (s *service) end() (r workload.Result, err error) {
	s.stop.Close()
	err = json.NewDecoder(s.out).Decode(&r)
	_, _ = io.Copy(io.Discard, s.out)
	s.acks.Close()
	return r, errors.Join(err, s.cmd.Wait())
}

// daemonPID asks a bus for its process id.
func daemonPID(ctx context.Context, address string) (int, error) {
	const name = "org.freedesktop.DBus"
	conn, err := bus.Dial(ctx, address, bus.Options{})
	if err != nil {
		return 0, err
	}
	defer conn.Close()
	var pid uint32
	err = conn.Object(name, "/org/freedesktop/DBus").Call(ctx, bus.Method{Interface: name, Name: "GetConnectionUnixProcessID", In: "s", Out: "u"},
		func(e *wire.Encoder) { e.String(name) }, func(d *wire.Decoder) { pid = d.Uint32() })
	return int(pid), err
}
