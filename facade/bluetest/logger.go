package bluetest

import (
	"context"
	"errors"
	"log/slog"
	"slices"

	"github.com/godbus/dbus/v5"

	"github.com/gobluez/bluez/gen/bus"
	"github.com/gobluez/bluez/gen/wire"
)

// fault logs a fault that a test makes. The world is not locked: a logger is somebody
// else's code.
func (w *World) fault(what string, details ...any) {
	w.config.logger.Info("fault", append([]any{"what", what}, details...)...)
}

// complain logs that something could not be put on the bus, for another reason than that
// this life of bluetoothd ends. The world is locked.
func (b *bluetoothd) complain(what string, err error) {
	if err != nil && b.ctx.Err() == nil && b.conn.Err() == nil {
		b.world.tasks.Go(func() { b.world.config.logger.Error(what, "error", err) })
	}
}

// logged has the calls of a skeleton logged once they were served, if anybody logs.
func (b *bluetoothd) logged(path dbus.ObjectPath, s bus.Skeleton) bus.Skeleton {
	logger := b.world.config.logger
	if !logger.Enabled(b.ctx, slog.LevelInfo) {
		return s
	}
	return loggedSkeleton{s, logger.With("path", string(path))}
}

// A loggedSkeleton is a skeleton whose calls are logged, without what they say.
type loggedSkeleton struct {
	bus.Skeleton
	logger *slog.Logger
}

// Serve implements [bus.Skeleton].
func (s loggedSkeleton) Serve() *bus.ServedInterface {
	served := *s.Skeleton.Serve()
	served.Methods = slices.Clone(served.Methods)
	for i := range served.Methods {
		m := &served.Methods[i]
		serve, call := m.Serve, served.Name+"."+m.Name
		m.Serve = func(ctx context.Context, d *wire.Decoder) (func(*wire.Encoder), error) {
			out, err := serve(ctx, d)
			s.log(ctx, call, err, d)
			return out, err
		}
	}
	if served.Properties != nil {
		served.Properties = loggedProperties{served.Properties, s, served.Name}
	}
	return &served
}

// log logs a call that was served, and the name of its error, whose text may have values.
func (s loggedSkeleton) log(ctx context.Context, call string, err error, arguments *wire.Decoder) {
	attributes := []any{"method", call, "sender", bus.Sender(ctx)}
	if arguments.Err() != nil {
		err = bus.ErrInvalidArgs // that is what the caller gets
	}
	if err != nil {
		name := bus.ErrFailed.Name
		if e, ok := errors.AsType[*bus.Error](err); ok {
			name = e.Name
		}
		attributes = append(attributes, "error", name)
	}
	s.logger.InfoContext(ctx, "call", attributes...)
}

// loggedProperties log which property is set.
type loggedProperties struct {
	bus.ServedProperties
	skeleton loggedSkeleton
	iface    string
}

func (p loggedProperties) Set(ctx context.Context, name string, d *wire.Decoder) error {
	err := p.ServedProperties.Set(ctx, name, d)
	p.skeleton.log(ctx, "Set "+p.iface+"."+name, err, d)
	return err
}
