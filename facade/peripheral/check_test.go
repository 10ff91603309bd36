package peripheral

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/gobluez/bluez/facade"
)

var (
	batteryService = facade.UUID16(0x180F)
	batteryLevel   = facade.UUID16(0x2A19)
)

func read(context.Context, *Request) ([]byte, error)    { return nil, nil }
func write(context.Context, *Request, []byte) error     { return nil }
func authorize(context.Context, *Request) error         { return nil }
func subscribed(ctx context.Context, s *Subscriber)     {}
func properties(p ...facade.Property) []facade.Property { return p }

// valid returns a characteristic without mistakes, as edit makes it.
func valid(edit func(*Characteristic)) *Characteristic {
	c := &Characteristic{UUID: batteryLevel, Properties: properties(facade.PropertyRead), Value: []byte{1}}
	if edit != nil {
		edit(c)
	}
	return c
}

func TestMistakesAreFoundBeforeAnythingIsRegistered(t *testing.T) {
	char := valid(nil)
	service := &Service{UUID: batteryService}
	both := &Service{UUID: batteryService}
	both.Includes = []*Service{{UUID: batteryService, Includes: []*Service{both}}}
	for name, test := range map[string]struct {
		services []*Service
		char     *Characteristic // of a service of its own
		want     string
	}{
		"nothing":               {want: "there is no service"},
		"nil service":           {services: []*Service{nil}, want: "service 1: it is nil"},
		"same service":          {services: []*Service{service, service}, want: "declared twice"},
		"no UUID":               {services: []*Service{{}}, want: "it has no UUID"},
		"BlueZ's service":       {services: []*Service{{UUID: facade.UUID16(0x1801)}}, want: "service 1801: BlueZ serves this service itself"},
		"includes itself":       {services: []*Service{both, both.Includes[0]}, want: "includes itself by way of others"},
		"includes unknown":      {services: []*Service{{UUID: batteryService, Includes: []*Service{service}}}, want: "what is no service of the application"},
		"nil characteristic":    {services: []*Service{{UUID: batteryService, Characteristics: []*Characteristic{nil}}}, want: "characteristic 1 is nil"},
		"same characteristic":   {services: []*Service{{UUID: batteryService, Characteristics: []*Characteristic{char, char}}}, want: "characteristic 2 is nil, or declared twice"},
		"no property":           {char: valid(func(c *Characteristic) { c.Properties = nil }), want: "it has no property"},
		"unknown property":      {char: valid(func(c *Characteristic) { c.Properties = properties("fly") }), want: `there is no property "fly"`},
		"property twice":        {char: valid(func(c *Characteristic) { c.Properties = properties("read", "read") }), want: "property read twice"},
		"nothing to read":       {char: valid(func(c *Characteristic) { c.Value = nil }), want: "it can be read, but has neither Value nor Read"},
		"two values":            {char: valid(func(c *Characteristic) { c.Read = read }), want: "it has a Value and a function Read"},
		"unreadable":            {char: valid(func(c *Characteristic) { c.Properties = properties("write"); c.Value = nil; c.Read = read }), want: "no property for reading"},
		"nowhere to write":      {char: valid(func(c *Characteristic) { c.Properties = properties("write"); c.Value = nil }), want: "it can be written, but has neither"},
		"unwritable":            {char: valid(func(c *Characteristic) { c.Write = write }), want: "no property for writing"},
		"long value":            {char: valid(func(c *Characteristic) { c.Value = make([]byte, 513) }), want: "513 bytes, more than 512"},
		"authorize alone":       {char: valid(func(c *Characteristic) { c.Properties = properties("read", "write", "authorize") }), want: "it has property authorize, but no function Authorize"},
		"authorizes reads":      {char: valid(func(c *Characteristic) { c.Authorize = authorize }), want: "it has a function Authorize, but no property for writing"},
		"acquires requests":     {char: valid(func(c *Characteristic) { c.Properties = properties("write"); c.Acquire = true }), want: "it can be acquired only"},
		"acquires into nothing": {char: valid(func(c *Characteristic) { c.Properties = properties("write-without-response"); c.Acquire = true }), want: "it can be acquired only"},
		"nobody subscribes":     {char: valid(func(c *Characteristic) { c.Subscribed = subscribed }), want: "neither notifies nor indicates"},
		"which extended":        {char: valid(func(c *Characteristic) { c.Properties = append(c.Properties, "extended-properties") }), want: "does not say which"},
		"BlueZ's descriptor":    {char: valid(func(c *Characteristic) { c.Descriptors = []*Descriptor{{UUID: facade.UUID16(0x2902), Value: []byte{}}} }), want: "descriptor 2902: BlueZ adds this descriptor itself"},
		"nil descriptor":        {char: valid(func(c *Characteristic) { c.Descriptors = []*Descriptor{nil} }), want: "descriptor 1 is nil"},
		"two descriptions": {char: valid(func(c *Characteristic) {
			c.Descriptors = []*Descriptor{{UUID: facade.UUID16(0x2901), Value: []byte{}}, {UUID: facade.UUID16(0x2901), Value: []byte{}}}
		}), want: "another one of this UUID"},
		"descriptor notifies": {char: valid(func(c *Characteristic) {
			c.Descriptors = []*Descriptor{{UUID: facade.UUID16(0x2901), Properties: properties("notify")}}
		}), want: `there is no property "notify" here`},
		"handle without service": {char: valid(func(c *Characteristic) { c.Handle = 7 }), want: "its service has none"},
		"handles go back": {services: []*Service{{UUID: batteryService, Handle: 20, Characteristics: []*Characteristic{
			valid(func(c *Characteristic) { c.Handle = 21 }), valid(func(c *Characteristic) { c.Handle = 22 })}}}, want: "handle 0x0016 is too low"},
		"handles have gaps": {services: []*Service{{UUID: batteryService, Handle: 20, Characteristics: []*Characteristic{
			valid(func(c *Characteristic) { c.Handle = 40 })}}}, want: "gaps"},
		"handles end": {services: []*Service{{UUID: batteryService, Handle: 0xfffe, Characteristics: []*Characteristic{valid(nil)}}}, want: "beyond 0xffff"},
		"same handle": {services: []*Service{{UUID: batteryService, Handle: 20}, {UUID: batteryService, Handle: 20}}, want: "is that of another attribute"},
	} {
		t.Run(name, func(t *testing.T) {
			app := Application{Services: test.services}
			if test.char != nil {
				app.Services = []*Service{{UUID: batteryService, Characteristics: []*Characteristic{test.char}}}
			}
			s, err := Serve(t.Context(), app, Options{Adapter: "hci7"})
			var e *facade.Error
			if s != nil || !errors.Is(err, ErrInvalid) || !errors.As(err, &e) || e.Op != "serve" || !strings.Contains(err.Error(), test.want) {
				t.Errorf("error %v, want %q", err, test.want)
			}
		})
	}
}

func TestAllMistakesComeAtOnce(t *testing.T) {
	app := Application{Services: []*Service{{}, {UUID: batteryService, Characteristics: []*Characteristic{{UUID: batteryLevel}}}}}
	err := app.check()
	for _, want := range []string{"service 00000000-", "service 180f: characteristic 2a19: it has no property"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v lacks %q", err, want)
		}
	}
}

func TestWhatIsMeantIsNoMistake(t *testing.T) {
	included := &Service{UUID: facade.UUID16(0x1812), Secondary: true}
	app := Application{Services: []*Service{
		{UUID: batteryService, Includes: []*Service{included}, Handle: 30, Characteristics: []*Characteristic{
			valid(func(c *Characteristic) { c.Handle = 32 }),
			valid(func(c *Characteristic) { // of the same UUID
				c.Properties = properties("notify", "reliable-write", "extended-properties")
				c.Descriptors = []*Descriptor{{UUID: facade.UUID16(0x2904), Value: []byte{}}, {UUID: facade.UUID16(0x2904), Value: []byte{}}}
			}),
			valid(func(c *Characteristic) {
				c.Value, c.Read, c.Write, c.Authorize = nil, read, write, authorize
				c.Properties, c.Handle = properties("encrypt-read", "secure-write", "authorize"), 40
			}),
			valid(func(c *Characteristic) {
				c.Properties, c.Value, c.Write, c.Acquire = properties("write-without-response"), nil, write, true
			}),
			valid(func(c *Characteristic) { c.Properties, c.Subscribed = properties("indicate"), subscribed }),
		}},
		included,
	}}
	if err := app.check(); err != nil {
		t.Error(err)
	}
}

func TestIncludedServicesComeFirst(t *testing.T) {
	a, b, c := &Service{UUID: facade.UUID16(1)}, &Service{UUID: facade.UUID16(2)}, &Service{UUID: facade.UUID16(3)}
	a.Includes, b.Includes = []*Service{b}, []*Service{c}
	app := Application{Services: []*Service{a, b, c}}
	if ordered, err := app.order(); err != nil || !slices.Equal(ordered, []*Service{c, b, a}) {
		t.Errorf("%v, %v", ordered, err)
	}
}
