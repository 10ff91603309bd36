// Package obex is the D-Bus API of BlueZ's obexd in Go, generated from the XML files of introspection/obex: files, business cards,
// phone books, messages and images over Bluetooth.
//
// Unlike bluetoothd, obexd runs once for each user, on the session bus:
//
//	conn, err := bus.Dial(ctx, os.Getenv("DBUS_SESSION_BUS_ADDRESS"), bus.Options{})
//	client := obex.NewClient1(conn, obex.Client1Path)
//	session, err := client.CreateSession(ctx, "C0:FF:EE:00:00:01", obex.SessionOptions{Target: obex.SessionTargetOPP})
//	transfer, props, err := obex.NewObjectPush1(conn, session).SendFile(ctx, "/home/user/photo.jpg")
//
// [Client1] makes sessions. A session's object has the interface [Session1] and the one that its target names: [ObjectPush1],
// [FileTransfer1], [PhonebookAccess1], [MessageAccess1] with a [Message1] for each message, [Synchronization1] or [Image1]. What moves
// data returns at once; the Status of a [Transfer1] object tells how it goes on and ends. obexd itself reads and writes the files, so
// paths are absolute.
//
// For what devices push to this machine, serve an [Agent1] and register it with [AgentManager1].
//
// Types, options, errors and skeletons are used as those of package [github.com/gobluez/bluez/bluezgen].
package obex
