package series

import (
	"slices"
	"time"

	"github.com/daytwo/daytwo/api/frame"
	"github.com/daytwo/daytwo/api/metric"
	"github.com/daytwo/daytwo/api/sketch"
)

// Flush makes the tables of a tick: App with one row for each series, and Statsd with
// one row for each container and one for the total. parent returns the id of an origin's
// Container row, or 0 if there is none. The series of a container whose row is gone
// remain for a minute. The tables share memory with the store and are valid until the
// next Flush.
func (s *Store) Flush(at time.Time, parent func(origin uint32) uint64) (app, statsd frame.Table) {
	f := flush{s: s, at: at.UnixNano(), seconds: uint32(at.Unix())}
	total := s.collect(f.at)
	f.parents(parent)
	t := &s.app
	f.rows, f.vals, f.hists, f.sets = t.rows[:0], t.vals[:0], t.hists[:0], t.sets[:0]
	f.prepare()
	f.was = t.rows
	for i := range s.shards {
		f.shard(&s.shards[i])
	}
	if f.changed || len(f.rows) != len(f.was) {
		t.gen++
		clear(f.rows[len(f.rows):cap(f.rows)])
	}
	statsd = s.showLedgers(total, f.expired)
	s.showEvents(f.expired)
	f.retire()
	t.rows, t.vals, t.hists, t.sets = f.rows, f.vals, f.hists, f.sets
	app = frame.Table{Kind: metric.App, Gen: t.gen, Rows: t.rows, Vals: t.vals}
	if f.anyHist {
		app.Histograms = t.hists
	}
	if f.anySet {
		app.Sets = t.sets
	}
	return app, statsd
}

// flush is the state of one Flush.
type flush struct {
	s       *Store
	at      int64
	seconds uint32
	moved   bool // a container has another row than at the previous flush
	expired []bool
	rename  bool
	changed bool
	anyHist bool
	anySet  bool
	was     []*frame.Row // the rows of the previous tick; f.rows overwrites them one by one
	rows    []*frame.Row
	vals    []int64
	hists   []*sketch.Histogram
	sets    []*sketch.Set
}

// parents updates each origin's Container row, and finds the origins that expired.
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

// prepare makes room for all series. It rebuilds the names if most of them are gone.
func (f *flush) prepare() {
	s := f.s
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.names.n > 2*s.series+1024 {
		s.names, f.rename = names{}, true
	}
	f.reserve(s.series + len(s.origins))
}

// reserve makes room for n rows, with little spare capacity: a million rows take much
// memory.
func (f *flush) reserve(n int) {
	w := metric.Width(metric.App)
	if cap(f.rows) < n || cap(f.rows) > 2*n+1024 {
		n += n / 64
		f.rows, f.vals = make([]*frame.Row, 0, n), make([]int64, 0, n*w)
	}
}
