package series

import (
	"slices"
	"time"

	"github.com/daytwo/daytwo/api/frame"
	"github.com/daytwo/daytwo/api/metric"
	"github.com/daytwo/daytwo/api/sketch"
	"github.com/daytwo/daytwo/collector/statsd/line"
)

// Flush makes the tables of a tick: App, a row a series, and Statsd, a row a
// container and one of all. parent says which Container row belongs to an origin,
// 0 for none; series of a container whose row is gone are kept for a minute. The
// tables share memory with the store and are good until the next Flush.
func (s *Store) Flush(at time.Time, parent func(origin uint32) uint64) (app, statsd frame.Table) {
	f := flush{s: s, at: at.UnixNano(), seconds: uint32(at.Unix())}
	total := s.collect(f.at)
	f.parents(parent)
	t := &s.app
	f.rows, f.vals, f.hists = t.rows[:0], t.vals[:0], t.hists[:0]
	s.mu.Lock()
	if s.names.n > 2*s.series+1024 { // mostly names that are gone
		s.names, f.rename = names{}, true
	}
	f.reserve(s.series + len(s.origins))
	s.mu.Unlock()
	f.was = t.rows
	for i := range s.shards {
		f.shard(&s.shards[i])
	}
	if f.changed || len(f.rows) != len(f.was) {
		t.gen++
		clear(f.rows[len(f.rows):cap(f.rows)])
	}
	statsd = s.showLedgers(total, f.expired)
	f.retire()
	t.rows, t.vals, t.hists = f.rows, f.vals, f.hists
	app = frame.Table{Kind: metric.App, Gen: t.gen, Rows: t.rows, Vals: t.vals}
	if f.anyHist {
		app.Histograms = t.hists
	}
	return app, statsd
}

// flush is the state of one Flush.
type flush struct {
	s       *Store
	at      int64
	seconds uint32
	moved   bool // some container has another row than before
	expired []bool
	rename  bool
	changed bool
	anyHist bool
	was     []*frame.Row // the rows of the tick before; f.rows overwrites them one by one
	rows    []*frame.Row
	vals    []int64
	hists   []*sketch.Histogram
}

// parents brings the rows of containers up to date.
func (f *flush) parents(parent func(origin uint32) uint64) {
	s := f.s
	s.mu.Lock()
	defer s.mu.Unlock()
	f.expired = slices.Grow(s.app.expired[:0], len(s.origins))[:len(s.origins)]
	s.app.expired = f.expired
	clear(f.expired)
	for i := range s.origins {
		o := &s.origins[i]
		if !o.known || i == 0 {
			continue
		}
		switch p := parent(uint32(i)); {
		case p != 0:
			f.moved = f.moved || p != o.parent
			o.parent, o.gone = p, 0
		case o.parent != 0 && o.gone == 0:
			o.gone = f.at
		case o.parent != 0:
			f.expired[i] = f.at-o.gone > int64(linger)
		case o.active == 0:
			o.active = f.at
		default:
			f.expired[i] = f.at-o.active > int64(idle)
		}
	}
}

// reserve makes room for n rows, with little to spare: a million of them are
// many bytes.
func (f *flush) reserve(n int) {
	w := metric.Width(metric.App)
	if cap(f.rows) < n || cap(f.rows) > 2*n+1024 {
		n += n / 64
		f.rows, f.vals = make([]*frame.Row, 0, n), make([]int64, 0, n*w)
	}
}

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
		st.fill(f.vals[n*w:], f.at)
		f.hist(n, st)
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

// hist hands out the histogram of row n, as of now.
func (f *flush) hist(n int, st *state) {
	var h *sketch.Histogram
	if st.more != nil {
		h = st.more.shown
	}
	if h != nil && !f.anyHist {
		f.anyHist = true
		f.hists = slices.Grow(f.hists[:0], n+1)[:n]
		clear(f.hists)
	}
	if f.anyHist {
		f.hists = append(f.hists, h)
	}
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
		done := o.series == 0 && o.aliases == 0
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
