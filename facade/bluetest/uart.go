package bluetest

import (
	"context"

	"github.com/gobluez/bluez/bluezgen"
)

// The UUIDs of the Nordic UART Service. What is written to UARTReceive comes back as
// notifications of UARTTransmit.
const (
	UARTService  = "6e400001-b5a3-f393-e0a9-e50e24dcca9e"
	UARTReceive  = "6e400002-b5a3-f393-e0a9-e50e24dcca9e"
	UARTTransmit = "6e400003-b5a3-f393-e0a9-e50e24dcca9e"
)

// UART is a device of that address with the Nordic UART Service, which echoes: what is
// written to it, with or without response, is notified back, in packets of what the
// connection's MTU lets through. What is written while nobody is subscribed is lost.
func UART(address string) Device {
	return Device{
		Address:       address,
		Name:          "UART",
		Advertisement: Advertisement{ServiceUUIDs: []string{UARTService}},
		Services: []Service{{UUID: UARTService, Characteristics: []Characteristic{
			{
				UUID:  UARTReceive,
				Flags: []bluezgen.CharacteristicFlag{bluezgen.CharacteristicFlagWrite, bluezgen.CharacteristicFlagWriteWithoutResponse},
				Write: func(ctx context.Context, p *Peripheral, value []byte) error {
					if !p.Subscribed(UARTTransmit) {
						return nil
					}
					select {
					case echoOf(p).packets <- value:
						return nil
					case <-ctx.Done():
						return ctx.Err()
					}
				},
			},
			{
				UUID:  UARTTransmit,
				Flags: []bluezgen.CharacteristicFlag{bluezgen.CharacteristicFlagNotify},
				Notify: func(ctx context.Context, p *Peripheral, send func([]byte) error) {
					echo := echoOf(p)
					for {
						select {
						case value := <-echo.packets:
							if sendInPackets(p, value, send) != nil {
								return
							}
						case <-ctx.Done():
							return
						}
					}
				},
			},
		}}},
	}
}

// An echo is what a UART was sent and has not sent back yet.
type echo struct{ packets chan []byte }

func echoOf(p *Peripheral) *echo {
	const waiting = 64
	return remembered(p, func() *echo { return &echo{make(chan []byte, waiting)} })
}

// sendInPackets sends a value in as many notifications as it takes. An attribute packet
// has three bytes before the value.
func sendInPackets(p *Peripheral, value []byte, send func([]byte) error) error {
	size := p.MTU() - 3
	for len(value) > size {
		if err := send(value[:size]); err != nil {
			return err
		}
		value = value[size:]
	}
	return send(value)
}
