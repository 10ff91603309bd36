package peripheral

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/gobluez/bluez/bluezgen"
	"github.com/gobluez/bluez/facade"
)

func TestAdvertisementIsRegisteredUntilClose(t *testing.T) {
	b, central := startFake(t)
	a := b.advertise(central, Advertisement{Name: "lamp", Services: []facade.UUID{heartRate}, Timeout: time.Minute})
	props := b.only().props
	if props.Type != bluezgen.AdvertisementTypePeripheral || len(props.ServiceUUIDs) != 1 || props.Timeout != 60 {
		t.Errorf("BlueZ knows %+v", props)
	}
	select {
	case <-a.Done():
		t.Fatal("it is done:", a.Err())
	default:
	}
	for range 2 {
		if err := a.Close(); err != nil || a.Err() != nil {
			t.Errorf("Close: %v, Err: %v", err, a.Err())
		}
	}
	b.expect("unregister lamp")
	<-a.Done()
	if err := a.Update(t.Context(), Advertisement{}); !errors.Is(err, facade.ErrClosed) {
		t.Errorf("Update after Close: %v", err)
	}
}

func TestSeveralAdvertisementsAreSentAtOnce(t *testing.T) {
	b, central := startFake(t)
	first, second := b.advertise(central, Advertisement{Name: "first"}), b.advertise(central, Advertisement{Name: "second"})
	first.Close()
	b.expect("unregister first")
	if name := b.only().props.LocalName; name != "second" {
		t.Errorf("%s is left", name)
	}
	second.Close()
}

func TestAdapterWithoutRoomIsTooMany(t *testing.T) {
	b, central := startFake(t)
	b.refuseNext(bluezgen.ErrNotPermitted.With("Maximum advertisements reached"))
	if _, err := Advertise(t.Context(), Advertisement{}, Options{Central: central}); !errors.Is(err, ErrTooMany) || !errors.Is(err, bluezgen.ErrNotPermitted) {
		t.Errorf("error %v when BlueZ refuses", err)
	}
	b.can.SupportedInstances, b.can.ActiveInstances = 0, 5
	if err := b.manager.Update(b.can); err != nil {
		t.Fatal(err)
	}
	_, err := Advertise(t.Context(), Advertisement{}, Options{Central: central})
	if !errors.Is(err, ErrTooMany) || err.Error() != "advertise hci0: too many advertisements at once: there are 5" {
		t.Errorf("error %v when BlueZ says so", err)
	}
}

func TestMistakesOfTheAdapterAreSaidBeforeItIsTold(t *testing.T) {
	b, central := startFake(t)
	b.refuseNext(errRefused)
	_, err := Advertise(t.Context(), Advertisement{SecondaryChannel: ChannelCoded, TxPower: new(int16(20))}, Options{Central: central})
	if !errors.Is(err, errors.ErrUnsupported) || errors.Is(err, errRefused) {
		t.Errorf("error %v", err)
	}
	if len(b.events) > 0 || len(b.refuse) != 1 {
		t.Error("BlueZ was asked")
	}
}

func TestRefusedAdvertisementIsAnError(t *testing.T) {
	b, central := startFake(t)
	b.refuseNext(bluezgen.ErrFailed.With("Failed to register advertisement"))
	_, err := Advertise(t.Context(), Advertisement{}, Options{Central: central})
	var e *facade.Error
	if !errors.Is(err, bluezgen.ErrFailed) || !errors.As(err, &e) || e.Op != "advertise" || e.Target != "hci0" {
		t.Errorf("error %v", err)
	}
}

func TestAdvertiseEndsWithItsContext(t *testing.T) {
	_, central := startFake(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := Advertise(ctx, Advertisement{}, Options{Central: central}); !errors.Is(err, context.Canceled) {
		t.Errorf("error %v", err)
	}
}

func TestValuesAreChangedInWhatIsSent(t *testing.T) {
	b, central := startFake(t)
	a := b.advertise(central, Advertisement{Name: "one", ManufacturerData: map[uint16][]byte{1: {1}}})
	if err := a.Update(t.Context(), Advertisement{Name: "two", ServiceData: map[facade.UUID][]byte{battery: {50}}}); err != nil {
		t.Fatal(err)
	}
	b.expect("change two")
	props, err := b.only().object.GetAll(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if len(props.ManufacturerData) != 0 || len(props.ServiceData) != 1 || props.LocalName != "two" {
		t.Errorf("BlueZ is shown %+v", props)
	}
	a.Close()
	b.expect("unregister one")
}

func TestOtherDifferencesAreSentAnew(t *testing.T) {
	b, central := startFake(t)
	a := b.advertise(central, Advertisement{Name: "one"})
	if err := a.Update(t.Context(), Advertisement{Name: "two", MinInterval: time.Second}); err != nil {
		t.Fatal(err)
	}
	b.expect("unregister one", "register two")
	if props := b.only().props; props.MinInterval != 1000 {
		t.Errorf("BlueZ knows %+v", props)
	}
	// So are packets that get long, for BlueZ leaves names where they were.
	if err := a.Update(t.Context(), Advertisement{Name: "three", MinInterval: time.Second, ManufacturerData: map[uint16][]byte{1: make([]byte, 100)}}); err != nil {
		t.Fatal(err)
	}
	b.expect("unregister two", "register three")
	a.Close()
}

func TestRefusedUpdateLeavesWhatWasSent(t *testing.T) {
	b, central := startFake(t)
	a := b.advertise(central, Advertisement{Name: "one"})
	for _, wrong := range []Advertisement{{Name: "\xff"}, {Includes: []Include{IncludeRSI}}} {
		var e *facade.Error
		if err := a.Update(t.Context(), wrong); !errors.As(err, &e) || e.Op != "update" {
			t.Errorf("update to %+v: %v", wrong, err)
		}
	}
	if len(b.events) > 0 {
		t.Errorf("BlueZ saw %s", <-b.events)
	}
	b.refuseNext(bluezgen.ErrFailed)
	if err := a.Update(t.Context(), Advertisement{Name: "two", Broadcast: true}); !errors.Is(err, bluezgen.ErrFailed) {
		t.Errorf("update that BlueZ refuses: %v", err)
	}
	b.expect("unregister one", "register one")
	// Once it is refused, too, it is tried again.
	b.refuseNext(bluezgen.ErrFailed, bluezgen.ErrFailed)
	if err := a.Update(t.Context(), Advertisement{Name: "two", Broadcast: true}); !errors.Is(err, bluezgen.ErrFailed) {
		t.Errorf("update that BlueZ refuses: %v", err)
	}
	b.expect("unregister one", "register one")
	a.Close()
	b.expect("unregister one")
}

func TestTimeoutEndsIt(t *testing.T) {
	b, central := startFake(t)
	a := b.advertise(central, Advertisement{Name: "brief", Timeout: time.Second})
	b.release(b.only())
	<-a.Done()
	if err := a.Err(); err != nil {
		t.Errorf("error %v", err)
	}
	if a.Close(); len(b.events) > 0 {
		t.Errorf("BlueZ saw %s", <-b.events)
	}
}

func TestTimeoutEndsItWithoutBlueZ(t *testing.T) {
	b, central := startFake(t)
	a := b.advertise(central, Advertisement{Name: "brief", Timeout: time.Second})
	b.stop()
	<-a.Done()
	if err := a.Err(); err != nil {
		t.Errorf("error %v", err)
	}
}

func TestTimeoutThatPassesWithoutBlueZIsOver(t *testing.T) {
	b, central := startFake(t)
	a := b.advertise(central, Advertisement{Name: "brief", Timeout: time.Hour})
	b.stop()
	a.mu.Lock()
	a.until = time.Now() // an hour later
	a.mu.Unlock()
	b.start()
	<-a.Done()
	if err := a.Err(); err != nil || len(b.events) > 0 {
		t.Errorf("error %v, %d events", err, len(b.events))
	}
}

func TestTimeoutGoesOnUnlessItIsAnotherOne(t *testing.T) {
	b, central := startFake(t)
	a := b.advertise(central, Advertisement{Timeout: time.Hour})
	a.mu.Lock()
	a.until = a.until.Add(-30 * time.Minute) // half an hour later
	a.mu.Unlock()
	for _, step := range []struct {
		ad       Advertisement
		low, top uint16
	}{
		{Advertisement{Timeout: time.Hour, Broadcast: true}, 1790, 1800},
		{Advertisement{Timeout: 2 * time.Hour}, 7190, 7200},
		{Advertisement{Timeout: 2 * time.Hour, Broadcast: true}, 7190, 7200},
		{Advertisement{}, 0, 0},
	} {
		if err := a.Update(t.Context(), step.ad); err != nil {
			t.Fatal(err)
		}
		b.expect("unregister ", "register ")
		if left := b.only().props.Timeout; left < step.low || left > step.top {
			t.Errorf("%+v: %d seconds are left", step.ad, left)
		}
	}
	if a.over(time.Hour) {
		t.Error("it will end without a Timeout")
	}
	a.Close()
}

func TestReleasedAdvertisementIsRegisteredAgain(t *testing.T) {
	b, central := startFake(t)
	a := b.advertise(central, Advertisement{Name: "lamp", Timeout: time.Hour})
	b.release(b.only())
	b.expect("register lamp")
	if left := b.only().props.Timeout; left < 3590 || left > 3600 {
		t.Errorf("%d seconds are left of an hour", left)
	}
	if err := a.Err(); err != nil {
		t.Errorf("error %v", err)
	}
	a.Close()
}

func TestRestartedBlueZIsToldAgain(t *testing.T) {
	b, central := startFake(t)
	a := b.advertise(central, Advertisement{Name: "one"})
	b.stop()
	b.start()
	b.expect("register one")
	if err := a.Update(t.Context(), Advertisement{Name: "two"}); err != nil {
		t.Fatal(err)
	}
	b.expect("change two")
	a.Close()
	b.expect("unregister one")
}

func TestUpdateWhileBlueZIsAwayIsKept(t *testing.T) {
	b, central := startFake(t)
	a := b.advertise(central, Advertisement{Name: "one"})
	b.stop()
	for _, name := range []string{"two", "three"} { // in whatever state of its going
		if err := a.Update(t.Context(), Advertisement{Name: name}); err != nil {
			t.Fatal(err)
		}
	}
	b.start()
	b.expect("register three")
	a.Close()
}

func TestUpdateChangesNothingOfTheCaller(t *testing.T) {
	b, central := startFake(t)
	data := map[uint16][]byte{1: {1}}
	a := b.advertise(central, Advertisement{Name: "one", ManufacturerData: data})
	data[1][0] = 2 // the caller's own
	if err := a.Update(t.Context(), Advertisement{Name: "one", ManufacturerData: data}); err != nil {
		t.Fatal(err)
	}
	b.expect("change ")
	a.Close()
}

func TestClosedCentralEndsIt(t *testing.T) {
	b, central := startFake(t)
	a := b.advertise(central, Advertisement{Name: "one"})
	central.Close()
	<-a.Done()
	if err := a.Err(); !errors.Is(err, facade.ErrClosed) {
		t.Errorf("error %v", err)
	}
	b.expect("unregister one")
}

func TestNobodyWithoutAdapterAdvertises(t *testing.T) {
	b, central := startFake(t)
	if _, err := Advertise(t.Context(), Advertisement{}, Options{Central: central, Adapter: "hci7"}); !errors.Is(err, facade.ErrNoAdapter) {
		t.Errorf("error %v", err)
	}
	b.stop()
	if _, err := Advertise(t.Context(), Advertisement{}, Options{Central: central}); !errors.Is(err, facade.ErrUnavailable) {
		t.Errorf("error %v", err)
	}
}
