package bluetest

import "slices"

// A directory finds peripherals by their addresses, also among very many. It is guarded
// by the world.
type directory struct {
	fixed    map[string]*Peripheral // by identity and declared address
	rotating []*Peripheral          // whose address on the air changes
}

// ownAddresses returns the addresses that stay a device's own: the declared one and its
// identity, if it has one.
func (p *Peripheral) ownAddresses() []string {
	if p.identity == "" {
		return []string{p.declaredAddress}
	}
	return []string{p.declaredAddress, p.identity}
}

func (d *directory) add(p *Peripheral) {
	if d.fixed == nil {
		d.fixed = map[string]*Peripheral{}
	}
	for _, address := range p.ownAddresses() {
		d.fixed[address] = p
	}
	if p.declared.Advertisement.Rotate > 0 {
		d.rotating = append(d.rotating, p)
	}
}

func (d *directory) remove(p *Peripheral) {
	for _, address := range p.ownAddresses() {
		if d.fixed[address] == p {
			delete(d.fixed, address)
		}
	}
	d.rotating = slices.DeleteFunc(d.rotating, func(q *Peripheral) bool { return p == q })
}

// find returns the device of an address, or nil. One that has it on the air comes before
// one that had it when it was declared.
func (d *directory) find(address string) *Peripheral {
	for _, p := range d.rotating {
		if p.address == address {
			return p
		}
	}
	return d.fixed[address]
}
