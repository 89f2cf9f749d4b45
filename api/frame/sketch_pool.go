package frame

import "github.com/daytwo/daytwo/api/sketch"

// pool is the sketches of one type that a table or a result owns and reuses.
type pool[T any] struct {
	all  []*T
	used int
}

// get returns a pooled value with stale contents.
func (p *pool[T]) get() *T {
	if p.used == len(p.all) {
		p.all = append(p.all, new(T))
	}
	x := p.all[p.used]
	p.used++
	return x
}

// taken returns the values that are in use.
func (p *pool[T]) taken() []*T { return p.all[:p.used] }

// owned is all sketches that a table or a result owns. Sets with registers have a pool
// of their own, so that memory is not freed and allocated every other tick.
type owned struct {
	histograms     pool[sketch.Histogram]
	sets, wideSets pool[sketch.Set]
}

// reset returns all sketches to the pools.
func (o *owned) reset() {
	o.histograms.used, o.sets.used, o.wideSets.used = 0, 0, 0
}

// set returns a pooled set with stale contents, with registers or without.
func (o *owned) set(wide bool) *sketch.Set {
	if wide {
		return o.wideSets.get()
	}
	return o.sets.get()
}

// share returns, for each row, the sketch that it has in the keyframe. Sketches of a
// keyframe are immutable.
func share[T any](dst []*T, segs []segment, rows int, key []*T) []*T {
	dst = resize(dst, rows)
	clear(dst)
	at := 0
	for _, g := range segs {
		if g.start >= 0 && g.start < len(key) {
			copy(dst[at:at+g.count], key[g.start:])
		}
		at += g.count
	}
	return dst
}

// pad appends nil until s has an entry for each row.
func pad[T any](s []*T, rows int) []*T {
	for len(s) < rows {
		s = append(s, nil)
	}
	return s
}
