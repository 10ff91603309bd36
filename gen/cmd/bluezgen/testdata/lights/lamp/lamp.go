// Package lamp is what bluetoothd's lamp plugin does over D-Bus.
package lamp

//go:generate go tool bluezgen -overlay overlay.xml -reuse github.com/gobluez/bluez/bluezgen com.example.Lamp1.xml
