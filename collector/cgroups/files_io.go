package cgroups

import (
	"slices"
	"strings"

	"github.com/daytwo/daytwo/api/metric"
)

// emitIO appends the io rows of group i to f.ioRows and f.ioVals. It forgets devices
// that the kernel no longer lists.
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

// steady returns what to show for v, the kernel's v1 sum of column c. The kernel
// takes the io of a removed child out of the sum, which must not make the value
// decrease: if it would, the io of removed children is added, oldest removal first.
func (d *ioDevice) steady(c int, v int64) int64 {
	v += d.carry[c]
	for v < d.last[c] {
		lost := d.last[c] - v // io of a child that was made and removed between two readings
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

// carry stores the io of a removed group in its ancestors. v1 takes a child's io out
// of its ancestors' sums some time after the removal, so the io is not added here
// but when a sum decreases (see steady). Nothing is stored if the parent was
// removed too: the parent's sum includes this group's io.
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

// lose stores the io of a removed child.
func (d *ioDevice) lose(raw [ioWidth]int64) {
	for c, v := range raw {
		raw[c] = max(v, 0) // metric.Absent counts as 0
	}
	if used := slices.Min(d.head[:]); used > 64 {
		d.gone = slices.Delete(d.gone, 0, used)
		for c := range d.head {
			d.head[c] -= used
		}
	}
	if len(d.gone) < 4096 { // without it, steady still keeps the sum from decreasing
		d.gone = append(d.gone, raw)
	}
}

// renamed reports whether the directory of a group still exists under another name
// (v1 allows renames within one parent). The kernel then still counts its io.
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

// takeOverIO copies the io of the reader that showed it before: see previousIO.
func (f *files) takeOverIO() {
	for _, e := range f.ents {
		for _, d := range f.previousIO(e.group) {
			d.gone = slices.Clone(d.gone)
			k := slices.IndexFunc(e.io, func(o ioDevice) bool { return o.dev == d.dev })
			if k < 0 {
				e.io = append(e.io, d)
			} else {
				e.io[k] = d
			}
		}
	}
	f.previousIO = nil
}
