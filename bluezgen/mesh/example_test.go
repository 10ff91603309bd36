package mesh_test

import (
	"context"
	"encoding/hex"
	"fmt"
	"log"

	"github.com/godbus/dbus/v5"

	"github.com/gobluez/bluez/bluezgen/mesh"
	"github.com/gobluez/bluez/gen/bus"
	"github.com/gobluez/bluez/gen/bus/bustest"
)

// Switch all lamps of a network on, as a node that has joined before.
func ExampleNetwork1_Attach() {
	ctx := context.Background()
	conn, err := bus.Dial(ctx, bus.SystemBusAddress(), bus.Options{})
	if err != nil {
		log.Fatal(err)
	}
	defer conn.Close()
	if err := serve(ctx, conn); err != nil {
		log.Fatal(err)
	}

	const token = 0x1234567812345678 // from JoinComplete
	path, elements, err := mesh.NewNetwork1(conn, mesh.Network1Path).Attach(ctx, "/com/example", token)
	if err != nil {
		log.Fatal(err)
	}
	for _, element := range elements {
		for _, model := range element.Models {
			fmt.Printf("element %d, model %#04x: keys %v\n", element.Index, model.ID, model.Settings.Bindings)
		}
	}
	onOffSet := []byte{0x82, 0x02, 1, 0}
	const allNodes, key = 0xFFFF, 0
	if err := mesh.NewNode1(conn, path).Send(ctx, "/com/example/element0", allNodes, key, mesh.MeshMessageOptions{}, onOffSet); err != nil {
		log.Fatal(err)
	}
}

// lamp is an element that prints what it receives.
type lamp struct {
	mesh.UnimplementedElement1Server
}

func (lamp) MessageReceived(_ context.Context, source, keyIndex uint16, destination dbus.Variant, data []byte) error {
	fmt.Printf("%#04x to %v with key %d: %s\n", source, destination, keyIndex, hex.EncodeToString(data))
	return nil
}

// serve exports the tree of a node with one element, on which is the model Generic OnOff Client.
func serve(ctx context.Context, conn *bus.Conn) error {
	application := mesh.NewApplication1Skeleton(mesh.UnimplementedApplication1Server{}, mesh.Application1Properties{
		Application1Set: mesh.Application1SetOf(mesh.Application1CompanyID, mesh.Application1ProductID, mesh.Application1VersionID),
		CompanyID:       0xFFFF,
	})
	element := mesh.NewElement1Skeleton(lamp{}, mesh.Element1Properties{
		Element1Set: mesh.Element1SetOf(mesh.Element1Index, mesh.Element1Models, mesh.Element1VendorModels),
		Models:      []mesh.Model{{ID: 0x1001}},
	})
	if _, err := conn.ExportObjectManager(ctx, "/com/example"); err != nil {
		return err
	}
	if _, err := conn.Export(ctx, "/com/example/application", bus.ExportOptions{From: mesh.Service}, application); err != nil {
		return err
	}
	_, err := conn.Export(ctx, "/com/example/element0", bus.ExportOptions{From: mesh.Service}, element)
	return err
}

func ExampleNewElement1Skeleton() {
	ctx := context.Background()
	daemon, err := bustest.Launch()
	if err != nil {
		log.Fatal(err)
	}
	defer daemon.Close()
	conn, err := bus.Dial(ctx, daemon.Address(), bus.Options{})
	if err != nil {
		log.Fatal(err)
	}
	defer conn.Close()
	// What bluetooth-meshd would be.
	if err := conn.RequestName(ctx, mesh.Service); err != nil {
		log.Fatal(err)
	}
	if err := serve(ctx, conn); err != nil {
		log.Fatal(err)
	}
	element := mesh.NewElement1(conn, conn.UniqueName(), "/com/example/element0")
	models, err := element.Models(ctx)
	fmt.Printf("model %#04x, %v\n", models[0].ID, err)
	err = element.MessageReceived(ctx, 0x00A1, 0, dbus.MakeVariant(uint16(0xC000)), []byte{0x82, 0x04, 1})
	fmt.Println(err)
	// Output:
	// model 0x1001, <nil>
	// 0x00a1 to @q 49152 with key 0: 820401
	// <nil>
}
