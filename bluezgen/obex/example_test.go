package obex_test

import (
	"context"
	"fmt"
	"log"
	"os"
	"path/filepath"

	"github.com/godbus/dbus/v5"

	"github.com/gobluez/bluez/bluezgen/obex"
	"github.com/gobluez/bluez/gen/bus"
	"github.com/gobluez/bluez/gen/bus/bustest"
)

// Send a file to a device, and wait until it is there.
func ExampleClient1_CreateSession() {
	ctx := context.Background()
	conn, err := bus.Dial(ctx, os.Getenv("DBUS_SESSION_BUS_ADDRESS"), bus.Options{})
	if err != nil {
		log.Fatal(err)
	}
	defer conn.Close()

	client := obex.NewClient1(conn, obex.Client1Path)
	session, err := client.CreateSession(ctx, "C0:FF:EE:00:00:01", obex.SessionOptions{Target: obex.SessionTargetOPP})
	if err != nil {
		log.Fatal(err)
	}
	defer client.RemoveSession(ctx, session)

	path, props, err := obex.NewObjectPush1(conn, session).SendFile(ctx, "/home/user/photo.jpg")
	if err != nil {
		log.Fatal(err)
	}
	if size, known := props.Size.Get(); known {
		fmt.Println("sending", size, "bytes of", props.Name)
	}
	transfer := obex.NewTransfer1(conn, path)
	ended := make(chan obex.TransferStatus, 1)
	look := func(s obex.TransferStatus) {
		if s == obex.TransferStatusComplete || s == obex.TransferStatusError {
			select {
			case ended <- s:
			default:
			}
		}
	}
	sub, err := transfer.OnPropertiesChanged(ctx, func(u obex.Transfer1Update) { look(u.Status) })
	if err != nil {
		log.Fatal(err)
	}
	defer sub.Close()
	status, err := transfer.Status(ctx) // it may have ended before the subscription
	if err != nil {
		log.Fatal(err)
	}
	look(status)
	fmt.Println(<-ended)
}

// inbox accepts what devices push, into one directory.
type inbox struct {
	obex.UnimplementedAgent1Server
	conn *bus.Conn
	dir  string
}

func (i inbox) AuthorizePush(ctx context.Context, transfer dbus.ObjectPath) (string, error) {
	size, err := obex.NewTransfer1(i.conn, transfer).Size(ctx)
	if err != nil || size > 10e6 {
		return "", obex.ErrRejected.With("too large")
	}
	return i.dir + string(filepath.Separator), nil
}

func ExampleNewAgent1Skeleton() {
	ctx := context.Background()
	// A bus of our own, and a transfer as obexd would have it.
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
	if err := conn.RequestName(ctx, obex.Service); err != nil {
		log.Fatal(err)
	}
	for path, size := range map[dbus.ObjectPath]uint64{"/small": 2000, "/large": 20e6} {
		transfer := obex.NewTransfer1Skeleton(obex.UnimplementedTransfer1Server{}, obex.Transfer1Properties{
			Transfer1Set: obex.Transfer1SetOf(obex.Transfer1Size), Size: size,
		})
		if _, err := conn.Export(ctx, path, bus.ExportOptions{}, transfer); err != nil {
			log.Fatal(err)
		}
	}

	agent := obex.NewAgent1Skeleton(inbox{conn: conn, dir: "/home/user/inbox"})
	if _, err := conn.Export(ctx, "/agent", bus.ExportOptions{From: obex.Service}, agent); err != nil {
		log.Fatal(err)
	}
	// With the real obexd: obex.NewAgentManager1(conn, obex.AgentManager1Path).RegisterAgent(ctx, "/agent")

	proxy := obex.NewAgent1(conn, conn.UniqueName(), "/agent")
	fmt.Println(proxy.AuthorizePush(ctx, "/small"))
	_, err = proxy.AuthorizePush(ctx, "/large")
	fmt.Println(err)
	// Output:
	// /home/user/inbox/ <nil>
	// call org.bluez.obex.Agent1.AuthorizePush on /agent: org.bluez.obex.Error.Rejected: too large
}
