//go:build linux

package bustest_test

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gobluez/bluez/gen/bus"
	"github.com/gobluez/bluez/gen/bus/bustest"
	"github.com/gobluez/bluez/gen/wire"
)

// judgeSaid has a function judge what the service says to the client.
func (s *stage) judgeSaid(judge func(text string, f *bustest.Frame) bustest.Verdict) {
	s.relay.Filter(func(_ *bustest.RelayedConn, _ bustest.Direction, f *bustest.Frame) bustest.Verdict {
		if text, ok := isSaid(f); ok {
			return judge(text, f)
		}
		return bustest.Pass
	})
}

// rewrite returns a Said frame with another text.
func rewrite(t testing.TB, f *bustest.Frame, text string) []byte {
	t.Helper()
	e := wire.NewEncoder(f.Header.Order)
	e.String(text)
	frame, err := wire.AppendFrame(nil, &f.Header, e.Body())
	if err != nil {
		t.Error(err)
	}
	return frame
}

func TestVerdicts(t *testing.T) {
	for _, test := range []struct {
		name  string
		judge func(t testing.TB, text string, f *bustest.Frame) bustest.Verdict
		want  []string // heard when the service says a, b, c
	}{
		{"pass", func(testing.TB, string, *bustest.Frame) bustest.Verdict { return bustest.Pass }, []string{"a", "b", "c"}},
		{"drop", func(_ testing.TB, text string, _ *bustest.Frame) bustest.Verdict {
			if text == "b" {
				return bustest.Drop
			}
			return bustest.Pass
		}, []string{"a", "c"}},
		{"twice", func(_ testing.TB, text string, _ *bustest.Frame) bustest.Verdict {
			if text == "b" {
				return bustest.Twice
			}
			return bustest.Pass
		}, []string{"a", "b", "b", "c"}},
		{"replace", func(t testing.TB, text string, f *bustest.Frame) bustest.Verdict {
			return f.Replace(rewrite(t, f, text+"!"))
		}, []string{"a!", "b!", "c!"}},
		{"replace by two", func(t testing.TB, text string, f *bustest.Frame) bustest.Verdict {
			return f.Replace(slices.Concat(f.Bytes(), rewrite(t, f, text+"!")))
		}, []string{"a", "a!", "b", "b!", "c", "c!"}},
		{"replace, twice", func(t testing.TB, text string, f *bustest.Frame) bustest.Verdict {
			f.Replace(rewrite(t, f, text+"!"))
			return bustest.Twice
		}, []string{"a!", "a!", "b!", "b!", "c!", "c!"}},
		{"replace by nothing", func(_ testing.TB, text string, f *bustest.Frame) bustest.Verdict {
			return f.Replace(nil)
		}, nil},
		{"release before the verdict", func(t testing.TB, text string, f *bustest.Frame) bustest.Verdict {
			if err := f.Release(); err != nil {
				t.Error(err)
			}
			return map[string]bustest.Verdict{"a": bustest.Hold, "b": bustest.Twice, "c": f.Delay(time.Hour)}[text]
		}, []string{"a", "b", "c"}},
		{"discard before the verdict", func(_ testing.TB, text string, f *bustest.Frame) bustest.Verdict {
			f.Discard()
			return map[string]bustest.Verdict{"a": bustest.Hold, "b": bustest.Pass, "c": f.Delay(time.Hour)}[text]
		}, nil},
		{"exchange", func() func(testing.TB, string, *bustest.Frame) bustest.Verdict {
			var first *bustest.Frame
			return func(t testing.TB, text string, f *bustest.Frame) bustest.Verdict {
				switch text {
				case "a":
					first = f
				case "b":
					if err := errors.Join(f.Release(), first.Release()); err != nil {
						t.Error(err)
					}
				default:
					return bustest.Pass
				}
				return bustest.Hold
			}
		}(), []string{"b", "a", "c"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			s := newStage(t)
			s.judgeSaid(func(text string, f *bustest.Frame) bustest.Verdict { return test.judge(t, text, f) })
			for _, text := range []string{"a", "b", "c"} {
				s.thing.say(t, text)
			}
			checkEcho(t, s.client, "x") // from the same service: after what it said
			s.checkSaid(t, test.want...)
		})
	}
}

func TestHeldFramesPassInAnyOrder(t *testing.T) {
	s := newStage(t)
	frames := make(chan *bustest.Frame, 5)
	s.judgeSaid(func(_ string, f *bustest.Frame) bustest.Verdict { frames <- f; return bustest.Hold })
	var held []*bustest.Frame
	for _, text := range []string{"a", "b", "c", "d", "e"} {
		s.thing.say(t, text)
		held = append(held, receive(t, frames))
	}
	checkEcho(t, s.client, "x")
	s.checkSaid(t)
	s.relay.Pause() // which is no matter
	held[3].Discard()
	held[2].Replace(rewrite(t, held[2], "C"))
	for _, i := range []int{2, 0, 1} {
		if err := held[i].Release(); err != nil {
			t.Error(err)
		}
	}
	s.relay.Resume()
	s.checkSaid(t, "C", "a", "b")
	for _, i := range []int{0, 3} {
		if err := held[i].Release(); err == nil {
			t.Errorf("frame %d was released again", i)
		}
		held[i].Discard()
	}
	s.conn.Cut()
	s.checkLost(t, nil)
	if err := held[4].Release(); err == nil {
		t.Error("a frame was released to a connection that has ended")
	}
}

func TestDelayedFramesKeepTheirOrder(t *testing.T) {
	s := newStage(t)
	delays := map[string]time.Duration{"a": 50 * time.Millisecond, "b": 0, "c": time.Millisecond, "d": time.Hour, "y": time.Hour}
	frames := make(chan *bustest.Frame, 100)
	s.judgeSaid(func(text string, f *bustest.Frame) bustest.Verdict {
		frames <- f
		if d, ok := delays[text[:1]]; ok {
			return f.Delay(d)
		}
		return bustest.Pass
	})
	var same []string
	for i := range 50 {
		same = append(same, "c"+string(rune('A'+i)))
	}
	for _, text := range slices.Concat([]string{"d", "a"}, same) {
		s.thing.say(t, text)
	}
	late := receive(t, frames)
	s.checkSaid(t, slices.Concat(same, []string{"a"})...)
	if err := late.Release(); err != nil {
		t.Error(err)
	}
	s.checkSaid(t, "d")
	s.thing.say(t, "y")
	s.thing.say(t, "z")
	s.checkSaid(t, "z")
	s.client.Close() // with one frame still waiting for its hour
}

func TestFilterSeesBothDirections(t *testing.T) {
	s := newStage(t)
	seen := make(chan string, 2)
	s.relay.Filter(func(c *bustest.RelayedConn, d bustest.Direction, f *bustest.Frame) bustest.Verdict {
		if c == s.conn {
			seen <- f.Header.Type.String() + " " + d.String()
		}
		return bustest.Pass
	})
	checkEcho(t, s.client, "x")
	s.relay.Filter(nil)
	checkEcho(t, s.client, "y")
	for _, want := range []string{"method_call to the bus", "method_return to the client"} {
		if got := receive(t, seen); got != want {
			t.Errorf("%s, not %s", got, want)
		}
	}
	if len(seen) > 0 {
		t.Error("a filter is asked that was taken away")
	}
}

func TestReplyNeverComes(t *testing.T) {
	s := newStage(t)
	s.relay.Filter(func(_ *bustest.RelayedConn, d bustest.Direction, f *bustest.Frame) bustest.Verdict {
		if f.Header.Type == wire.MethodReturn {
			s.conn.Cut() // from within a filter
			return bustest.Drop
		}
		return bustest.Pass
	})
	if _, err := callEcho(within(t), s.client, "x"); !errors.Is(err, bus.ErrClosed) {
		t.Error(err)
	}
}

func TestInjectedFramesAreTakenForTheOtherSides(t *testing.T) {
	s := newStage(t)
	for range 1000 {
		if err := s.conn.Inject(bustest.ToClient, s.saidFrame(t, "forged")); err != nil {
			t.Fatal(err)
		}
		s.thing.say(t, "true")
		for range 2 {
			receive(t, s.said)
		}
	}
	s.checkSaid(t)

	heard := make(chan string, 1)
	_, err := s.service.Object(s.client.UniqueName(), "/a").Subscribe(within(t), interfaceName, "Said", "s",
		func(d *wire.Decoder) { heard <- d.String() })
	if err != nil {
		t.Fatal(err)
	}
	if err := s.conn.Inject(bustest.ToBus, s.saidFrame(t, "in the client's name")); err != nil {
		t.Error(err)
	}
	if got := receive(t, heard); got != "in the client's name" {
		t.Error(got)
	}
}

func TestMalformedFrameEndsTheClient(t *testing.T) {
	s := newStage(t)
	frame := s.saidFrame(t, "x")
	frame[3] = 9 // the protocol's version
	if err := s.conn.Inject(bustest.ToClient, frame); err != nil {
		t.Error(err)
	}
	s.checkLost(t, nil)
	if e := new(wire.FormatError); !errors.As(s.client.Err(), &e) {
		t.Error(s.client.Err())
	}
	if err := s.conn.Inject(bustest.ToClient, frame); err == nil {
		t.Error("injected into a connection that has ended")
	}
}

func TestCutMidFrame(t *testing.T) {
	s := newStage(t)
	s.conn.CutMidFrame()
	s.thing.say(t, "half")
	s.checkLost(t, io.ErrUnexpectedEOF)
	checkEcho(t, s.service, "x")
}

func TestCut(t *testing.T) {
	s := newStage(t)
	other := dial(t, s.relay.Address())
	s.conn.Cut()
	s.conn.Cut()
	s.checkLost(t, nil)
	if err := other.Err(); err != nil {
		t.Error(err)
	}
	s.relay.CutAll()
	receive(t, other.Done())
	s.dial(t)
	checkEcho(t, s.client, "x")
}

func TestInjectNeedsAnAuthenticatedClient(t *testing.T) {
	p := newPeers(t)
	conn := p.relayed(t)
	for _, d := range []bustest.Direction{bustest.ToBus, bustest.ToClient} {
		if err := conn.Inject(d, []byte("x")); err == nil || !strings.Contains(err.Error(), d.String()) {
			t.Errorf("%s: %v", d, err)
		}
	}
}

func TestSlowClientSlowsTheBus(t *testing.T) {
	for _, verdict := range []bustest.Verdict{bustest.Pass, bustest.Hold} {
		p := newPeers(t)
		p.authenticate(t)
		if verdict == bustest.Hold {
			p.relay.Filter(func(*bustest.RelayedConn, bustest.Direction, *bustest.Frame) bustest.Verdict { return bustest.Hold })
		}
		frame, err := bustest.SignalFrame(":1.1", "/a", interfaceName, "Said", "s", func(e *wire.Encoder) { e.String(strings.Repeat("x", 1<<20)) })
		if err != nil {
			t.Fatal(err)
		}
		sent := 0
		for ; sent < 64; sent++ {
			if err := p.bus.SetWriteDeadline(time.Now().Add(200 * time.Millisecond)); err != nil {
				t.Fatal(err)
			}
			if _, err := p.bus.Write(frame); err != nil {
				break
			}
		}
		if sent == 64 {
			t.Errorf("verdict %d: the relay took 64 MiB that nobody reads", verdict)
		}
		p.relay.CutAll() // while it waits for the client
	}
}

func TestReleasedFramesMakeRoom(t *testing.T) {
	p := newPeers(t)
	p.authenticate(t)
	frames := make(chan *bustest.Frame)
	p.relay.Filter(func(_ *bustest.RelayedConn, _ bustest.Direction, f *bustest.Frame) bustest.Verdict {
		go func() { frames <- f }()
		return bustest.Hold
	})
	frame, err := bustest.SignalFrame(":1.1", "/a", interfaceName, "Said", "s", func(e *wire.Encoder) { e.String(strings.Repeat("x", 1<<20)) })
	if err != nil {
		t.Fatal(err)
	}
	const count = 20 // more than may be held at once
	var others sync.WaitGroup
	others.Go(func() {
		for range count {
			if _, err := p.bus.Write(frame); err != nil {
				t.Error(err)
			}
		}
	})
	others.Go(func() {
		for range count {
			if err := (<-frames).Release(); err != nil {
				t.Error(err)
			}
		}
	})
	in := bufio.NewReader(p.client)
	for range count {
		if got, err := readFrame(in); err != nil || !bytes.Equal(got, frame) {
			t.Fatalf("%d bytes: %v", len(got), err)
		}
	}
	others.Wait()
}

// What is no D-Bus passes as it is, for the receiver to judge.
func TestGarbagePasses(t *testing.T) {
	p := newPeers(t)
	p.authenticate(t)
	frame, err := bustest.SignalFrame(":1.1", "/a", interfaceName, "Said", "", nil)
	if err != nil {
		t.Fatal(err)
	}
	broken := bytes.Clone(frame)
	broken[1] = 0 // its type: framed well, but malformed
	sent := slices.Concat(frame, broken, frame, []byte("this is no message, and it does not end"))
	if _, err := p.bus.Write(sent); err != nil {
		t.Fatal(err)
	}
	p.bus.Close()
	got, err := io.ReadAll(p.client)
	if err != nil || !bytes.Equal(got, sent) {
		t.Errorf("%q: %v", got, err)
	}
}

func TestMalformedFrameKeepsItsDescriptors(t *testing.T) {
	p := newPeers(t)
	p.authenticate(t)
	frame, err := bustest.SignalFrame(":1.1", "/a", interfaceName, "Said", "", nil)
	if err != nil {
		t.Fatal(err)
	}
	frame[1] = 0
	p.send(t, frame)
	oob := make([]byte, 100)
	if n, oobn, _, _, err := p.bus.ReadMsgUnix(make([]byte, 1000), oob); err != nil || n != len(frame) || oobn == 0 {
		t.Errorf("%d bytes of %d, %d beside: %v", n, len(frame), oobn, err)
	} else {
		closeRights(t, oob[:oobn])
	}
}

func TestInjectedFrameSplitsNoOther(t *testing.T) {
	p := newPeers(t)
	p.authenticate(t)
	pass(t, p.client, p.bus, string(helloCall(t))) // so that messages pass
	small, err := bustest.SignalFrame(":1.1", "/a", interfaceName, "Said", "", nil)
	if err != nil {
		t.Fatal(err)
	}
	e := wire.NewEncoder(wire.LittleEndian)
	e.String(strings.Repeat("x", 1<<20)) // more than a socket takes at once
	large, err := wire.AppendFrame(nil, &wire.Header{
		Type: wire.Signal, Serial: 1, UnixFDs: 1, Path: []byte("/a"), Interface: []byte(interfaceName), Member: []byte("Said"), Signature: []byte("s"),
	}, e.Body())
	if err != nil {
		t.Fatal(err)
	}
	const count = 10
	conn, done := p.relayed(t), make(chan struct{})
	var senders sync.WaitGroup
	senders.Go(func() {
		for range count {
			p.send(t, large)
		}
	})
	for range 2 {
		senders.Go(func() {
			for conn.Inject(bustest.ToBus, small) == nil {
				select {
				case <-done:
					return
				default:
				}
			}
		})
	}
	in := bufio.NewReader(p.bus) // which leaves the descriptors to the kernel
	for arrived := 0; arrived < count; {
		frame, err := readFrame(in)
		switch {
		case err != nil:
			t.Fatal(err)
		case bytes.Equal(frame, large):
			arrived++
		case !bytes.Equal(frame, small):
			t.Fatalf("a frame of %d bytes that nobody sent", len(frame))
		}
	}
	close(done)
	go func() { _, _ = io.Copy(io.Discard, in) }() // until the relay is closed
	senders.Wait()
}

func readFrame(in *bufio.Reader) ([]byte, error) {
	prefix, err := in.Peek(16)
	if err != nil {
		return nil, err
	}
	size, err := wire.FrameSize(prefix)
	if err != nil {
		return nil, err
	}
	frame := make([]byte, size)
	_, err = io.ReadFull(in, frame)
	return frame, err
}

func TestSignalFrameRefusesWhatIsNoSignal(t *testing.T) {
	if _, err := bustest.SignalFrame(":1.1", "no path", interfaceName, "Said", "", nil); err == nil {
		t.Error("a bad path")
	}
	if _, err := bustest.SignalFrame(":1.1", "/a", interfaceName, "Said", "s", func(e *wire.Encoder) { e.String("\x00") }); err == nil {
		t.Error("a bad string")
	}
}
