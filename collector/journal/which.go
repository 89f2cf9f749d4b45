package journal

import "runtime/debug"

// Payloads are fields with their values, FIELD=value, of which an entry may have some.
type Payloads struct{ all [][]byte }

// NewPayloads makes a list of payloads.
func NewPayloads(payloads ...string) *Payloads {
	p := &Payloads{}
	for _, s := range payloads {
		p.all = append(p.all, []byte(s))
	}
	return p
}

// found are payloads as a file has them.
type found struct {
	of      *Payloads
	at      []uint64 // offsets of data objects, 0 for those that there are none of
	objects uint64   // that the file had when they were looked up
}

// Which returns the index of the first of the payloads that the entry has that was read
// last, in the order of the entry; -1 if it has none. It reads no field of the entry.
func (r *Reader) Which(p *Payloads) (index int, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	c := r.current
	if c == nil {
		return -1, errNoEntry
	}
	r.rendered = true
	defer r.nameFile(c.f, &err)
	defer catchFault(debug.SetPanicOnFault(true), &err)
	if n := c.f.objects(); c.found.of != p || c.found.objects != n {
		c.found = found{of: p, at: c.found.at[:0], objects: n}
		for _, payload := range p.all {
			at, err := c.f.findData(payload, c.dec)
			if err != nil {
				c.found.of = nil
				return -1, err
			}
			c.found.at = append(c.found.at, at)
		}
	}
	for i := range c.f.items(&r.e) {
		item := c.f.item(&r.e, i)
		for k, at := range c.found.at {
			if at == item {
				return k, nil
			}
		}
	}
	return -1, nil
}
