// Package facade is Bluetooth Low Energy for applications on Linux: find devices,
// connect to them, read, write and be notified. It speaks with BlueZ over D-Bus; the
// D-Bus itself stays below, in package bluezgen.
//
// # The nouns
//
// A [Central] is one connection to BlueZ. Most programs need none of their own: the
// functions of this package share one that is opened when it is first needed and
// closed when nobody uses it any more.
//
// A scan ([Scan], [StartScanner], [Discover], [FindDevice]) hears each
// [Advertisement] of the devices nearby. Any number of scans run at once; each sees
// what its [ScanOptions] ask for, which may be to be told when a device is lost, or to
// listen passively ([Passive]).
//
// [Connect] makes a [Client] of a [Device], an Advertisement or an [Address]. The
// client has the device's tree of [Service], [Characteristic] and [Descriptor],
// reads and writes them, and subscribes to them. Whoever is meant is said by UUID,
// [Handle] or the object itself. A Client lives as long as its link: it tells of the
// end by Disconnected and Err, and to go on is to Connect again.
//
// A [Subscription] queues each [Notification] from the moment BlueZ has confirmed,
// for All or Next to take.
//
// [Stay] runs a function while a device is connected, again after each disconnection.
//
// [Devices] lists what BlueZ knows without a scan, such as what is connected or paired
// already; [Adapters] lists the controllers of the machine, and [SetPowered] switches
// them. [WatchDevices] and [WatchAdapters] tell what happens to them, whoever is the
// cause.
//
// # The manners
//
// Every function that may wait takes a context first and ends with it. Whatever is
// begun is undone: when a context ends, a loop is left or a Client closed, BlueZ is
// told, within a few seconds at most, so that no discovery, link or session stays
// behind. Iterators end silently with their context; any other end yields one last
// pair with the error.
//
// Everything may be used from any goroutine. Operations on one device wait for each
// other in the library, in the order of the calls, for BlueZ refuses a second one; if
// another program keeps BlueZ busy, they are tried again for some seconds.
//
// Errors are of type [*Error] and say what was attempted on what. A caller branches
// with errors.Is on the sentinels, and with errors.As on [ATTError], the code with
// which a device refused. What is not there is [ErrNotFound], and as well [ErrNoDevice] or
// [ErrNoAttribute]. That Bluetooth cannot be used at all matches [ErrUnavailable] and a
// reason, such as [ErrAdapterOff], each of which says what to do.
//
// # Notifications
//
// BlueZ has two ways of passing on what a device notifies or indicates.
//
// [StartNotify], the default, makes each value a signal on the bus. BlueZ signals all, from the
// first one on, which some devices send before they have confirmed the subscription; the bus
// keeps them while a reader is slow; and any number of programs may subscribe at once. The price
// is some work for each value, and that what other programs read looks like a notification.
//
// [AcquireNotify] gives this process a socket, which costs less for each value. But what comes
// before the device has confirmed is lost, and so is what the socket has no room for, without
// a word to anybody; and no other program can subscribe meanwhile. It is for high rates, where a
// gap does no harm.
//
// With both, values of no bytes are values, Subscribe returns when BlueZ has confirmed, and what
// waits for the program is bounded by [SubscribeOptions].Queue: one value more ends the
// subscription with ErrOverflow, so that nothing is lost unnoticed here.
//
// # Pairing
//
// A device that keeps something from strangers answers with ErrNotPaired, or
// disconnects, until it is paired: [Client.Pair] pairs with the device of a
// connection, and [ConnectOptions].Pair before anything else is done with it. What the
// device wants is asked of an [Agent], a set of functions; which of them are set tells
// BlueZ what this side can ask and show, and thereby how the two make sure of each
// other. There are four ways over Low Energy: the device shows a passkey that is entered
// here, it is shown here and typed there, both show it and are compared, or nobody is
// asked ("just works"), which protects against listeners but not against somebody in
// the middle.
//
// A program with a user interface sets the functions that it has dialogs for; each may
// block until the user answers, and is told by its ctx to close the dialog. A gateway
// without people sets RequestPasskey, if the passkeys of its devices are known from
// their labels, or none, and then pairs by just works only. Without an agent
// everything is refused: no other program's dialog pops up.
//
// Pair asks the agent it is given. What devices begin by themselves, and what BlueZ begins
// because a read or a write needs it, is asked of the agent of [Central.SetAgent],
// which makes this program the one that the whole system asks.
//
// BlueZ stores the keys of a pairing. [Central.Devices] lists the devices,
// [Central.Forget] removes one. If a device has lost its keys (it was reset, or paired with
// another machine), connections end as soon as they are made: forget it and
// pair again.
//
// Passkeys and PINs are in no log, trace or error of this package.
//
// # What BlueZ does not tell
//
// BlueZ merges the packets of a device, and knows names and services from earlier;
// an Advertisement is what is known when a packet came. With [StartNotify] a value
// that another program reads looks like a notification. With [AcquireNotify] BlueZ
// drops what comes before the device has confirmed the subscription. Of a write
// without response nobody learns whether it arrived.
//
// # Environment
//
// DBUS_SYSTEM_BUS_ADDRESS is the address of the bus. BLEAK_DBUS_AUTH_UID is the uid to
// authenticate with, where the bus cannot find out. BLUEZ_DEBUG=frames prints the
// header of each D-Bus frame to standard error.
//
// # Further reading
//
// Beside this package are three pages: BLEAK.md has each name of Bleak's API and what it is
// here, TRAPS.md what BlueZ does that nobody expects and where that is handled, and
// RUNNING.md what to know about permissions, containers, user namespaces and BlueZ on another
// machine. Package peripheral is the other side, which advertises and serves. Package assigned
// names the numbers of services, characteristics and companies; package bluetest simulates
// BlueZ for tests. Who builds further packages on this one finds [Share] and
// [Central.Maintain].
package facade
