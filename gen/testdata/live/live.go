// Package live runs generated proxies against generated skeletons, with random values, and compares what arrives with what was
// sent.
package live

import (
	"context"
	"fmt"
	"math/rand/v2"
	"reflect"
	"sync"
	"testing"
	"time"

	"github.com/gobluez/bluez/gen/bus"
	"github.com/gobluez/bluez/gen/bus/bustest"
	"github.com/godbus/dbus/v5"
)

// An Interface is the generated code of a D-Bus interface, as a test generator wrote it down.
type Interface struct {
	Name       string // in Go
	New        any    // the constructor of the proxy
	Skeleton   any    // the constructor of the skeleton
	Server     func(*Calls) any
	SetOf      any // the function of that name, if there are properties
	Methods    []string
	Signals    []string
	Properties []Property
}

// A Property is one of an Interface.
type Property struct {
	Name               string // in Go
	Const              any    // of the readable ones
	Readable, Writable bool
	Emits              string // as EmitsChangedSignal
}

// Calls is how a server of the test answers.
type Calls struct {
	mu      sync.Mutex
	method  string
	args    string
	results []reflect.Value
	served  chan struct{}
}

// Serve answers a call: it notes the arguments and stores the results.
func (c *Calls) Serve(method string, args []any, results ...any) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.method = method
	var values []reflect.Value
	for _, arg := range args {
		values = append(values, reflect.ValueOf(arg).Elem())
	}
	c.args = dump(values...)
	for i, result := range results {
		reflect.ValueOf(result).Elem().Set(c.results[i])
	}
	c.served <- struct{}{}
	return nil
}

// answer makes the next call be answered with results.
func (c *Calls) answer(results []reflect.Value) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.results = results
}

// received returns what was called last, and the dump of its arguments.
func (c *Calls) received(ctx context.Context) (method, args string, err error) {
	select {
	case <-c.served:
	case <-ctx.Done():
		return "", "", fmt.Errorf("the server was not called: %w", ctx.Err())
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.method, c.args, nil
}

const path dbus.ObjectPath = "/live"

// bench is one interface under test.
type bench struct {
	*source
	Interface
	ctx             context.Context
	calls           *Calls
	proxy, skeleton reflect.Value
}

// Run tests interfaces.
func Run(t *testing.T, seed int, interfaces []Interface) {
	daemon := bustest.Start(t)
	for _, iface := range interfaces {
		t.Run(iface.Name, func(t *testing.T) {
			ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
			defer cancel()
			dial := func() *bus.Conn {
				conn, err := bus.Dial(ctx, daemon.Address(), bus.Options{})
				if err != nil {
					t.Fatal(err)
				}
				t.Cleanup(func() { conn.Close() })
				return conn
			}
			service, client := dial(), dial()
			b := &bench{
				source:    &source{Rand: rand.New(rand.NewPCG(uint64(seed), 2)), t: t},
				Interface: iface,
				ctx:       ctx,
				calls:     &Calls{served: make(chan struct{}, 1)},
			}
			b.makeSkeleton()
			if _, err := service.Export(ctx, path, bus.ExportOptions{}, b.skeleton.Interface().(bus.Skeleton)); err != nil {
				t.Fatal(err)
			}
			b.proxy = reflect.ValueOf(iface.New).Call([]reflect.Value{
				reflect.ValueOf(client), reflect.ValueOf(service.UniqueName()), reflect.ValueOf(path),
			})[0]
			b.testMethods()
			b.testSignals()
			if b.SetOf != nil {
				b.testProperties()
				b.testUpdates()
			}
			b.testSetters()
		})
	}
}

// makeSkeleton makes the skeleton, with all properties.
func (b *bench) makeSkeleton() {
	constructor := reflect.ValueOf(b.Skeleton)
	var args []reflect.Value
	for i := range constructor.Type().NumIn() {
		if typ := constructor.Type().In(i); typ.Kind() == reflect.Interface {
			args = append(args, reflect.ValueOf(b.Server(b.calls)))
		} else {
			args = append(args, b.properties(typ, func(Property) bool { return true }))
		}
	}
	b.skeleton = constructor.Call(args)[0]
}

// properties returns a struct of properties that has those that are wanted.
func (b *bench) properties(typ reflect.Type, want func(Property) bool) reflect.Value {
	props := reflect.New(typ).Elem()
	b.files = maxFiles
	for _, p := range b.Properties {
		if p.Readable && want(p) {
			b.fill(props.FieldByName(p.Name))
			props.Addr().MethodByName("Add").Call([]reflect.Value{reflect.ValueOf(p.Const)})
		}
	}
	return props
}

// call calls a function, which must succeed, and returns its results but for the error.
func (b *bench) call(what string, fn reflect.Value, args ...reflect.Value) []reflect.Value {
	b.t.Helper()
	results := fn.Call(args)
	last := len(results) - 1
	if err, _ := results[last].Interface().(error); err != nil {
		b.t.Fatalf("%s: %v", what, err)
	}
	return results[:last]
}

func (b *bench) equal(what, got, want string) {
	b.t.Helper()
	if got != want {
		b.t.Errorf("%s arrived as\n%swant\n%s", what, got, want)
	}
}

// testMethods calls all methods and compares arguments and results.
func (b *bench) testMethods() {
	for _, name := range b.Methods {
		method := b.proxy.MethodByName(name)
		var ins, outs []reflect.Type
		for i := 1; i < method.Type().NumIn(); i++ {
			ins = append(ins, method.Type().In(i))
		}
		for i := range method.Type().NumOut() - 1 {
			outs = append(outs, method.Type().Out(i))
		}
		args, results := b.values(ins...), b.values(outs...)
		b.calls.answer(results)
		want := dump(results...) // files are closed once they are sent
		got := b.call(name, method, append([]reflect.Value{reflect.ValueOf(b.ctx)}, args...)...)
		b.served(name, dump(args...))
		b.equal("results of "+name, dump(got...), want)
	}
}

// served checks what the server was asked.
func (b *bench) served(method, want string) {
	b.t.Helper()
	called, args, err := b.calls.received(b.ctx)
	if err != nil {
		b.t.Fatalf("%s: %v", method, err)
	}
	if called != method {
		b.t.Errorf("%s called %s", method, called)
	}
	b.equal("arguments of "+method, args, want)
}

// testSignals sends all signals and compares their arguments.
func (b *bench) testSignals() {
	for _, name := range b.Signals {
		subscribe := b.proxy.MethodByName("On" + name)
		received := make(chan string, 1)
		handler := reflect.MakeFunc(subscribe.Type().In(1), func(args []reflect.Value) []reflect.Value {
			var values []reflect.Value
			for i := range args[0].NumField() {
				values = append(values, args[0].Field(i))
			}
			received <- dump(values...)
			return nil
		})
		subscription := b.call("On"+name, subscribe, reflect.ValueOf(b.ctx), handler)[0].Interface().(*bus.Subscription)
		emit := b.skeleton.MethodByName("Emit" + name)
		var types []reflect.Type
		for i := range emit.Type().NumIn() {
			types = append(types, emit.Type().In(i))
		}
		args := b.values(types...)
		want := dump(args...)
		b.call("Emit"+name, emit, args...)
		b.equal("signal "+name, b.await(received, name), want)
		subscription.Close()
	}
}

func (b *bench) await(received <-chan string, what string) string {
	b.t.Helper()
	select {
	case got := <-received:
		return got
	case <-b.ctx.Done():
		b.t.Fatalf("%s did not arrive", what)
		return ""
	}
}

// testProperties reads all properties, one by one and together.
func (b *bench) testProperties() {
	served := b.skeleton.MethodByName("Properties").Call(nil)[0]
	for _, p := range b.Properties {
		if p.Readable {
			got := b.call(p.Name, b.proxy.MethodByName(p.Name), reflect.ValueOf(b.ctx))
			b.equal("property "+p.Name, dump(got...), dump(served.FieldByName(p.Name)))
		}
	}
	got := b.call("GetAll", b.proxy.MethodByName("GetAll"), reflect.ValueOf(b.ctx))
	b.equal("GetAll", dump(got...), dump(served))
}

// testUpdates changes some properties and compares what is announced, and then takes some away.
func (b *bench) testUpdates() {
	received := make(chan string, 1)
	subscribe := b.proxy.MethodByName("OnPropertiesChanged")
	handler := reflect.MakeFunc(subscribe.Type().In(1), func(args []reflect.Value) []reflect.Value {
		received <- dump(args...)
		return nil
	})
	b.call("OnPropertiesChanged", subscribe, reflect.ValueOf(b.ctx), handler)
	update := b.skeleton.MethodByName("Update")
	invalidate := b.skeleton.MethodByName("Invalidate")
	for range 3 {
		some := make(map[string]bool)
		for _, p := range b.Properties {
			some[p.Name] = b.IntN(2) == 0
		}
		props := b.properties(update.Type().In(0), func(p Property) bool { return some[p.Name] })
		want := reflect.New(subscribe.Type().In(1).In(0)).Elem()
		for _, p := range b.Properties {
			switch {
			case !p.Readable || !some[p.Name]:
			case p.Emits == "true":
				want.FieldByName(p.Name).Set(props.FieldByName(p.Name))
				add(want, p)
				add(want.FieldByName("Changed"), p)
			case p.Emits == "invalidates":
				add(want.FieldByName("Invalidated"), p)
			}
		}
		b.call("Update", update, props)
		b.announced(received, want)
	}
	b.testProperties()

	gone := reflect.New(subscribe.Type().In(1).In(0)).Elem()
	var names []reflect.Value
	for _, p := range b.Properties {
		if p.Readable && b.IntN(2) == 0 {
			names = append(names, reflect.ValueOf(p.Const))
			add(gone.FieldByName("Invalidated"), p)
		}
	}
	b.call("Invalidate", invalidate, names...)
	b.announced(received, gone)
	got := b.call("GetAll", b.proxy.MethodByName("GetAll"), reflect.ValueOf(b.ctx))
	b.equal("GetAll", dump(got...), dump(b.skeleton.MethodByName("Properties").Call(nil)[0]))
}

// announced compares an update that arrives with the one that was made. One of nothing is not sent.
func (b *bench) announced(received <-chan string, want reflect.Value) {
	b.t.Helper()
	if want.IsZero() {
		return
	}
	b.equal("PropertiesChanged", b.await(received, "PropertiesChanged"), dump(want))
}

// add puts a property into a set, or into the set of a struct of properties.
func add(set reflect.Value, p Property) {
	set.Addr().MethodByName("Add").Call([]reflect.Value{reflect.ValueOf(p.Const)})
}

// testSetters sets all properties that can be set.
func (b *bench) testSetters() {
	for _, p := range b.Properties {
		if p.Writable {
			setter := b.proxy.MethodByName("Set" + p.Name)
			args := b.values(setter.Type().In(1))
			want := dump(args...)
			b.call("Set"+p.Name, setter, reflect.ValueOf(b.ctx), args[0])
			b.served("Set"+p.Name, want)
		}
	}
}
