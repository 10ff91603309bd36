//go:build linux

package main

import (
	"encoding/binary"
	"fmt"
	"os"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/godbus/dbus/v5"

	"github.com/gobluez/bluez/bluezgen"
	"github.com/gobluez/bluez/facade/bench/workload"
	"github.com/gobluez/bluez/gen/wire"
)

// A service is what owns BlueZ's name. Its calls are handled one after the other; what it sends unasked comes from
// a goroutine for each stream.
type service struct {
	spec   workload.Spec
	conn   *conn
	acks   *os.File
	failed chan<- error  // gets why a stream ended early
	ended  chan struct{} // closed when the stream has ended

	// Of the goroutine that reads.
	objects    []*object // all but the tree of services
	managed    []byte    // GetManagedObjects, nil when it has changed
	connected  bool
	tree       []*object
	value      []byte // that is read, as ay
	body       *wire.Encoder
	started    bool // a stream
	subscribed int

	mu    sync.Mutex
	got   workload.Result
	began time.Time
}

func newService(c *conn, spec workload.Spec) *service {
	s := &service{spec: spec, conn: c, acks: os.NewFile(3, "acknowledgements"), ended: make(chan struct{}), body: wire.NewEncoder(wire.LittleEndian)}
	s.objects = append(s.objects, adapterObject())
	for i := range spec.Devices {
		var services []string
		if i == 0 { // known from an earlier connection
			for n := range spec.Services {
				services = append(services, uuid(firstService+n))
			}
		}
		s.objects = append(s.objects, deviceObject(i, services))
	}
	if spec.Devices > 0 {
		s.tree = tree(s.objects[1].path, spec.Services, spec.PerService)
	}
	s.value = binary.LittleEndian.AppendUint32(nil, uint32(spec.Size))
	s.value = append(s.value, make([]byte, spec.Size)...)
	s.managed = s.encodeManaged() // before the client comes, who is not to wait for it
	return s
}

// event counts an event that adds so much to the sum, and measures from the first to the last.
func (s *service) event(value uint64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.begin()
	s.got.Sum += value
	if s.got.Events++; s.got.Events == s.spec.Events {
		s.got.Wall, s.got.CPU = float64(time.Since(s.began).Microseconds()), s.daemonCPU()-s.got.CPU
	}
}

// begin starts to measure, if that has not begun. s.mu is held.
func (s *service) begin() {
	if s.began.IsZero() {
		s.began, s.got.CPU = time.Now(), s.daemonCPU()
	}
}

// result returns what was counted.
func (s *service) result() workload.Result {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.got
}

// daemonCPU returns what the bus has used so far, in microseconds. It has one thread.
func (s *service) daemonCPU() float64 {
	var ns uint64
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/schedstat", s.spec.Daemon))
	if err == nil {
		_, _ = fmt.Sscan(string(text), &ns) // 0 on a kernel without it
	}
	return float64(ns) / 1e3
}

// handle serves one message.
func (s *service) handle(h *wire.Header, body []byte) error {
	switch {
	case h.Type == wire.Error:
		return fmt.Errorf("the bus refuses: %s", h.ErrorName)
	case h.Type == wire.Signal && string(h.Member) == "NameAcquired" && string(body[4:len(body)-1]) == bluezgen.Service:
		fmt.Println("ready")
		return nil
	case h.Type != wire.MethodCall:
		return nil
	}
	switch member := string(h.Member); member {
	case "ReadValue":
		number := uint32(s.result().Events)
		binary.LittleEndian.PutUint32(s.value[4:], number)
		s.event(workload.Value(number, s.spec.Size))
		return s.reply(h, "ay", s.value)
	case "WriteValue":
		return s.written(h, body)
	case "Get", "GetAll":
		return s.get(h, body)
	case "GetManagedObjects":
		s.mu.Lock()
		if !s.began.IsZero() {
			s.got.Managed++
		}
		s.mu.Unlock()
		if s.managed == nil {
			s.managed = s.encodeManaged()
		}
		return s.reply(h, "a{oa{sa{sv}}}", s.managed)
	case "Connect":
		return s.connect(h)
	case "Disconnect":
		return s.disconnect(h)
	case "StartDiscovery":
		if err := s.reply(h, "", nil); err != nil {
			return err
		}
		if s.spec.Mode == workload.Scan {
			s.stream(s.advertise)
		}
	case "StartNotify":
		if err := s.reply(h, "", nil); err != nil {
			return err
		}
		if s.subscribed++; s.subscribed == s.spec.Subscriptions {
			s.stream(s.notify)
		}
	case "AcquireNotify", "AcquireWrite":
		return s.acquire(h, member == "AcquireWrite")
	case "SetDiscoveryFilter", "StopDiscovery", "StopNotify", "Ping":
		return s.reply(h, "", nil)
	default:
		return s.refuse(h, "org.freedesktop.DBus.Error.UnknownMethod")
	}
	return nil
}

func (s *service) reply(h *wire.Header, sig string, body []byte, fds ...int) error {
	if h.Flags&wire.NoReplyExpected != 0 {
		return nil
	}
	reply := wire.Header{Type: wire.MethodReturn, ReplySerial: h.Serial, Destination: h.Sender, Signature: []byte(sig)}
	return s.conn.send(&reply, body, fds...)
}

func (s *service) refuse(h *wire.Header, name string) error {
	reply := wire.Header{Type: wire.Error, ReplySerial: h.Serial, Destination: h.Sender, ErrorName: []byte(name)}
	return s.conn.send(&reply, nil)
}

// written counts a write and replies. The value is the first argument.
func (s *service) written(h *wire.Header, body []byte) error {
	value := wire.NewDecoder(body, h.Order, nil).BytesView()
	if len(value) < 4 {
		return fmt.Errorf("a write of %d bytes", len(value))
	}
	s.event(workload.Value(binary.LittleEndian.Uint32(value), len(value)))
	return s.reply(h, "", nil)
}

// get serves Get and GetAll of an object's properties.
func (s *service) get(h *wire.Header, body []byte) error {
	d := wire.NewDecoder(body, h.Order, nil)
	iface, name := d.String(), ""
	if string(h.Member) == "Get" {
		name = d.String()
	}
	for _, o := range s.present() {
		if o.path != string(h.Path) || o.iface != iface {
			continue
		}
		s.body.Reset(wire.LittleEndian)
		if name == "" {
			dictionary(s.body, s.properties(o))
			return s.reply(h, "a{sv}", s.body.Body())
		}
		for _, p := range s.properties(o) {
			if p.name == name {
				s.body.VariantOf(p.sig)
				p.put(s.body)
				return s.reply(h, "v", s.body.Body())
			}
		}
	}
	return s.refuse(h, "org.freedesktop.DBus.Error.InvalidArgs")
}

// present returns all objects that are there.
func (s *service) present() []*object {
	if !s.connected {
		return s.objects
	}
	return append(s.objects[:len(s.objects):len(s.objects)], s.tree...)
}

// properties returns those of an object as they are now.
func (s *service) properties(o *object) []property {
	if !s.connected || o != s.objects[1] {
		return o.properties
	}
	now := append([]property{}, o.properties...)
	for i, p := range now {
		if p.name == "Connected" || p.name == "ServicesResolved" {
			now[i] = truth(p.name, true)
		}
	}
	return now
}

func (s *service) encodeManaged() []byte {
	e := wire.NewEncoder(wire.LittleEndian)
	mark := e.Array(8)
	for _, o := range s.present() {
		o := *o
		if s.connected && o.path == s.objects[1].path {
			o.properties = s.properties(s.objects[1])
		}
		e.Struct()
		e.ObjectPath(dbus.ObjectPath(o.path))
		o.interfaces(e)
	}
	e.EndArray(mark)
	return e.Body()
}

// connect does what bluetoothd does: the link, the tree of services, the reply, and that all is resolved.
func (s *service) connect(h *wire.Header) error {
	device := s.objects[1]
	if string(h.Path) != device.path {
		return s.refuse(h, "org.bluez.Error.Failed")
	}
	if s.spec.Mode == workload.Connect {
		s.mu.Lock()
		s.begin()
		s.mu.Unlock()
	}
	frames := s.signal(nil, device.path, "org.freedesktop.DBus.Properties", "PropertiesChanged", "sa{sv}as",
		changed(device.iface, truth("Connected", true)))
	for _, o := range s.tree {
		frames = s.signal(frames, "/", "org.freedesktop.DBus.ObjectManager", "InterfacesAdded", "oa{sa{sv}}", o.added)
	}
	if err := s.conn.push(frames); err != nil {
		return err
	}
	s.connected, s.managed = true, nil
	if err := s.reply(h, "", nil); err != nil {
		return err
	}
	return s.conn.push(s.signal(nil, device.path, "org.freedesktop.DBus.Properties", "PropertiesChanged", "sa{sv}as",
		changed(device.iface, truth("ServicesResolved", true))))
}

// disconnect replies first, as bluetoothd does.
func (s *service) disconnect(h *wire.Header) error {
	if s.spec.Mode == workload.Connect {
		s.event(uint64(len(s.tree)))
	}
	if err := s.reply(h, "", nil); err != nil || !s.connected {
		return err
	}
	device := s.objects[1]
	s.connected, s.managed = false, nil
	var frames []byte
	for i := len(s.tree) - 1; i >= 0; i-- {
		frames = s.signal(frames, "/", "org.freedesktop.DBus.ObjectManager", "InterfacesRemoved", "oas", s.tree[i].removed)
	}
	return s.conn.push(s.signal(frames, device.path, "org.freedesktop.DBus.Properties", "PropertiesChanged", "sa{sv}as",
		changed(device.iface, truth("ServicesResolved", false), truth("Connected", false))))
}

// signal appends the frame of a signal. Their serials are all the same, for nobody replies to them.
func (s *service) signal(frames []byte, path, iface, member, sig string, body func(*wire.Encoder)) []byte {
	e := wire.NewEncoder(wire.LittleEndian)
	body(e)
	frames, err := wire.AppendFrame(frames, &wire.Header{
		Type: wire.Signal, Serial: 1, Path: []byte(path), Interface: []byte(iface), Member: []byte(member), Signature: []byte(sig),
	}, e.Body())
	if err != nil {
		panic(err) // a mistake in this program
	}
	return frames
}

// acquire passes one end of a socket and uses the other.
func (s *service) acquire(h *wire.Header, forWriting bool) error {
	pair, err := syscall.Socketpair(syscall.AF_UNIX, syscall.SOCK_SEQPACKET|syscall.SOCK_CLOEXEC, 0)
	if err != nil {
		return err
	}
	s.body.Reset(wire.LittleEndian)
	s.body.Uint32(0)
	s.body.Uint16(517)
	err = s.reply(h, "hq", s.body.Body(), pair[1])
	_ = syscall.Close(pair[1])
	if forWriting {
		s.stream(func() error { return s.drain(pair[0]) })
	} else {
		s.stream(func() error { return s.fill(pair[0]) })
	}
	return err
}

// targets returns the paths of the characteristics that are subscribed to.
func (s *service) targets() (paths []string) {
	for _, o := range s.tree {
		if strings.Contains(o.path, "/char") && o.iface == bluezgen.GattCharacteristic1Interface && len(paths) < s.spec.Subscriptions {
			paths = append(paths, o.path)
		}
	}
	return paths
}
