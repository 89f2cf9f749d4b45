package recent

import (
	"cmp"
	"context"
	"slices"
	"time"

	"github.com/daytwo/daytwo/api/frame"
	"github.com/daytwo/daytwo/api/query"
	"github.com/daytwo/daytwo/api/sketch"
)

const (
	// manyTicks is how many ticks a question for histograms decodes in all; with
	// more in its span it is told from fewer of them.
	manyTicks = 20_000
	leastTick = 50   // but so many of an agent, if it has them
	mostTicks = 1000 // and at most so many, unless the steps are more

	// lookBehind is how far before its start a tick is looked for to count from.
	lookBehind = int64(5 * time.Minute)
)

// Histograms tells what series of App observed (see query.History). All
// ticks are read while there are at most manyTicks (mostTicks of one agent): then
// nothing is missing. In a longer span the last of several are: a series that
// ends between them is told up to the one before. Ticks that cannot be decoded
// are passed over and counted (Stats); the next one tells what they would have.
func (s *Store) Histograms(ctx context.Context, q query.Query, fn func(*query.AppSeries, int64, *sketch.Histogram) error) error {
	t := teller{store: s, q: &q, histogram: fn}
	return t.agents(ctx)
}

// teller answers one question for histograms or sets.
type teller struct {
	q         *query.Query
	histogram func(*query.AppSeries, int64, *sketch.Histogram) error // or
	set       func(*query.AppSeries, int64, *sketch.Set) error
	store     *Store
	most      int // ticks of an agent
	read      int // ticks, for sets
	told      int
}

// agents goes through all agents that the question is about.
func (t *teller) agents(ctx context.Context) error {
	if t.q.Limit <= 0 {
		t.q.Limit = defaultLimit
	}
	if t.q.End < t.q.Start {
		return nil
	}
	ids, err := t.store.ids(t.q.Agent)
	if err != nil {
		return err
	}
	t.most = min(mostTicks, max(leastTick, manyTicks/max(1, len(ids))))
	for _, id := range ids {
		if err := t.agent(ctx, id); err != nil {
			return err
		}
	}
	return nil
}

// run is what is known of one agent while its ticks are gone through.
type run struct {
	*teller
	g     *gather // finds rows' parents and keyframes
	parts []*sketchPart
	boot  uint64
	began bool // some tick of boot was read
	rows  map[uint64]*observed
	names map[string]*observed // the newest of an identity
	diff  sketch.Histogram
}

// sketchPart is the decoded keyframe and tick of one part.
type sketchPart struct {
	frame.PartDecoder[frame.Sketches]
	delta frame.Sketches
	now   *frame.Sketches
}

// observed is one series of one run of a collector.
type observed struct {
	query.AppSeries
	match bool
	seen  bool // some tick had it
	last  sketch.Histogram

	told    bool // a set, in step
	step    int64
	members sketch.Set
}

func (t *teller) agent(ctx context.Context, id string) error {
	src, segs := t.store.collect(id, t.q.Start-lookBehind, t.q.End, nil)
	defer t.store.release(segs...)
	r := run{teller: t, g: newGather(t.store, t.q, id, src)}
	defer t.store.decode.put(r.g.dec)
	ticks, err := t.choose(src)
	if err != nil {
		return err
	}
	for _, tick := range ticks {
		if err := ctx.Err(); err != nil {
			return err
		}
		if err := r.tick(tick); err != nil {
			return err
		}
	}
	return nil
}

// tick tells what was observed since the tick before. Its errors are those of
// fn, and ErrTooMany: what cannot be read costs itself.
func (r *run) tick(parts []*source) error {
	slices.SortFunc(parts, func(a, b *source) int { return cmp.Compare(a.Part, b.Part) })
	for len(r.parts) < len(parts) {
		part := new(sketchPart)
		part.Keyframe, part.Decode = r.g.keyframe, r.decode
		r.parts = append(r.parts, part)
	}
	if boot := parts[0].Boot; boot != r.boot || r.rows == nil {
		r.boot, r.began = boot, false
		r.rows, r.names = map[uint64]*observed{}, map[string]*observed{}
	}
	for i, p := range parts {
		if !r.read(p, r.parts[i]) {
			return nil
		}
	}
	// Of the first tick of a run that is read, only a run that began after the
	// start is known to have observed it all since.
	h := &parts[0].Header
	count := r.began || h.Time-int64(h.Seq)*h.Interval >= r.q.Start-h.Interval
	r.began = true
	for i := range parts {
		now := r.parts[i].now
		for j, row := range now.Rows {
			h, set := now.Histograms[j], now.Sets[j]
			if h == nil && set == nil {
				continue
			}
			o := r.find(&parts[i].Header, row)
			if !o.match {
				continue
			}
			var err error
			switch {
			case r.set != nil && set != nil:
				err = r.gather(o, set, parts[i].Time)
			case r.histogram != nil && h != nil:
				err = r.observe(o, h, parts[i].Time, count)
			}
			if err != nil {
				return err
			}
		}
	}
	return nil
}

// observe tells what a series has more than it had.
func (r *run) observe(o *observed, h *sketch.Histogram, at int64, count bool) error {
	if o.seen && h.Equal(&o.last) {
		return nil
	}
	r.diff.CopyFrom(h)
	if o.seen {
		r.diff.Sub(&o.last) // or it began anew: all is new
	} else if !count {
		r.diff.Reset()
	}
	o.seen = true
	o.last.CopyFrom(h)
	if at <= r.q.Start || r.diff.Count() <= 0 {
		return nil
	}
	if r.told++; r.told > r.q.Limit {
		return query.ErrTooMany
	}
	return r.histogram(&o.AppSeries, at, &r.diff)
}

// find returns what is known of a row.
func (r *run) find(h *frame.Header, row *frame.Row) *observed {
	o := r.rows[row.ID]
	if o == nil {
		parent := r.g.parent(h, row)
		o = &observed{AppSeries: query.AppSeries{Agent: r.g.agent, Row: row, Parent: parent}}
		o.match = r.q.Match == nil || r.q.Match(r.g.agent, row, parent)
		r.rows[row.ID] = o
		if o.match {
			r.inherit(o)
		}
	}
	return o
}

// inherit takes over what a row of the same identity had observed: a series gets
// a new row when the labels of its container change, and goes on counting.
func (r *run) inherit(o *observed) {
	var group *frame.Row
	if o.Parent != nil {
		group = &frame.Row{Key: o.Parent.Key}
	}
	name := identity(o.Row, group)
	if before := r.names[name]; before != nil {
		o.seen = before.seen
		o.last.CopyFrom(&before.last)
	}
	r.names[name] = o
}

// read decodes one part of a tick. It reports whether it could.
func (r *run) read(p *source, to *sketchPart) bool {
	data, err := p.bytes()
	if err != nil {
		r.store.failed()
		return false
	}
	to.now, err = to.Next(&p.Header, data, &to.delta)
	return err == nil
}

// decode decodes a frame's histograms and sets, of those rows that match.
func (r *run) decode(h *frame.Header, data []byte, key, dst *frame.Sketches) error {
	begun := time.Now()
	err := r.g.dec.DecodeSketches(data, key, dst, func(row *frame.Row) bool { return r.find(h, row).match })
	r.store.decode.took(begun, err)
	return err
}
