package facade

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"slices"
	"time"

	"github.com/godbus/dbus/v5"

	"github.com/gobluez/bluez/bluezgen"
	"github.com/gobluez/bluez/gen/bus"
)

// sightings are the last advertisements of devices, wanted or not.
type sightings map[dbus.ObjectPath]*Advertisement

// learn takes over what happened to a device that was not removed. It returns its
// advertisement if a packet was the cause, else nil.
func (s sightings) learn(e bus.Event) *Advertisement {
	r, ok := e.Record.(*bluezgen.Device1Update)
	if !ok {
		return nil
	}
	adv := s[e.Path]
	switch {
	case adv == nil:
		adv = newAdvertisement(e.Path, &r.Device1Properties)
		s[e.Path] = adv
	case e.Kind == bus.Changed:
		adv.update(&r.Device1Properties, r.Changed)
		adv.update(&r.Device1Properties, r.Invalidated)
	default:
		adv.update(&r.Device1Properties, advertisedProperties)
	}
	if !heard(e.Kind, r) {
		return nil
	}
	adv.Time = time.Now()
	return adv
}

// hear passes an advertisement on if the scan wants it. Its consumer is woken now, or late
// if that is given.
func (s *scan) hear(adv *Advertisement, late *lateWakes) {
	if !s.wants(adv) {
		return
	}
	if s.heard != nil {
		s.mu.Lock()
		s.heard[adv.Device.path] = *adv
		s.mu.Unlock()
	}
	s.backlog.putLate(adv, late)
}

// forget learns that BlueZ has forgotten a device, or does not hear it any more.
func (s *scan) forget(device dbus.ObjectPath) {
	s.mu.Lock()
	adv, heard := s.heard[device]
	delete(s.heard, device)
	s.mu.Unlock()
	if heard && s.options.LostAfter > 0 {
		adv.Lost = true
		s.backlog.put(&adv)
	}
}

// forgetAll learns that BlueZ has forgotten everything.
func (s *scan) forgetAll() {
	s.mu.Lock()
	var all []dbus.ObjectPath
	for device := range s.heard {
		all = append(all, device)
	}
	s.mu.Unlock()
	for _, device := range all {
		s.forget(device)
	}
}

// present returns the last advertisement of each device that was heard and is not lost.
func (s *scan) present() []Advertisement {
	s.mu.Lock()
	all := make([]Advertisement, 0, len(s.heard))
	for _, adv := range s.heard {
		if s.options.LostAfter == 0 || time.Since(adv.Time) < s.options.LostAfter {
			all = append(all, adv)
		}
	}
	s.mu.Unlock()
	slices.SortFunc(all, func(a, b Advertisement) int {
		return cmp.Or(bytes.Compare(a.Address[:], b.Address[:]), cmp.Compare(a.Device.path, b.Device.path))
	})
	return all
}

// A roll is the list of the devices that the consumer of a scan believes to be there. It
// belongs to the goroutine that takes from the backlog.
type roll struct {
	scan *scan
	here map[dbus.ObjectPath]Advertisement // the last that the consumer got of each
	due  time.Time                         // when to call the roll, valid while anybody is here
	lost []Advertisement                   // not told yet
}

func newRoll(s *scan) *roll { return &roll{scan: s, here: make(map[dbus.ObjectPath]Advertisement)} }

// errRollCall says that it is time to see who is missing.
var errRollCall = errors.New("roll call")

// take returns what the consumer is to get next: an advertisement from the backlog, or
// the last one of a device that is lost.
func (r *roll) take(ctx context.Context) (Advertisement, error) {
	if r.scan.options.LostAfter <= 0 {
		return r.scan.backlog.take(ctx)
	}
	for {
		if len(r.here) > 0 && !time.Now().Before(r.due) {
			r.call()
		}
		if len(r.lost) > 0 {
			adv := r.lost[0]
			r.lost = r.lost[1:]
			return adv, nil
		}
		adv, err := r.await(ctx)
		switch _, here := r.here[adv.Device.path]; {
		case err == errRollCall:
			continue
		case err != nil:
			return adv, err
		case !adv.Lost:
			if len(r.here) == 0 {
				r.due = adv.Time.Add(r.scan.options.LostAfter)
			}
			r.here[adv.Device.path] = adv
		case !here:
			continue // the consumer never knew it, or knows that it is lost
		default:
			delete(r.here, adv.Device.path)
		}
		return adv, nil
	}
}

// await waits for the backlog until the roll is to be called.
func (r *roll) await(ctx context.Context) (Advertisement, error) {
	if len(r.here) > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithDeadlineCause(ctx, r.due, errRollCall)
		defer cancel()
	}
	return r.scan.backlog.take(ctx)
}

// call finds out who is missing.
func (r *roll) call() {
	s, now := r.scan, time.Now()
	oldest := now
	s.mu.Lock()
	for device, adv := range r.here {
		last, heard := s.heard[device]
		if heard {
			adv = last
		}
		if heard && now.Sub(adv.Time) < s.options.LostAfter {
			if adv.Time.Before(oldest) {
				oldest = adv.Time
			}
			continue
		}
		delete(r.here, device)
		adv.Lost, adv.Coalesced = true, 0
		r.lost = append(r.lost, adv)
	}
	s.mu.Unlock()
	slices.SortFunc(r.lost, func(a, b Advertisement) int {
		return cmp.Or(a.Time.Compare(b.Time), cmp.Compare(a.Device.path, b.Device.path))
	})
	// Not once for each of a thousand devices.
	r.due = now.Add(max(oldest.Add(s.options.LostAfter).Sub(now), s.options.LostAfter/16))
}
