//go:build linux

// Command service plays bluetoothd for the benchmark's clients: one adapter, many devices, one of which can be
// connected to. It sends what it has encoded beforehand, as fast as the client's code acknowledges it.
//
// Its argument is a workload.Spec as JSON; descriptor 3 brings the client's acknowledgements. It prints "ready" when
// it owns BlueZ's name, and its workload.Result when its standard input ends.
package main

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"runtime"
	"runtime/debug"

	"github.com/gobluez/bluez/bluezgen"
	"github.com/gobluez/bluez/facade/bench/workload"
)

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "service:", err)
		os.Exit(1)
	}
}

func run() error {
	debug.SetGCPercent(-1) // it lives for seconds and allocates little
	var spec workload.Spec
	if len(os.Args) != 2 {
		return fmt.Errorf("usage: %s SPEC; make bench runs it", os.Args[0])
	}
	if err := json.Unmarshal([]byte(os.Args[1]), &spec); err != nil {
		return err
	}
	c, err := dial(spec.Address, bluezgen.Service)
	if err != nil {
		return err
	}
	s := newService(c, spec)
	failed := make(chan error, 2)
	s.failed = failed
	go func() {
		runtime.LockOSThread() // blocks in its system calls
		failed <- c.receive(s.handle)
	}()
	asked := make(chan struct{})
	go func() {
		defer close(asked)
		_, _ = io.Copy(io.Discard, os.Stdin)
	}()
	select {
	case <-asked:
		if spec.Mode == workload.AcquireWrite {
			<-s.ended // with what the client has written before it left
		}
		return json.NewEncoder(os.Stdout).Encode(s.result())
	case err := <-failed:
		return err
	}
}
