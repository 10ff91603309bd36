package bluetest

import "time"

// Neighbourhood is a small world to try things in: a heart-rate sensor at
// C0:FF:EE:00:00:01, a thermometer at C0:FF:EE:00:00:02, a UART that echoes at
// C0:FF:EE:00:00:03, a device with a battery at C0:FF:EE:00:00:04, and three beacons. They
// advertise one to three times a second.
func Neighbourhood() Option {
	sensor := HeartRate("C0:FF:EE:00:00:01")
	sensor.Advertisement.Interval = 300 * time.Millisecond
	thermometer := Thermometer("C0:FF:EE:00:00:02")
	thermometer.Advertisement.RSSI, thermometer.Advertisement.Interval = -68, 500*time.Millisecond
	uart := UART("C0:FF:EE:00:00:03")
	uart.Advertisement.RSSI, uart.Advertisement.Interval = -52, 500*time.Millisecond
	battery := Battery("C0:FF:EE:00:00:04", 71)
	battery.Advertisement.RSSI, battery.Advertisement.Interval = -77, time.Second
	return Options(sensor, thermometer, uart, battery, Beacons(3, time.Second))
}
