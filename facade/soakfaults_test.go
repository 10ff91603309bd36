//go:build linux

package facade

import (
	"time"

	"github.com/gobluez/bluez/bluezgen"
	"github.com/gobluez/bluez/facade/bluetest"
)

// A fault is something that goes wrong. make returns when its cause has gone.
type fault struct {
	name string
	make func(s *soak) error
}

// faults are all that a bluetest.World can do to a program.
var faults = []fault{
	{"bluetoothd restarts", func(s *soak) error { return s.RestartBluetoothd(s.t.Context()) }},
	{"bluetoothd crashes", func(s *soak) error {
		s.CrashBluetoothd()
		return s.StartBluetoothd(s.t.Context())
	}},
	{"the bus restarts", func(s *soak) error { return s.RestartBus(s.t.Context()) }},
	{"the connection is cut", func(s *soak) error {
		s.CutConnections()
		return nil
	}},
	{"the connection is cut in mid-frame", func(s *soak) error {
		s.CutMidFrame()
		return nil
	}},
	{"the bus hangs for a moment", func(s *soak) error {
		s.Freeze()()
		return nil
	}},
	{"bluetoothd ends while the bus hangs", func(s *soak) error {
		resume := s.Freeze()
		s.CrashBluetoothd()
		resume()
		return s.StartBluetoothd(s.t.Context())
	}},

	{"the adapter is switched off and on", func(s *soak) error {
		s.adapter().Power(false)
		s.adapter().Power(true)
		return nil
	}},
	{"the adapter is reset", func(s *soak) error { return s.adapter().Reset() }},
	{"the adapter is unplugged and another plugged in", func(s *soak) error {
		s.adapter().Unplug()
		_, err := s.AddAdapter(bluetest.AdapterConfig{})
		return err
	}},

	{"BlueZ forgets a device", func(s *soak) error {
		// It is no fault if BlueZ does not know the device at this moment.
		_ = s.adapter().RemoveDevice(s.t.Context(), s.device().Address())
		return nil
	}},
	{"a device is out of range for a while", func(s *soak) error {
		d := s.device()
		d.Vanish()
		d.Appear()
		return nil
	}},
	{"a device drops the link", func(s *soak) error {
		s.device().Disconnect()
		return nil
	}},
	{"a device loses its keys", func(s *soak) error {
		for _, d := range s.devices[paired:] {
			d.ForgetBonds()
			d.Disconnect()
		}
		return nil
	}},
	{"a device has other services for a while", func(s *soak) error {
		d, services := s.device(), newStrap().Services
		if err := d.SetServices(nil); err != nil {
			return err
		}
		return d.SetServices(services)
	}},
	{"a socket is not read for a while", func(s *soak) error {
		resume, err := s.devices[acquired].StallReader("2a37")
		if err != nil {
			return err
		}
		defer resume()
		for n := range byte(100) {
			_ = s.devices[acquired].Notify(s.t.Context(), "2a37", []byte{n}) // if somebody has subscribed
		}
		return nil
	}},

	{"replies are late", func(s *soak) error {
		defer s.LateReplies("", 20*time.Millisecond)()
		return s.recovers()
	}},
	{"replies are lost", func(s *soak) error {
		methods := []string{"ReadValue", "Connect", "StartNotify", "AcquireNotify", "Pair", "StartDiscovery", "RegisterMonitor"}
		undo := s.LoseReplies(methods[s.random.IntN(len(methods))])
		s.device().Disconnect()
		s.adapter().Power(false)
		s.adapter().Power(true)
		undo()
		s.CutConnections() // or those who wait would do so for ever
		return nil
	}},
	{"replies come twice", func(s *soak) error {
		defer s.DoubleReplies("")()
		return s.recovers()
	}},
	{"replies are out of order", func(s *soak) error {
		defer s.ReorderReplies("", 5*time.Millisecond)()
		return s.recovers()
	}},
	{"BlueZ is busy", func(s *soak) error {
		for _, method := range []string{"ReadValue", "Connect", "StartNotify", "StartDiscovery"} {
			defer s.RefuseCalls(method, 3, bluezgen.ErrInProgress.With("In Progress"))()
		}
		s.device().Disconnect()
		return s.recovers()
	}},

	{"somebody forges signals", func(s *soak) error {
		return s.adapter().Forge(s.device().Address(), bluezgen.Device1Properties{Device1Set: bluezgen.Device1SetOf(bluezgen.Device1Connected)})
	}},
	{"properties have foreign types", func(s *soak) error { return s.adapter().SendForeignTypes(s.device().Address()) }},
	{"signals have foreign arguments", func(s *soak) error { return s.adapter().SendForeignSignature(s.device().Address()) }},
	{"messages are malformed", func(s *soak) error {
		return s.SendMalformed(bluetest.Malformation(s.random.IntN(int(bluetest.ArrayOverrun) + 1)))
	}},
	{"signals come in a flood", func(s *soak) error {
		_ = s.adapter().Flood(s.t.Context(), s.device().Address(), 2000) // if BlueZ knows the device
		return nil
	}},
}
