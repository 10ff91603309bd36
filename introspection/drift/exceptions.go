package drift

// A deviation is a way in which a file differs from what bluetoothd prints, on
// purpose.
type deviation struct {
	iface, member  string
	prints, really string
}

var deviations = []deviation{
	{
		// bluetoothd answers with the path of the device, as its manual page says, and does not declare it.
		iface: "org.bluez.Adapter1", member: "method ConnectDevice",
		prints: "method(in a{sv})", really: "method(in a{sv}, out o)",
	},
}

// removed are interfaces that BlueZ once had, and the first release without.
var removed = map[string]string{
	"org.bluez.HealthChannel1":      "5.86",
	"org.bluez.HealthDevice1":       "5.86",
	"org.bluez.HealthManager1":      "5.86",
	"org.bluez.SimAccess1":          "5.86",
	"org.bluez.Thermometer1":        "5.43",
	"org.bluez.ThermometerManager1": "5.43",
}

// unseen are interfaces that the bluetoothd of the tests never prints, and why.
var unseen = map[string]string{
	"org.bluez.AdminPolicySet1":    notBuilt,
	"org.bluez.AdminPolicyStatus1": notBuilt,
	"org.bluez.Call1":              noProfile,
	"org.bluez.ChannelSounding1":   noProfile,
	"org.bluez.DeviceSet1":         "emulated devices are in no coordinated set",
	"org.bluez.HealthChannel1":     noProfile,
	"org.bluez.HealthDevice1":      noProfile,
	"org.bluez.Input1":             noProfile,
	"org.bluez.MediaAssistant1":    noProfile,
	"org.bluez.MediaControl1":      noProfile,
	"org.bluez.MediaEndpoint1":     noProfile,
	"org.bluez.MediaFolder1":       noProfile,
	"org.bluez.MediaItem1":         noProfile,
	"org.bluez.MediaPlayer1":       noProfile,
	"org.bluez.MediaTransport1":    noProfile,
	"org.bluez.Network1":           noProfile,
	"org.bluez.Telephony1":         noProfile,
}

const (
	notBuilt  = "Debian builds bluetoothd without the admin plugin"
	noProfile = "emulated devices do not have the profile"
)

// passing are interfaces that exist at times only, and when.
var passing = map[string]string{
	"org.bluez.Battery1": "while a battery level is known",
}

// foreign are interfaces that are printed and are no part of BlueZ's API.
var foreign = map[string]string{
	"org.bluez.SimAccessTest1":         "it is without members, for BlueZ's own tests, and gone since 5.86",
	"org.freedesktop.DBus.Debug.Stats": "it is of dbus-daemon",
	"org.freedesktop.DBus.Monitoring":  "it is of dbus-daemon",
}
