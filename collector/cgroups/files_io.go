package cgroups

import (
	"slices"
	"strings"

	"github.com/daytwo/daytwo/api/metric"
)

// emitIO appends the rows of group i. Devices that the kernel no longer lists
// are forgotten.
func (f *files) emitIO(i int, e *entry) {
	v1 := !f.l.v2(f.l.IO)
	kept := e.io[:0]
	for k := range e.io {
		d := &e.io[k]
		if !d.seen {
			continue
		}
		f.ioRows = append(f.ioRows, IORow{Group: int32(i), Device: d.dev})
		for c := range d.raw {
			v := d.raw[c]
			if v1 && v != metric.Absent {
				v = d.steady(c, v)
			}
			f.ioVals = append(f.ioVals, v)
		}
		kept = append(kept, *d)
	}
	e.io = kept
}

// steady keeps one of v1's sums from stepping back when the kernel takes a
// removed child out of it.
func (d *ioDevice) steady(c int, v int64) int64 {
	v += d.carry[c]
	for v < d.last[c] {
		lost := d.last[c] - v // of a child that came and went unseen
		if d.head[c] < len(d.gone) {
			lost = d.gone[d.head[c]][c]
			d.head[c]++
		}
		d.carry[c] += lost
		v += lost
	}
	d.last[c] = v
	return v
}

// carry tells the ancestors of a removed group what it had in their sums. v1
// forgets a child's io with the child, but not at once: so it is only noted
// here, and added when a sum steps back (steady), child by child in the order
// in which they went. A group whose parent went too is in the parent's sum.
func (f *files) carry(e *entry) {
	if f.l.IO < 0 || f.l.v2(f.l.IO) || len(e.io) == 0 || f.renamed(e) {
		return
	}
	for p, first := e.group.Path, true; p != "/"; first = false {
		p = p[:strings.LastIndexByte(p, '/')]
		if p == "" {
			p = "/"
		}
		a := f.byPath[p]
		if a == nil || first && (a.born == f.link || a.link != f.link) {
			return
		}
		for k := range e.io {
			d := &e.io[k]
			var ad *ioDevice
			for j := range a.io {
				if a.io[j].dev == d.dev {
					ad = &a.io[j]
				}
			}
			if ad == nil {
				continue
			}
			ad.lose(d.raw)
		}
	}
}

// lose notes what a removed child had.
func (d *ioDevice) lose(raw [ioWidth]int64) {
	for c, v := range raw {
		raw[c] = max(v, 0) // Absent is nothing
	}
	if used := slices.Min(d.head[:]); used > 64 {
		d.gone = slices.Delete(d.gone, 0, used)
		for c := range d.head {
			d.head[c] -= used
		}
	}
	if len(d.gone) < 4096 { // beyond it, steady holds the sum
		d.gone = append(d.gone, raw)
	}
}

// renamed tells whether the directory of a group lives on under another name
// (v1 renames within one parent), so that its sums are not gone.
func (f *files) renamed(e *entry) bool {
	if e.node == nil || e.node.parent == nil {
		return false
	}
	m := f.l.IO
	for _, k := range e.node.parent.kids {
		if k.have&(1<<m) != 0 && k.ino[m] == e.node.ino[m] {
			return true
		}
	}
	return false
}

// inherit takes over the sums of another reader, which showed them until now.
func (f *files) inherit() {
	for _, e := range f.ents {
		for _, d := range f.heir(e.group) {
			d.gone = slices.Clone(d.gone)
			k := slices.IndexFunc(e.io, func(o ioDevice) bool { return o.dev == d.dev })
			if k < 0 {
				e.io = append(e.io, d)
			} else {
				e.io[k] = d
			}
		}
	}
	f.heir = nil
}
