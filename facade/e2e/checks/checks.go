// Package checks holds what is expected of the library and of BlueZ, whichever BlueZ it is: the real one in the
// virtual machine that package e2e boots, or the simulated one of package bluetest. Where the two differ, the simulation is wrong.
package checks

import (
	"context"
	"testing"
	"time"

	"github.com/godbus/dbus/v5"
)

// A World is a BlueZ with the controllers and peripherals that package world describes. Checks learn only through it in which
// world they run.
type World interface {
	// Address returns the address of the bus that BlueZ is on.
	Address() string
	// Experimental reports whether bluetoothd was started with --experimental.
	Experimental() bool
	// BLE returns the program that is the command ble.
	BLE() string
	// Round returns a time in which each peripheral is heard.
	Round() time.Duration
	// Patience returns a time that is more than enough for every check: nothing takes so long unless it never ends.
	Patience() time.Duration

	// Silence ends the example peripheral's advertisement, and Advertise begins it again.
	Silence(context.Context) error
	Advertise(context.Context) error
	// Crowd sees to it that the central can be connected to both peripherals at once, until undo.
	Crowd(context.Context) (undo func(context.Context) error, err error)
	// Restart ends bluetoothd, by a crash or as an administrator does, and starts it again. It returns when the peripherals are back.
	Restart(ctx context.Context, crash bool) error
}

// Run runs every check in a world, one at a time, each as a subtest.
func Run(t *testing.T, w World) {
	bus, err := dbus.Connect(w.Address())
	if err != nil {
		t.Fatalf("connect to the world's bus: %v", err)
	}
	defer bus.Close()
	b := &bench{World: w, bus: bus}
	all := []check{
		{"TestAdaptersAreListed", b.testAdaptersAreListed},
		{"TestBlueZIsExperimentalAsAsked", b.testBlueZIsExperimentalAsAsked},
		{"TestCommand", b.testCommand},
		{"TestCommandPrintsJSON", b.testCommandPrintsJSON},
		{"TestCommandScansInJSON", b.testCommandScansInJSON},
		{"TestCommandAdvertises", b.testCommandAdvertises},
		{"TestCommandServes", b.testCommandServes},
		{"TestConnect", b.testConnect},
		{"TestCloseDisconnects", b.testCloseDisconnects},
		{"TestPeerDropsLink", b.testPeerDropsLink},
		{"TestReconnectAfterPeerDroppedLink", b.testReconnectAfterPeerDroppedLink},
		{"TestReconnectTenTimes", b.testReconnectTenTimes},
		{"TestConnectCancelledWhilePending", b.testConnectCancelledWhilePending},
		{"TestConnectCancelledHalfWay", b.testConnectCancelledHalfWay},
		{"TestConnectByAddress", b.testConnectByAddress},
		{"TestAttachToConnectedDevice", b.testAttachToConnectedDevice},
		{"TestCached", b.testCached},
		{"TestWantedServices", b.testWantedServices},
		{"TestStay", b.testStay},
		{"TestStaySurvivesRestart", b.testStaySurvivesRestart},
		{"TestPowerCycle", b.testPowerCycle},
		{"TestWatchDevices", b.testWatchDevices},
		{"TestWatchAdapters", b.testWatchAdapters},
		{"TestTwoClientsAtOnce", b.testTwoClientsAtOnce},
		{"TestTwoClientsOfOneDevice", b.testTwoClientsOfOneDevice},
		{"TestTreeIsThatOfBluetoothctl", b.testTreeIsThatOfBluetoothctl},
		{"TestReadExample", b.testReadExample},
		{"TestWriteAndReadBack", b.testWriteAndReadBack},
		{"TestWriteWithoutResponse", b.testWriteWithoutResponse},
		{"TestDescriptors", b.testDescriptors},
		{"TestDescriptorOfExample", b.testDescriptorOfExample},
		{"TestRefusals", b.testRefusals},
		{"TestMTU", b.testMTU},
		{"TestNotifications", b.testNotifications},
		{"TestNotificationsOfExample", b.testNotificationsOfExample},
		{"TestSubscribeToWhatDoesNotNotify", b.testSubscribeToWhatDoesNotNotify},
		{"TestScanSeesAdvertisement", b.testScanSeesAdvertisement},
		{"TestScanFilters", b.testScanFilters},
		{"TestScanOfEveryTransport", b.testScanOfEveryTransport},
		{"TestTwoScansHearTheirOwn", b.testTwoScansHearTheirOwn},
		{"TestScanTellsOfLostDevice", b.testScanTellsOfLostDevice},
		{"TestScanEndsWithItsContext", b.testScanEndsWithItsContext},
		{"TestScanOfEveryPacketKeepsHearing", b.testScanOfEveryPacketKeepsHearing},
		{"TestScanFindsNoStranger", b.testScanFindsNoStranger},
		{"TestScanSurvivesRestart", b.testScanSurvivesRestart},
		{"TestPeripheralKnowsWhoAsks", b.testPeripheralKnowsWhoAsks},
		{"TestPeripheralRefuses", b.testPeripheralRefuses},
		{"TestPeripheralIsFoundAsDeclared", b.testPeripheralIsFoundAsDeclared},
		{"TestPeripheralIsWritten", b.testPeripheralIsWritten},
		{"TestPeripheralAuthorizes", b.testPeripheralAuthorizes},
		{"TestPeripheralAcquiresWrites", b.testPeripheralAcquiresWrites},
		{"TestPeripheralNotifies", b.testPeripheralNotifies},
		{"TestPeripheralTellsEachSubscriber", b.testPeripheralTellsEachSubscriber},
		{"TestPeripheralIndicates", b.testPeripheralIndicates},
		{"TestPeripheralDisconnects", b.testPeripheralDisconnects},
		{"TestPeripheralSurvivesRestart", b.testPeripheralSurvivesRestart},
		{"TestPeripheralSurvivesPowerCycle", b.testPeripheralSurvivesPowerCycle},
		{"TestSeveralAdvertisements", b.testSeveralAdvertisements},
		{"TestAdvertisementsAreTaken", b.testAdvertisementsAreTaken},
		{"TestAdvertisementsAreRefused", b.testAdvertisementsAreRefused},
		{"TestBattery", b.testBattery},
		{"TestBleak", b.testBleak},
		{"TestSignalsOfNewDevice", b.testSignalsOfNewDevice},
		{"TestSignalsOfScan", b.testSignalsOfScan},
		{"TestSignalsOfConnection", b.testSignalsOfConnection},
		{"TestSignalsOfRemovalWhileConnected", b.testSignalsOfRemovalWhileConnected},
		{"TestSignalsOfNotifications", b.testSignalsOfNotifications},
		{"TestSignalsOfSetProperties", b.testSignalsOfSetProperties},
		{"TestRefusalsOfAdapter", b.testRefusalsOfAdapter},
		{"TestRefusalsOfProperties", b.testRefusalsOfProperties},
		{"TestRefusalsOfDevice", b.testRefusalsOfDevice},
		{"TestRefusalsOfCharacteristics", b.testRefusalsOfCharacteristics},
		{"TestRefusalsOfAgentManager", b.testRefusalsOfAgentManager},
	}
	if w.Experimental() {
		all = append(all, check{"TestPairing", b.testPairing}, check{"TestBond", b.testBond},
			check{"TestPeripheralOfBondedDevice", b.testPeripheralOfBondedDevice}, check{"TestMonitor", b.testMonitor},
			check{"TestPassiveScan", b.testPassiveScan}, check{"TestPassiveScanThenConnect", b.testPassiveScanThenConnect})
	} else {
		all = append(all, check{"TestPassiveScanIsRefused", b.testPassiveScanIsRefused})
	}
	for _, c := range all {
		t.Run(c.name, c.run)
	}
}

// A check is a test by its name.
type check struct {
	name string
	run  func(*testing.T)
}
