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
			f.s.mu.Lock()
			f.s.names.add(mix(line.Hash([]byte(st.row.Key), 0), st.origin()), st.typ())
			f.s.mu.Unlock()
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
			f.s.mu.Lock()
			f.s.origins[a.origin].aliases--
			f.s.mu.Unlock()
		}
	}
}

// aliasExpiry is how long a key that nobody sends is kept, in seconds: it is
// soon found again.
const aliasExpiry = 600

// old tells whether what was last used at a time (Unix seconds) is to go.
func (f *flush) old(seen, expiry, origin uint32) bool {
	return f.seconds > seen && f.seconds-seen > expiry || int(origin) < len(f.expired) && f.expired[origin]
}

func (f *flush) remove(sh *shard, i int) {
	st := sh.state(i)
	if !isOverflow(st.row) {
		f.s.mu.Lock()
		f.s.series--
		f.s.origins[st.origin()].series--
		f.s.mu.Unlock()
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
	f.hists, f.anyHist = beside(f.hists, f.anyHist, n, h)
	f.sets, f.anySet = beside(f.sets, f.anySet, n, set)
}

// beside puts what belongs to row n on a list, once any row has had something.
func beside[T any](list []*T, any bool, n int, x *T) ([]*T, bool) {
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
	s := f.s
	for i, gone := range f.expired {
		if !gone {
			continue
		}
		for _, w := range s.workers {
			w.mu.Lock()
		}
		s.mu.Lock()
		o := &s.origins[i]
		done := o.series == 0 && o.aliases == 0 && !s.events.any(uint32(i))
		if done {
			*o = originState{}
			for _, w := range s.workers {
				if i < len(w.counts) && w.counts[i] != nil {
					s.ledgers.retired.add(w.counts[i])
					w.counts[i] = nil
				}
			}
		}
		s.mu.Unlock()
		for _, w := range s.workers {
			w.mu.Unlock()
		}
		if done && s.o.Retired != nil {
			s.o.Retired(uint32(i))
		}
	}
}
