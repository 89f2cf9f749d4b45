package frame

import "github.com/daytwo/daytwo/api/sketch"

// set is a set of a few members, of many, or none at all.
func (w *world) set() *sketch.Set {
	if w.r.IntN(3) == 0 {
		return nil
	}
	s := new(sketch.Set)
	w.join(s)
	return s
}

// join adds members: mostly a few, seldom so many that they are no longer counted.
func (w *world) join(s *sketch.Set) {
	n := w.r.IntN(6)
	switch w.r.IntN(12) {
	case 0:
		n = 60 + w.r.IntN(10)
	case 1:
		n = w.r.IntN(3000)
	}
	for range n {
		s.Add(w.r.Uint64())
	}
}

// gather moves a set on: members come, and now and then a minute begins, in which
// some of those before are seen again.
func (w *world) gather(t *Table, r int) {
	s := t.Sets[r]
	switch n := w.r.IntN(40); {
	case s == nil:
		if n == 0 {
			t.Sets[r] = w.set()
		}
		return
	case n == 1:
		t.Sets[r] = nil
		return
	case n < 8:
		before := s.Clone()
		s.Reset()
		for _, h := range before.Hashes() {
			if w.r.IntN(3) > 0 {
				s.Add(h)
			}
		}
	}
	w.join(s)
}
