// Package e2e runs the checks of package checks against real BlueZ, in a virtual machine. They also run against simulated BlueZ,
// without all this, in that package's own tests.
//
// Its tests have the build tag e2e, for they take minutes and need a Linux host on amd64 (make test-bluez).
// There is one test for each way to run bluetoothd. Each boots the machine of package vm once, with the
// tests of package guest in it, and shows their results as its subtests:
//
//	host: TestNormal, TestExperimental ─ package vm ─> qemu: init ─> guest's tests ─ package world ─> dbus-daemon
//	                                                                    │                             btvirt: hci0 to hci3
//	                                                               package checks                     bluetoothd
//	                                                                    │                             BlueZ's example peripheral on hci1
//	                                                                    ├─ the central, on hci0       command peripheral on hci2
//	                                                                    ├─ peripherals, on hci3
//	                                                                    └─ Bleak, on hci0
//
// btvirt makes four controllers. The central that is tested has the first. The second is BlueZ's own example of a peripheral, the
// third the project's (package own). On the fourth, a bystander, checks serve what they need besides, through the library; and it
// connects to the example when a test needs two connections of the central at once: see world.Crowd for what is wrong with btvirt
// otherwise.
//
// The machine is booted once for each of the two modes, so twice in a whole run: bluetoothd is then as new in each of them, and the
// results of one do not depend on what the other left.
//
// To run one check, name it below the host's test:
//
//	go test -tags e2e ./facade/e2e -run TestNormal/TestScan
//
// With -artifacts the logs of the guest and its daemons stay. BTMON=1 in the environment adds btmon's recording of what the
// controllers are told and say, for btmon --read.
package e2e
