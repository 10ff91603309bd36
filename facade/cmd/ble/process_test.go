package main

import (
	"bufio"
	"bytes"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"strings"
	"syscall"
	"testing"

	"go.uber.org/goleak"
)

// asTool in the environment makes the test binary be the tool.
const asTool = "BLE_TEST_AS_TOOL"

func TestMain(m *testing.M) {
	if os.Getenv(asTool) != "" {
		main()
	}
	goleak.VerifyTestMain(m)
}

// A process is the tool in a process of its own.
type process struct {
	*exec.Cmd
	stdout io.ReadCloser
	output *bufio.Reader // of stdout
	stderr bytes.Buffer
}

func startTool(t *testing.T, args ...string) *process {
	t.Helper()
	p := &process{Cmd: exec.Command(os.Args[0], args...)}
	p.Env = append(os.Environ(), asTool+"=1")
	p.Stderr = &p.stderr
	var err error
	if p.stdout, err = p.StdoutPipe(); err == nil {
		err = p.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	p.output = bufio.NewReader(p.stdout)
	t.Cleanup(func() { _ = p.Process.Kill() }) // if the test failed before the end of the process
	return p
}

// wantLine waits until the tool has printed a line that contains text.
func (p *process) wantLine(t *testing.T, text string) {
	t.Helper()
	if line, err := p.output.ReadString('\n'); err != nil || !strings.Contains(line, text) {
		t.Fatalf("output %q, %v, want %q; error %q", line, err, text, p.stderr.String())
	}
}

func (p *process) signal(t *testing.T, s os.Signal) {
	t.Helper()
	if err := p.Process.Signal(s); err != nil {
		t.Fatal(err)
	}
}

// wantExit waits for the end of the tool, which prints no more than complaint.
func (p *process) wantExit(t *testing.T, code int, complaint string) {
	t.Helper()
	_ = p.Wait() // the code says it all
	if p.ProcessState.ExitCode() != code || p.stderr.String() != complaint {
		t.Errorf("%v, error %q, want exit code %d, %q", p.ProcessState, p.stderr.String(), code, complaint)
	}
}

func TestCtrlCIsAGoodEndOfAScan(t *testing.T) {
	hangUps := make(chan os.Signal, 1)
	signal.Notify(hangUps, syscall.SIGHUP) // what a process handles its children do not ignore, as they would below nohup
	defer signal.Stop(hangUps)
	for _, s := range []os.Signal{os.Interrupt, syscall.SIGTERM, syscall.SIGHUP} {
		world := startBlueZ(t)
		p := startTool(t, "scan")
		p.wantLine(t, peer)
		p.signal(t, s)
		p.wantExit(t, exitDone, "")
		world.awaitCall(t, "StopDiscovery")
	}
}

func TestCtrlCIsAGoodEndOfNotify(t *testing.T) {
	world := startBlueZ(t)
	p := startTool(t, "notify", peer, "2a37")
	p.wantLine(t, "003c")
	p.signal(t, os.Interrupt)
	p.wantExit(t, exitDone, "")
	world.awaitCall(t, "StopNotify")
	world.awaitCall(t, "Disconnect")
}

func TestCtrlCWhileConnecting(t *testing.T) {
	tests := []struct {
		args string
		code int
	}{
		{"inspect " + peer, exitInterrupted},
		{"read " + peer + " 2a38", exitInterrupted},
		{"write " + peer + " 2a39 01", exitInterrupted},
		{"notify " + peer + " 2a37", exitDone},
	}
	world := startBlueZ(t)
	world.LoseReplies("Connect")
	for _, test := range tests {
		p := startTool(t, strings.Fields(test.args)...)
		world.awaitCall(t, "Connect")
		p.signal(t, os.Interrupt)
		p.wantExit(t, test.code, "")
	}
}

func TestLostLinkIsABadEndOfNotify(t *testing.T) {
	world := startBlueZ(t)
	p := startTool(t, "notify", peer, "2a37")
	p.wantLine(t, "003c")
	p.wantLine(t, "003d")
	p.wantLine(t, "003e")
	world.sensor.Disconnect()
	p.wantExit(t, exitFailed, "ble: await notification C0:FF:EE:00:00:01 2a37 (0x0011): disconnected\n")
}

func TestReaderThatLeavesEndsAScan(t *testing.T) {
	world := startBlueZ(t)
	p := startTool(t, "scan", "--json")
	p.stdout.Close()
	p.wantExit(t, exitDone, "")
	world.awaitCall(t, "StopDiscovery")
}

func TestFramesArePrintedOnDemand(t *testing.T) {
	startBlueZ(t)
	t.Setenv("BLUEZ_DEBUG", "frames")
	p := startTool(t, "read", peer, "2a38", "--format", "utf8")
	out, err := io.ReadAll(p.stdout)
	if err != nil {
		t.Fatal(err)
	}
	if err := p.Wait(); err != nil || string(out) != "chest\n" {
		t.Errorf("%v, output %q", err, out)
	}
	trace := p.stderr.String()
	for _, want := range []string{"Hello", "GetManagedObjects", "ReadValue", "org.bluez.GattCharacteristic1"} {
		if !strings.Contains(trace, want) {
			t.Errorf("trace does not show %q:\n%s", want, trace)
		}
	}
	if strings.Contains(trace, "chest") {
		t.Errorf("trace shows a value:\n%s", trace)
	}
}
