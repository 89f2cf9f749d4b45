package series

import (
	"github.com/daytwo/daytwo/api/frame"
	"github.com/daytwo/daytwo/api/metric"
	"github.com/daytwo/daytwo/collector/statsd/line"
)

// miss finds or creates the series of a line whose key was not found. It returns with
// the series' shard locked, or without a series if a rule drops the line.
func (w *Worker) miss(key uint64, origin uint32, l *line.Line, now int64) (*state, outcome) {
	s := w.s
	sh := s.shard(key)
	w.lock(sh)
	a, known := sh.aliases[key]
	if known && a.seen != uint32(now/1e9) {
		a.seen = uint32(now / 1e9)
		sh.aliases[key] = a
	}
	w.unlock()
	if known {
		if a.target == 0 {
			return nil, filtered
		}
		to := s.shard(a.target)
		w.lock(to)
		if st := to.find(a.target); st != nil {
			return st, 0
		}
		w.unlock()
	}
	hash := w.form.read(l)
	if s.o.Rules != nil {
		var drop bool
		if hash, drop = w.form.apply(s.o.Rules, l.Type); drop {
			w.addAlias(key, alias{origin: origin, seen: uint32(now / 1e9)})
			return nil, filtered
		}
	}
	target := mix(hash, origin)
	to := s.shard(target)
	w.lock(to)
	st := to.find(target)
	if st == nil {
		if st = w.admit(to, target, origin, l.Type); st == nil {
			w.unlock()
			return w.overflow(origin, l.Type)
		}
	}
	if target != key && !known {
		w.unlock()
		w.addAlias(key, alias{target: target, origin: origin, seen: uint32(now / 1e9)})
		w.lock(to)
		if st = to.find(target); st == nil { // a flush in between expired it
			w.unlock()
			return w.overflow(origin, l.Type)
		}
	}
	return st, 0
}

// admit creates a series from w.form, or returns nil if the budget is used up. The
// caller holds the shard's lock.
func (w *Worker) admit(sh *shard, key uint64, origin uint32, typ byte) *state {
	s := w.s
	s.mu.Lock()
	defer s.mu.Unlock()
	o := s.of(origin)
	if string(w.form.name) == overflowName && len(w.form.tags) == 0 {
		return nil // it exists already, or was created without counting
	}
	if o.series >= s.o.Budget || s.series >= s.o.Total || sh.n >= mostRefs {
		return nil
	}
	// All that might panic is done before the series is counted or listed.
	row := s.newRow(origin, s.interns.text(w.form.name), s.interns.labels(&w.form, typ))
	st := sh.add(key)
	st.ident, st.row = ident(origin, typ), row
	o = s.of(origin) // newRow may have moved it in memory
	o.series++
	s.series++
	if s.names.add(mix(line.Hash(w.form.name, 0), origin), typ) {
		w.of(origin)[metric.StatsdTypeConflicts]++
	}
	return st
}

// overflow returns the overflow series of an origin and type, with its shard locked.
func (w *Worker) overflow(origin uint32, typ byte) (*state, outcome) {
	s := w.s
	key := mix(overflowHashes[typeBit(typ)], origin)
	sh := s.shard(key)
	w.lock(sh)
	st := sh.find(key)
	if st == nil {
		st = s.addOverflow(sh, key, origin, typ)
	}
	return st, overflowed
}

func (s *Store) addOverflow(sh *shard, key uint64, origin uint32, typ byte) *state {
	s.mu.Lock()
	defer s.mu.Unlock()
	row := s.newRow(origin, overflowName, s.interns.labels(&form{}, typ))
	st := sh.add(key)
	st.ident, st.row = ident(origin, typ), row
	return st
}

// isOverflow reports whether a row belongs to an overflow series, which has that name
// and no tags.
func isOverflow(r *frame.Row) bool { return r.Key == overflowName && len(own(r.Labels)) == 1 }

var overflowHashes = func() (h [typeMask]uint64) {
	for _, typ := range []byte("cgmhds" + string(typeCheck)) {
		h[typeBit(typ)] = line.Hash([]byte(overflowName), typ)
	}
	return h
}()

// addAlias stores what a key stands for, if the container's budget permits. Otherwise
// this is computed again for every line.
func (w *Worker) addAlias(key uint64, a alias) {
	sh := w.s.shard(key)
	sh.mu.Lock()
	defer sh.mu.Unlock()
	if _, ok := sh.aliases[key]; ok || !w.s.countAlias(a.origin) {
		return
	}
	if sh.aliases == nil {
		sh.aliases = map[uint64]alias{}
	}
	sh.aliases[key] = a
}

// countAlias counts one more alias of an origin. It reports whether the budget permits
// it.
func (s *Store) countAlias(origin uint32) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	o := s.of(origin)
	if o.aliases >= s.o.Budget {
		return false
	}
	o.aliases++
	return true
}
