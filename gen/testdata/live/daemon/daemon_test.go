package daemon

import (
	"context"
	"errors"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gobluez/bluez/gen/bus"
	"github.com/gobluez/bluez/gen/bus/bustest"
)

const path = "/org/freedesktop/DBus"

func dial(t *testing.T, ctx context.Context, address string) *bus.Conn {
	t.Helper()
	conn, err := bus.Dial(ctx, address, bus.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return conn
}

// TestTheDaemonAnswers calls dbus-daemon, which nobody here has written, through generated code.
func TestTheDaemonAnswers(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	address := bustest.Start(t).Address()
	conn := dial(t, ctx, address)
	d := NewDBus(conn, path)

	id, err := d.GetId(ctx)
	if err != nil || len(id) != 32 {
		t.Errorf("GetId: %q, %v", id, err)
	}
	names, err := d.ListNames(ctx)
	if err != nil || !slices.Contains(names, conn.UniqueName()) || !slices.Contains(names, Service) {
		t.Errorf("ListNames: %q, %v", names, err)
	}
	pid, err := d.GetConnectionUnixProcessID(ctx, conn.UniqueName())
	if err != nil || int(pid) != os.Getpid() {
		t.Errorf("GetConnectionUnixProcessID: %d, %v", pid, err)
	}
	credentials, err := d.GetConnectionCredentials(ctx, conn.UniqueName())
	if err != nil || credentials["ProcessID"].Value() != uint32(os.Getpid()) {
		t.Errorf("GetConnectionCredentials: %v, %v", credentials, err)
	}
	if _, err := d.GetNameOwner(ctx, "org.example.Nobody"); !errors.Is(err, bus.ErrNameHasNoOwner) {
		t.Errorf("GetNameOwner: %v", err)
	}
	if err := d.AddMatch(ctx, "nonsense"); err == nil || !strings.Contains(err.Error(), "org.freedesktop.DBus.AddMatch") {
		t.Errorf("AddMatch: %v", err)
	}
	features, err := d.Features(ctx)
	if err != nil || len(features) == 0 {
		t.Errorf("Features: %q, %v", features, err)
	}
	props, err := d.GetAll(ctx)
	if err != nil || !props.Has(DBusInterfaces) || !slices.Equal(props.Features, features) {
		t.Errorf("GetAll: %v, %v", props, err)
	}
	text, err := NewDBusIntrospectable(conn, Service, path).Introspect(ctx)
	if err != nil || !strings.Contains(text, `"NameOwnerChanged"`) {
		t.Errorf("Introspect: %q, %v", text, err)
	}
	if err := NewDBusPeer(conn, Service, path).Ping(ctx); err != nil {
		t.Errorf("Ping: %v", err)
	}
}

// TestTheDaemonSignals follows how a name gets an owner and loses it.
func TestTheDaemonSignals(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	address := bustest.Start(t).Address()
	watcher, owner := dial(t, ctx, address), dial(t, ctx, address)
	changes := make(chan DBusNameOwnerChanged, 10)
	subscription, err := NewDBus(watcher, path).OnNameOwnerChanged(ctx, func(s DBusNameOwnerChanged) { changes <- s })
	if err != nil {
		t.Fatal(err)
	}
	defer subscription.Close()

	const name = "org.example.Live"
	d := NewDBus(owner, path)
	if reply, err := d.RequestName(ctx, name, 0); err != nil || reply != 1 {
		t.Fatalf("RequestName: %d, %v", reply, err)
	}
	if reply, err := d.ReleaseName(ctx, name); err != nil || reply != 1 {
		t.Fatalf("ReleaseName: %d, %v", reply, err)
	}
	for _, want := range []DBusNameOwnerChanged{
		{Name: name, NewOwner: owner.UniqueName()},
		{Name: name, OldOwner: owner.UniqueName()},
	} {
		select {
		case got := <-changes:
			if got != want {
				t.Errorf("got %+v, want %+v", got, want)
			}
		case <-ctx.Done():
			t.Fatalf("%+v did not arrive", want)
		}
	}
}
