//go:build linux

package main

import (
	"context"

	"github.com/godbus/dbus/v5"

	"github.com/gobluez/bluez/bluezgen"
	"github.com/gobluez/bluez/gen/bus"
)

// agent permits what can be permitted without asking anybody.
type agent struct {
	bluezgen.UnimplementedAgent1Server
}

func (agent) Release(context.Context) error                                         { return nil }
func (agent) Cancel(context.Context) error                                          { return nil }
func (agent) RequestConfirmation(context.Context, dbus.ObjectPath, uint32) error    { return nil }
func (agent) RequestAuthorization(context.Context, dbus.ObjectPath) error           { return nil }
func (agent) AuthorizeService(context.Context, dbus.ObjectPath, string) error       { return nil }
func (agent) DisplayPasskey(context.Context, dbus.ObjectPath, uint32, uint16) error { return nil }
func (agent) DisplayPinCode(context.Context, dbus.ObjectPath, string) error         { return nil }

func registerAgent(ctx context.Context, conn *bus.Conn) error {
	const path = root + "/agent"
	if _, err := conn.Export(ctx, path, bus.ExportOptions{From: bluezgen.Service}, bluezgen.NewAgent1Skeleton(agent{})); err != nil {
		return err
	}
	manager := bluezgen.NewAgentManager1(conn, bluezgen.AgentManager1Path)
	if err := manager.RegisterAgent(ctx, path, bluezgen.AgentCapabilityNoInputNoOutput); err != nil {
		return err
	}
	return manager.RequestDefaultAgent(ctx, path)
}
