package series

import (
	"slices"

	"github.com/daytwo/daytwo/api/metric"
	"github.com/daytwo/daytwo/api/sketch"
	"github.com/daytwo/daytwo/collector/statsd/line"
)

// shard adds the rows of a shard, and takes away what is old.
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

// aliasExpiry is how long a key that nobody sends is kept, in seconds: it is
// soon found again.
const aliasExpiry = 600

// old reports whether what was last used at a time (Unix seconds) is to go.
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

// move gives a series another row if its container has one.
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

// sketches hands out the histogram and the set of row n, as of now.
func (f *flush) sketches(n int, st *state) {
	var h *sketch.Histogram
	var set *sketch.Set
	if st.more != nil {
		h, set = st.more.shown, st.more.shownSet
	}
	f.hists, f.anyHist = appendSparse(f.hists, f.anyHist, n, h)
	f.sets, f.anySet = appendSparse(f.sets, f.anySet, n, set)
}

// appendSparse appends x, which belongs to row n, to a list that is made at the first
// x that is not nil.
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

// retire forgets containers that are gone, with their ledgers; what these say
// stays in the totals.
func (f *flush) retire() {
	for i, gone := range f.expired {
		if gone && f.s.retire(uint32(i)) && f.s.o.Retired != nil {
			f.s.o.Retired(uint32(i))
		}
	}
}

// retire forgets a container, and reports whether it did: not while it has series,
// aliases or events.
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

// count changes the numbers of series and aliases of an origin.
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
