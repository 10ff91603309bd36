package bluetest

import "reflect"

// memory is what the functions of a ready-made device remember of a peripheral from one
// call to the next. They cannot do so themselves: a Device may be in several worlds.
type memory map[reflect.Type]any

// remembered returns what is remembered in the form of an M, made anew the first time.
// The world is not locked.
func remembered[M any](p *Peripheral, fresh func() *M) *M {
	p.world.mu.Lock()
	defer p.world.mu.Unlock()
	kind := reflect.TypeFor[M]()
	m, ok := p.memory[kind].(*M)
	if !ok {
		m = fresh()
		p.memory[kind] = m
	}
	return m
}
