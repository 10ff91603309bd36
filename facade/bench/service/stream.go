//go:build linux

package main

import (
	stdbytes "bytes"
	"encoding/binary"
	"fmt"
	"runtime"
	"syscall"
	"time"

	"github.com/gobluez/bluez/bluezgen"
	"github.com/gobluez/bluez/facade/bench/workload"
)

// stream starts the one stream of a run.
func (s *service) stream(send func() error) {
	if s.started {
		return
	}
	s.started = true
	go func() {
		defer close(s.ended)
		runtime.LockOSThread()
		if err := send(); err != nil {
			s.failed <- err
		}
	}()
}

// A flow keeps what is on its way within the window.
type flow struct {
	s            *service
	sent, known  int // known to be in the hands of the user's code
	frames       []byte
	waiting      [256]byte
	unrestricted bool
}

// send takes one more event, and sends what has come together.
func (f *flow) send(frame []byte, value uint64) error {
	f.s.event(value)
	f.frames = append(f.frames, frame...)
	if f.sent++; f.sent%workload.Batch == 0 || f.sent == f.s.spec.Events {
		return f.flush()
	}
	return nil
}

func (f *flow) flush() error {
	for !f.unrestricted && f.sent-f.known > workload.Window {
		n, err := f.s.acks.Read(f.waiting[:])
		if err != nil {
			return fmt.Errorf("the client has left after %d events of %d", f.known, f.s.spec.Events)
		}
		f.known += n * workload.Batch
	}
	err := f.s.conn.push(f.frames)
	f.frames = f.frames[:0]
	return err
}

// An advertisement is the frame of an update, in which strength and number are changed in place.
type advertisement struct {
	frame    []byte
	strength []byte
	number   []byte
}

// set changes the frame and returns what it adds to the sum: the client adds number, length and strength.
func (a *advertisement) set(number int) uint64 {
	rssi := -30 - number%60
	binary.LittleEndian.PutUint16(a.strength, uint16(int16(rssi)))
	binary.LittleEndian.PutUint32(a.number, uint32(number))
	return workload.Value(uint32(number), workload.Data) + uint64(-rssi)
}

func (s *service) update(o *object) *advertisement {
	a := &advertisement{frame: s.signal(nil, o.path, "org.freedesktop.DBus.Properties", "PropertiesChanged", "sa{sv}as",
		changed(o.iface, number16("RSSI", "n", 0), manufacturer(make([]byte, workload.Data))))}
	return a.find(4) // the empty array of what is invalidated comes last
}

func (s *service) firstHeard(i int) *advertisement {
	o := deviceObject(i, nil, number16("RSSI", "n", 0), manufacturer(make([]byte, workload.Data)))
	a := &advertisement{frame: s.signal(nil, "/", "org.freedesktop.DBus.ObjectManager", "InterfacesAdded", "oa{sa{sv}}", o.added)}
	return a.find(0)
}

// find finds what changes: the data are the last, but for so many bytes.
func (a *advertisement) find(behind int) *advertisement {
	const key = "RSSI\x00\x01n\x00"
	at := stdbytes.Index(a.frame, []byte(key)) + len(key)
	at += at % 2
	a.strength = a.frame[at : at+2]
	a.number = a.frame[len(a.frame)-behind-workload.Data:]
	return a
}

// advertise sends what a scan hears.
func (s *service) advertise() error {
	f := flow{s: s, unrestricted: s.spec.Rate > 0}
	if s.spec.New > 0 {
		for i := range s.spec.New {
			a := s.firstHeard(s.spec.Devices + i)
			if err := f.send(a.frame, a.set(i)); err != nil {
				return err
			}
		}
		return nil
	}
	updates := make([]*advertisement, s.spec.Devices)
	for i := range updates {
		updates[i] = s.update(s.objects[1+i])
	}
	start := time.Now()
	for i := range s.spec.Events {
		a := updates[i%len(updates)]
		value := a.set(i)
		if err := f.send(a.frame, value); err != nil {
			return err
		}
		if s.spec.Rate > 0 {
			time.Sleep(time.Until(start.Add(time.Duration(i) * time.Second / time.Duration(s.spec.Rate))))
		}
	}
	return nil
}

// notify sends notifications to all subscriptions in turn.
func (s *service) notify() error {
	f := flow{s: s}
	var frames [][]byte
	for _, path := range s.targets() {
		frames = append(frames, s.signal(nil, path, "org.freedesktop.DBus.Properties", "PropertiesChanged", "sa{sv}as",
			changed(bluezgen.GattCharacteristic1Interface, bytes("Value", make([]byte, s.spec.Size)))))
	}
	for i := range s.spec.Events {
		frame := frames[i%len(frames)]
		binary.LittleEndian.PutUint32(frame[len(frame)-4-s.spec.Size:], uint32(i))
		if err := f.send(frame, workload.Value(uint32(i), s.spec.Size)); err != nil {
			return err
		}
		if i == 0 && s.spec.Foreign > 0 {
			if err := f.flush(); err != nil {
				return err
			}
			if err := s.foreign(); err != nil {
				return err
			}
		}
	}
	return nil
}

// foreign sends updates of other devices, which a client that does not scan need not hear.
func (s *service) foreign() error {
	var frames []byte
	for i := range s.spec.Foreign {
		o := s.objects[2+i%(s.spec.Devices-1)]
		a := s.update(o)
		a.set(i)
		frames = append(frames, a.frame...)
		if i%workload.Batch == 0 {
			if err := s.conn.push(frames); err != nil {
				return err
			}
			frames = frames[:0]
		}
	}
	return s.conn.push(frames)
}

// fill writes notifications into a socket, which blocks while it is full.
func (s *service) fill(socket int) error {
	packet := make([]byte, s.spec.Size)
	for i := range s.spec.Events {
		binary.LittleEndian.PutUint32(packet, uint32(i))
		s.event(workload.Value(uint32(i), len(packet)))
		if _, err := syscall.Write(socket, packet); err != nil {
			return fmt.Errorf("write a notification: %w", err)
		}
	}
	return nil
}

// drain reads what is written without response.
func (s *service) drain(socket int) error {
	packet := make([]byte, 1024)
	for range s.spec.Events {
		n, err := syscall.Read(socket, packet)
		if err != nil || n < 4 {
			return fmt.Errorf("read a packet: %d bytes, %w", n, err)
		}
		s.event(workload.Value(binary.LittleEndian.Uint32(packet), n))
	}
	return nil
}
