package cgroups

import (
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
				// The sums of v1 are over the children of now.
				if v += d.carry[c]; v < d.last[c] {
					d.carry[c] += d.last[c] - v
					v = d.last[c]
				}
				d.last[c] = v
			}
			f.ioVals = append(f.ioVals, v)
		}
		kept = append(kept, *d)
	}
	e.io = kept
}

// carry adds what a removed group had to the sums of its ancestors, from which
// the kernel has just taken it: v1 forgets a child's io with the child. A
// group whose parent went too is in the parent's sum. What the child did since
// it was last read is lost, so the sum cannot step back.
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
			for c, v := range d.raw {
				if v != metric.Absent {
					ad.carry[c] += v
				}
			}
		}
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
