package bluetest

import (
	"log/slog"

	"github.com/gobluez/bluez/bluezgen"
)

// An Option says what a [World] has or how it behaves. A [Device] is one, and so are
// [AdapterConfig], [Version], [Delays] and what the functions of this package return.
type Option interface {
	apply(*config) error
}

// An option is an Option that is a function.
type option func(*config) error

func (o option) apply(c *config) error { return o(c) }

// A config is what options amount to.
type config struct {
	adapters     []AdapterConfig
	devices      []Device
	beacons      int // among them
	version      Version
	experimental bool
	delays       Delays
	logger       *slog.Logger
}

// Experimental plays a bluetoothd that was started with --experimental, which has
// ConnectDevice and AdvertisementMonitorManager1.
func Experimental() Option {
	return option(func(c *config) error {
		c.experimental = true
		return nil
	})
}

// Logger has the world say what it does: every call that it serves and every fault.
// Values and keys are not logged.
func Logger(l *slog.Logger) Option {
	return option(func(c *config) error {
		c.logger = l
		return nil
	})
}

// Options makes one Option of several.
func Options(options ...Option) Option {
	return option(func(c *config) error {
		for _, o := range options {
			if err := o.apply(c); err != nil {
				return err
			}
		}
		return nil
	})
}

// NoAdapter is a world whose machine has no Bluetooth adapter, until AddAdapter.
func NoAdapter() Option {
	return option(func(c *config) error {
		c.adapters = []AdapterConfig{}
		return nil
	})
}

// newConfig applies options. Without an adapter among them there is hci0, powered.
func newConfig(options []Option) (*config, error) {
	c := &config{version: DefaultVersion, logger: slog.New(slog.DiscardHandler)}
	if err := Options(options...).apply(c); err != nil {
		return nil, err
	}
	if c.adapters == nil {
		c.adapters = []AdapterConfig{{}}
	}
	c.delays = c.delays.withDefaults()
	return c, nil
}

// An AdapterConfig declares an adapter. The zero AdapterConfig is the first that is
// free of hci0, hci1, ...; powered, with an address of its own, for both roles.
type AdapterConfig struct {
	Name    string                 // "hci0", as the kernel numbers them
	Address string                 // "00:AA:01:00:00:00"; a public address
	Alias   string                 // the name that it shows; default: "bluetest hci0"
	Off     bool                   // not powered
	Roles   []bluezgen.AdapterRole // default: central and peripheral
	LEOnly  bool                   // without BR/EDR, which nearly all have
}

func (a AdapterConfig) apply(c *config) error {
	c.adapters = append(c.adapters, a)
	return nil
}
