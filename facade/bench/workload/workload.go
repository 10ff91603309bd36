// Package workload says what the processes of the benchmark do together: the service that plays
// bluetoothd, and one client. Its numbers stand in the clients in C and Python as well.
package workload

// A Mode is what a client does.
type Mode string

// The modes. An event is what the client counts.
const (
	Scan         Mode = "scan"         // an event is an advertisement in the hands of the user's code
	Read         Mode = "read"         // a characteristic read, one after the other
	Write        Mode = "write"        // a write without response, one after the other
	WriteMany    Mode = "writemany"    // the same, 8 at a time
	AcquireWrite Mode = "acquirewrite" // a packet written into the socket of AcquireWrite
	Notify       Mode = "notify"       // a notification by StartNotify
	Acquire      Mode = "acquire"      // a notification by AcquireNotify
	Connect      Mode = "connect"      // connect, resolve all services, disconnect
)

// A Spec is all that the service must know of a run.
type Spec struct {
	Address string // of the bus
	Daemon  int    // process id of the bus, whose CPU time the service measures
	Mode    Mode
	Events  int

	Devices       int // known before the client comes
	New           int // appear while the client scans: then each of them is one event
	Services      int // of the device that is connected to
	PerService    int // characteristics, each with one descriptor
	Subscriptions int // that the client makes
	Size          int // of values, in bytes, a multiple of 4
	Foreign       int // updates of other devices while the client does not scan, between two notifications
	Rate          int // advertisements a second; 0 is as fast as they are acknowledged
}

// What the clients look for.
const (
	Adapter  = "/org/bluez/hci0"
	Target   = "C0:00:00:00:00:00" // the address of the device that is connected to
	Company  = 0x004C              // of the manufacturer data; 24 bytes that begin with the event's number
	Data     = 24                  // bytes of manufacturer data
	FirstOne = 0xA000              // the 16-bit UUID of the first characteristic; the others follow
)

// Window is how many events may be on their way to the user's code. It is less than the 500 devices of the
// scans, so that no update replaces another. A client acknowledges each Batch of events with a byte.
const (
	Window = 400
	Batch  = 50
)

// A Result is what a process of a run says at its end.
type Result struct {
	Events  int     `json:"events"`
	Sum     uint64  `json:"sum"`     // over what was sent, or received
	CPU     float64 `json:"cpu"`     // user and system time in microseconds, from the first event to the last; the service gives the daemon's
	Wall    float64 `json:"wall"`    // real time meanwhile, in microseconds
	Peak    int64   `json:"peak"`    // largest resident memory, in KiB
	Early   int64   `json:"early"`   // the same after a tenth of the events; the clients in Go say it
	Allocs  uint64  `json:"allocs"`  // heap objects; 0 where nobody counts
	First   int64   `json:"first"`   // when the first event came, in ns since 1970
	Lost    uint64  `json:"lost"`    // events that were replaced by newer ones, where that is allowed
	Managed int     `json:"managed"` // calls of GetManagedObjects between the first event and the last; the service counts them
}

// The last argument of a client, which may be absent.
const (
	EveryPacket = "every" // no update may replace another, however many wait
	Slow        = "slow"  // the consumer takes SlowRate advertisements a second, and others may replace those that wait
)

// SlowRate is what a slow consumer takes in a second, and FastRate ten times as much.
const (
	SlowRate = 200
	FastRate = 2000
)

// Value is what an event adds to the sum: its number and the size of its value.
func Value(number uint32, size int) uint64 { return uint64(number) + uint64(size) }
