package facade

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/gobluez/bluez/bluezgen"
)

// powerTimeout bounds what an adapter takes to be on or off once BlueZ has confirmed
// that it will be.
const powerTimeout = 5 * time.Second

// SetPowered switches an adapter's radio on or off and returns when it is. adapter is
// its name ("hci0") or address; empty means the Central's default, on or off. It is nil
// if there is nothing to do.
//
// Off ends all scans and connections of all programs on the adapter; scans of this
// Central resume when it is on again. The system may allow it to certain users only: then
// the error matches ErrBusRefused. An adapter that cannot be switched on because
// rfkill blocks it is ErrAdapterOff, and ErrNoAdapter is one that does not exist.
func (c *Central) SetPowered(ctx context.Context, adapter string, on bool) error {
	what := "power off"
	if on {
		what = "power on"
	}
	return opError(what, adapter, c.setPowered(ctx, adapter, on))
}

func (c *Central) setPowered(ctx context.Context, name string, on bool) error {
	adapters, err := c.adaptersNamed(name)
	if err != nil {
		return err
	}
	adapter := adapters[0]
	if i := slices.IndexFunc(adapters, func(a Adapter) bool { return a.Powered }); i >= 0 {
		adapter = adapters[i]
	}
	if adapter.Powered == on {
		return nil
	}
	w := c.watchAdapters()
	defer w.stop()
	attachment := c.bus()
	ctx, free := join(ctx, attachment.ctx)
	defer free()
	ctx, giveUp := context.WithCancelCause(ctx)
	done := make(chan error, 1)
	var watching sync.WaitGroup
	watching.Go(func() {
		err := awaitPower(ctx, w, attachment, adapter, on)
		if err != nil {
			giveUp(err) // BlueZ may never answer
		}
		done <- err
	})
	defer watching.Wait()
	defer giveUp(nil)
	switch err := insistOnPower(ctx, bluezgen.NewAdapter1(attachment.conn, adapter.path), on); {
	case errors.Is(err, bluezgen.ErrBlocked):
		return because(ErrAdapterOff, err)
	case err != nil && ctx.Err() != nil:
		return context.Cause(ctx)
	case err != nil && !mayBeTheEnd(err):
		return translateAdapter(err)
	case err != nil:
		select { // the end of the adapter may be the reason, and about to be known
		case gone := <-done:
			return gone
		case <-time.After(endTimeout):
			return translateAdapter(err)
		}
	}
	late := time.AfterFunc(powerTimeout, func() {
		giveUp(fmt.Errorf("%s says it is done, but it is not: %w", adapter, context.DeadlineExceeded))
	})
	defer late.Stop()
	return <-done
}

// awaitPower waits until an adapter's power is as it shall be, or the adapter has gone.
func awaitPower(ctx context.Context, w *watch[Adapter, AdapterEvent], a *attachment, adapter Adapter, on bool) error {
	for {
		item, err := w.items.take(ctx)
		seen, gone := item.event.Adapter, item.event.Kind == AdapterRemoved
		switch {
		case err != nil:
			return err
		case seen.path != adapter.path:
		case gone && a.err() != nil:
			return a.err()
		case gone && !a.mirror.Present():
			return ErrNoBlueZ
		case gone:
			return fmt.Errorf("%s: %w", adapter, ErrNoAdapter)
		case seen.Powered == on:
			return nil
		}
	}
}

// insistOnPower sets the property again while another change of it is under way.
func insistOnPower(ctx context.Context, adapter bluezgen.Adapter1, on bool) error {
	return insist(ctx, func(ctx context.Context) error {
		err := adapter.SetPowered(ctx, on)
		if errors.Is(err, bluezgen.ErrBusy) {
			return because(bluezgen.ErrInProgress, err)
		}
		return err
	})
}

// SetPowered is Central.SetPowered on the default Central.
func SetPowered(ctx context.Context, adapter string, on bool) error {
	c, release, err := shared.acquire(ctx)
	if err != nil {
		return err
	}
	defer release()
	return c.SetPowered(ctx, adapter, on)
}
