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
// what its [ScanOptions] ask for.
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
// which a device refused. That Bluetooth cannot be used at all matches
// [ErrUnavailable] and one of four reasons, each of which says what to do.
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
package facade
