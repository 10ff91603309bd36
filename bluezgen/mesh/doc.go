// Package mesh is the D-Bus API of BlueZ's bluetooth-meshd in Go, generated from the XML files of introspection/mesh: being a node of
// Bluetooth mesh networks, and running such networks.
//
// bluetooth-meshd is on the system bus, as bluetoothd is, but they share no adapter: while one uses an adapter, the other
// cannot.
//
// An application serves a tree of objects: [Application1] says what the node is, and each of its elements is an [Element1], which
// messages are delivered to; [Attention1] lets an element be seen. The way in is [Network1]: an application becomes a node once, with
// [Network1.Join] on a network of others or [Network1.CreateNetwork] on one of its own, and is told a token. With the token it attaches
// whenever it starts, and from then on sends with [Node1]:
//
//	network := mesh.NewNetwork1(conn, mesh.Network1Path)
//	path, elements, err := network.Attach(ctx, "/com/example", token)
//	err = mesh.NewNode1(conn, path).Send(ctx, "/com/example/element0", 0xC000, 0, mesh.MeshMessageOptions{}, message)
//
// Who created the network adds nodes to it with [Management1] and answers as [Provisioner1] and [ProvisionAgent1].
//
// Types, options, errors and skeletons are used as those of package [github.com/gobluez/bluez/bluezgen].
package mesh
