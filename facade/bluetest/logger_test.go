package bluetest

import (
	"errors"
	"log/slog"
	"slices"
	"strings"
	"testing"

	"github.com/gobluez/bluez/bluezgen"
)

// A lineWriter passes on what a logger writes, a line each time.
type lineWriter chan string

func (w lineWriter) Write(line []byte) (int, error) {
	w <- string(line)
	return len(line), nil
}

func TestCallsAndFaultsAreLogged(t *testing.T) {
	log := make(chan string, 1000)
	options := &slog.HandlerOptions{ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr {
		if a.Key == slog.TimeKey || a.Key == slog.LevelKey {
			return slog.Attr{}
		}
		return a
	}}
	w, err := New(t.Context(), Logger(slog.New(slog.NewTextHandler(lineWriter(log), options))), Lock(sensor, "190319"))
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	ctx, conn, p := t.Context(), dial(t, w), w.Peripheral(sensor)
	discover(t, w, sensor)
	adapter, device := bluezgen.NewAdapter1(conn, "/org/bluez/hci0"), bluezgen.NewDevice1(conn, path(sensor))
	err = errors.Join(
		adapter.SetAlias(ctx, "secret"),
		adapter.SetDiscoveryFilter(ctx, bluezgen.DiscoveryFilter{Pattern: "secret"}),
		p.SetValue(LockState, []byte("secret")),
	)
	if err != nil {
		t.Fatal(err)
	}
	if err := adapter.StopDiscovery(ctx); !errors.Is(err, bluezgen.ErrFailed) {
		t.Fatal(err)
	}
	if err := device.SetTrusted(ctx, true); err != nil {
		t.Fatal(err)
	}
	undo := w.LoseReplies("ReadValue")
	undo()
	p.Vanish()
	p.Disconnect()
	p.ForgetBonds()
	w.CutConnections()
	w.Freeze()()
	w.Adapter("hci0").Power(false)
	if err := errors.Join(w.Adapter("hci0").Reset(), w.RestartBluetoothd(ctx), w.RestartBus(ctx)); err != nil {
		t.Fatal(err)
	}
	if dial(t, w); w.SendMalformed(NotUTF8) != nil {
		t.Error("no malformed message was sent")
	}
	w.CrashBluetoothd()
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	close(log)
	lines := slices.Collect(func(yield func(string) bool) {
		for line := range log {
			if !yield(strings.TrimSpace(line)) {
				return
			}
		}
	})
	all := strings.Join(lines, "\n")
	for _, want := range []string{
		`msg=call path=/org/bluez/hci0 method="Set org.bluez.Adapter1.Alias" sender=` + conn.UniqueName(),
		`msg=call path=/org/bluez/hci0 method=org.bluez.Adapter1.SetDiscoveryFilter sender=` + conn.UniqueName(),
		`msg=call path=/org/bluez/hci0 method=org.bluez.Adapter1.StopDiscovery sender=` + conn.UniqueName() + ` error=org.bluez.Error.Failed`,
		`msg=call path=/org/bluez/hci0/dev_C0_FF_EE_00_00_01 method="Set org.bluez.Device1.Trusted" sender=` + conn.UniqueName(),
		`msg=fault what=LoseReplies method=ReadValue`,
		`msg=fault what=Vanish device=` + sensor,
		`msg=fault what=Disconnect device=` + sensor,
		`msg=fault what=CutConnections`,
		`msg=fault what=Freeze`,
		`msg=fault what=Power adapter=hci0 on=false`,
		`msg=fault what=Reset adapter=hci0`,
		`msg=fault what=Unplug adapter=hci0`,
		`msg=fault what=ForgetBonds device=` + sensor,
		`msg=fault what=StopBluetoothd`,
		`msg=fault what=StopBus`,
		`msg=fault what=SendMalformed`,
		`msg=fault what=CrashBluetoothd`,
	} {
		if !slices.ContainsFunc(lines, func(line string) bool { return strings.HasPrefix(line, want) }) {
			t.Errorf("no %s in:\n%s", want, all)
		}
	}
	if strings.Contains(all, "secret") || strings.Contains(all, "736563726574") || strings.Contains(all, "190319") {
		t.Errorf("values are logged:\n%s", all)
	}
}
