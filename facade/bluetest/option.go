package bluetest

import (
	"errors"
	"fmt"
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

// Logger has the world say what it does: every call of a method of BlueZ's once it was
// served ("call", with path, method, sender, and the error's name if there was one), every
// property that is set likewise, and every fault ("fault"). Reads of properties are not
// logged; values and keys never are. The level is slog.LevelInfo.
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
			if o == nil {
				return errors.New("an option is nil")
			}
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
	// ExtendedAdvertising lets the adapter advertise up to 251 bytes instead of 31, on
	// secondary channels and at a power that is asked for.
	ExtendedAdvertising bool
}

// validate says what is wrong with a declaration, apart from its name and address.
func (a *AdapterConfig) validate() error {
	for _, role := range a.Roles {
		switch role {
		case bluezgen.AdapterRoleCentral, bluezgen.AdapterRolePeripheral, bluezgen.AdapterRoleCentralPeripheral:
		default:
			return fmt.Errorf("unknown role %q", role)
		}
	}
	if !isText(a.Alias) {
		return fmt.Errorf("alias %q is not UTF-8 without NUL", a.Alias)
	}
	return nil
}

func (a AdapterConfig) apply(c *config) error {
	c.adapters = append(c.adapters, a)
	return nil
}
