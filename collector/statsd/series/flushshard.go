package series

import (
	"slices"

	"github.com/daytwo/daytwo/api/metric"
	"github.com/daytwo/daytwo/api/sketch"
	"github.com/daytwo/daytwo/collector/statsd/line"
)

// shard adds the rows of a shard and removes its expired series and aliases.
func (f *flush) shard(sh *shard) {
	sh.mu.Lock()
	defer sh.mu.Unlock()
	w := metric.Width(metric.App)
	for i := 0; i < sh.n; {
		st := sh.state(i)
		if f.old(st.seen, f.s.o.Expiry.of(st.typ()), st.origin()) {
			f.remove(sh, i)
			continue
		}
		if f.moved {
			f.move(st)
		}
		if f.rename {
			f.s.addName(mix(line.Hash([]byte(st.row.Key), 0), st.origin()), st.typ())
		}
		n := len(f.rows)
		f.changed = f.changed || n >= len(f.was) || f.was[n] != st.row
		f.rows = append(f.rows, st.row)
		f.vals = slices.Grow(f.vals, w)[:len(f.vals)+w]
		st.fill(f.vals[n*w:], f.at, f.s.skew)
		f.sketches(n, st)
		i++
	}
	for key, a := range sh.aliases {
		if f.old(a.seen, aliasExpiry, a.origin) {
			delete(sh.aliases, key)
			f.s.count(a.origin, 0, -1)
		}
	}
}

// aliasExpiry is after how many seconds without a line an alias is removed. Finding it
// again is cheap.
const aliasExpiry = 600

// old reports whether something that was last used at seen (Unix seconds) has expired.
func (f *flush) old(seen, expiry, origin uint32) bool {
	return f.seconds > seen && f.seconds-seen > expiry || int(origin) < len(f.expired) && f.expired[origin]
}

func (f *flush) remove(sh *shard, i int) {
	st := sh.state(i)
	if !isOverflow(st.row) {
		f.s.count(st.origin(), -1, 0)
	}
	sh.remove(i)
}

// move gives a series a new row if its container's row changed.
func (f *flush) move(st *state) {
	f.s.mu.Lock()
	defer f.s.mu.Unlock()
	if p := f.s.origins[st.origin()].parent; p != st.row.Parent {
		labels := st.row.Labels
		if st.row.Parent == 0 {
			labels = own(labels)
		}
		st.row = f.s.newRow(st.origin(), st.row.Key, labels)
	}
}

// sketches adds the histogram and the set of row n, as of this flush.
func (f *flush) sketches(n int, st *state) {
	var h *sketch.Histogram
	var set *sketch.Set
	if st.more != nil {
		h, set = st.more.shown, st.more.shownSet
	}
	f.hists, f.anyHist = appendSparse(f.hists, f.anyHist, n, h)
	f.sets, f.anySet = appendSparse(f.sets, f.anySet, n, set)
}

// appendSparse appends x, the value of row n, to a list. It allocates the list at the
// first x that is not nil.
func appendSparse[T any](list []*T, any bool, n int, x *T) ([]*T, bool) {
	if x != nil && !any {
		any = true
		list = slices.Grow(list[:0], n+1)[:n]
		clear(list)
	}
	if any {
		list = append(list, x)
	}
	return list, any
}

// retire removes containers that are gone, with their ledgers. The totals still include
// what those counted.
func (f *flush) retire() {
	for i, gone := range f.expired {
		if gone && f.s.retire(uint32(i)) && f.s.o.Retired != nil {
			f.s.o.Retired(uint32(i))
		}
	}
}

// retire removes a container, unless it still has series, aliases or events. It reports
// whether it did.
func (s *Store) retire(origin uint32) bool {
	for _, w := range s.workers {
		w.mu.Lock()
		defer w.mu.Unlock()
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	o := &s.origins[origin]
	if o.series != 0 || o.aliases != 0 || s.events.any(origin) {
		return false
	}
	*o = originState{}
	for _, w := range s.workers {
		if int(origin) < len(w.counts) && w.counts[origin] != nil {
			s.ledgers.retired.add(w.counts[origin])
			w.counts[origin] = nil
		}
	}
	return true
}

// count adds to an origin's numbers of series and aliases.
func (s *Store) count(origin uint32, series, aliases int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.series += series
	s.origins[origin].series += series
	s.origins[origin].aliases += aliases
}

func (s *Store) addName(hash uint64, typ byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.names.add(hash, typ)
}
